"""Layout settings of elmify.yaml: keys of objects, references in rows."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.model.address import Address
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Position
from reconciler.model.errors import UsageError
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.policy import DEFAULT_TEMPLATES, FormatStyle, Layout, ReferenceStyle
from reconciler.model.values import Value
from reconciler.planning.object_keys import TemplateRefused, key_problem, render_key
from reconciler.settings.source import Source

#: Each column that names an image, by its name alone: no two tables share one.
_REFERENCES = {
    column.name: f"{table.name}.{column.name}"
    for table in TABLES.values()
    for column in table.columns
    if column.origin is Origin.REFERENCE
}
_FORMATS = {"mp3": FormatStyle.EXTENSION, "audio/mpeg": FormatStyle.MEDIA_TYPE}

#: Entries with every field, to try a template on.
_SAMPLES: Mapping[Kind, Mapping[str, Value]] = {
    Kind.SPEAKER: {"name": "Name", "bio": "Bio", "premium": False, "visibility": "public"},
    Kind.COLLECTION: {"title": "Title", "description": "Text", "year": 2025},
    Kind.LECTURE: {
        "title": "Title",
        "description": "Text",
        "number": 1,
        "year": 2025,
        "genre": "Genre",
        "public": True,
    },
}


def read_layout(source: Source) -> Layout:
    """Return the layout, reporting templates and URLs that cannot be used."""
    base_url = source.parsed(_parse_base_url, "public_base_url")
    columns = source.section("columns")
    references = {
        _REFERENCES[name]: ReferenceStyle(style) for name, style in columns.items() if name in _REFERENCES
    }
    if "public_base_url" not in source.value:
        for name in columns:
            if columns[name] == ReferenceStyle.URL:
                detail = f"`{name}` is to hold URLs, and `public_base_url` is not set."
                source.report(Mistake.NO_BASE_URL, ("columns", name), detail)
    return Layout(
        templates={**DEFAULT_TEMPLATES, **_read_templates(source)},
        base_url=base_url,
        references=references,
        format_style=_FORMATS[columns.get("file_format", "mp3")],
    )


def _parse_base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError("it is no base URL", hint="Write https:// and the domain: https://cdn.example.org")
    return text.rstrip("/")


def _read_templates(source: Source) -> dict[Slot, str]:
    templates = {Slot[name.upper()]: text for name, text in source.section("keys").items()}
    for slot, template in templates.items():
        if problem := _template_problem(slot, template):
            source.report(Mistake.BAD_TEMPLATE, ("keys", slot.name.lower()), f"{problem}.")
    return templates


def _template_problem(slot: Slot, template: str) -> str | None:
    lineage = _sample_lineage(slot)
    extension = "mp3" if slot is Slot.LECTURE_AUDIO else "jpg"
    try:
        key = render_key(template, lineage, extension)
    except TemplateRefused as refused:
        return f"`{slot.name.lower()}`: {refused}"
    problem = key_problem(key)
    return f"`{slot.name.lower()}` gives keys like `{key}`, and {problem}" if problem else None


def _sample_lineage(slot: Slot) -> dict[Kind, Resource]:
    """Return a sample entry that has the slot, with its parents.

    This is everything that the slot's template may name.
    """
    kinds = list(Kind)
    owner = next(kind for kind in kinds if slot in TABLES[kind].slots)
    return {kind: _sample(kind, kinds) for kind in kinds[: kinds.index(owner) + 1]}


def _sample(kind: Kind, kinds: list[Kind]) -> Resource:
    address = Address("/".join(kinds[: kinds.index(kind) + 1]))
    return Resource(address=address, kind=kind, position=Position("sample"), fields=_SAMPLES[kind], media={})
