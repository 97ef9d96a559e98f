"""Records of a commit: resources, keys, steps, audit facts, and undo."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.model.actual import Row, StoredObject
from reconciler.model.address import UNMANAGED, Address
from reconciler.model.errors import Stale
from reconciler.model.history import WHOLE_RUN, AuditFact, AuditHead, CommitCounts, StepRecord
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Change, Merged, ObjectState, Plan, PutOrigin, Restored, State
from reconciler.model.playback import CopyStep, PendingAlias, PlaybackCopy
from reconciler.model.ports import Captured, Edit, Library, RecordsReader
from reconciler.model.recorded import KeyRecord, KeyState, ResourceRecord
from reconciler.model.values import Value, canonical_json, nfc
from reconciler.planning.lost_rows import unmanaged_values
from reconciler.planning.steps import (
    MERGE,
    NAMES_OF_RECORDING,
    ROLLBACK,
    captured_in,
    edits_in,
    merge_in,
    record_json,
    records_before,
    sorted_in,
    with_edits,
)

#: Where nothing is recorded of any key.
NO_KEYS: Mapping[str, KeyRecord] = {}


@dataclass
class UndoRecords:
    """Records to undo a run: complete rows it deleted, and earlier records.

    The rows are those that the run deleted or changed; the records are what elmify remembered before
    the run. After `restore_the_rest` has run, `restored` says which user rows came back and which
    were left out.
    """

    records: dict[str, ResourceRecord]
    captured: Captured
    junctions: Captured
    edits: Sequence[Edit]
    merge: tuple[int, int] | None
    restored: Restored = field(default_factory=Restored)

    @classmethod
    def read(cls, records: RecordsReader, run: int) -> "UndoRecords":
        """Read both from the steps of a run."""
        steps = records.steps(run)
        return cls(
            records=dict(records_before(steps)),
            captured=captured_in(steps),
            junctions=sorted_in(steps),
            edits=edits_in(steps),
            merge=merge_in(steps),
        )

    def remembered(self, changes: Iterable[Change]) -> Sequence[ResourceRecord]:
        """Return the records as they were before the run.

        Only for those of the changes that leave a record.
        """
        return [
            _as_restored(self.records[change.address], change)
            for change in changes
            if change.address in self.records
        ]

    def restore(self, library: Library, kind: Kind, changes: Sequence[Change]) -> None:
        """Insert the deleted rows of one kind again, as they were.

        Raises `Stale` when one of them was not captured.
        """
        wanted = {
            change.row: change for change in changes if change.action is Action.CREATE and change.kind is kind
        }
        if not wanted:
            return
        table = _table(kind)
        rows: list[Any] = [
            {**row, **_other_keys(wanted[row["id"]])}
            for row in self.captured.get(table, ())
            if row["id"] in wanted
        ]
        lost = wanted.keys() - {row["id"] for row in rows}
        if lost:
            raise Stale(
                "the records no longer hold every row that is to come back",
                details=sorted(wanted[row].address for row in lost),
                hint="Nothing was applied. Restore the records from a backup.",
            )
        library.restore({table: rows})

    def sort_again(self, library: Library, kind: Kind, rows: Collection[int]) -> None:
        """Restore the other values of junction rows.

        The junction rows are those of content that is sorted under the same categories as before.
        """
        ours = self.junctions.get(f"public.{kind}_categories", ())
        library.restore_categories(kind, [row for row in ours if row[f"{kind}_id"] in rows])

    def restore_the_rest(self, library: Library) -> None:
        """Insert the rows that depended on the restored rows.

        A row is inserted only if what it belongs to still exists. What a merge took from these rows is
        also restored, unless others have changed or deleted it since.
        """
        content = {_table(kind) for kind in Kind}
        restored = library.restore({t: rows for t, rows in self.captured.items() if t not in content})
        edits = library.edit([edit.inverse for edit in self.edits])
        self.restored = with_edits(restored, edits)


def _other_keys(change: Change) -> Mapping[str, Value]:
    """Return the columns that name a recording, as the change gives them.

    Where the old key holds other bytes by now, they name the copy that was kept.
    """
    values = change.after.values if change.after is not None else {}
    return {name: values[name] for name in NAMES_OF_RECORDING if name in values}


def _as_restored(record: ResourceRecord, change: Change) -> ResourceRecord:
    """Return a former record with the keys that the resource has now."""
    objects = change.after.objects if change.after is not None else {}
    keys = {slot: objects[slot].key if slot in objects else key for slot, key in record.keys.items()}
    if keys == record.keys:
        return record
    applied = json.loads(record.applied)
    named = {name: value for name, value in _other_keys(change).items() if name in applied}
    return replace(record, keys=keys, applied=canonical_json({**applied, **named}))


def _table(kind: Kind) -> str:
    return f"public.{TABLES[kind].name}"


def resource(
    change: Change, rows: Mapping[str, int], values: Mapping[str, Value], row: Row | None = None
) -> ResourceRecord:
    """Return the record of a changed resource.

    `rows` are row ids by address, `values` are what was written. `row` is the row as it was before, None
    for a new one.
    """
    assert change.kind is not None
    assert change.after is not None
    table = TABLES[change.kind]
    parent = values[table.parent_column] if table.parent_column else None
    managed = {name: value for name, value in values.items() if name not in change.remembered}
    remembered = canonical_json({name: values[name] for name in change.remembered})
    return ResourceRecord(
        address=Address(change.address),
        kind=change.kind,
        row=rows[change.address],
        name=str(values[table.natural_key[-1]]),
        parent_row=parent if isinstance(parent, int) else None,
        keys={slot: found.key for slot, found in change.after.objects.items()},
        applied=canonical_json(managed),
        unmanaged=remembered if row is None else unmanaged_values(row, managed),
        protect=change.protect,
    )


def dropped(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the addresses that are no longer recorded."""
    for change in changes:
        if change.action in {Action.DELETE, Action.FORGET}:
            yield change.address
        if change.previous_address is not None:
            yield change.previous_address


