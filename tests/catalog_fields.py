"""The fields of the catalog's files, written from their schema and from the columns they become."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.loading.schema import catalog_schema
from reconciler.model.kinds import TABLES, Kind, Origin

_FILES = {
    "SpeakerFile": (Kind.SPEAKER, "`speaker.yaml`"),
    "CollectionFile": (Kind.COLLECTION, "A collection's file"),
    "Lecture": (Kind.LECTURE, "A lecture, in its collection's file"),
}
_DEFAULTS = {
    "SpeakerDefaults": "`defaults:` of a speaker",
    "CollectionDefaults": "`defaults:` of a collection",
}
_FROM_SLOT = frozenset({Origin.KEY, Origin.FILE_NAME, Origin.URL, Origin.REFERENCE})
_TYPES = {"string": "text", "integer": "a whole number", "boolean": "true or false", "array": "a list"}
_GREATEST_SHOWN = 10**9  # beyond, a limit is the database's and nobody's business


def catalog_fields() -> str:
    """Return a table for each file and each `defaults:`."""
    return "\n".join(_tables(catalog_schema()["$defs"])).rstrip("\n")


def _tables(definitions: Mapping[str, Any]) -> Iterator[str]:
    for name, (kind, title) in _FILES.items():
        yield from _table(title, definitions[name], _columns(kind))
    for name, title in _DEFAULTS.items():
        yield from _table(title, definitions[name], {})


def _table(title: str, definition: Mapping[str, Any], columns: Mapping[str, str]) -> Iterator[str]:
    yield f"### {title}\n"
    yield f"{definition['description']}\n"
    yield "| field | | becomes | |"
    yield "|---|---|---|---|"
    required = definition.get("required", ())
    for name, field in definition["properties"].items():
        needed = ", required" if name in required else ""
        meaning = _described(field)
        yield f"| `{name}` | {_type(field)}{needed} | {columns.get(name, '')} | {meaning} |"
    yield ""


def _columns(kind: Kind) -> Mapping[str, str]:
    """Return the columns that each field becomes, those that come with a file at the file's field."""
    table, found = TABLES[kind], dict[str, list[str]]()
    for column in table.columns:
        if column.origin in {Origin.FIELD, Origin.CATEGORIES} or column.origin in _FROM_SLOT:
            found.setdefault(column.source, []).append(f"`{column.name}`")
        elif column.origin in {Origin.FACT, Origin.FORMAT}:
            found.setdefault("audio", []).append(f"`{column.name}`")
    return {field: ", ".join(names) for field, names in found.items()}


def _type(field: Mapping[str, Any]) -> str:
    variants = [each for each in field.get("anyOf", (field,)) if each.get("type") != "null"]
    nullable = ", or `null`" if len(variants) < len(field.get("anyOf", (field,))) else ""
    return f"{' or '.join(map(_one_type, variants))}{nullable}"


def _one_type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field:
        return "see below" if field["$ref"].endswith("Defaults") else "columns and values"
    if field["type"] == "array" and "$ref" in field["items"]:
        return "a list of lectures"
    greatest = field.get("maximum")
    if field["type"] == "integer" and greatest is not None and greatest < _GREATEST_SHOWN:
        return f"a number from {field['minimum']} to {greatest}"
    return _TYPES[field["type"]]


def _described(field: Mapping[str, Any]) -> str:
    inner = (each.get("description", "") for each in field.get("anyOf", ()))
    text: str = field.get("description") or next(filter(None, inner), "")
    return text.replace("|", "\\|")
