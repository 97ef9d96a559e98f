"""What elmify's own records know of live rows and objects: their addresses, fields, protection and hashes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from reconciler.importing.describing import fields_of
from reconciler.importing.found import Found
from reconciler.model.actual import Row, Snapshot
from reconciler.model.address import Address
from reconciler.model.catalog import MediaFile
from reconciler.model.kinds import TABLES, Kind, Origin
from reconciler.model.recorded import Recorded, ResourceRecord
from reconciler.model.values import nfc
from reconciler.planning.drift import baseline
from reconciler.planning.evidence import trusted

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

    def told(self, found: tuple[Found, ...]) -> tuple[Found, ...]:
        """Return what was found, with the fields that elmify managed of each row, and its protection."""
        return tuple(self._told(each) for each in found)

    def _told(self, found: Found) -> Found:
        children = self.told(found.children)
        address = self.addresses.get((found.kind, found.row or 0))
        if address is None or found.row is None:
            return replace(found, children=children)
        record, row = self._recorded.resources[address], self._snapshot.rows[found.kind][found.row]
        return replace(found, fields=_fields(found, record, row), children=children)

    def lines(self, media: Mapping[str, MediaFile]) -> Mapping[str, MediaFile]:
        """Return the lines with the hashes of objects that nobody replaced since elmify checked them."""
        return {path: self._line(path, line) for path, line in media.items()}

    def _line(self, path: str, line: MediaFile) -> MediaFile:
        known, stored = self._recorded.keys.get(path), self._snapshot.objects.get(path)
        if known is None or stored is None or known.sha256 is None or not known.verified:
            return line
        is_same = known.size_bytes == stored.size_bytes and known.etag in {None, stored.etag}
        return replace(line, sha256=known.sha256) if is_same else line


def _fields(found: Found, record: ResourceRecord, row: Row) -> Mapping[str, Any]:
    applied = baseline(record)
    told = dict(found.fields)
    name = TABLES[found.kind].natural_key[-1]
    for column in TABLES[found.kind].columns:
        if column.origin in _FIELDS and column.name != name:
            told.pop(column.source, None)
    told |= dict(_managed(row, applied))
    live = fields_of(row)
    source = TABLES[found.kind].column(name).source
    if nfc(str(applied.get(name))) == live.get(source):
        told[source] = live[source]  # a title that elmify itself wrote is not made another one
    return {**told, "protect": True} if record.protect else told


def _managed(row: Row, applied: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that the last apply managed, as the row has them now."""
    live = fields_of(row)
    for column in TABLES[row.kind].columns:
        if column.origin in _FIELDS and column.name in applied:
            if column.source in live:
                yield column.source, live[column.source]
            elif column.nullable and row[column.name] in (None, ()):
                yield column.source, [] if row[column.name] == () else None
