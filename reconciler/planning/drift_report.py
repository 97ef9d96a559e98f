"""What other hands did since the last apply: the records against both stores, without the catalog.

What the catalog wants by now is no drift: it is only not yet applied. What was unmanaged at the last apply is
none either: only rows and objects that came since then count as new.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.model.actual import Row, Snapshot, StoredObject
from reconciler.model.address import Address, parent_of
from reconciler.model.drift import DriftReport, Finding, Reimport, What
from reconciler.model.history import Run
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.recorded import KeyRecord, KeyState, Recorded, ResourceRecord
from reconciler.model.values import Value, nfc, same
from reconciler.planning.drift import baseline
from reconciler.planning.evidence import trusted
from reconciler.planning.refinding import find_again

#: So many rows of a table under other ids at once are one event: somebody imported it again.
_REIMPORT_ROWS = 2

_ORDER = {what: place for place, what in enumerate(What)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LastApply:
    """What there was when the last apply committed.

    `highest_rows` is the highest row id of each table then; rows above it came since. None when nobody noted
    it, and then no row is called new. `fresh_objects` are the NFC keys of the objects that the bucket has
    got since, or whose bytes are newer.
    """

    run: Run | None = None
    highest_rows: Mapping[Kind, int] | None = None
    fresh_objects: Collection[str] = field(default_factory=frozenset)


def drift_report(environment: str, snapshot: Snapshot, recorded: Recorded, last: LastApply) -> DriftReport:
    """Return everything that is not as the last apply left it.

    Empty when nothing was ever applied. Reads no column that elmify does not manage, so what the app writes
    of its own never shows.
    """
    report = _Report(snapshot, recorded, last)
    return DriftReport(
        environment=environment,
        taken_at=snapshot.taken_at,
        since=last.run,
        findings=tuple(sorted(report.findings(), key=lambda f: (_ORDER[f.what], f.address, f.attribute))),
        reimports=tuple(report.reimports()) if recorded.resources else (),
    )


class _Report:
    def __init__(self, snapshot: Snapshot, recorded: Recorded, last: LastApply) -> None:
        self._snapshot, self._recorded, self._last = snapshot, recorded, last
        self._believed = trusted(snapshot, recorded)
        self._again = find_again(snapshot, recorded, self._believed)
        self._rows = {**self._believed, **self._again}
        again = [row.kind for row in self._again.values()]
        self._reimported = {kind for kind in Kind if again.count(kind) >= _REIMPORT_ROWS}

    def findings(self) -> Iterator[Finding]:
        if not self._recorded.resources:
            return
        for record in self._recorded.resources.values():
            yield from self._of_row(record)
        yield from self._new_rows()
        yield from self._live_objects()
        yield from self._kept_objects()
        yield from self._new_objects()

    def reimports(self) -> Iterator[Reimport]:
        for kind in Kind:
            if kind in self._reimported:
                yield self._reimport(kind)

    # Rows.

    def _of_row(self, record: ResourceRecord) -> Iterator[Finding]:
        row, address = self._rows.get(record.address), record.address
        if row is not None and address in self._believed:
            yield from self._edits(record, row)
        elif record.kind in self._reimported:
            return  # part of the one event
        elif row is None:
            yield Finding(
                what=What.ROW_MISSING,
                address=address,
                attribute="row",
                recorded=record.row,
                actual=self._whose_now(record),
                kind=record.kind,
            )
        else:
            yield Finding(
                what=What.ROW_REPLACED,
                address=address,
                attribute="row",
                recorded=record.row,
                actual=row.id,
                kind=record.kind,
                row=row.id,
            )
            yield from self._edits(record, row)

    def _whose_now(self, record: ResourceRecord) -> str | None:
        """Return the name that a recorded row shows now that it is another's; None when it is gone."""
        row = self._snapshot.rows[record.kind].get(record.row)
        return None if row is None else str(row[TABLES[record.kind].natural_key[-1]])

    def _edits(self, record: ResourceRecord, row: Row) -> Iterator[Finding]:
        table = TABLES[record.kind]
        for name, value in baseline(record).items():
            if name not in table.index or same(value, row[name]) or self._followed(record, name, row[name]):
                continue
            yield Finding(
                what=What.ROW_EDITED,
                address=record.address,
                attribute=name,
                recorded=value,
                actual=row[name],
                kind=record.kind,
                row=row.id,
            )

    def _followed(self, record: ResourceRecord, name: str, actual: Value) -> bool:
        """Whether a parent's column only follows that parent to the row id it has now."""
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

    def _new_rows(self) -> Iterator[Finding]:
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
                    yield Finding(
                        what=What.ROW_NEW,
                        address=f"unmanaged.{table.name}[{row_id}]",
                        attribute="row",
                        actual=row[table.natural_key[-1]],
                        kind=kind,
                        row=row_id,
                    )

    def _reimport(self, kind: Kind) -> Reimport:
        records = [r for r in self._recorded.resources.values() if r.kind is kind]
        lost = [r for r in records if r.address not in self._believed]
        found = {r.address: self._again[r.address] for r in lost if r.address in self._again}
        known = {row.id for row in self._rows.values() if row.kind is kind}
        return Reimport(
            kind=kind,
            found={address: row.id for address, row in found.items()},
            missing=tuple(sorted(r.address for r in lost if r.address not in found)),
            edited=sum(len(list(self._edits(r, found[r.address]))) for r in lost if r.address in found),
            undeclared=sum(row_id not in known for row_id in self._snapshot.rows[kind]),
            recorded=len(records),
        )

    # Objects.

    def _live_objects(self) -> Iterator[Finding]:
        users: defaultdict[str, list[tuple[Address, Slot, str]]] = defaultdict(list)
        for record in self._recorded.resources.values():
            for slot, key in record.keys.items():
                users[nfc(key)].append((record.address, slot, key))
        for folded, named in users.items():
            stored, known = self._snapshot.objects.get(folded), self._recorded.keys.get(folded)
            address, slot, key = min(named)
            if stored is None or (known is not None and _replaced(known, stored)):
                yield Finding(
                    what=What.OBJECT_MISSING if stored is None else What.OBJECT_REPLACED,
                    address=address,
                    attribute=slot.value,
                    recorded=key if known is None else _told(key, known.size_bytes, known.etag),
                    actual=None if stored is None else _told(stored.key, stored.size_bytes, stored.etag),
                    also=len(named) - 1,
                )

    def _kept_objects(self) -> Iterator[Finding]:
        """Yield the retired objects that are gone before gc came: a rollback would have needed them."""
        for folded, known in self._recorded.keys.items():
            if known.state is KeyState.RETIRED and folded not in self._snapshot.objects:
                yield Finding(
                    what=What.OBJECT_MISSING,
                    address=known.address or f"unmanaged.object[{known.key}]",
                    attribute="retired object",
                    recorded=known.key,
                )

    def _new_objects(self) -> Iterator[Finding]:
        for folded in self._last.fresh_objects:
            stored, known = self._snapshot.objects.get(folded), self._recorded.keys.get(folded)
            if stored is not None and (known is None or known.state is KeyState.DELETED):
                yield Finding(
                    what=What.OBJECT_NEW,
                    address=f"unmanaged.object[{stored.key}]",
                    attribute="object",
                    actual=_told(stored.key, stored.size_bytes, stored.etag),
                )


def _replaced(known: KeyRecord, stored: StoredObject) -> bool:
    """Whether other bytes are under a key: by ETag, and by size where no ETag is known."""
    if known.etag is None:
        return known.size_bytes != stored.size_bytes
    return known.etag != stored.etag


def _told(key: str, size_bytes: int, etag: str | None) -> str:
    return f"{key} ({size_bytes:,} B, ETag {etag})" if etag is not None else f"{key} ({size_bytes:,} B)"