def keys(
    changes: Sequence[Change],
    objects: Mapping[str, StoredObject],
    run: int,
    kept: Collection[str] = (),
    known: Mapping[str, KeyRecord] = NO_KEYS,
) -> Iterator[KeyRecord]:
    """Yield the state in which the changes leave each key.

    `objects` are what the bucket holds, by NFC key. `kept` are the NFC keys that the changes leave
    behind and that something else names: they are released. `known` is what is recorded so far: it
    tells the bytes of a retired key that no change names otherwise.
    """
    live: set[str] = set()
    for change in changes:
        if change.after is not None and not _lets_go(change):
            for found in change.after.objects.values():
                live.add(nfc(found.key))
                yield _key(change, found, KeyState.LIVE, objects, run)
    for copy in (copy for change in changes for copy in change.copies):
        if nfc(copy.key) not in live:
            yield _copied(copy, objects, run)
            live.add(nfc(copy.key))
    given_up = {nfc(key) for change in changes for key in change.retired} | live
    for change in changes:
        for key in change.retired:
            if nfc(key) not in live:
                found = _object_before(change, key, objects, known)
                yield _key(change, found, KeyState.RETIRED, objects, run)
        for found in (*_let_go(change, objects), *_left_to_others(change, kept)):
            if nfc(found.key) not in given_up:
                given_up.add(nfc(found.key))
                yield _key(change, found, KeyState.RELEASED, objects, run)


def _copied(copy: PlaybackCopy, objects: Mapping[str, StoredObject], run: int) -> KeyRecord:
    """Return the record of a playback copy, or of replaced bytes.

    Of an alias the ETag is not known before it is made.
    """
    stored = objects.get(nfc(copy.key)) if copy.step is not CopyStep.ALIAS else None
    return KeyRecord(
        key=copy.key,
        state=KeyState.RETIRED if copy.step is CopyStep.KEEP else KeyState.LIVE,
        size_bytes=copy.size_bytes,
        sha256=copy.sha256,
        etag=stored.etag if stored is not None else None,
        verified=copy.sha256 is not None,
        address=copy.address,
        run=run,
    )


def aliases(changes: Iterable[Change], run: int) -> Sequence[PendingAlias]:
    """Return the aliases that the commit leaves to be made."""
    return [
        PendingAlias(
            key=copy.key,
            source=copy.source,
            size_bytes=copy.size_bytes,
            replaces=copy.replaces or "",
            sha256=copy.sha256,
            media_type=copy.media_type,
            address=copy.address,
            run=run,
        )
        for change in changes
        for copy in change.copies
        if copy.step is CopyStep.ALIAS
    ]


