"""Runs of the past, for plans that take them back: a plan carried out without a store, and its steps."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.applying import run_records
from reconciler.model.address import Address
from reconciler.model.errors import NotReversible
from reconciler.model.history import Actor, Run, RunKind, RunState, Touch
from reconciler.model.plan import Change, Plan
from reconciler.model.ports import Dependents, PositionsPastEnd
from reconciler.model.recorded import ResourceRecord
from reconciler.planning.planner import finish
from reconciler.planning.rollback import Past, draft_rollback
from reconciler.planning.world import Request, World
from tests.unit.planning.worlds import NOW, applied, planned

NUMBER = 12


def run_of(number: int = NUMBER, kind: RunKind = RunKind.APPLY, *, committed: bool = True) -> Run:
    return Run(
        id=number,
        kind=kind,
        actor=Actor(name="tester"),
        state=RunState.DONE,
        fingerprint=None,
        begun_at=NOW,
        committed_at=NOW if committed else None,
        finished_at=NOW,
        outcome="ok",
    )


def carried_out(world: World, *, later: Iterable[Touch] = (), **request: Any) -> tuple[World, Past]:
    """Return the world after a plan of its catalog, and what the records then say of that run."""
    return done(world, planned(world, **request), later=later)


def done(world: World, plan: Plan, *, later: Iterable[Touch] = ()) -> tuple[World, Past]:
    """Return the world after a plan, and what the records then say of that run."""
    after = applied(world, plan)
    rows = {str(address): record.row for address, record in after.recorded.resources.items()}
    steps = run_records.steps(plan.changes, rows, held_in(world), {})
    return after, Past(number=NUMBER, run=run_of(), steps=tuple(steps), later=tuple(later))


def held_in(world: World) -> Any:
    by_row: Mapping[Any, ResourceRecord] = {
        (record.kind, record.row): record for record in world.recorded.resources.values()
    }

    def held(change: Change) -> ResourceRecord | None:
        if change.row is None:
            return world.recorded.resources.get(Address(change.address))
        return by_row.get((change.kind, change.row))

    return held


def taken_back(world: World, past: Past, **allowances: int) -> Plan:
    """Plan the rollback of a run."""
    request = Request(rolls_back=past.number, allowances=allowances)
    rough = draft_rollback(world, past, request)
    return finish(world, rough, Dependents(), Dependents(), PositionsPastEnd())


def refusal(world: World, past: Past) -> NotReversible | None:
    """Return how a rollback is refused; None when it is not."""
    try:
        draft_rollback(world, past, Request(rolls_back=past.number))
    except NotReversible as refused:
        return refused
    return None


def in_the_way(world: World, past: Past) -> tuple[tuple[str, str, int | str | None], ...]:
    """Return the address and the reason of each conflict of a rollback, and the row or key it names."""
    refused = refusal(world, past)
    if refused is None:
        return ()
    assert refused.code == "not-reversible"
    pairs = zip(refused.details, refused.reasons, strict=True)
    return tuple((_address_in(detail), reason, _named_in(world, detail)) for detail, reason in pairs)


def _address_in(detail: str) -> str:
    return detail.split(" ", 1)[0].rstrip(":")


def _named_in(world: World, detail: str) -> int | str | None:
    said = detail.removeprefix(_address_in(detail))
    for key in world.recorded.keys:
        if key in said:
            return key
    row = re.search(r"\d+", said)
    return int(row[0]) if row else None


def touch(run: int, address: str, action: str = "update", **more: Any) -> Touch:
    return Touch(run=run, address=address, action=action, **more)
