"""Fields and lockfile lines that describe a live row and its objects."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from reconciler.importing.declare import FoundResources
from reconciler.importing.names import clean
from reconciler.loading.lockfile import format_line
from reconciler.loading.media import path_flaw, wrong_sort
from reconciler.loading.media_facts import MEDIA_TYPES
from reconciler.loading.schema import NUMBER_MAX, YEAR_MAX
from reconciler.loading.text_rules import LINE, NAME, TEXT, flaw
from reconciler.model.actual import Row, Snapshot, StoredObject
from reconciler.model.address import Address
from reconciler.model.catalog import MediaFile
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.recorded import Recorded, ResourceRecord
from reconciler.model.values import Value, nfc
from reconciler.planning.drift import baseline
from reconciler.planning.object_keys import extension_of
from reconciler.planning.record_validity import trusted

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(LINE)
_NAME = re.compile(NAME)
_TEXT = re.compile(TEXT)
_KNOWN = (
    ("bitrate", "bitrate", int),
    ("sample_rate", "sample_rate", int),
    ("duration", "duration_seconds", float),
)
_VISIBILITIES = frozenset({"public", "premium", "restricted"})
_PARAGRAPHS = frozenset({"bio", "description"})


def fields_of(row: Row) -> dict[str, Any]:
    """Return the fields of an entry that a row's own columns give.

    Fields that are null, or unfit, are left out. Names are as the row has them. One that the catalog
    cannot write, because of a line break or another control, is cleaned, and `as_is` keeps the row's own.
    """
    said = {
        column.source: _field(column.source, row[column.name])
        for column in TABLES[row.kind].columns
        if column.origin in {Origin.FIELD, Origin.CATEGORIES}
    }
    fields = {name: value for name, value in said.items() if value not in (None, "", [])}
    column = TABLES[row.kind].column(TABLES[row.kind].natural_key[-1])
    name = row[column.name]
    if column.source not in fields and isinstance(name, str) and clean(name):
        fields |= {column.source: clean(name), "as_is": {column.name: name}}
    return fields


def _field(name: str, value: Value) -> Any:
    match value:
        case bool() | None:
            return value
        case tuple():
            return list(value) if all(clean(slug) == slug for slug in value) else None
        case int():
            return value if _in_bounds(name, value) else None
        case str() if name in _PARAGRAPHS:
            return text_in(value)
        case str() if name == "visibility":
            return value if value in _VISIBILITIES else None
        case str():
            return value if _NAME.fullmatch(value) else None


def text_in(value: str) -> str | None:
    """Return a text of several lines as it is.

    None where no catalog can write it.
    """
    return value if _TEXT.fullmatch(value) else None


def name_in(value: str) -> str | None:
    """Return a name as it is, and cleaned where no catalog can write it.

    None when nothing is left of it.
    """
    return value if _NAME.fullmatch(value) else clean(value) or None


def _in_bounds(name: str, value: int) -> bool:
    return 1 <= value <= YEAR_MAX if name == "year" else 0 <= value <= NUMBER_MAX


def unfit(path: str, slot: Slot) -> str | None:
    """Return the reason why a key cannot be declared as a path in a slot.

    None when it can.
    """
    if not _LINE.fullmatch(path):
        return flaw(path, LINE)
    if problem := path_flaw(path) or wrong_sort(slot, path):
        return problem
    return None if extension_of(path) in MEDIA_TYPES else "has no extension of a media type that elmify knows"


def line_of(path: str, stored: StoredObject, rows: Iterator[Row]) -> MediaFile | None:
    """Return the lockfile line of an object from what the stores know.

    None when no line can express it. `rows` are the rows that name the object as their audio. A hash
    that they do not agree on is unknown.
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


def name_of(row: Row) -> str:
    """Return a row's name, as the row has it."""
    return str(row[TABLES[row.kind].natural_key[-1]] or "")


def title_of(row: Row) -> str:
    """Return a row's name, cleaned."""
    return clean(name_of(row))


def label(row: Row) -> str:
    """Return how a finding calls a row: `lectures[412]`."""
    return f"{TABLES[row.kind].name}[{row.id}]"


def said_path(row: Row) -> str:
    """Return a lecture's file_path in NFC."""
    return nfc(str(row["file_path"])) if row.kind is Kind.LECTURE else ""


_FIELDS = frozenset({Origin.FIELD, Origin.CATEGORIES})


class Remembered:
    """The records that can be believed, beside a snapshot."""

    def __init__(self, snapshot: Snapshot, recorded: Recorded) -> None:
        self._snapshot, self._recorded = snapshot, recorded

    @cached_property
    def addresses(self) -> Mapping[tuple[Kind, int], Address]:
        """The recorded address of each row that is still what its record says."""
        rows = trusted(self._snapshot, self._recorded)
        return {(row.kind, row.id): address for address, row in rows.items()}

    def with_records(self, found: tuple[FoundResources, ...]) -> tuple[FoundResources, ...]:
        """Return what was found, with the fields that elmify managed.

        Each row gets the fields that elmify managed of it, and its protection.
        """
        return tuple(self._told(each) for each in found)

    def _told(self, found: FoundResources) -> FoundResources:
        children = self.with_records(found.children)
        address = self.addresses.get((found.kind, found.row or 0))
        if address is None or found.row is None:
            return replace(found, children=children)
        record, row = self._recorded.resources[address], self._snapshot.rows[found.kind][found.row]
        return replace(found, fields=_fields(found, record, row), children=children)

    def lines(self, media: Mapping[str, MediaFile]) -> Mapping[str, MediaFile]:
        """Return the lockfile lines with the hashes that elmify has checked.

        Only objects that were not replaced since elmify checked them get their hashes.
        """
        return {path: self._line(path, line) for path, line in media.items()}

    def _line(self, path: str, line: MediaFile) -> MediaFile:
        known, stored = self._recorded.keys.get(path), self._snapshot.objects.get(path)
        if known is None or stored is None or known.sha256 is None or not known.verified:
            return line
        is_same = known.size_bytes == stored.size_bytes and known.etag in {None, stored.etag}
        return replace(line, sha256=known.sha256) if is_same else line


def _fields(found: FoundResources, record: ResourceRecord, row: Row) -> Mapping[str, Any]:
    applied = baseline(record)
    told = dict(found.fields)
    name = TABLES[found.kind].natural_key[-1]
    for column in TABLES[found.kind].columns:
        if column.origin in _FIELDS and column.name != name:
            told.pop(column.source, None)
    told |= dict(_managed(row, applied))
    return {**told, "protect": True} if record.protect else told


def _managed(row: Row, applied: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that the last apply managed, as the row has them now."""
    live = fields_of(row)
    for column in TABLES[row.kind].columns:
        if column.origin in _FIELDS and column.name in applied:
            if column.source in live:
                yield column.source, live[column.source]
            elif column.clearable and row[column.name] in (None, ()):
                yield column.source, [] if row[column.name] == () else None
