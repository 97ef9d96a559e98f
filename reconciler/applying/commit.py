"""T2: every row, every record and the audit log in one transaction, the only moment anything is seen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.applying import traces
from reconciler.model.actual import Row, StoredObject
from reconciler.model.errors import Guarded, Stale
from reconciler.model.history import Actor, AuditHead, RunState
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Change, Plan, State
from reconciler.model.policy import GuardLimits
from reconciler.model.ports import NewRow, UnitOfWork
from reconciler.model.values import Value, same
from reconciler.planning.guards import user_rows

_WRITES_ROW = frozenset({Action.UPDATE, Action.MOVE, Action.ADOPT})
_TOUCHES_ROW = frozenset(Action) - {Action.CREATE, Action.FORGET}
_KEEPS_RECORD = frozenset({Action.CREATE, Action.UPDATE, Action.MOVE, Action.ADOPT, Action.NO_OP})

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
        records, changes = self.work.records, self.plan.changes
        kept = [change for change in changes if change.action in _KEEPS_RECORD]
        records.drop_resources(list(traces.dropped(changes)))
        records.save_resources(
            [traces.resource(c, self.rows, self._values(c.after)) for c in kept if c.after], self.run
        )
        records.save_keys(list(traces.keys(changes, self.objects, self.run)))
        records.add_steps(self.run, list(traces.steps(changes, self.rows, self.captured)))
        head = records.append_audit(self.run, self.actor, list(traces.facts(self.plan, self.rows)))
        records.set_run(self.run, RunState.COMMITTED)
        return head

    def _of(self, kind: Kind, actions: Collection[Action]) -> list[Change]:
        return [change for change in self.plan.changes if change.kind is kind and change.action in actions]


def _moved_since(change: Change, row: Row | None) -> str | None:
    """Say what a row shows now that the plan did not see; None when it is what the plan saw."""
    if row is None:
        return f"{change.address}: row {change.row} is gone"
    before = change.before.values if change.before is not None else {}
    names = [name for name, value in before.items() if not same(value, row[name])]
    return f"{change.address}: {', '.join(names)} changed since the plan was made" if names else None
