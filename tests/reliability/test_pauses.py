"""Several at once: who was paused past its lease, who waits, who is overtaken, and who comes in between."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.acceptance.projects import run_sql
from tests.failures import named_in
from tests.reliability.invariants import Seen
from tests.reliability.pausing import (
    APPLY,
    BEGINS,
    GUARDED,
    LEASED,
    NOT_REVERSIBLE,
    OBJECTS,
    STALE,
    UNFINISHED,
    anchoring,
    before_commit,
    committing,
    contents,
    following,
    is_done,
    is_sound,
    nth,
    paused_at,
    planning,
    putting,
    runs,
    scenario,
    settling,
    take_over,
    wait_for_a_lock,
)
from tests.reliability.points import Point
from tests.reliability.scenarios import (
    DIRECTORY,
    Scenario,
    everything_back,
    library,
    recorded_again,
    two_months,
)
from tests.reliability.trials import Stage, Theatre, expire_lease


@pytest.fixture
def everything(theatre: Theatre) -> Iterator[Stage]:
    """A plan that moves, deletes, renames, creates and stores, about to be applied."""
    with theatre.stage(scenario("everything at once"), DIRECTORY) as stage:
        stage.put_back()
        yield stage


@pytest.fixture
def collecting(theatre: Theatre) -> Iterator[Stage]:
    """Retired objects and leftovers past their retention, about to be collected."""
    with theatre.stage(scenario("gc"), DIRECTORY) as stage:
        stage.put_back()
        yield stage


# Paused past the lease.


@pytest.mark.parametrize("phase", [planning, putting, before_commit])
def test_an_apply_that_was_paused_past_its_lease_changes_nothing_any_more(
    everything: Stage, phase: Callable[[Stage], Point]
) -> None:
    holder = paused_at(everything, phase(everything))
    expire_lease(everything.url)
    [successor] = everything.elmify(APPLY)
    then = contents(everything)
    holder.go_on()
    ended = holder.end()

    assert (successor.status, ended.status) == (0, LEASED), ended
    assert contents(everything) == then
    assert is_done(everything)
    assert is_sound(everything)
    assert everything.look().lease_seconds is None


def test_an_apply_that_was_paused_while_nobody_took_its_lease_goes_on(everything: Stage) -> None:
    holder = paused_at(everything, putting(everything))
    expire_lease(everything.url)
    holder.go_on()
    ended = holder.end()

    assert ended.status == 0, ended
    assert is_done(everything)


def test_an_apply_that_was_paused_after_its_commit_leaves_the_lease_to_its_successor(
    everything: Stage,
) -> None:
    holder = paused_at(everything, settling(everything))
    expire_lease(everything.url)
    successor = take_over(everything)
    holder.go_on()
    ended = holder.end()

    assert ended.status == 0, ended
    assert run_sql(everything.url, "select run from elmify.lease") == [{"run": successor}]
    assert is_done(everything)


def test_a_takeover_waits_for_who_stands_between_its_token_check_and_its_commit(everything: Stage) -> None:
    holder = paused_at(everything, before_commit(everything), committing(everything))
    expire_lease(everything.url)
    holder.go_on()
    assert holder.wait_until_paused() == committing(everything)
    successor = everything.start(*APPLY, "--lock-timeout", "10m")
    wait_for_a_lock(everything)
    assert not is_done(everything)
    holder.go_on()
    ended, last = holder.end(), successor.end()

    # What comes after the commit needs the lease, and is left to the successor.
    assert (ended.status, last.status) == (UNFINISHED, 0), (ended, last)
    assert is_done(everything)
    assert is_sound(everything)
    assert [run["state"] for run in runs(everything)[-2:]] == ["done", "done"]


@pytest.mark.parametrize(("phase", "status"), [(before_commit, LEASED), (anchoring, UNFINISHED)])
def test_a_gc_that_was_paused_past_its_lease_deletes_nothing_any_more(
    collecting: Stage, phase: Callable[[Stage], Point], status: int
) -> None:
    holder = paused_at(collecting, phase(collecting))
    expire_lease(collecting.url)
    [successor] = collecting.elmify(APPLY)
    then = contents(collecting)
    holder.go_on()
    ended = holder.end()

    assert (successor.status, ended.status) == (0, status), ended
    assert contents(collecting) == then
    assert set(collecting.before.objects) <= set(collecting.look().objects)
    assert is_sound(collecting)
    [again] = collecting.elmify(("gc",))
    assert again.status == 0
    assert collecting.look().keys == collecting.after.keys


def test_a_gc_that_was_paused_in_the_middle_of_a_delete_deletes_no_more_than_that(collecting: Stage) -> None:
    holder = paused_at(collecting, nth(collecting, f"unlink {OBJECTS}"))
    expire_lease(collecting.url)
    [successor] = collecting.elmify(APPLY)
    holder.go_on()
    ended = holder.end()

    assert (successor.status, ended.status) == (0, UNFINISHED), ended
    [gone] = set(collecting.before.objects) - set(collecting.look().objects)
    assert collecting.look().keys[gone] == "condemned"
    assert is_sound(collecting)


# Two at once.


def test_the_second_of_two_applies_is_told_who_holds_the_lease(everything: Stage) -> None:
    holder = paused_at(everything, putting(everything))
    [second] = everything.elmify(APPLY)
    holder.go_on()
    ended = holder.end()

    assert (second.status, ended.status) == (LEASED, 0), (second, ended)
    assert named_in(second.err, "error[leased]", f"run {runs(everything)[-2]['id']}", "tester")
    assert is_done(everything)


def test_the_second_of_two_applies_waits_if_it_may_and_finds_nothing_left_to_do(everything: Stage) -> None:
    holder = paused_at(everything, putting(everything))
    second = everything.start(*APPLY, "--lock-timeout", "10m", "--format", "json")
    second.wait_for("waiting-for-lease")
    holder.go_on()
    ended, last = holder.end(), second.end()

    assert (ended.status, last.status) == (0, 0), (ended, last)
    assert '"changes": 0' in last.out
    assert is_done(everything)


# A listener comes in between.


@pytest.fixture
def deleting(theatre: Theatre) -> Iterator[Stage]:
    """A plan that deletes two lectures, and was allowed to take the sixteen user rows that it announced."""
    with theatre.stage(scenario("deletes"), DIRECTORY) as stage:
        stage.put_back()
        run_sql(stage.url, "insert into users (id, email) values (3, 'three@example.com')")
        yield stage


def favour(stage: Stage) -> None:
    """Let a third user favour every lecture there is."""
    run_sql(stage.url, "insert into favorites (user_id, lecture_id) select 3, id from lectures")


@pytest.mark.parametrize("moment", ["under the lease", "before the commit", "before the rows are locked"])
def test_a_favourite_that_arrives_before_the_rows_are_locked_stops_the_delete(
    deleting: Stage, moment: str
) -> None:
    point = {
        "under the lease": nth(deleting, 'select id, "name"'),
        "before the commit": before_commit(deleting),
        "before the rows are locked": deleting.points[before_commit(deleting).number + 1],
    }[moment]
    holder = paused_at(deleting, point)
    favour(deleting)
    holder.go_on()
    ended = holder.end()

    assert ended.status == GUARDED, ended
    assert deleting.look().lectures == deleting.before.lectures
    assert len(run_sql(deleting.url, "select 1 from favorites")) == 6 + 3


@pytest.mark.parametrize("statement", ["with recursive", 'delete from "public"."lectures"'])
def test_a_favourite_that_arrives_after_waits_and_hears_that_the_lecture_is_gone(
    deleting: Stage, statement: str
) -> None:
    point = deleting.points[following(deleting, statement, before_commit(deleting)) - 1]
    holder = paused_at(deleting, point)
    with ThreadPoolExecutor(1) as app:
        favouring = app.submit(favour, deleting)
        wait_for_a_lock(deleting)
        holder.go_on()
        ended = holder.end()

    assert ended.status == 0, ended
    assert isinstance(favouring.exception(), psycopg.errors.ForeignKeyViolation)
    assert is_done(deleting)
    assert deleting.look().users == deleting.after.users


# Between the commit and what it leaves to be overwritten.


@pytest.fixture(params=["exchanged lectures", "content changes"])
def overwriting(theatre: Theatre, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A plan after whose commit playback keys get other bytes, about to be applied."""
    with theatre.stage(scenario(request.param), DIRECTORY) as stage:
        stage.put_back()
        yield stage


