"""Rollback of a run: the inverse of its steps, as a plan like any other.

Only what the run changed is brought back: columns that it left alone stay as they are. A column that other
hands changed after the run gets its value from before the run all the same.

What stood before the run is read from its steps, never from the catalog, which a rollback leaves ahead. A
column that other hands changed after the run gets its value from before the run; the outside change is shown
as drift, and is in the *before* that a reviewer sees.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import assert_never

from reconciler.model.actual import Row
from reconciler.model.address import UNMANAGED, Address
from reconciler.model.drift import DriftFinding
from reconciler.model.errors import NotReversible, UsageError
from reconciler.model.history import Run, StepRecord, Touch
from reconciler.model.kinds import TABLES, Slot
from reconciler.model.plan import Action, Change, ObjectState, State
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import Merge, Rollback, ShowRuns
from reconciler.model.values import Value, nfc, same
from reconciler.planning.byte_sources import object_at
from reconciler.planning.diff import differing_names
from reconciler.planning.drift import drift_of
from reconciler.planning.fingerprint import change_id
from reconciler.planning.identity import Identities
from reconciler.planning.planner import Draft, draft_of
from reconciler.planning.record_validity import trusted
from reconciler.planning.references import split_reference, url_of
from reconciler.planning.removals import unmanaged_in
from reconciler.planning.rollback_conflicts import (
    Conflict,
    ConflictReason,
    conflict_line,
    names_taken,
    objects_gone,
    parents_gone,
    runs_in_the_way,
    still_felt,
    taken_back_by,
)
from reconciler.planning.steps import Done, done_in, unmerged_in
from reconciler.planning.world import Request, World

_PAST = {
    Action.CREATE: "created it",
    Action.UPDATE: "changed it",
    Action.MOVE: "moved it",
    Action.DELETE: "deleted it",
    Action.ADOPT: "imported it",
    Action.FORGET: "let go of it",
    Action.NO_OP: "recorded it anew",
}


@dataclass
class Inverter:
    """Conversion of the steps of one run into changes that undo them.

    `believed` holds the row of every record that can be trusted. `problems` are what makes the
    inverse of a step impossible.
    """

    world: World
    run: int
    believed: Mapping[Address, Row]
    problems: list[Conflict] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    kept: Mapping[str, str] = field(default_factory=dict)

    def invert(self, steps: Iterable[Done]) -> None:
        """Add the inverse of each step."""
        done = list(steps)
        self.kept = {key: kept for step in done for key, kept in step.kept.items()}
        for step in done:
            match step.action:
                case Action.CREATE:
                    self._undo_create(step)
                case Action.UPDATE | Action.MOVE | Action.ADOPT | Action.NO_OP:
                    self._put_back(step)
                case Action.DELETE:
                    self._bring_back(step)
                case Action.FORGET:
                    self._take_charge_again(step, _taker(step, done))
                case _:
                    assert_never(step.action)

    def _undo_create(self, step: Done) -> None:
        row = self._row_now(step)
        if row is not None:
            self._add(step, Action.DELETE, row.id, before=self._whole(step, row))
        elif step.address in self.world.recorded.resources:
            left = State(values={}, objects=self._objects_now(step))
            self._add(step, Action.FORGET, None, before=left, told="created it, and it is gone already")

    def _put_back(self, step: Done) -> None:
        row = self._row_now(step)
        if row is None:
            detail = f"{step.address}: its row {step.row} is gone: somebody else deleted it"
            self.problems.append(Conflict(detail, ConflictReason.ROW_GONE))
            return
        before, after = self._sides(step, row)
        self._add(step, _inverse(step, before, after), row.id, before=before, after=after)

    def _sides(self, step: Done, row: Row) -> tuple[State, State]:
        """Return the present and the former state of the columns of a step.

        That is what the row shows now, and what it showed then, in the columns that the step changed.
        """
        then = step.before.values if step.before is not None else {}
        left = step.after.values if step.after is not None else then
        changed = [
            name
            for name, value in then.items()
            if name in TABLES[row.kind].index and (name not in left or not same(value, left[name]))
        ]
        return (
            State(values={name: row[name] for name in changed}, objects=self._objects_now(step)),
            self._then(step, {n: then[n] for n in changed}),
        )

    def _then(self, step: Done, values: Mapping[str, Value]) -> State:
        """Return the former state of a step, as far as it can come back.

        Where an alias has overwritten the former key, the row names the copy that was kept of its bytes.
        """
        objects = self._objects_then(step)
        audio = objects.get(Slot.LECTURE_AUDIO)
        former = values.get("file_path")
        if audio is not None and isinstance(former, str) and nfc(audio.key) != nfc(former):
            values = {**values, **_renamed(values, audio.key)}
        return State(values=self._possible(values), objects=objects)

    def _bring_back(self, step: Done) -> None:
        if step.kind is None:
            released = State(values={})
            self._add(step, Action.FORGET, None, before=released, reused=step.retired)
            return
        assert step.before is not None
        if step.row in self.world.snapshot.rows[step.kind]:
            detail = f"{step.address}: there is a row {step.row} again, which is not the one deleted"
            self.problems.append(Conflict(detail, ConflictReason.ROW_REPLACED))
            return
        self._add(
            step,
            Action.CREATE,
            step.row,
            after=self._then(step, step.before.values),
        )

    def _take_charge_again(self, step: Done, taker: Done | None) -> None:
        """Record again what the run forgot.

        `taker` is what the run did to the row under another address.
        """
        if taker is not None:
            self._record_again(step, taker)
            return
        row = (
            self.world.snapshot.rows[step.kind].get(step.row) if step.kind and step.row is not None else None
        )
        if row is None or step.record is None:
            return  # there was nothing but the record of a row that is gone
        if not _shows(row, step.after or step.before):
            self.problems.append(_replaced(step, row.id))
        before, after = self._sides(step, row)
        self._add(step, Action.ADOPT, row.id, before=before, after=after)

    def _record_again(self, step: Done, taker: Done) -> None:
        """Give the row back to the address that had it.

        The row's values are restored together with those of the taker.
        """
        row = self._row_now(taker)
        if row is not None:
            before = State(values={}, objects=self._objects_now(taker))
            after = State(values={}, objects=self._objects_then(step))
            self._add(step, Action.ADOPT, row.id, before=before, after=after)

    # What stands now, and what stood then.

    def _row_now(self, step: Done) -> Row | None:
        """Return the row that the step left; None when it is gone.

        If the row is not that one any more, this is added to `problems`.
        """
        if step.kind is None or step.row is None:
            return None
        row = self.world.snapshot.rows[step.kind].get(step.row)
        if step.address.startswith(UNMANAGED) or row is None:
            return row
        record = self.world.recorded.resources.get(Address(step.address))
        believed = self.believed.get(Address(step.address))
        if record is None or believed is None or believed.id != step.row:
            self.problems.append(_replaced(step, step.row))
        return row

    def _whole(self, step: Done, row: Row) -> State:
        values = {column.name: row[column.name] for column in TABLES[row.kind].columns}
        return State(values=values, objects=self._objects_now(step))

    def _possible(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Leave out the categories that the app has deleted since."""
        known = self.world.snapshot.categories or {}
        return {
            name: tuple(slug for slug in value if slug in known) if isinstance(value, tuple) else value
            for name, value in values.items()
        }

    def _objects_now(self, step: Done) -> dict[Slot, ObjectState]:
        record = self.world.recorded.resources.get(Address(step.address))
        keys = record.keys if record is not None else _keys(step.after or step.before)
        return {
            slot: found for slot, key in keys.items() if (found := object_at(self.world, key)) is not None
        }

    def _objects_then(self, step: Done) -> dict[Slot, ObjectState]:
        """Return the objects as they were before the run.

        Objects whose bytes were missing then are returned as they are now.
        """
        objects: dict[Slot, ObjectState] = {}
        for slot, key in (step.record.keys if step.record is not None else {}).items():
            if (found := object_at(self.world, self._holding(key, None))) is not None:
                objects[slot] = found
        for slot, then in (step.before.objects if step.before is not None else {}).items():
            objects[slot] = object_at(self.world, self._holding(then.key, then.sha256)) or then
        return objects

    def _holding(self, key: str, sha256: str | None) -> str:
        """Return the key that holds now what `key` held before the run.

        `sha256` is the hash of those bytes, None when it is unknown.
        """
        records, objects = self.world.recorded.keys, self.world.snapshot.objects
        known, kept = records.get(nfc(key)), self.kept.get(nfc(key))
        if kept is not None and nfc(kept) in objects:
            return kept
        if sha256 is None or known is None or known.sha256 in {None, sha256}:
            return key
        others = (
            record.key
            for folded, record in records.items()
            if record.sha256 == sha256 and record.state is not KeyState.CONDEMNED and folded in objects
        )
        return min(others, default=key)

    def _but_shared(self, objects: Mapping[Slot, ObjectState]) -> Mapping[Slot, ObjectState]:
        """Return the objects without those that another resource has too.

        Shared objects are not forgotten with the resource.
        """
        return {slot: found for slot, found in objects.items() if self._holders[nfc(found.key)] <= 1}

    @cached_property
    def _holders(self) -> Counter[str]:
        """Number of resources that have each NFC key."""
        records = self.world.recorded.resources.values()
        return Counter(nfc(key) for record in records for key in record.keys.values())

    # The change.

    def _add(
        self,
        step: Done,
        action: Action,
        row: int | None,
        *,
        before: State | None = None,
        after: State | None = None,
        reused: tuple[str, ...] = (),
        told: str = "",
    ) -> None:
        address, previous = _addresses(step, action)
        if action is Action.FORGET and before is not None:
            before = replace(before, objects=self._but_shared(before.objects))
        self.changes.append(
            Change(
                address=address,
                kind=step.kind,
                action=action,
                reason=f"run {self.run} {told or _PAST[step.action]}",
                change_id=change_id(self.world.policy.environment, address, action, previous, before, after),
                row=row,
                previous_address=previous,
                before=before,
                after=after,
                reused=reused or _revived(before, after),
                protect=step.record is not None and step.record.protect,
            )
        )


