"""A row and its objects → the fields of an entry, and the lockfile's lines."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.importing.names import clean
from reconciler.loading.facts import MEDIA_TYPES
from reconciler.loading.lockfile import format_line
from reconciler.loading.paths import path_flaw, wrong_sort
from reconciler.loading.schema import NUMBER_MAX, YEAR_MAX
from reconciler.model.actual import Row, StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.values import Value, nfc
from reconciler.planning.keys import extension_of
from reconciler.text.fitness import LINE, TEXT, flaw

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(LINE)
_TEXT = re.compile(TEXT)
_KNOWN = (
    ("bitrate", "bitrate", int),
    ("sample_rate", "sample_rate", int),
    ("duration", "duration_seconds", float),
)
_VISIBILITIES = frozenset({"public", "premium", "restricted"})
_PARAGRAPHS = frozenset({"bio", "description"})


def fields_of(row: Row) -> dict[str, Any]:
    """Return the fields of an entry that a row's own columns give; what is null, or unfit, is left out.

    Names are cleaned: NFC, in one line, no space at their ends.
    """
    said = {
        column.source: _field(column.source, row[column.name])
        for column in TABLES[row.kind].columns
        if column.origin in {Origin.FIELD, Origin.CATEGORIES}
    }
    return {name: value for name, value in said.items() if value not in (None, "", [])}


def _field(name: str, value: Value) -> Any:
    match value:
        case bool() | None:
            return value
        case tuple():
            return list(value) if all(clean(slug) == slug for slug in value) else None
        case int():
            return value if _in_bounds(name, value) else None
        case str() if name in _PARAGRAPHS:
            return value if _TEXT.fullmatch(value) else None
        case str() if name == "visibility":
            return value if value in _VISIBILITIES else None
        case str():
            return clean(value)


def _in_bounds(name: str, value: int) -> bool:
    return 1 <= value <= YEAR_MAX if name == "year" else 0 <= value <= NUMBER_MAX


def unfit(path: str, slot: Slot) -> str | None:
    """Say why a key cannot be declared as a path in that slot; None when it can."""
    if not _LINE.fullmatch(path):
        return flaw(path, LINE)
    if problem := path_flaw(path) or wrong_sort(slot, path):
        return problem
    return None if extension_of(path) in MEDIA_TYPES else "has no extension of a media type that elmify knows"


def line_of(path: str, stored: StoredObject, rows: Iterator[Row]) -> MediaFile | None:
    """Return the line of an object from what the stores know; None when no line can say it.

    `rows` are those that name it as their audio. A hash that they do not agree on is unknown.
    """
    facts = _facts(rows)
    line = MediaFile(
        path=path,
        size_bytes=stored.size_bytes,
        media_type=MEDIA_TYPES[extension_of(path)],
        etag=stored.etag,
        **facts,
    )
    try:
        format_line(line)
    except ValueError:
        return None
    return line


def _facts(rows: Iterator[Row]) -> Mapping[str, Any]:
    facts: dict[str, Any] = {}
    hashes = set()
    for row in rows:
        if row["file_hash"]:
            hashes.add(str(row["file_hash"]).strip().lower())
        for column, name, as_ in _KNOWN:
            value = row[column]
            if isinstance(value, int) and value > 0:
                facts.setdefault(name, as_(value))
    if len(hashes) == 1 and _SHA256.fullmatch(next(iter(hashes))):
        facts["sha256"] = hashes.pop()
    return facts


def stated_key(row: Row, slot: Slot) -> Value:
    """Return what a row's column says of a slot: a key, a URL, or nothing."""
    column = next(
        column.name
        for column in TABLES[row.kind].columns
        if column.source == slot.value and column.origin in {Origin.KEY, Origin.REFERENCE}
    )
    return row[column]


def title_of(row: Row) -> str:
    """Return a row's name, cleaned."""
    return clean(str(row[TABLES[row.kind].natural_key[-1]] or ""))


def label(row: Row) -> str:
    """Return how a finding calls a row: `lectures[412]`."""
    return f"{TABLES[row.kind].name}[{row.id}]"


def said_path(row: Row) -> str:
    """Return a lecture's file_path in NFC."""
    return nfc(str(row["file_path"])) if row.kind is Kind.LECTURE else ""