def test_an_apply_that_was_paused_before_its_aliases_leaves_them_to_its_successor(overwriting: Stage) -> None:
    committed = committing(overwriting)
    overwrites = next(
        p for p in overwriting.points if p.number > committed.number and p.what.startswith(BEGINS)
    )
    holder = paused_at(overwriting, overwrites)
    expire_lease(overwriting.url)
    [successor] = overwriting.elmify(APPLY)
    then = contents(overwriting)
    holder.go_on()
    ended = holder.end()

    assert successor.status == 0, successor
    assert ended.status in {0, UNFINISHED, LEASED}, ended
    assert contents(overwriting) == then
    assert is_done(overwriting)
    assert is_sound(overwriting)


# What gc must leave to others.


TAKING_BACK = {
    "apply": ("apply", "plan.json"),
    "rollback": ("rollback", "2", "--auto-approve"),
}


@pytest.fixture(params=TAKING_BACK)
def taking_back(theatre: Theatre, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """An apply or a rollback that makes retired objects live again, whose retention has passed."""
    back = Scenario(
        "taking back",
        (library, recorded_again),
        everything_back,
        two_months,
        command=TAKING_BACK[request.param],
    )
    with theatre.stage(back, DIRECTORY) as stage:
        stage.put_back()
        yield stage


def test_gc_leaves_alone_what_is_being_made_live_again(taking_back: Stage) -> None:
    holder = paused_at(taking_back, before_commit(taking_back))
    [refused] = taking_back.elmify(("gc",))
    then = taking_back.look().objects
    holder.go_on()
    ended = holder.end()
    [collected] = taking_back.elmify(("gc",))

    # Its aliases need a lease that has not run out: they are left to the gc.
    assert (refused.status, ended.status, collected.status) == (LEASED, UNFINISHED, 0), ended
    assert then == taking_back.before.objects
    assert is_done(taking_back)
    assert is_sound(taking_back)


def test_nobody_names_what_a_gc_has_condemned_that_took_their_lease_over(taking_back: Stage) -> None:
    holder = paused_at(taking_back, before_commit(taking_back))
    expire_lease(taking_back.url)
    [collected] = taking_back.elmify(("gc",))
    holder.go_on()
    ended = holder.end()
    assert (collected.status, ended.status) == (0, LEASED), (collected, ended)
    assert is_sound(taking_back)
    [again] = taking_back.elmify(APPLY)

    assert again.status == 0, again
    assert hashes(taking_back.look()) == hashes(taking_back.after)
    assert is_sound(taking_back)


def hashes(seen: Seen) -> set[str]:
    return {row["file_hash"] for row in seen.lectures}


def test_what_counts_on_objects_that_gc_has_deleted_is_refused_before_it_begins(taking_back: Stage) -> None:
    [collected, refused] = taking_back.elmify(("gc",), taking_back.scenario.command)

    assert collected.status == 0, collected
    assert refused.status in {STALE, NOT_REVERSIBLE}, refused
    assert is_sound(taking_back)
    assert taking_back.look().lectures == taking_back.before.lectures
