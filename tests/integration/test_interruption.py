"""Killed at every step in turn: nothing half-done is seen, and the next apply converges."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from reconciler.applying.apply import apply
from reconciler.model.actual import StoredObject
from reconciler.model.ports import Database, ObjectStore, ReadSession, UnitOfWork, Upload
from reconciler.refresh import read_marker
from tests.stand import EVERYTHING, Stand


class Killed(BaseException):
    """What a process meets at the moment it is killed: nothing of it runs on."""


@dataclass
class Life:
    """Ends at the given step, counted from 1; everything asked of a store after that is in vain."""

    ends_at: int
    steps: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def step(self, name: str) -> None:
        with self._lock:
            if len(self.steps) < self.ends_at:
                self.steps.append(name)
            if len(self.steps) >= self.ends_at:
                raise Killed(f"step {self.ends_at}: {self.steps[-1]}")


class MortalDatabase:
    """The real database, used by a process that may die before and after everything it does."""

    def __init__(self, database: Database, life: Life) -> None:
        self._database, self._life = database, life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        self._life.step("before reading")
        with self._database.read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        self._life.step("before a transaction")
        with self._database.write() as work:
            yield work
            self._life.step("before a commit")
        self._life.step("after a commit")


class MortalBucket:
    """The real bucket, likewise."""

    def __init__(self, objects: ObjectStore, life: Life) -> None:
        self._objects, self._life = objects, life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, upload: Upload) -> StoredObject:
        self._life.step(f"before the put of {upload.key}")
        stored = self._objects.put(upload)
        self._life.step(f"after the put of {upload.key}")
        return stored


def apply_until(stand: Stand, step: int) -> bool:
    """Apply in a process that dies at that step; whether it was through before it came to it."""
    life = Life(step)
    job = replace(
        stand.job(),
        database=MortalDatabase(stand.database, life),
        objects=MortalBucket(stand.objects, life),
    )
    try:
        apply(job, EVERYTHING, [stand.plan()])
    except Killed:
        expire_lease(stand)
        return False
    return True


def expire_lease(stand: Stand) -> None:
    """Let a minute pass, if there are records yet."""
    if stand.sql("select 1 from pg_tables where schemaname = 'elmify' and tablename = 'lease'"):
        stand.sql("update elmify.lease set expires_at = acquired_at where run is not null")


def assert_that_every_row_names_its_bytes(stand: Stand) -> None:
    for row in stand.sql("select file_path, file_hash from lectures"):
        content = stand.objects.read(row["file_path"])
        assert hashlib.sha256(content).hexdigest() == row["file_hash"], row["file_path"]


def shown(stand: Stand) -> list[dict[str, Any]]:
    return stand.sql("select id, title, file_path, collection_id from lectures order by id")


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    return stand


def change_everything(stand: Stand, turn: int) -> None:
    """Record a lecture again, rename one, remove one, add one."""
    stand.record("ali/quran/opening.mp3", f"take {turn}".encode())
    stand.change("ali/quran/cow", title=f"The Cow {turn}")
    stand.declare(f"ali/quran/new-{turn}", title=f"New {turn}", number=100 + turn)
    stand.drop(f"ali/quran/new-{turn - 1}")


def test_killed_at_any_step_it_shows_the_old_library_or_the_new_and_then_converges(stand: Stand) -> None:
    stand.declare("ali/quran/new-0", title="New 0", number=100)
    stand.apply()
    kept = [
        row["id"] for row in stand.sql("select id from lectures where title in ('The Opening', 'The Cow')")
    ]
    favourites = [stand.favourite(lecture, user) for lecture in kept for user in (1, 2)]

    through, turn, committed = False, 0, 0
    while not through:
        turn += 1
        before = shown(stand)
        change_everything(stand, turn)
        through = apply_until(stand, turn)
        after_kill = shown(stand)
        assert_that_every_row_names_its_bytes(stand)
        stand.apply()
        new = shown(stand)
        assert after_kill in (before, new), f"half of it was visible at step {turn}"
        committed += after_kill == new
        assert_that_every_row_names_its_bytes(stand)
        assert stand.plan().changes == ()
        assert stand.plan().unmanaged.objects == {}
        assert [row["id"] for row in stand.sql("select id from favorites order by id")] == favourites

    assert turn > 20
    assert 1 < committed < turn  # kills before the commit and after it were both met


def test_a_first_apply_that_is_killed_again_and_again_gets_through_in_the_end(stand: Stand) -> None:
    step = 1
    while not apply_until(stand, step):
        assert_that_every_row_names_its_bytes(stand)
        step += 1

    assert len(stand.object_keys()) == 2
    assert len(shown(stand)) == 2
    assert stand.plan().changes == ()
    [identity] = stand.sql("select id, state from elmify.identity")
    assert (read_marker(stand.objects), identity["state"]) == (identity["id"], "confirmed")
