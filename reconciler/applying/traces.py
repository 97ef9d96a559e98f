"""What a commit leaves behind of itself: records, keys, steps that undo it, facts for the audit log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.model.actual import StoredObject
from reconciler.model.address import Address
from reconciler.model.history import AuditFact, StepRecord
from reconciler.model.kinds import TABLES
from reconciler.model.plan import Action, Change, ObjectState, Plan, State
from reconciler.model.recorded import KeyRecord, KeyState, ResourceRecord
from reconciler.model.values import Value, canonical_json, nfc

#: Under this address a run keeps the complete rows that its deletes took along.
CAPTURED = "*"


def resource(change: Change, rows: Mapping[str, int], values: Mapping[str, Value]) -> ResourceRecord:
    """Return the record of a changed resource. `rows` are row ids by address, `values` what was written."""
    assert change.kind is not None
    assert change.after is not None
    table = TABLES[change.kind]
    parent = values[table.parent_column] if table.parent_column else None
    return ResourceRecord(
        address=Address(change.address),
        kind=change.kind,
        row=rows[change.address],
        name=str(values[table.natural_key[-1]]),
        parent_row=parent if isinstance(parent, int) else None,
        keys={slot: found.key for slot, found in change.after.objects.items()},
        applied=canonical_json(values),
        protect=change.protect,
    )


def dropped(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the addresses that are no longer recorded."""
    for change in changes:
        if change.action in {Action.DELETE, Action.FORGET}:
            yield change.address
        if change.previous_address is not None:
            yield change.previous_address


def keys(changes: Sequence[Change], objects: Mapping[str, StoredObject], run: int) -> Iterator[KeyRecord]:
    """Yield where the changes leave each key. `objects` are what the bucket holds, by NFC key."""
    live: set[str] = set()
    for change in changes:
        for found in change.after.objects.values() if change.after is not None else ():
            live.add(nfc(found.key))
            yield _key(change, found, KeyState.LIVE, objects, run)
    for change in changes:
        for key in change.retired:
            if nfc(key) not in live:
                yield _key(change, _object_before(change, key, objects), KeyState.RETIRED, objects, run)
        if change.action is Action.FORGET and change.before is not None:
            for found in change.before.objects.values():
                if nfc(found.key) not in live:
                    yield _key(change, found, KeyState.RELEASED, objects, run)


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


def _object_before(change: Change, key: str, objects: Mapping[str, StoredObject]) -> ObjectState:
    """Return what was under a key; an object that no resource had is known by the listing alone."""
    named = change.before.objects.values() if change.before is not None else ()
    stored = objects.get(nfc(key))
    bare = ObjectState(key=key, size_bytes=stored.size_bytes if stored is not None else 0)
    return next((found for found in named if found.key == key), bare)


def steps(
    changes: Iterable[Change],
    rows: Mapping[str, int],
    captured: Mapping[str, list[Mapping[str, Any]]] | None,
) -> Iterator[StepRecord]:
    """Yield what was done to each address, and last the complete rows that deletes took along."""
    for change in changes:
        yield StepRecord(
            address=change.address,
            action=change.action.value,
            before=_side(change.before, change.row, change.previous_address),
            after=_side(change.after, rows.get(change.address), None),
        )
    if captured:
        yield StepRecord(address=CAPTURED, action="capture", before=None, after=None, captured=captured)


def facts(plan: Plan, rows: Mapping[str, int]) -> Iterator[AuditFact]:
    """Yield what the audit log keeps: a fact for each change, and one for the commit as a whole."""
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
        },
    )


def _side(state: State | None, row: int | None, previous: str | None) -> Mapping[str, Any] | None:
    if state is None:
        return None
    objects = {
        slot.value: {"key": o.key, "size_bytes": o.size_bytes, "sha256": o.sha256}
        for slot, o in state.objects.items()
    }
    side: dict[str, Any] = {"row": row, "values": dict(state.values), "objects": objects}
    if state.pending:
        side["pending"] = dict(state.pending)
    if previous is not None:
        side["address"] = previous
    return side


def _audited(change: Change, row: int | None) -> Mapping[str, Any]:
    """Return what the audit log says of a change: from what to what, where the two sides differ."""
    before = _side(change.before, None, None) or {"values": {}, "objects": {}}
    after = _side(change.after, None, None) or {"values": {}, "objects": {}}
    detail: dict[str, Any] = {"reason": change.reason, "change_id": change.change_id, "row": row}
    for part in ("values", "objects"):
        names = [n for n in {**before[part], **after[part]} if before[part].get(n) != after[part].get(n)]
        if names:
            detail["from"] = {**detail.get("from", {}), **{n: before[part].get(n) for n in names}}
            detail["to"] = {**detail.get("to", {}), **{n: after[part].get(n) for n in names}}
    if change.previous_address is not None:
        detail["previous_address"] = change.previous_address
    return detail
