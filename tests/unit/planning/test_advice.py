from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.history import Actor, AuditHead, Lease, Run, RunKind, RunState
from reconciler.model.recorded import IdentityState, KeyState
from reconciler.model.remedies import Apply, CollectGarbage, MakePlan, Merge, Operation, Rebind, Rollback
from reconciler.model.status import Advice, Found, Leftover, Status, Why
from reconciler.planning.advice import advise
from tests.unit.planning.worlds import IDENTITY, NOW, key

QUIET = Status(
    environment="test",
    objects="a bucket",
    database="a database",
    identity=IDENTITY,
    marker=IDENTITY.id,
    trouble=None,
    lease=None,
    holder=None,
    runs=(),
    leftovers=(),
    unfinished=(),
    given_up=0,
    foreign=(),
    staged={},
    condemned=0,
    unanchored=None,
)


def run(number: int, state: RunState, kind: RunKind = RunKind.APPLY, subject: tuple[str, ...] = ()) -> Run:
    return Run(
        id=number,
        kind=kind,
        subject=subject,
        actor=Actor(name="maryam"),
        state=state,
        fingerprint=None,
        begun_at=NOW,
        committed_at=None,
        finished_at=None,
        outcome=None,
    )


def lease(number: int, *, stale: bool) -> Lease:
    return Lease(
        run=number,
        holder="maryam",
        url=None,
        token=1,
        acquired_at=NOW,
        heartbeat_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
        stale=stale,
    )


def left_by(number: int) -> Leftover:
    return Leftover(record=key("a.mp3", KeyState.INTENDED, run=number), found=Found.STORED)


def held(
    kind: RunKind = RunKind.APPLY,
    subject: tuple[str, ...] = (),
    *,
    stale: bool = True,
    state: RunState = RunState.BEGUN,
    trouble: Advice | None = None,
) -> Status:
    return replace(QUIET, lease=lease(3, stale=stale), holder=run(3, state, kind, subject), trouble=trouble)


def remedy(status: Status) -> Operation | None:
    return advise(status).remedy


def test_nothing_is_to_be_done_where_nothing_was_cut_short() -> None:
    assert remedy(QUIET) is None
    assert remedy(replace(QUIET, runs=(run(1, RunState.DONE),))) is None
    assert remedy(replace(QUIET, runs=(run(1, RunState.FAILED),))) is None


@pytest.mark.parametrize(
    ("kind", "subject", "again"),
    [
        (RunKind.APPLY, (), Apply()),
        (RunKind.GC, (), CollectGarbage()),
        (RunKind.ROLLBACK, ("2",), Rollback(run=2)),
        (
            RunKind.MERGE,
            ("lectures[4]", "ali/quran/opening"),
            Merge(row="lectures[4]", into="ali/quran/opening"),
        ),
    ],
)
def test_an_interrupted_run_is_run_again_as_what_it_was(
    kind: RunKind, subject: tuple[str, ...], again: Operation
) -> None:
    assert remedy(held(kind, subject)) == again


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (RunKind.OTHER, ("apply; rm -rf ~",)),
        (RunKind.ROLLBACK, ("2; reboot",)),
        (RunKind.ROLLBACK, ()),
        (RunKind.MERGE, ("a",)),
    ],
)
def test_a_run_that_says_too_little_goes_on_by_an_apply(kind: RunKind, subject: tuple[str, ...]) -> None:
    assert remedy(held(kind, subject)) == Apply()


@pytest.mark.parametrize(("kind", "subject"), [(RunKind.APPLY, ()), (RunKind.ROLLBACK, ("2",))])
def test_a_run_of_a_reviewed_plan_file_goes_on_with_that_file(
    kind: RunKind, subject: tuple[str, ...]
) -> None:
    fingerprint = "873c34b77a35" + "0" * 52
    holder = replace(run(3, RunState.BEGUN, kind, subject), fingerprint=fingerprint)

    stale = advise(replace(held(), holder=holder))
    living = advise(replace(held(stale=False), holder=holder))

    assert stale.remedy == Apply(fingerprint=fingerprint)
    assert living.remedy == Apply(fingerprint=fingerprint, wait_seconds=120)


def test_a_lease_that_still_lasts_is_waited_for() -> None:
    waiting = lease(3, stale=False)

    assert advise(held(stale=False)) == Advice(
        why=Why.RUN_AT_WORK,
        remedy=Apply(wait_seconds=120),
        run=3,
        holder="maryam",
        ends_at=waiting.expires_at,
    )


def test_a_run_that_had_committed_is_said_to_have_committed() -> None:
    assert advise(held(state=RunState.COMMITTED)).why is Why.INTERRUPTED_AFTER_COMMIT
    assert advise(held()).why is Why.INTERRUPTED_BEFORE_COMMIT


def test_a_lease_whose_run_is_unknown_is_taken_over_by_an_apply() -> None:
    assert remedy(replace(held(), holder=None)) == Apply()


def test_stores_that_are_no_pair_come_before_all_else() -> None:
    trouble = Advice(why=Why.NOT_A_PAIR, problem="they are no pair", remedy=Rebind())

    assert advise(held(trouble=trouble)) is trouble


def test_a_first_apply_is_planned_or_taken_up() -> None:
    assert remedy(replace(QUIET, identity=None)) == MakePlan()
    pending = replace(IDENTITY, state=IdentityState.PENDING)
    assert remedy(replace(QUIET, identity=pending)) == Apply()


def test_what_a_failed_run_left_is_taken_up_by_the_same_command() -> None:
    failed = replace(QUIET, runs=(run(2, RunState.FAILED), run(1, RunState.DONE)), leftovers=(left_by(2),))

    assert remedy(failed) == Apply()
    assert remedy(replace(failed, runs=(run(2, RunState.FAILED, RunKind.ROLLBACK, ("1",)),))) == Rollback(
        run=1
    )


def test_a_run_that_only_waited_does_not_hide_the_one_that_was_cut_short() -> None:
    runs = (run(3, RunState.FAILED), run(2, RunState.FAILED))

    assert remedy(replace(QUIET, runs=runs, leftovers=(left_by(2),))) == Apply()


def test_a_success_settles_what_failed_before_it_but_gc_does_not() -> None:
    left = replace(QUIET, leftovers=(left_by(1),))
    failed = run(1, RunState.FAILED)

    assert remedy(replace(left, runs=(run(2, RunState.DONE), failed))) is None
    assert remedy(replace(left, runs=(run(2, RunState.DONE, RunKind.GC), failed))) == Apply()


def test_an_audit_log_ahead_of_the_bucket_is_finished_by_an_apply() -> None:
    assert remedy(replace(QUIET, unanchored=AuditHead(7, "f" * 64))) == Apply()


def test_what_only_waits_to_be_cleared_is_cleared_by_gc() -> None:
    assert remedy(replace(QUIET, condemned=2)) == CollectGarbage()
    assert remedy(replace(QUIET, given_up=1)) == CollectGarbage()
