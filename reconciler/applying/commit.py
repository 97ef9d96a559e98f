"""Commit (T2): rows, records and audit log in one transaction.

It covers every row and every record. It is the only moment at which anything becomes visible.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.applying import run_records
from reconciler.applying.run_records import UndoRecords
from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.model.actual import Row, StoredObject
from reconciler.model.address import Address
from reconciler.model.errors import Guarded, Stale
from reconciler.model.history import Actor, AuditHead, RunState
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Change, Merged, Plan, Restored, State
from reconciler.model.policy import GuardLimits
from reconciler.model.ports import Captured, Dependents, Edit, NewRow, UnitOfWork
from reconciler.model.recorded import KeyRecord, ResourceRecord
from reconciler.model.remedies import MakePlan
from reconciler.model.values import Value, same
from reconciler.planning.guards import user_rows
from reconciler.planning.steps import CAPTURE, EDIT, SORT

_WRITES_ROW = frozenset({Action.UPDATE, Action.MOVE, Action.ADOPT, Action.FORGET})
_CATEGORIES = "categories"
_KEEPS_RECORD = frozenset({Action.CREATE, Action.UPDATE, Action.MOVE, Action.ADOPT, Action.NO_OP})


#: What to say before `plan_again`.
PLAN_AGAIN = "Nothing was applied. Plan again and have it reviewed:"


def plan_again(plan: Plan) -> MakePlan:
    """Return what to do when a plan cannot be carried out any more."""
    return MakePlan(rolls_back=plan.rolls_back, merges=plan.merges, review=True)


@dataclass
class Commit:
    """One attempt at T2, the commit.

    `objects` are what the bucket holds, by NFC key, including the puts of this run; `known` is what is
    recorded of keys so far.
    """

    work: UnitOfWork
    plan: Plan
    run: int
    actor: Actor
    limits: GuardLimits
    objects: Mapping[str, StoredObject]
    recorded: Mapping[Address, ResourceRecord]
    rows: dict[str, int] = field(default_factory=dict)  # address -> row id, for every change that has a row
    captured: Captured = field(default_factory=dict)
    resorted: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    undoing: UndoRecords | None = None
    merged: Merged = field(default_factory=Merged)
    edits: Sequence[Edit] = ()
    known: Mapping[str, KeyRecord] = field(default_factory=dict)
    seen: dict[tuple[Kind, int], Row] = field(default_factory=dict)  # rows as they were locked
    cancel: CancellationToken = NEVER_CANCELLED

    @property
    def restored(self) -> Restored:
        """User rows that a rollback has restored, and those it left out."""
        return self.undoing.restored if self.undoing is not None else Restored()

    def carry_out(self, token: int) -> AuditHead:
        """Make every change of the plan, inside the caller's transaction.

        Raises `Leased` when the token is not the current one, `Stale` when a managed column is not what the
        plan saw, `Guarded` when deletes would take more user rows than was reviewed, `Interrupted` when
        cancelled between two statements. Nothing is committed then.
        """
        self.work.records.check_lease(token)
        if self.plan.rolls_back is not None:
            self.undoing = UndoRecords.read(self.work.records, self.plan.rolls_back)
        self._lock_and_compare()
        self._reserve()
        self._park_deleted()
        for kind in self.cancel.between(
            Kind
        ):  # parents first; a renamed row frees its name before a new one takes it
            self._update(kind)
            self._insert(kind)
        if self.undoing is not None and self._any(Action.CREATE):
            self.undoing.restore_the_rest(self.work.library)
        if self.plan.merges is not None:
            self._merge()
        self._delete()
        self.cancel.raise_if_cancelled()
        head = self._remember()
        self.cancel.raise_if_cancelled()  # the last look: from here on it is committed
        return head

    # Preconditions.

    def _lock_and_compare(self) -> None:
        for kind in self.cancel.between(Kind):
            concerned = [change for change in self._of(kind, frozenset(Action)) if _touches_row(change)]
            touched = {change.row for change in concerned if change.row is not None}
            if not touched:
                continue
            locked = self.work.library.lock(kind, touched)
            self.seen.update(((kind, row_id), row) for row_id, row in locked.items())
            moved = [_moved_since(c, locked.get(c.row)) for c in concerned if c.row is not None]
            said = [sentence for sentence in moved if sentence is not None]
            if said:
                raise Stale(
                    "the world moved after this plan was made",
                    details=sorted(said),
                    hint=PLAN_AGAIN,
                    remedies=[plan_again(self.plan)],
                )

    # Rows.

    def _reserve(self) -> None:
        for change in self.plan.changes:
            if change.row is not None:
                self.rows[change.address] = change.row
        for kind in Kind:
            self._claim(kind)
            new = [change for change in self._of(kind, {Action.CREATE}) if change.row is None]
            if new:
                ids = self.work.library.reserve_ids(kind, len(new))
                self.rows.update(zip((change.address for change in new), ids, strict=True))

    def _claim(self, kind: Kind) -> None:
        """Keep the ids of rows that are made again.

        Raises `Stale` where one of them is taken by now.
        """
        again = {c.row: c.address for c in self._of(kind, {Action.CREATE}) if c.row is not None}
        taken = self.work.library.claim_ids(kind, again) if again and self.undoing is None else ()
        if taken:
            raise Stale(
                "the world moved after this plan was made",
                details=[f"{again[row]}: there is a row {row} again" for row in sorted(taken)],
                hint=PLAN_AGAIN,
                remedies=[plan_again(self.plan)],
            )

    def _values(self, state: State) -> dict[str, Value]:
        """Return the values of a state, with the row ids of new parents.

        New parents are those that this commit creates.
        """
        return {**state.values, **{name: self.rows[parent] for name, parent in state.pending.items()}}

    def _park_deleted(self) -> None:
        """Rename rows that will be deleted, to free their unique names.

        So the rows that take their place can have these names.
        """
        for kind in Kind:
            to_delete = self._doomed(kind)
            unique = TABLES[kind].unique
            if to_delete and unique and self._of(kind, {*_WRITES_ROW, Action.CREATE}):
                parked: dict[int, dict[str, Value]] = {
                    row: {unique[-1]: f"elmify:to_delete:{row}"} for row in to_delete
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
        if not updates:
            return
        resorted = [row for row, values in updates.items() if _CATEGORIES in values]
        if resorted:
            junctions = self.work.library.capture_categories(kind, resorted)
            self.resorted[f"public.{kind}_categories"] = junctions
        self.work.library.update(kind, updates)
        if resorted and self.undoing is not None:
            self.undoing.sort_again(self.work.library, kind, resorted)

    def _insert(self, kind: Kind) -> None:
        if self.undoing is not None:
            self.undoing.restore(self.work.library, kind, self.plan.changes)
            return
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

    def _merge(self) -> None:
        """Merge the user data of the deleted lecture into the one that stays.

        What was combined with the data of the row that stays is deleted with the other row.
        """
        [goes] = self._doomed(Kind.LECTURE)
        [stays] = [change.row for change in self._of(Kind.LECTURE, {Action.NO_OP}) if change.row is not None]
        self.merged, self.edits = self.work.library.merge(goes, stays)

    def _delete(self) -> None:
        to_delete = {kind: rows for kind in Kind if (rows := self._doomed(kind))}
        if not to_delete:
            return
        counted = _but_combined(self.work.library.dependents(to_delete), self.merged)
        refused = list(user_rows(counted, self.limits, self.plan.allowances))
        undeclared = {
            (kind, row)
            for kind, rows in counted.content.items()
            for row in rows
            if row not in to_delete.get(kind, ())
        }
        if refused or undeclared:
            raise Guarded(
                "what would go along with the deletes has grown since the plan was made",
                details=[blocked.summary for blocked in refused]
                + [
                    f"unmanaged.{TABLES[kind].name}[{row}] would go along" for kind, row in sorted(undeclared)
                ],
                hint=PLAN_AGAIN,
                remedies=[plan_again(self.plan)],
            )
        self.captured = self._with_true_names(self.work.library.capture(to_delete))
        self.work.library.delete(to_delete)

    def _with_true_names(self, captured: Captured) -> Captured:
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
        records.drop_resources(list(run_records.dropped(changes)))
        records.save_resources(self._kept(), self.run)
        keys = run_records.keys(changes, self.objects, self.run, self.plan.kept, self.known)
        records.save_keys(list(keys))
        records.save_aliases(run_records.aliases(changes, self.run))
        kept = {CAPTURE: self.captured, SORT: self.resorted, EDIT: run_records.edited(self.edits)}
        records.add_steps(self.run, list(run_records.steps(changes, self.rows, self._held(), kept)))
        purpose = run_records.purpose(self.plan, self.restored, self.undoing.merge if self.undoing else None)
        records.add_steps(self.run, list(purpose))
        user_rows = self.work.library.user_rows()
        facts = run_records.facts(self.plan, self.rows, self.restored, self.merged, user_rows)
        head = records.append_audit(self.run, self.actor, list(facts))
        records.set_run(self.run, RunState.COMMITTED, counts=run_records.counts(self.plan, head))
        return head

    def _kept(self) -> Sequence[ResourceRecord]:
        """Return what is recorded from now on of the resources that are kept."""
        kept = [change for change in self.plan.changes if change.action in _KEEPS_RECORD]
        if self.undoing is not None:
            return self.undoing.remembered(kept)
        return [
            run_records.resource(c, self.rows, self._values(c.after), self._seen(c)) for c in kept if c.after
        ]

    def _seen(self, change: Change) -> Row | None:
        known = change.kind is not None and change.row is not None
        return self.seen.get((change.kind, change.row)) if known else None  # type: ignore[arg-type]

    def _held(self) -> Callable[[Change], ResourceRecord | None]:
        """Return what says which record a change's resource had until now."""
        by_row = {(record.kind, record.row): record for record in self.recorded.values()}
        return lambda change: (
            by_row.get((change.kind, change.row))
            if change.kind is not None and change.row is not None
            else self.recorded.get(Address(change.address))
        )

    def _any(self, action: Action) -> bool:
        return self.plan.count(action) > 0

    def _of(self, kind: Kind, actions: Collection[Action]) -> list[Change]:
        return [change for change in self.plan.changes if change.kind is kind and change.action in actions]


def _but_combined(counted: Dependents, merged: Merged) -> Dependents:
    """Exclude rows that were combined with another row.

    Their content is kept in the row that they were combined with.
    """
    lost = {table: count - merged.combined.get(table, 0) for table, count in counted.lost_rows.items()}
    return replace(counted, lost_rows=lost)


def _touches_row(change: Change) -> bool:
    """Return whether the change's row must still be what the plan saw."""
    return change.action is not Action.CREATE and (
        change.action is not Action.FORGET or change.after is not None
    )


def _moved_since(change: Change, row: Row | None) -> str | None:
    """Return a sentence on how a row differs from what the plan saw.

    None when the row is what the plan saw.
    """
    if row is None:
        return f"{change.address}: row {change.row} is gone"
    before = change.before.values if change.before is not None else {}
    names = [name for name, value in before.items() if not same(value, row[name])]
    return f"{change.address}: {', '.join(names)} changed since the plan was made" if names else None
