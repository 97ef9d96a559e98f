"""Taking a run back, as a plan like any other.

What stood before the run is read from its steps, never from the catalog, which a rollback leaves ahead. A
column that other hands changed after the run gets its value from before the run; the outside change is shown
as drift, and is in the *before* that a reviewer sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconciler.model.errors import NotReversible, UsageError
from reconciler.model.history import Run, StepRecord, Touch
from reconciler.model.plan import Action, Change, Drift
from reconciler.planning.drift import drift_of
from reconciler.planning.evidence import trusted
from reconciler.planning.identity import Identities
from reconciler.planning.inverse import Inverter
from reconciler.planning.obstacles import (
    names_taken,
    objects_gone,
    parents_gone,
    runs_in_the_way,
    still_felt,
    taken_back_by,
    told,
)
from reconciler.planning.planner import Draft, draft_of
from reconciler.planning.removals import unmanaged_in
from reconciler.planning.retirement import with_retired
from reconciler.planning.steps import Done, done_in, unmerged_in
from reconciler.planning.world import Request, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the records say of one run, and of the steps of every later run that committed."""

    number: int
    run: Run | None
    steps: Sequence[StepRecord] = ()
    later: Sequence[Touch] = field(default=())


def draft_rollback(world: World, past: Past, request: Request) -> Draft:
    """Find the changes that take a run back; none when it was taken back already.

    Raises `UsageError` for a run that changed nothing, and `NotReversible` naming everything in the way:
    later runs that touched the same, objects that gc has deleted, rows and names that others have changed.
    """
    done = _done(past)
    believed = trusted(world.snapshot, world.recorded)
    vanished = {address: believed.get(address) for address in world.recorded.resources}
    identities = Identities(bound={}, vanished=vanished, broken=frozenset(), problems=())
    unmanaged = unmanaged_in(world, identities, set())
    if taken_back_by(past.number, past.later) is not None:
        return draft_of(request, identities, changes=(), drift=(), unmanaged=unmanaged)
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
    selected = with_retired(world, changes)
    return draft_of(request, identities, changes=selected, drift=drift, unmanaged=unmanaged)


def _done(past: Past) -> Sequence[Done]:
    if past.run is None:
        raise UsageError(f"there is no run {past.number}", hint="See what runs there are:\n    elmify runs")
    done = tuple(done_in(past.steps)) if past.run.committed_at is not None else ()
    if not done:
        raise UsageError(
            f"run {past.number} ({past.run.command}) changed nothing that can be taken back",
            hint="See what runs there are:\n    elmify runs",
        )
    return done


def _refuse_later_runs(past: Past, done: Sequence[Done]) -> None:
    way = runs_in_the_way(done, still_felt(past.number, past.later))
    if way:
        commands = "".join(f"\n    elmify rollback {run}" for run in sorted(way, reverse=True))
        raise NotReversible(
            f"run {past.number} cannot be taken back: later runs touched the same",
            details=[told(run, addresses) for run, addresses in sorted(way.items())],
            hint=f"Nothing was written. Take those back first, the newest first:{commands}",
        )


def _refuse_merging_again(past: Past) -> None:
    """Raise for the rollback of a merge: to take that back is to merge, which counts anew what goes over."""
    merge = unmerged_in(past.steps)
    if merge is not None:
        raise NotReversible(
            f"run {past.number} took a merge back, and that is taken back by merging again",
            hint=f"Nothing was written. Merge again:\n    elmify merge {merge[0]} {merge[1]}",
        )


def _refuse(run: int, problems: Sequence[str]) -> None:
    if problems:
        raise NotReversible(
            f"run {run} cannot be taken back",
            details=sorted(set(problems)),
            hint="Nothing was written. Say in the catalog what should exist instead, and apply that.",
        )


def _drift(world: World, change: Change) -> Sequence[Drift]:
    address = change.previous_address or change.address
    record = world.recorded.resources.get(address)  # type: ignore[call-overload]
    if record is None or change.action is Action.CREATE or change.row != record.row:
        return ()
    row = world.snapshot.rows[record.kind].get(record.row)
    return tuple(drift_of(record, row, world.recorded, world.snapshot)) if row is not None else ()
