"""T2: every row, every record and the audit log in one transaction, the only moment anything is seen."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.actual import Row, StoredObject
from reconciler.model.errors import Guarded, Stale
from reconciler.model.history import Actor, AuditFact, AuditHead, RunState, StepRecord
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Change, ObjectState, Plan, State
from reconciler.model.policy import GuardLimits
from reconciler.model.ports import NewRow, UnitOfWork
from reconciler.model.recorded import KeyRecord, KeyState, ResourceRecord
from reconciler.model.values import Value, canonical_json, nfc, same
from reconciler.planning.guards import user_rows

_WRITES_ROW = frozenset({Action.UPDATE, Action.MOVE, Action.ADOPT})
_TOUCHES_ROW = frozenset(Action) - {Action.CREATE, Action.FORGET}
_KEEPS_RECORD = frozenset({Action.CREATE, Action.UPDATE, Action.MOVE, Action.ADOPT, Action.NO_OP})

#: Under this address a run keeps the complete rows that its deletes took along.
CAPTURED = "*"

PLAN_AGAIN = "Nothing was applied. Plan again and have it reviewed:\n    elmify plan --out plans/next.json"


@dataclass
class Commit:
    """One attempt at T2. `objects` are what the bucket holds, by NFC key, this run's puts included."""

    work: UnitOfWork
    plan: Plan
    run: int
    actor: Actor
    limits: GuardLimits
    objects: Mapping[str, StoredObject]
    rows: dict[str, int] = field(default_factory=dict)  # address -> row id, for every change that has a row
    captured: Mapping[str, list[Mapping[str, Any]]] | None = None

    def carry_out(self, token: int) -> AuditHead:
        """Make every change of the plan, inside the caller's transaction.

        Raises `Leased` when the token is not the current one, `Stale` when a managed column is not what the
        plan saw, `Guarded` when deletes would take more user rows than was reviewed. Nothing is committed
        then.
        """
        self.work.records.check_lease(token)
        self._lock_and_compare()
        self._reserve()
        self._park_doomed()
        for kind in Kind:  # parents first; a renamed row frees its name before a new one takes it
            self._update(kind)
            self._insert(kind)
        self._delete()
        return self._remember()

    # Preconditions.

    def _lock_and_compare(self) -> None:
        for kind in Kind:
            touched = {c.row: c for c in self._of(kind, _TOUCHES_ROW) if c.row is not None}
            if not touched:
                continue
            locked = self.work.library.lock(kind, touched)
            moved = [_moved_since(change, locked.get(row_id)) for row_id, change in touched.items()]
            said = [sentence for sentence in moved if sentence is not None]
            if said:
                raise Stale("the world moved after this plan was made", details=sorted(said), hint=PLAN_AGAIN)

    # Rows.

    def _reserve(self) -> None:
        for change in self.plan.changes:
            if change.row is not None:
                self.rows[change.address] = change.row
        for kind in Kind:
            new = self._of(kind, {Action.CREATE})
            if new:
                ids = self.work.library.reserve_ids(kind, len(new))
                self.rows.update(zip((change.address for change in new), ids, strict=True))

    def _values(self, state: State) -> dict[str, Value]:
        """Return the values of a side with the row ids of parents that this commit makes."""
        return {**state.values, **{name: self.rows[parent] for name, parent in state.pending.items()}}

    def _park_doomed(self) -> None:
        """Move doomed rows off their unique names, so that what takes their place may have them."""
        for kind in Kind:
            doomed = self._doomed(kind)
            unique = TABLES[kind].unique
            if doomed and unique and self._of(kind, {*_WRITES_ROW, Action.CREATE}):
                parked: dict[int, dict[str, Value]] = {
                    row: {unique[-1]: f"elmify:doomed:{row}"} for row in doomed
                }
                self.work.library.update(kind, parked)

    def _doomed(self, kind: Kind) -> list[int]:
        return [change.row for change in self._of(kind, {Action.DELETE}) if change.row is not None]

    def _update(self, kind: Kind) -> None:
        updates = {
            change.row: differing
            for change in self._of(kind, _WRITES_ROW)
            if change.row is not None and (differing := self._differing(change))
        }
        if updates:
            self.work.library.update(kind, updates)

    def _insert(self, kind: Kind) -> None:
        rows = [
            NewRow(id=self.rows[change.address], values=self._values(change.after))
            for change in self._of(kind, {Action.CREATE})
            if change.after is not None
        ]
        if rows:
            self.work.library.insert(kind, rows)

    def _differing(self, change: Change) -> dict[str, Value]:
        if change.before is None or change.after is None:
            return {}
        before = change.before.values
        return {
            name: value
            for name, value in self._values(change.after).items()
            if name not in before or not same(value, before[name])
        }

    def _delete(self) -> None:
        doomed = {kind: rows for kind in Kind if (rows := self._doomed(kind))}
        if not doomed:
            return
        counted = self.work.library.dependents(doomed)
        refused = list(user_rows(counted, self.limits, self.plan.allowances))
        undeclared = {
            (kind, row)
            for kind, rows in counted.content.items()
            for row in rows
            if row not in doomed.get(kind, ())
        }
        if refused or undeclared:
            raise Guarded(
                "what would go along with the deletes has grown since the plan was made",
                details=[blocked.summary for blocked in refused]
                + [
                    f"unmanaged.{TABLES[kind].name}[{row}] would go along" for kind, row in sorted(undeclared)
                ],
                hint=PLAN_AGAIN,
            )
        self.captured = self._with_true_names(self.work.library.capture(doomed))
        self.work.library.delete(doomed)

    def _with_true_names(
        self, captured: Mapping[str, list[Mapping[str, Any]]]
    ) -> Mapping[str, list[Mapping[str, Any]]]:
        """Undo in the captured rows what parking did to their names."""
        names = {
            (f"public.{TABLES[c.kind].name}", c.row): {n: c.before.values[n] for n in TABLES[c.kind].unique}
            for c in self.plan.changes
            if c.action is Action.DELETE and c.kind is not None and c.before is not None
        }
        return {
            table: [{**row, **names.get((table, row.get("id")), {})} for row in rows]
            for table, rows in captured.items()
        }

    # Records.

    def _remember(self) -> AuditHead:
        records = self.work.records
        changes = self.plan.changes
        records.drop_resources(list(_dropped(changes)))
        records.save_resources([self._record(c) for c in changes if c.action in _KEEPS_RECORD], self.run)
        records.save_keys(list(self._keys()))
        records.add_steps(self.run, self._steps())
        head = records.append_audit(self.run, self.actor, [*self._facts()])
        records.set_run(self.run, RunState.COMMITTED)
        return head

    def _record(self, change: Change) -> ResourceRecord:
        assert change.kind is not None
        assert change.after is not None
        values = self._values(change.after)
        table = TABLES[change.kind]
        parent = values[table.parent_column] if table.parent_column else None
        return ResourceRecord(
            address=change.address,  # type: ignore[arg-type]
            kind=change.kind,
            row=self.rows[change.address],
            name=str(values[table.natural_key[-1]]),
            parent_row=parent if isinstance(parent, int) else None,
            keys={slot: found.key for slot, found in change.after.objects.items()},
            applied=canonical_json(values),
            protect=change.protect,
        )

    def _keys(self) -> Iterator[KeyRecord]:
        for change in self.plan.changes:
            if change.after is not None:
                for found in change.after.objects.values():
                    yield self._key(change, found, KeyState.LIVE)
            if change.action is Action.FORGET and change.before is not None:
                for found in change.before.objects.values():
                    yield self._key(change, found, KeyState.RELEASED)
        live = {
            nfc(o.key) for c in self.plan.changes if c.after is not None for o in c.after.objects.values()
        }
        for change in self.plan.changes:
            for key in change.retired:
                if nfc(key) not in live:
                    yield self._key(change, self._object_before(change, key), KeyState.RETIRED)

    def _key(self, change: Change, found: ObjectState, state: KeyState) -> KeyRecord:
        stored = self.objects.get(nfc(found.key))
        return KeyRecord(
            key=found.key,
            state=state,
            size_bytes=found.size_bytes,
            sha256=found.sha256,
            etag=stored.etag if stored is not None else None,
            verified=found.verified and found.sha256 is not None,
            address=change.address,
            run=self.run,
        )

    def _object_before(self, change: Change, key: str) -> ObjectState:
        """Return what was under a key; an object that no resource had is known by the listing alone."""
        named = change.before.objects.values() if change.before is not None else ()
        stored = self.objects.get(nfc(key))
        bare = ObjectState(key=key, size_bytes=stored.size_bytes if stored is not None else 0)
        return next((found for found in named if found.key == key), bare)

    def _steps(self) -> Sequence[StepRecord]:
        steps = [
            StepRecord(
                address=change.address,
                action=change.action.value,
                before=_side(change.before, change.row, change.previous_address),
                after=_side(change.after, self.rows.get(change.address), None),
            )
            for change in self.plan.changes
        ]
        if self.captured:
            steps.append(
                StepRecord(
                    address=CAPTURED, action="capture", before=None, after=None, captured=self.captured
                )
            )
        return steps

    def _facts(self) -> Iterator[AuditFact]:
        for change in self.plan.changes:
            row = self.rows.get(change.address, change.row)
            yield AuditFact(event=change.action.value, address=change.address, detail=_audited(change, row))
        yield AuditFact(
            event="commit",
            detail={
                "fingerprint": self.plan.fingerprint,
                "changes": len(self.plan.changes),
                "user_rows_lost": self.plan.impact.lost_rows,
                "allowances": dict(self.plan.allowances),
                "scope": list(self.plan.scope),
            },
        )

    def _of(self, kind: Kind, actions: Collection[Action]) -> list[Change]:
        return [change for change in self.plan.changes if change.kind is kind and change.action in actions]


def _moved_since(change: Change, row: Row | None) -> str | None:
    """Say what a row shows now that the plan did not see; None when it is what the plan saw."""
    if row is None:
        return f"{change.address}: row {change.row} is gone"
    before = change.before.values if change.before is not None else {}
    names = [name for name, value in before.items() if not same(value, row[name])]
    return f"{change.address}: {', '.join(names)} changed since the plan was made" if names else None


def _dropped(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        if change.action in {Action.DELETE, Action.FORGET}:
            yield change.address
        if change.previous_address is not None:
            yield change.previous_address


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