def _lets_go(change: Change) -> bool:
    """Return whether what the change leaves no longer belongs to elmify.

    It is forgotten, or it comes back unmanaged, as it was.
    """
    comes_back = change.action is Action.CREATE and change.address.startswith(UNMANAGED)
    return change.action is Action.FORGET or comes_back


def _let_go(change: Change, objects: Mapping[str, StoredObject]) -> Iterator[ObjectState]:
    """Yield the objects that the change leaves to whoever else has them."""
    if change.kind is None:
        yield from (_object_before(change, key, objects) for key in change.reused)
    elif _lets_go(change):
        for side in (change.after, change.before):
            yield from side.objects.values() if side is not None else ()


def _left_to_others(change: Change, kept: Collection[str]) -> Iterator[ObjectState]:
    found = change.before.objects.values() if change.before is not None else ()
    return (one for one in found if nfc(one.key) in kept)


def _key(
    change: Change, found: ObjectState, state: KeyState, objects: Mapping[str, StoredObject], run: int
) -> KeyRecord:
    stored = objects.get(nfc(found.key))
    return KeyRecord(
        key=found.key,
        state=state,
        size_bytes=found.size_bytes,
        sha256=found.sha256,
        etag=stored.etag if stored is not None else None,
        verified=found.verified and found.sha256 is not None,
        address=change.address,
        run=run,
    )


def _object_before(
    change: Change,
    key: str,
    objects: Mapping[str, StoredObject],
    known: Mapping[str, KeyRecord] = NO_KEYS,
) -> ObjectState:
    """Return the object that was under a key.

    An object that no resource had is known from the listing alone, and from its record where its bytes
    are still the recorded ones.
    """
    named = change.before.objects.values() if change.before is not None else ()
    stored, record = objects.get(nfc(key)), known.get(nfc(key))
    bare = ObjectState(key=key, size_bytes=stored.size_bytes if stored is not None else 0)
    if stored is not None and record is not None and record.etag == stored.etag:
        bare = replace(bare, sha256=record.sha256, verified=record.verified)
    return next((found for found in named if found.key == key), bare)


def steps(
    changes: Iterable[Change],
    rows: Mapping[str, int],
    held: Callable[[Change], ResourceRecord | None],
    kept: Mapping[str, Captured],
) -> Iterator[StepRecord]:
    """Yield the steps: what was done to each address.

    The last steps hold the complete rows that are `kept`. `held` returns what elmify remembered of a
    change's resource before this commit.
    """
    for change in changes:
        before = _side(change, change.before, change.row)
        if before is not None:
            before["record"] = record_json(held(change))
            if change.previous_address is not None:
                before["address"] = change.previous_address
            if change.retired:
                before["retired"] = list(change.retired)
        after = _side(change, change.after, rows.get(change.address))
        if after is not None and change.copies:
            after["copies"] = [[copy.step.value, copy.source, copy.key] for copy in change.copies]
        yield StepRecord(address=change.address, action=change.action.value, before=before, after=after)
    for action, tables in kept.items():
        if tables:
            whole = {table: list(found) for table, found in tables.items()}
            yield StepRecord(address=WHOLE_RUN, action=action, before=None, after=None, captured=whole)


def edited(edits: Iterable[Edit]) -> Captured:
    """Return the rows that a merge changed, by table, as a step keeps them."""
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for edit in edits:
        tables.setdefault(edit.table, []).append({"before": dict(edit.before), "after": dict(edit.after)})
    return tables


def purpose(plan: Plan, restored: Restored, unmerged: tuple[int, int] | None) -> Iterator[StepRecord]:
    """Yield the step that names the purpose of a rollback or a merge.

    It says which run this one rolls back, or which lectures it merges. `unmerged` are the lectures of
    a merge that is undone.
    """
    if plan.rolls_back is not None:
        before = {"run": plan.rolls_back, "merge": unmerged}
        yield StepRecord(address=WHOLE_RUN, action=ROLLBACK, before=before, after=_restored(restored))
    if plan.merges is not None:
        rows = {change.action: change.row for change in plan.changes}
        merge = {"row": rows[Action.DELETE], "into": rows[Action.NO_OP]}
        yield StepRecord(address=WHOLE_RUN, action=MERGE, before=merge, after=None)


