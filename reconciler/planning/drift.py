"""Drift since the last apply: records compared with rows and objects.

The objects and rows are those of both stores. Only records and rows are used, without a catalog.
The result serves a report, never a write: `identity` decides which row an apply binds to which
address.

What the catalog asks for by now is not drift: it is only not applied yet. What was unmanaged at
the last apply is not drift either: only rows and objects that came since then count as new.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.actual import Row, Snapshot, StoredObject
from reconciler.model.address import Address, parent_of
from reconciler.model.drift import DriftFinding, DriftKind, DriftReport, Reimport
from reconciler.model.history import Run
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.playback import Way
from reconciler.model.recorded import KeyRecord, KeyState, Recorded, ResourceRecord
from reconciler.model.remedies import Adopt, Apply, ImportLive, MakePlan, Remedy, Sentence
from reconciler.model.values import Value, nfc, same
from reconciler.planning.playback_drift import broken_ways, lost_copies
from reconciler.planning.record_validity import trusted
from reconciler.planning.references import key_in


def baseline(record: ResourceRecord) -> Mapping[str, Value]:
    """Return the column values that the last apply left."""
    applied = json.loads(record.applied)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in applied.items()}


def drift_of(
    record: ResourceRecord, row: Row, recorded: Recorded, snapshot: Snapshot
) -> Iterator[DriftFinding]:
    """Yield the differences between a record and its row and objects."""
    for name, value in baseline(record).items():
        if not same(value, row[name]):
            yield _found(DriftKind.ROW_EDITED, record, row.id, name, value, row[name])
    for slot, key in sorted(record.keys.items()):
        known, stored = recorded.keys.get(nfc(key)), snapshot.objects.get(nfc(key))
        if stored is None:
            yield _found(DriftKind.OBJECT_MISSING, record, row.id, slot.value, key, None)
        elif known is not None and known.etag is not None and known.etag != stored.etag:
            was, now = f"{key} (ETag {known.etag})", f"{key} (ETag {stored.etag})"
            yield _found(DriftKind.OBJECT_REPLACED, record, row.id, slot.value, was, now)


def lost_row(record: ResourceRecord) -> DriftFinding:
    """Return the drift of a record whose row is lost.

    The row is gone, or it is another resource's row now.
    """
    return _found(DriftKind.ROW_MISSING, record, record.row, "row", record.row, None)


def _found(
    what: DriftKind, record: ResourceRecord, row: int, attribute: str, recorded: Value, actual: Value
) -> DriftFinding:
    return DriftFinding(
        what=what,
        address=record.address,
        attribute=attribute,
        recorded=recorded,
        actual=actual,
        kind=record.kind,
        row=row,
    )


_OfRecord = Callable[[ResourceRecord], Hashable]
_OfRow = Callable[[Row], Hashable]


def find_again(
    snapshot: Snapshot, recorded: Recorded, believed: Mapping[Address, Row]
) -> Mapping[Address, Row]:
    """Return the rows that look like records without a trusted row.

    `believed` holds the trusted rows by address. The result maps the address of each record that has
    none to the row that it looks like, only where exactly one row does.
    """
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
    """Yield the address of each record with the row that shows the same.

    A pair is yielded only when exactly one record and exactly one row show it.
    """
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
    """Yield pairs of functions that give comparable values of record and row.

    Each pair gives one thing that a record and a row may have in common, the strongest first. None
    matches nothing.
    """
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


#: So many rows of a table under other ids at once are one event: somebody imported it again.
_REIMPORT_ROWS = 2

#: So many rows of users are not gone because each of them was deleted by its user.
_USERS_GONE = 10

#: What takes rows of users along.
_LOST = frozenset({DriftKind.ROW_MISSING, DriftKind.ROW_REPLACED, DriftKind.ROW_REMADE})

NO_ROWS: Mapping[str, int] = {}

_ORDER = {what: place for place, what in enumerate(DriftKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LastApply:
    """State of both stores when the last apply committed.

    `highest_rows` is the highest row id of each table at that time; rows above it came since then. It
    is None when it was not recorded, and then no row is called new. `fresh_objects` are the NFC keys
    of the objects that the bucket has got since then, or whose bytes are newer. `younger_rows` are the
    ids of rows that were made since then. `user_rows` counts the rows of users by table at that time; it
    is None when it was not recorded.
    """

    run: Run | None = None
    highest_rows: Mapping[Kind, int] | None = None
    fresh_objects: Collection[str] = field(default_factory=frozenset)
    younger_rows: Mapping[Kind, Collection[int]] = field(default_factory=dict)
    user_rows: Mapping[str, int] | None = None


def drift_report(
    environment: str,
    snapshot: Snapshot,
    recorded: Recorded,
    last: LastApply,
    user_rows: Mapping[str, int] = NO_ROWS,
    ways: Sequence[Way] = (),
) -> DriftReport:
    """Return everything that is not as the last apply left it.

    Empty when nothing was ever applied. Compares no column that elmify does not manage, so what the app
    writes of its own never shows. `user_rows` counts the rows of users by table now. `ways` are those by
    which the apps find lectures.
    """
    report = _Report(snapshot, recorded, last, ways)
    findings = tuple(sorted(report.findings(), key=lambda f: (_ORDER[f.what], f.address, f.attribute)))
    reimports = tuple(report.reimports()) if recorded.resources else ()
    rows_lost = bool(reimports) or any(finding.what in _LOST for finding in findings)
    return DriftReport(
        environment=environment,
        taken_at=snapshot.taken_at,
        since=last.run,
        findings=findings,
        reimports=reimports,
        users_lost=_users_lost(last.user_rows or {}, user_rows, rows_lost=rows_lost),
    )


def _users_lost(then: Mapping[str, int], now: Mapping[str, int], *, rows_lost: bool) -> Mapping[str, int]:
    """Return by table how many rows of users are gone.

    Only tables that were counted both times are compared.
    """
    counted = then.keys() & now.keys()
    all_gone = sum(then[table] for table in counted) >= _USERS_GONE and not any(now[t] for t in counted)
    if not (rows_lost or all_gone):
        return {}
    return {table: then[table] - now[table] for table in sorted(counted) if now[table] < then[table]}


class _Report:
    def __init__(self, snapshot: Snapshot, recorded: Recorded, last: LastApply, ways: Sequence[Way]) -> None:
        self._snapshot, self._recorded, self._last, self._ways = snapshot, recorded, last, ways
        self._believed = trusted(snapshot, recorded)
        self._again = find_again(snapshot, recorded, self._believed)
        self._rows = {**self._believed, **self._again}
        self._remade = {
            address: row
            for address, row in self._believed.items()
            if row.id in last.younger_rows.get(row.kind, ())
        }
        self._reimported = {kind for kind in Kind if self._is_reimported(kind)}

    def _is_reimported(self, kind: Kind) -> bool:
        """Return whether the rows of a kind were deleted and inserted again.

        Several are under other ids, or all that are under the ids they had are younger than the last apply.
        """
        again, remade, believed = (
            sum(row.kind is kind for row in rows.values())
            for rows in (self._again, self._remade, self._believed)
        )
        return again >= _REIMPORT_ROWS or (remade >= _REIMPORT_ROWS and remade == believed)

    def findings(self) -> Iterator[DriftFinding]:
        if not self._recorded.resources:
            return
        for record in self._recorded.resources.values():
            yield from self._of_row(record)
        yield from self._new_rows()
        yield from self._live_objects()
        yield from self._kept_objects()
        yield from self._new_objects()
        yield from lost_copies(self._snapshot, self._recorded)
        yield from self._broken_ways()

    def reimports(self) -> Iterator[Reimport]:
        for kind in Kind:
            if kind in self._reimported:
                yield self._reimport(kind)

    # Rows.

    def _of_row(self, record: ResourceRecord) -> Iterator[DriftFinding]:
        row, address = self._rows.get(record.address), record.address
        if record.kind in self._reimported and (address not in self._believed or address in self._remade):
            return  # part of the one event
        if row is not None and address in self._believed:
            if address in self._remade:
                yield DriftFinding(
                    what=DriftKind.ROW_REMADE,
                    address=address,
                    attribute="row",
                    recorded=record.row,
                    actual=row.id,
                    kind=record.kind,
                    row=row.id,
                )
            yield from self._edits(record, row)
        elif row is None:
            yield DriftFinding(
                what=DriftKind.ROW_MISSING,
                address=address,
                attribute="row",
                recorded=record.row,
                actual=self._whose_now(record),
                kind=record.kind,
            )
        else:
            yield DriftFinding(
                what=DriftKind.ROW_REPLACED,
                address=address,
                attribute="row",
                recorded=record.row,
                actual=row.id,
                kind=record.kind,
                row=row.id,
            )
            yield from self._edits(record, row)

    def _whose_now(self, record: ResourceRecord) -> str | None:
        """Return the name that a reused row shows; None when the row is gone.

        The recorded row is another resource's row now.
        """
        row = self._snapshot.rows[record.kind].get(record.row)
        return None if row is None else str(row[TABLES[record.kind].natural_key[-1]])

    def _edits(self, record: ResourceRecord, row: Row) -> Iterator[DriftFinding]:
        table = TABLES[record.kind]
        for name, value in baseline(record).items():
            if name not in table.index or same(value, row[name]) or self._followed(record, name, row[name]):
                continue
            yield DriftFinding(
                what=DriftKind.ROW_EDITED,
                address=record.address,
                attribute=name,
                recorded=value,
                actual=row[name],
                kind=record.kind,
                row=row.id,
            )

    def _broken_ways(self) -> Iterator[DriftFinding]:
        edited: dict[Kind, dict[int, dict[str, Value]]] = {kind: {} for kind in Kind}
        addresses: dict[int, str] = {}
        for record in self._recorded.resources.values():
            row = self._rows.get(record.address)
            if row is None or record.kind in self._reimported:
                continue
            if record.kind is Kind.LECTURE:
                addresses[row.id] = record.address
            if left := {each.attribute: each.recorded for each in self._edits(record, row)}:
                edited[record.kind][row.id] = left
        yield from broken_ways(self._ways, self._snapshot, self._recorded, edited, addresses)

    def _followed(self, record: ResourceRecord, name: str, actual: Value) -> bool:
        """Return whether a parent column only follows its parent's new row id."""
        column = TABLES[record.kind].column(name)
        if column.origin is not Origin.PARENT:
            return False
        address: Address | None = record.address
        while address is not None:
            row = self._again.get(address)
            if row is not None and row.kind.value == column.source and row.id == actual:
                return True
            address = parent_of(address)
        return False

    def _new_rows(self) -> Iterator[DriftFinding]:
        if self._last.highest_rows is None:
            return
        for kind, table in TABLES.items():
            if kind in self._reimported:
                continue
            known = {row.id for row in self._rows.values() if row.kind is kind}
            recorded = (record.row for record in self._recorded.resources.values() if record.kind is kind)
            highest = max(self._last.highest_rows.get(kind, 0), *recorded, 0)
            for row_id, row in self._snapshot.rows[kind].items():
                if row_id > highest and row_id not in known:
                    yield DriftFinding(
                        what=DriftKind.ROW_NEW,
                        address=f"unmanaged.{table.name}[{row_id}]",
                        attribute="row",
                        actual=row[table.natural_key[-1]],
                        kind=kind,
                        row=row_id,
                    )

    def _reimport(self, kind: Kind) -> Reimport:
        records = [r for r in self._recorded.resources.values() if r.kind is kind]
        lost = [r for r in records if r.address not in self._believed or r.address in self._remade]
        rows = {**self._again, **self._remade}
        found = {r.address: rows[r.address] for r in lost if r.address in rows}
        known = {row.id for row in self._rows.values() if row.kind is kind}
        return Reimport(
            kind=kind,
            found={address: row.id for address, row in found.items()},
            missing=tuple(sorted(r.address for r in lost if r.address not in found)),
            edited=sum(len(list(self._edits(r, found[r.address]))) for r in lost if r.address in found),
            undeclared=sum(row_id not in known for row_id in self._snapshot.rows[kind]),
            recorded=len(records),
            kept_ids=sum(r.address in self._remade for r in lost),
        )

    # Objects.

    def _live_objects(self) -> Iterator[DriftFinding]:
        users: defaultdict[str, list[tuple[Address, Slot, str]]] = defaultdict(list)
        for record in self._recorded.resources.values():
            for slot, key in record.keys.items():
                users[nfc(key)].append((record.address, slot, key))
        for folded, named in users.items():
            stored, known = self._snapshot.objects.get(folded), self._recorded.keys.get(folded)
            address, slot, key = min(named)
            if stored is None or (known is not None and _replaced(known, stored)):
                yield DriftFinding(
                    what=DriftKind.OBJECT_MISSING if stored is None else DriftKind.OBJECT_REPLACED,
                    address=address,
                    attribute=slot.value,
                    recorded=key if known is None else _told(key, known.size_bytes, known.etag),
                    actual=None if stored is None else _told(stored.key, stored.size_bytes, stored.etag),
                    also=len(named) - 1,
                )

    def _kept_objects(self) -> Iterator[DriftFinding]:
        """Yield the retired objects that disappeared before gc ran.

        A rollback would have needed them.
        """
        for folded, known in self._recorded.keys.items():
            if known.state is KeyState.RETIRED and folded not in self._snapshot.objects:
                yield DriftFinding(
                    what=DriftKind.OBJECT_MISSING,
                    address=known.address or f"unmanaged.object[{known.key}]",
                    attribute="retired object",
                    recorded=known.key,
                )

    def _new_objects(self) -> Iterator[DriftFinding]:
        for folded in self._last.fresh_objects:
            stored, known = self._snapshot.objects.get(folded), self._recorded.keys.get(folded)
            if stored is not None and (known is None or known.state is KeyState.DELETED):
                yield DriftFinding(
                    what=DriftKind.OBJECT_NEW,
                    address=f"unmanaged.object[{stored.key}]",
                    attribute="object",
                    actual=_told(stored.key, stored.size_bytes, stored.etag),
                )


