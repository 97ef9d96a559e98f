import shlex
from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.history import Actor, AuditHead, Lease, Run, RunKind, RunState
from reconciler.model.recorded import IdentityState, KeyState
from reconciler.model.status import Advice, Found, Leftover, Status
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


def command(status: Status) -> str | None:
    return advise(status).command


def test_nothing_is_to_be_done_where_nothing_was_cut_short() -> None:
    assert command(QUIET) is None
    assert command(replace(QUIET, runs=(run(1, RunState.DONE),))) is None
    assert command(replace(QUIET, runs=(run(1, RunState.FAILED),))) is None


@pytest.mark.parametrize(
    ("kind", "subject", "again"),
    [
        (RunKind.APPLY, (), "elmify apply"),
        (RunKind.GC, (), "elmify gc"),
        (RunKind.ROLLBACK, ("2",), "elmify rollback 2"),
        (RunKind.MERGE, ("lectures[4]", "ali/quran/opening"), "elmify merge 'lectures[4]' ali/quran/opening"),
    ],
)
def test_an_interrupted_run_is_run_again_as_what_it_was(
    kind: RunKind, subject: tuple[str, ...], again: str
) -> None:
    assert command(held(kind, subject)) == again


@pytest.mark.parametrize("text", ["apply; rm -rf ~", "apply\nrm -rf ~", "doctor", "apply $(reboot)", ""])
def test_what_is_printed_to_be_pasted_is_a_command_of_elmifys(text: str) -> None:
    assert command(held(RunKind.OTHER, (text,))) == "elmify apply"
    assert shlex.split(str(command(held(RunKind.MERGE, (text, "4"))))) == ["elmify", "merge", text, "4"]


@pytest.mark.parametrize(("kind", "subject"), [(RunKind.APPLY, ()), (RunKind.ROLLBACK, ("2",))])
def test_a_run_of_a_reviewed_plan_file_goes_on_with_that_file(
    kind: RunKind, subject: tuple[str, ...]
) -> None:
    holder = replace(run(3, RunState.BEGUN, kind, subject), fingerprint="873c34b77a35" + "0" * 52)

    stale = advise(replace(held(), holder=holder))
    living = advise(replace(held(stale=False), holder=holder))

    assert stale.command == "elmify apply PLANFILE"
    assert living.command == "elmify apply PLANFILE --lock-timeout 2m"
    assert "the plan file with fingerprint 873c34b77a35:" in stale.why


def test_a_lease_that_still_lasts_is_waited_for() -> None:
    advice = advise(held(stale=False))

    assert advice.command == "elmify apply --lock-timeout 2m"
    assert "14:03:05 UTC" in advice.why


def test_a_run_that_had_committed_is_said_to_have_committed() -> None:
    assert "committed everything" in advise(held(state=RunState.COMMITTED)).why
    assert "before its commit" in advise(held()).why


def test_a_lease_whose_run_is_unknown_is_taken_over_by_an_apply() -> None:
    assert command(replace(held(), holder=None)) == "elmify apply"


def test_stores_that_are_no_pair_come_before_all_else() -> None:
    trouble = Advice(why="they are no pair", command="elmify identity --rebind")

    assert advise(held(trouble=trouble)) is trouble


def test_a_first_apply_is_planned_or_taken_up() -> None:
    assert command(replace(QUIET, identity=None)) == "elmify plan"
    pending = replace(IDENTITY, state=IdentityState.PENDING)
    assert command(replace(QUIET, identity=pending)) == "elmify apply"


def test_what_a_failed_run_left_is_taken_up_by_the_same_command() -> None:
    failed = replace(QUIET, runs=(run(2, RunState.FAILED), run(1, RunState.DONE)), leftovers=(left_by(2),))

    assert command(failed) == "elmify apply"
    assert (
        command(replace(failed, runs=(run(2, RunState.FAILED, RunKind.ROLLBACK, ("1",)),)))
        == "elmify rollback 1"
    )


def test_a_run_that_only_waited_does_not_hide_the_one_that_was_cut_short() -> None:
    runs = (run(3, RunState.FAILED), run(2, RunState.FAILED))

    assert command(replace(QUIET, runs=runs, leftovers=(left_by(2),))) == "elmify apply"


def test_a_success_settles_what_failed_before_it_but_gc_does_not() -> None:
    left = replace(QUIET, leftovers=(left_by(1),))
    failed = run(1, RunState.FAILED)

    assert command(replace(left, runs=(run(2, RunState.DONE), failed))) is None
    assert command(replace(left, runs=(run(2, RunState.DONE, RunKind.GC), failed))) == "elmify apply"


def test_an_audit_log_ahead_of_the_bucket_is_finished_by_an_apply() -> None:
    assert command(replace(QUIET, unanchored=AuditHead(7, "f" * 64))) == "elmify apply"


def test_what_only_waits_to_be_cleared_is_cleared_by_gc() -> None:
    assert command(replace(QUIET, condemned=2)) == "elmify gc"
    assert command(replace(QUIET, given_up=1)) == "elmify gc"