def _restored(restored: Restored) -> Mapping[str, Any]:
    return {
        "rows": dict(restored.rows),
        "users": restored.users,
        "orphaned": dict(restored.orphaned),
        "present": dict(restored.present),
    }


def facts(
    plan: Plan,
    rows: Mapping[str, int],
    restored: Restored,
    merged: Merged,
    user_rows: Mapping[str, int],
) -> Iterator[AuditFact]:
    """Yield the audit facts of a commit.

    One fact for each change, and one for the commit as a whole. `user_rows` counts the rows of users by
    table, as the commit leaves them: drift tells from it how many were lost since.
    """
    for change in plan.changes:
        detail = _audited(change, rows.get(change.address, change.row))
        yield AuditFact(event=change.action.value, address=change.address, detail=detail)
    yield AuditFact(
        event="commit",
        detail={
            "fingerprint": plan.fingerprint,
            "changes": len(plan.changes),
            "user_rows_lost": plan.impact.lost_rows,
            "allowances": dict(plan.allowances),
            "scope": list(plan.scope),
            "uploaded_bytes": plan.upload_bytes,
            "highest_rows": _highest_rows(plan),
            "user_rows": dict(user_rows),
            **_purpose(plan, restored, merged),
        },
    )


def counts(plan: Plan, head: AuditHead) -> CommitCounts:
    """Return the counts of a commit that are kept with its run.

    `head` is the end of the audit log: the commit's own entry.
    """
    return CommitCounts(
        entry=head.seq,
        uploaded_files=sum(1 for _ in plan.puts_from(PutOrigin.DISK)),
        uploaded_bytes=plan.upload_bytes,
        user_rows_lost=plan.impact.lost_rows,
    )


def _purpose(plan: Plan, restored: Restored, merged: Merged) -> Mapping[str, Any]:
    if plan.rolls_back is not None:
        return {"rolls_back": plan.rolls_back, "restored": _restored(restored)}
    if plan.merges is not None:
        counts = {"moved": dict(merged.moved), "combined": dict(merged.combined), "users": merged.users}
        return {"merges": list(plan.merges), "merged": counts}
    return {}


def _highest_rows(plan: Plan) -> Mapping[str, int]:
    """Return the highest row id that no resource has, by table.

    It holds from this commit on: higher ids were created later.
    """
    ids = [(kind, row) for kind, rows in plan.unmanaged.rows.items() for row in rows]
    ids += [
        (change.kind, change.row)
        for change in plan.changes
        if _lets_go(change) and change.kind is not None and change.row is not None
    ]
    return {
        table.name: max((row for kind, row in ids if kind is table.kind), default=0)
        for table in TABLES.values()
    }


def _side(change: Change, state: State | None, row: int | None) -> dict[str, Any] | None:
    if state is None:
        return None
    objects = {
        slot.value: {"key": o.key, "size_bytes": o.size_bytes, "sha256": o.sha256}
        for slot, o in state.objects.items()
    }
    kind = change.kind.value if change.kind is not None else None
    side: dict[str, Any] = {"kind": kind, "row": row, "values": dict(state.values), "objects": objects}
    if state.pending:
        side["pending"] = dict(state.pending)
    return side


def _audited(change: Change, row: int | None) -> Mapping[str, Any]:
    """Return the audit detail of a change.

    It gives the values from and to, where the two sides differ.
    """
    before = _side(change, change.before, None) or {"values": {}, "objects": {}}
    after = _side(change, change.after, None) or {"values": {}, "objects": {}}
    detail: dict[str, Any] = {"reason": change.reason, "change_id": change.change_id, "row": row}
    for part in ("values", "objects"):
        names = [n for n in {**before[part], **after[part]} if before[part].get(n) != after[part].get(n)]
        if names:
            detail["from"] = {**detail.get("from", {}), **{n: before[part].get(n) for n in names}}
            detail["to"] = {**detail.get("to", {}), **{n: after[part].get(n) for n in names}}
    if change.previous_address is not None:
        detail["previous_address"] = change.previous_address
    return detail