def _replaced(known: KeyRecord, stored: StoredObject) -> bool:
    """Return whether a key holds other bytes than the recorded ones.

    ETags are compared, or sizes where no ETag is known.
    """
    if known.etag is None:
        return known.size_bytes != stored.size_bytes
    return known.etag != stored.etag


def _told(key: str, size_bytes: int, etag: str | None) -> str:
    return f"{key} ({size_bytes:,} B, ETag {etag})" if etag is not None else f"{key} ({size_bytes:,} B)"


def drift_remedies(report: DriftReport) -> Iterator[Remedy]:
    """Yield the remedies for drift.

    A person can undo the drift or keep it. There are also remedies for what is not declared.
    """
    strange = [each for each in report.findings if each.what in {DriftKind.ROW_NEW, DriftKind.OBJECT_NEW}]
    if report.reimports or len(strange) < len(report.findings):
        yield Sentence(text="To undo it, make both stores again what the catalog says:")
        yield MakePlan()
        yield Apply()
    if report.users_lost:
        yield Sentence(
            text="Rows of users come back from a backup of the database alone. Lectures that an apply makes "
            "again have the ids that such rows refer to, where nothing else has them by now."
        )
    if report.addresses():
        yield Sentence(text="To keep it, write what is live into the catalog, and apply that:")
        yield Adopt(addresses=report.addresses())
    if strange:
        first = strange[0]
        yield Sentence(text="What nobody declared stays, until it is declared or deleted:")
        yield Adopt(addresses=(first.address,)) if first.what is DriftKind.ROW_NEW else ImportLive()
        yield MakePlan(options=("delete-unmanaged",), scope=(first.address,))