def _renamed(values: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    """Return the columns that name a recording, with another key."""
    renamed: dict[str, Value] = {"file_path": key, "file_name": key.rpartition("/")[2]}
    url = values.get("audio_url")
    base = split_reference(url)[0] if isinstance(url, str) else None
    if base is not None:
        renamed["audio_url"] = url_of(base, key)
    return {name: value for name, value in renamed.items() if name in values}


def _taker(step: Done, done: Iterable[Done]) -> Done | None:
    """Return the step that took the row of a forgotten address.

    It took the row for another address, in the same run.
    """
    if step.record is None or step.row is not None:
        return None
    rows = {(each.kind, each.row): each for each in done if each.action is not Action.FORGET}
    return rows.get((step.record.kind, step.record.row))


def _shows(row: Row, left: State | None) -> bool:
    """Return whether an unrecorded row still shows what a step left.

    That is its name or its file. Nothing is recorded of such a row.
    """
    names = {TABLES[row.kind].natural_key[-1], "file_path"}
    known = {name: value for name, value in (left.values if left else {}).items() if name in names}
    return not known or any(same(row[name], value) for name, value in known.items())


def _inverse(step: Done, before: State, after: State) -> Action:
    if step.action is Action.ADOPT:
        return Action.FORGET
    if step.action is Action.MOVE:
        return Action.MOVE
    return Action.UPDATE if differing_names(before, after) else Action.NO_OP


def _addresses(step: Done, action: Action) -> tuple[str, str | None]:
    """Return the address that the inverse is about, and the one it comes from."""
    if action is Action.MOVE and step.previous_address is not None:
        return step.previous_address, step.address
    if action is Action.CREATE and step.record is not None:
        return step.record.address, None
    return step.address, None


def _keys(state: State | None) -> Mapping[Slot, str]:
    return {slot: found.key for slot, found in state.objects.items()} if state is not None else {}


def _revived(before: State | None, after: State | None) -> tuple[str, ...]:
    """Return the keys that become live again."""
    held = {nfc(key) for key in _keys(before).values()}
    return tuple(key for key in _keys(after).values() if nfc(key) not in held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Records of one run and of the steps of every later committed run."""

    number: int
    run: Run | None
    steps: Sequence[StepRecord] = ()
    later: Sequence[Touch] = field(default=())


def draft_rollback(world: World, past: Past, request: Request) -> Draft:
    """Return the draft of the changes that roll a run back.

    There are none when the run was rolled back already.

    Raise `UsageError` for a run that changed nothing, and `NotReversible` naming everything in the
    way: later runs that touched the same things, objects that gc has deleted, and rows and names that
    others have changed.
    """
    done = _done(past)
    believed = trusted(world.snapshot, world.recorded)
    vanished = {address: believed.get(address) for address in world.recorded.resources}
    identities = Identities(bound={}, vanished=vanished, broken=frozenset(), problems=())
    unmanaged = unmanaged_in(world, identities, set())
    if taken_back_by(past.number, past.later) is not None:
        return draft_of(world, request, identities, changes=(), drift=(), unmanaged=unmanaged)
    _refuse_later_runs(past, done)
    _refuse_merging_again(past)
    inverter = Inverter(world, past.number, believed)
    inverter.invert(done)
    changes = inverter.changes
    _refuse(
        past.number,
        [
            *inverter.problems,
            *objects_gone(world, done, changes),
            *parents_gone(world, changes),
            *names_taken(world, changes),
        ],
    )
    drift = [found for change in changes for found in _drift(world, change)]
    return draft_of(world, request, identities, changes=changes, drift=drift, unmanaged=unmanaged)


def _done(past: Past) -> Sequence[Done]:
    if past.run is None:
        raise UsageError(
            f"there is no run {past.number}",
            code="no-run",
            hint="See what runs there are:",
            remedies=[ShowRuns()],
        )
    done = tuple(done_in(past.steps)) if past.run.committed_at is not None else ()
    if not done:
        raise UsageError(
            f"run {past.number} ({past.run.kind}) changed nothing that can be taken back",
            code="nothing-to-roll-back",
            hint="See what runs there are:",
            remedies=[ShowRuns()],
        )
    return done


def _refuse_later_runs(past: Past, done: Sequence[Done]) -> None:
    way = runs_in_the_way(done, still_felt(past.number, past.later))
    if way:
        raise NotReversible(
            f"run {past.number} cannot be taken back: later runs touched the same",
            details=[conflict_line(run, addresses) for run, addresses in sorted(way.items())],
            hint="Nothing was written. Take those back first, the newest first:",
            remedies=[Rollback(run=run) for run in sorted(way, reverse=True)],
        )


def _refuse_merging_again(past: Past) -> None:
    """Raise `NotReversible` for a run that is the rollback of a merge.

    To undo such a run is to merge again, which counts anew what moves to the other row.
    """
    merge = unmerged_in(past.steps)
    if merge is not None:
        raise NotReversible(
            f"run {past.number} took a merge back, and that is taken back by merging again",
            hint="Nothing was written. Merge again:",
            remedies=[Merge(row=str(merge[0]), into=str(merge[1]))],
        )


def _replaced(step: Done, row: int) -> Conflict:
    detail = f"{step.address}: row {row} is not the one that the run left there"
    return Conflict(detail, ConflictReason.ROW_REPLACED)


def _refuse(run: int, problems: Sequence[Conflict]) -> None:
    if problems:
        found = sorted(set(problems))
        raise NotReversible(
            f"run {run} cannot be taken back",
            details=[each.detail for each in found],
            reasons=[each.reason for each in found],
            hint="Nothing was written. Say in the catalog what should exist instead, and apply that.",
        )


def _drift(world: World, change: Change) -> Sequence[DriftFinding]:
    address = change.previous_address or change.address
    record = world.recorded.resources.get(address)  # type: ignore[call-overload]
    if record is None or change.action is Action.CREATE or change.row != record.row:
        return ()
    row = world.snapshot.rows[record.kind].get(record.row)
    return tuple(drift_of(record, row, world.recorded, world.snapshot)) if row is not None else ()
