"""Several at once: who was paused past its lease, who waits, who is overtaken, and who comes in between."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from reconciler.model.history import Actor
from tests.acceptance.projects import run_sql
from tests.content import database_at
from tests.reliability import invariants
from tests.reliability.invariants import Seen
from tests.reliability.points import Fault, Mode, Point
from tests.reliability.runner import Paused
from tests.reliability.scenarios import (
    DIRECTORY,
    SCENARIOS,
    Scenario,
    everything_back,
    library,
    recorded_again,
    two_months,
)
from tests.reliability.trials import Stage, Theatre, expire_lease

NOT_REVERSIBLE, UNFINISHED, STALE, LEASED, GUARDED = 1, 3, 4, 5, 6

APPLY = ("apply", "--auto-approve", "--allow", "deletes=9", "--allow", "user-rows=99")


def scenario(name: str) -> Scenario:
    return next(each for each in SCENARIOS if each.name == name)


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


# Where a run stands.


def nth(stage: Stage, what: str, number: int = 0) -> Point:
    """Return the point that begins with that text, the first or a later one; negative counts from the end."""
    return [point for point in stage.points if point.what.startswith(what)][number]


BEGINS = "begin isolation level read committed"
RELEASES = "update elmify.lease set run = null"
OBJECTS = ".elmify/bucket/objects/Ali"


def planning(stage: Stage) -> Point:
    return nth(stage, 'select id, "name"')


def putting(stage: Stage) -> Point:
    return nth(stage, "open .elmify/bucket/incoming")


def before_commit(stage: Stage) -> Point:
    """Return where the transaction begins that also appends to the audit log."""
    audited = nth(stage, "with head as materialized").number
    return [p for p in stage.points if p.number < audited and p.what.startswith(BEGINS)][-1]


def committing(stage: Stage) -> Point:
    return stage.points[following(stage, "commit", before_commit(stage)) - 1]


def settling(stage: Stage) -> Point:
    return nth(stage, RELEASES)


def following(stage: Stage, what: str, point: Point) -> int:
    return next(p.number for p in stage.points if p.number > point.number and p.what.startswith(what))


def pause(*points: Point) -> list[Fault]:
    return [Fault(Mode.PAUSE, point.number) for point in points]


@contextmanager
def paused_at(stage: Stage, *points: Point) -> Iterator[Paused]:
    """Run the scenario's command until it stands still at the first of the points."""
    holder = stage.start(*stage.scenario.command, faults=pause(*points))
    try:
        assert holder.wait_until_paused() == points[0]
        yield holder
    finally:
        holder.process.kill()
        holder.process.communicate()


def contents(stage: Stage) -> tuple[object, ...]:
    seen = stage.look()
    return (seen.speakers, seen.collections, seen.lectures, seen.users, seen.objects, seen.keys)


def is_sound(stage: Stage) -> bool:
    seen = stage.look()
    return [*invariants.broken_rows(seen), *invariants.unexplained_objects(seen)] == []


def is_done(stage: Stage) -> bool:
    seen = stage.look()
    return invariants.library(seen, stage.before) == invariants.library(stage.after, stage.before)


# Paused past the lease.


@pytest.mark.parametrize("phase", [planning, putting, before_commit])
def test_an_apply_that_was_paused_past_its_lease_changes_nothing_any_more(
    everything: Stage, phase: Callable[[Stage], Point]
) -> None:
    with paused_at(everything, phase(everything)) as holder:
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
    with paused_at(everything, putting(everything)) as holder:
        expire_lease(everything.url)
        holder.go_on()
        ended = holder.end()

    assert ended.status == 0, ended
    assert is_done(everything)


def test_an_apply_that_was_paused_after_its_commit_leaves_the_lease_to_its_successor(
    everything: Stage,
) -> None:
    with paused_at(everything, settling(everything)) as holder:
        expire_lease(everything.url)
        successor = take_over(everything)
        holder.go_on()
        ended = holder.end()

    assert ended.status == 0, ended
    assert run_sql(everything.url, "select run from elmify.lease") == [{"run": successor}]
    assert is_done(everything)


