"""Playback ways of elmify.yaml: read from it, and written into it."""

from collections.abc import Callable, Sequence
from typing import Any

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.yaml_writing import written
from reconciler.model.actual import Row
from reconciler.model.kinds import TABLES, Kind, Type
from reconciler.model.playback import DEFAULT_WAYS, RequestForm, Way
from reconciler.model.values import Value
from reconciler.planning.object_keys import TemplateRefused, key_problem, render_template
from reconciler.planning.playback import RowFields
from reconciler.settings.section_entries import with_section
from reconciler.settings.source import Source

_SECTION = "playback"


def read_ways(source: Source, parse_base_url: Callable[[str], str]) -> tuple[Way, ...]:
    """Return the playback ways, reporting those that cannot be used.

    Without a section they are `DEFAULT_WAYS`.
    """
    if _SECTION not in source.value:
        return DEFAULT_WAYS
    entries = source.value[_SECTION]
    if not entries:
        hint = "List the ways, or delete the line: the default is what the apps do."
        source.report(Mistake.BAD_SETTING, (_SECTION,), "An app finds a lecture by one way at least.", hint)
    names: set[str] = set()
    ways = []
    for place, entry in enumerate(entries):
        ways.append(_way(source, place, entry, parse_base_url))
        if entry["way"] in names:
            detail = f"`{entry['way']}` is the name of two ways."
            source.report(Mistake.BAD_SETTING, (_SECTION, place, "way"), detail, "Give one another name.")
        names.add(entry["way"])
    return tuple(ways)


def _way(source: Source, place: int, entry: Any, parse_base_url: Callable[[str], str]) -> Way:
    here = (_SECTION, place)
    if ("key" in entry) is ("column" in entry):
        both_or_neither = "both `key` and" if "key" in entry else "neither `key` nor"
        detail = f"`{entry['way']}` has {both_or_neither} `column`."
        hint = "Write `key`, a template, or `column`, a column of lectures: one of the two."
        source.report(Mistake.BAD_SETTING, here, detail, hint)
    if problem := _problem(entry.get("key")):
        source.report(Mistake.BAD_TEMPLATE, (*here, "key"), f"`{entry['way']}`: {problem}.")
    return Way(
        name=entry["way"],
        key=entry.get("key"),
        column=entry.get("column"),
        when=tuple(map(Kind, entry.get("when", ()))),
        request=RequestForm(entry.get("request", RequestForm.RAW)),
        report=entry.get("report", False),
        base_url=source.parsed(parse_base_url, *here, "base_url"),
    )


def _problem(template: str | None) -> str | None:
    """Return why a template cannot give playback keys; None when it can."""
    if template is None:
        return None
    try:
        key = render_template(
            template, {**{kind.value: RowFields(_sample(kind)) for kind in Kind}, "ext": "mp3"}
        )
    except TemplateRefused as refused:
        return str(refused)
    problem = key_problem(key)
    return f"it gives keys like `{key}`, and {problem}" if problem else None


def _sample(kind: Kind) -> Row:
    """Return a row with a value in every column, to try a template on."""
    values: dict[Type, Value] = {Type.TEXT: "Text", Type.BOOLEAN: True, Type.SLUGS: ()}
    return Row(kind=kind, id=1, values=tuple(values.get(column.type, 1) for column in TABLES[kind].columns))


def with_ways(text: str, ways: Sequence[Way]) -> str:
    """Return elmify.yaml with a `playback:` of these ways.

    All other lines, comments included, stay as they are. Raises `NotWritable` where there is such a section
    already.
    """
    entries = [_entry(way) for way in ways]
    lines = [line for entry in entries for line in _lines(entry)]
    return with_section(text, _SECTION, lines, entries)


def _entry(way: Way) -> dict[str, Any]:
    entry = {
        "way": way.name,
        "key": way.key,
        "column": way.column,
        "when": [kind.value for kind in way.when],
        "request": None if way.request is RequestForm.RAW else way.request.value,
        "report": way.report,
        "base_url": way.base_url,
    }
    return {name: value for name, value in entry.items() if value}


def _lines(entry: dict[str, Any]) -> list[str]:
    lines = [f"{name}: {_value(value)}" for name, value in entry.items()]
    return [f"  {'-' if place == 0 else ' '} {line}" for place, line in enumerate(lines)]


def _value(value: str | bool | list[str]) -> str:
    if isinstance(value, bool):
        return "true"
    return f"[{', '.join(value)}]" if isinstance(value, list) else written(value)
