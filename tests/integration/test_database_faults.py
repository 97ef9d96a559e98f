"""A database that restarts or fills its disk during an apply: all or nothing, and the next apply ends it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from reconciler.applying.apply import apply
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ElmifyError, ProviderError, Unavailable
from reconciler.model.ports import Database, ObjectStore, ReadSession, UnitOfWork, Upload
from tests.failures import failing
from tests.integration.test_commit import run_apply
from tests.outside import (
    assert_that_every_lecture_plays,
    change_everything,
    expire_lease,
    shown,
)
from tests.restarts import Restartable, restartable_server
from tests.stand import EVERYTHING, Stand


@dataclass
class Moment:
    """Something that happens once, when the step of that number is reached; steps are counted from 1."""

    at: int
    happens: Callable[[], object]
    steps: list[str] = field(default_factory=list)

    def reached(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) == self.at:
            self.happens()

    @property
    def step(self) -> str:
        """The step at which it happened."""
        return self.steps[self.at - 1] if len(self.steps) >= self.at else ""


class WatchedDatabase:
    """The real database, whose sessions pass the moment while they are open."""

    def __init__(self, database: Database, moment: Moment) -> None:
        self._database, self._moment = database, moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        with self._database.read() as session:
            self._moment.reached("reading")
            yield session

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        with self._database.write() as work:
            self._moment.reached("a transaction that has begun")
            yield work
            self._moment.reached("a transaction before its commit")


class WatchedBucket:
    """The real bucket, likewise."""

    def __init__(self, objects: ObjectStore, moment: Moment) -> None:
        self._objects, self._moment = objects, moment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, upload: Upload) -> StoredObject:
        self._moment.reached("a put")
        return self._objects.put(upload)


def apply_with(stand: Stand, moment: Moment) -> ElmifyError | None:
    """Apply what the stand plans, and return the failure that it ended with."""
    workspace = stand.workspace(
        policy=replace(stand.policy, transfer=replace(stand.policy.transfer, concurrency=1)),
        database=WatchedDatabase(stand.database, moment),
        objects=WatchedBucket(stand.objects, moment),
    )
    try:
        apply(workspace, EVERYTHING, [stand.plan()])
    except ElmifyError as error:
        return error
    return None


def fill(stand: Stand) -> Stand:
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    stand.declare("ali/quran/new-0", title="New 0", number=100)
    stand.apply()
    return stand


def assert_that_it_is_whole(stand: Stand, before: list[dict[str, Any]], step: str) -> None:
    """Check that the library is the old one or the new, and that the next apply ends what was begun."""
    after = shown(stand)
    assert_that_every_lecture_plays(stand, unfinished=True)
    stand.apply()
    assert after in (before, shown(stand)), f"half of it was visible after {step}"
    assert_that_every_lecture_plays(stand)
    assert stand.plan().changes == ()
    assert stand.plan().unmanaged.objects == {}


@pytest.fixture(scope="module")
def server() -> Iterator[Restartable]:
    with restartable_server() as server:
        yield server


@pytest.fixture
def restarting(server: Restartable, tmp_path: Path) -> Stand:
    """A stand on a server that can be restarted: a library that was applied."""
    return fill(Stand(tmp_path, server.new_database()))


def test_a_server_that_restarts_in_any_phase_leaves_the_old_library_or_the_new(
    restarting: Stand, server: Restartable
) -> None:
    stand, turn, got_through, seen = restarting, 0, 0, set()

    while True:
        turn += 1
        before = shown(stand)
        change_everything(stand, turn)
        moment = Moment(turn, server.restart)
        failure = apply_with(stand, moment)
        if not moment.step:
            break
        seen.add(moment.step)
        if failure is None:
            got_through += 1
        else:
            assert failure.hint, f"{moment.step}: {failure.message}"
            expire_lease(stand)
        assert_that_it_is_whole(stand, before, moment.step)

    assert seen == {
        "reading",
        "a transaction that has begun",
        "a transaction before its commit",
        "a put",
    }
    assert got_through >= 3  # at the put, and in the commit, which is tried again


@contextmanager
def disk_full_for(stand: Stand, table: str) -> Iterator[None]:
    """Let every write to a table fail as PostgreSQL does when its disk is full (SQLSTATE 53100)."""
    stand.sql(
        "create function no_room() returns trigger language plpgsql as $$ begin"
        " raise exception 'could not extend file \"base/1/2\": No space left on device'"
        " using errcode = '53100'; end $$"
    )
    stand.sql(f"create trigger no_room before insert or update on {table} execute function no_room()")
    try:
        yield
    finally:
        stand.sql("drop function no_room cascade")


TABLES = (
    "elmify.run",
    "elmify.lease",
    "elmify.object",
    "lectures",
    "elmify.resource",
    "elmify.step",
    "elmify.audit",
)


@pytest.mark.parametrize("table", TABLES)
def test_a_database_whose_disk_is_full_keeps_the_old_library(
    tmp_path: Path, database_url: str, table: str
) -> None:
    stand = fill(Stand(tmp_path, database_url))
    before = shown(stand)
    change_everything(stand, 1)

    with disk_full_for(stand, table), failing(ProviderError, "disk-full") as raised:
        stand.apply()

    assert raised.value.hint
    assert not raised.value.transient
    assert shown(stand) == before
    assert "commit-retried" not in stand.observer.events
    expire_lease(stand)
    assert_that_it_is_whole(stand, before, table)


def test_a_commit_that_finds_the_disk_full_at_its_very_end_keeps_the_old_library(
    tmp_path: Path, database_url: str
) -> None:
    stand = fill(Stand(tmp_path, database_url))
    before = shown(stand)
    change_everything(stand, 1)
    stand.sql(
        "create function no_room() returns trigger language plpgsql as $$ begin"
        " raise exception 'could not write to file: No space left on device' using errcode = '53100'; end $$"
    )
    stand.sql(
        "create constraint trigger no_room after insert or update on lectures"
        " deferrable initially deferred for each row execute function no_room()"
    )

    with failing(ProviderError, "disk-full"):
        stand.apply()

    assert shown(stand) == before
    stand.sql("drop function no_room cascade")
    assert_that_it_is_whole(stand, before, "commit")


def test_a_connection_that_the_server_ends_in_the_commit_is_no_failure(
    tmp_path: Path, database_url: str
) -> None:
    stand = fill(Stand(tmp_path, database_url))
    change_everything(stand, 1)

    def end_the_others() -> None:
        with psycopg.connect(stand.url, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )

    database = run_apply(stand, before=end_the_others)

    assert database.commits == 2
    assert "commit-retried" in stand.observer.events
    assert stand.plan().changes == ()
    assert_that_every_lecture_plays(stand)


def test_a_server_that_is_gone_is_unavailable(restarting: Stand, server: Restartable) -> None:
    server.close()
    try:
        with pytest.raises(Unavailable) as raised:
            restarting.plan()
    finally:
        server.restart()

    assert raised.value.hint
    assert raised.value.transient
    assert restarting.plan().changes == ()