def take_over(stage: Stage) -> int:
    """Give a lease that has expired to another run; its number."""
    somebody = Actor(name="somebody else")
    with database_at(stage.url).write() as work:
        run = work.records.begin_run("apply", somebody)
        lease = work.records.acquire_lease(run, somebody, timedelta(minutes=1))
        assert lease.took_over is not None
    return run


def runs(stage: Stage) -> list[dict[str, Any]]:
    return run_sql(stage.url, "select id, state from elmify.run order by id")


def test_a_takeover_waits_for_who_stands_between_its_token_check_and_its_commit(everything: Stage) -> None:
    with paused_at(everything, before_commit(everything), committing(everything)) as holder:
        expire_lease(everything.url)
        holder.go_on()
        assert holder.wait_until_paused() == committing(everything)
        successor = everything.start(*APPLY, "--lock-timeout", "10m")
        wait_for_a_lock(everything)
        assert not is_done(everything)
        holder.go_on()
        ended, last = holder.end(), successor.end()

    assert (ended.status, last.status) == (0, 0), (ended, last)
    assert is_done(everything)
    assert is_sound(everything)
    assert [run["state"] for run in runs(everything)[-2:]] == ["done", "done"]


_WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def wait_for_a_lock(stage: Stage) -> None:
    """Wait until somebody waits for a lock in the database."""
    with psycopg.connect(stage.url, autocommit=True) as looking:
        while not looking.execute(_WAITING).fetchone():
            looking.execute("select pg_stat_clear_snapshot()")


def anchoring(stage: Stage) -> Point:
    """Return where the audit head is about to be kept, after the commit and before what comes after it."""
    return nth(stage, "mkdir .elmify/bucket/incoming", -1)


@pytest.mark.parametrize(("phase", "status"), [(before_commit, LEASED), (anchoring, UNFINISHED)])
def test_a_gc_that_was_paused_past_its_lease_deletes_nothing_any_more(
    collecting: Stage, phase: Callable[[Stage], Point], status: int
) -> None:
    with paused_at(collecting, phase(collecting)) as holder:
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
    with paused_at(collecting, nth(collecting, f"unlink {OBJECTS}")) as holder:
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
    with paused_at(everything, putting(everything)) as holder:
        [second] = everything.elmify(APPLY)
        holder.go_on()
        ended = holder.end()

    assert (second.status, ended.status) == (LEASED, 0), (second, ended)
    assert f"run {runs(everything)[-2]['id']} of tester" in second.err
    assert is_done(everything)


def test_the_second_of_two_applies_waits_if_it_may_and_finds_nothing_left_to_do(everything: Stage) -> None:
    with paused_at(everything, putting(everything)) as holder:
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
    with paused_at(deleting, point) as holder:
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
    with paused_at(deleting, point) as holder, ThreadPoolExecutor(1) as app:
        favouring = app.submit(favour, deleting)
        wait_for_a_lock(deleting)
        holder.go_on()
        ended = holder.end()

    assert ended.status == 0, ended
    assert isinstance(favouring.exception(), psycopg.errors.ForeignKeyViolation)
    assert is_done(deleting)
    assert deleting.look().users == deleting.after.users


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
    with paused_at(taking_back, before_commit(taking_back)) as holder:
        [refused] = taking_back.elmify(("gc",))
        then = taking_back.look().objects
        holder.go_on()
        ended = holder.end()
    [collected] = taking_back.elmify(("gc",))

    assert (refused.status, ended.status, collected.status) == (LEASED, 0, 0), (refused, ended, collected)
    assert then == taking_back.before.objects
    assert is_done(taking_back)
    assert is_sound(taking_back)


def test_nobody_names_what_a_gc_has_condemned_that_took_their_lease_over(taking_back: Stage) -> None:
    with paused_at(taking_back, before_commit(taking_back)) as holder:
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
