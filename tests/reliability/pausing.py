"""Where a run stands: holding it there, and seeing what stands in both stores meanwhile."""

from datetime import timedelta
from typing import Any

import psycopg

from reconciler.model.history import Actor, RunKind
from tests.acceptance.projects import run_sql
from tests.content import database_at
from tests.reliability import invariants
from tests.reliability.points import Fault, Mode, Point
from tests.reliability.runner import Paused
from tests.reliability.scenarios import SCENARIOS, Scenario
from tests.reliability.trials import Stage

#: Exit statuses.
NOT_REVERSIBLE, UNFINISHED, STALE, LEASED, GUARDED = 1, 3, 4, 5, 6


APPLY = ("apply", "--auto-approve", "--allow", "deletes=9", "--allow", "user-rows=99")


def scenario(name: str) -> Scenario:
    return next(each for each in SCENARIOS if each.name == name)


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


def paused_at(stage: Stage, *points: Point) -> Paused:
    """Run the scenario's command until it stands still at the first of the points."""
    holder = stage.start(*stage.scenario.command, faults=pause(*points))
    assert holder.wait_until_paused() == points[0]
    return holder


def contents(stage: Stage) -> tuple[object, ...]:
    seen = stage.look()
    return (seen.speakers, seen.collections, seen.lectures, seen.users, seen.objects, seen.keys)


def is_sound(stage: Stage) -> bool:
    seen = stage.look()
    return [*invariants.silent_rows(seen), *invariants.unexplained_objects(seen)] == []


def is_done(stage: Stage) -> bool:
    seen = stage.look()
    return invariants.library(seen, stage.before) == invariants.library(stage.after, stage.before)


def anchoring(stage: Stage) -> Point:
    """Return where the audit head is about to be kept, after the commit and before what comes after it."""
    return nth(stage, "mkdir .elmify/bucket/incoming", -1)


_WAITING = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def wait_for_a_lock(stage: Stage) -> None:
    """Wait until somebody waits for a lock in the database."""
    with psycopg.connect(stage.url, autocommit=True) as looking:
        while not looking.execute(_WAITING).fetchone():
            looking.execute("select pg_stat_clear_snapshot()")


def runs(stage: Stage) -> list[dict[str, Any]]:
    return run_sql(stage.url, "select id, state from elmify.run order by id")


def take_over(stage: Stage) -> int:
    """Give a lease that has expired to another run; its number."""
    somebody = Actor(name="somebody else")
    with database_at(stage.url).write() as work:
        run = work.records.begin_run(RunKind.APPLY, somebody)
        lease = work.records.acquire_lease(run, somebody, timedelta(minutes=1))
        assert lease.took_over is not None
    return run
