"""Which rows the records that lost theirs may be now: after a wipe and an import under other ids.

It rests on records and rows alone, without a catalog, and serves a report, never a write: what an apply
binds to which row is decided by `identity`.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping

from reconciler.model.actual import Row, Snapshot
from reconciler.model.address import Address, parent_of
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.recorded import Recorded, ResourceRecord
from reconciler.model.values import nfc
from reconciler.planning.references import key_in

_OfRecord = Callable[[ResourceRecord], Hashable]
_OfRow = Callable[[Row], Hashable]


def find_again(
    snapshot: Snapshot, recorded: Recorded, believed: Mapping[Address, Row]
) -> Mapping[Address, Row]:
    """Return the row that each record without a believed one looks like, where only one does, by address."""
    found: dict[Address, Row] = {}
    taken = {(row.kind, row.id) for row in believed.values()}
    for kind in Kind:
        lost = [r for r in recorded.resources.values() if r.kind is kind and r.address not in believed]
        free = [row for row in snapshot.rows[kind].values() if lost and (kind, row.id) not in taken]
        for of_record, of_row in _evidence(kind, recorded, {**believed, **found}):
            pairs = dict(_pairs(lost, free, of_record, of_row))
            found |= pairs
            rows = {row.id for row in pairs.values()}
            lost = [record for record in lost if record.address not in pairs]
            free = [row for row in free if row.id not in rows]
    return found


def _pairs(
    lost: Collection[ResourceRecord], free: Collection[Row], of_record: _OfRecord, of_row: _OfRow
) -> Iterator[tuple[Address, Row]]:
    """Yield each record with the row that shows the same, when there is one of either."""
    records: defaultdict[Hashable, list[ResourceRecord]] = defaultdict(list)
    rows: defaultdict[Hashable, list[Row]] = defaultdict(list)
    for record in lost:
        records[of_record(record)].append(record)
    for row in free:
        rows[of_row(row)].append(row)
    for shown, wanting in records.items():
        candidates = rows.get(shown, [])
        if shown is not None and len(wanting) == len(candidates) == 1:
            yield wanting[0].address, candidates[0]


def _evidence(
    kind: Kind, recorded: Recorded, rows: Mapping[Address, Row]
) -> Iterator[tuple[_OfRecord, _OfRow]]:
    """Yield what a record and a row may have in common, the strongest first; None is in common with none."""
    table = TABLES[kind]

    def parent(record: ResourceRecord) -> int | None:
        above = parent_of(record.address)
        row = rows.get(above) if above is not None else None
        return row.id if row is not None else record.parent_row

    def named(record: ResourceRecord) -> Hashable:
        return parent(record), nfc(record.name).strip()

    def named_row(row: Row) -> Hashable:
        above = row[table.parent_column] if table.parent_column else None
        return above, nfc(str(row[table.natural_key[-1]])).strip()

    if kind is Kind.LECTURE:
        yield _key, lambda row: key_in(row["file_path"])
        yield lambda record: _sha256(record, recorded), lambda row: row["file_hash"]
    yield named, named_row


def _key(record: ResourceRecord) -> str | None:
    return nfc(record.keys.get(Slot.LECTURE_AUDIO, "")) or None


def _sha256(record: ResourceRecord, recorded: Recorded) -> str | None:
    key = recorded.keys.get(_key(record) or "")
    return key.sha256 if key is not None else None
