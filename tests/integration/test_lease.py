"""Who may apply now: waiting, ending, taking over, and a holder that finds out too late."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.apply import apply
from reconciler.applying.lease import LeaseHolder, hold
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Leased, ProviderError, Unavailable
from reconciler.model.history import Actor, RunKind, RunState
from reconciler.model.ports import ObjectStore, UnitOfWork, Upload
from reconciler.model.remedies import EndLease
from tests.failures import failing, names
from tests.stand import EVERYTHING, Quiet, Stand

OTHER = Actor(name="somebody-else", url="https://ci.example.com/7")


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library that was applied once, and a new title that was not."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.apply()
    stand.change("ali/quran/opening", title="Al-Fatiha")
    return stand


@contextmanager
def held_by_another(stand: Stand) -> Iterator[LeaseHolder]:
    with hold(stand.database, RunKind.APPLY, OTHER, None, timedelta(0), Quiet()) as lease:
        yield lease


def take_over(stand: Stand) -> int:
    """Let the present lease expire, and give it to another run; its number."""
    stand.sql("update elmify.lease set expires_at = clock_timestamp() - interval '1 second'")
    with stand.database.write() as work:
        run = work.records.begin_run(RunKind.APPLY, OTHER)
        work.records.acquire_lease(run, OTHER, timedelta(minutes=1))
    return run


def titles(stand: Stand) -> list[Any]:
    return [row["title"] for row in stand.sql("select title from lectures")]


class Stepping:
    """A bucket that does something before each put, in the thread that puts."""

    def __init__(self, objects: ObjectStore, step: Any) -> None:
        self._objects, self._step = objects, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, upload: Upload) -> StoredObject:
        self._step()
        return self._objects.put(upload)


def test_a_lease_that_is_held_refuses_and_names_its_holder(stand: Stand) -> None:
    with held_by_another(stand) as other, pytest.raises(Leased) as caught:
        stand.apply()

    assert caught.value.code == "leased"
    assert names(caught.value, f"run {other.run}", "somebody-else", "https://ci.example.com/7")
    assert caught.value.remedies == (EndLease(run=other.run, force=True),)
    assert titles(stand) == ["The Opening"]


def test_an_apply_that_waits_goes_on_when_the_lease_is_given_back(stand: Stand) -> None:
    ending = threading.Event()
    held = threading.Event()

    def another() -> None:
        with held_by_another(stand):
            held.set()
            ending.wait()

    class Waiting(Quiet):
        def event(self, name: str, **facts: object) -> None:
            super().event(name, **facts)
            if name == "waiting-for-lease":
                ending.set()

    holder = threading.Thread(target=another)
    holder.start()
    held.wait()
    observer = Waiting()
    wait = timedelta(minutes=2)

    apply(stand.workspace(observer=observer), EVERYTHING, [stand.plan()], wait=wait)

    holder.join()
    assert observer.events.count("waiting-for-lease") == 1
    assert titles(stand) == ["Al-Fatiha"]


def test_of_two_applies_at_once_the_second_finds_nothing_to_do(stand: Stand) -> None:
    reviewed = stand.plan()
    outcomes = []

    def one() -> None:
        outcomes.append(apply(stand.workspace(), EVERYTHING, [reviewed], wait=timedelta(minutes=2)))

    both = [threading.Thread(target=one) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert sorted(len(outcome.plan.changes) for outcome in outcomes) == [0, 1]
    assert titles(stand) == ["Al-Fatiha"]
    assert stand.plan().changes == ()


def test_a_holder_that_was_taken_over_while_it_uploaded_cannot_commit(stand: Stand) -> None:
    stand.record("ali/quran/opening.mp3", b"recorded again")
    workspace = stand.workspace(objects=Stepping(stand.objects, lambda: take_over(stand)))

    with pytest.raises(Leased) as caught:
        apply(workspace, EVERYTHING, [stand.plan()])

    assert caught.value.code == "lease-lost"
    assert names(caught.value, "somebody-else")
    assert titles(stand) == ["The Opening"]
    [lease] = stand.sql("select holder from elmify.lease")
    assert lease == {"holder": "somebody-else"}


def test_what_a_fenced_holder_stored_is_used_by_the_next(stand: Stand) -> None:
    stand.record("ali/quran/opening.mp3", b"recorded again")
    workspace = stand.workspace(objects=Stepping(stand.objects, lambda: take_over(stand)))
    with pytest.raises(Leased):
        apply(workspace, EVERYTHING, [stand.plan()])
    stand.sql("update elmify.lease set expires_at = clock_timestamp() - interval '1 second'")

    outcome = stand.apply()

    assert outcome.uploaded_files == 0
    assert stand.plan().changes == ()


def test_a_stale_lease_is_taken_by_whoever_comes_next(stand: Stand) -> None:
    with stand.database.write() as work:
        killed = work.records.begin_run(RunKind.APPLY, OTHER)
        work.records.acquire_lease(killed, OTHER, timedelta(seconds=60))
    stand.sql("update elmify.lease set expires_at = clock_timestamp() - interval '1 second'")

    stand.apply()

    assert titles(stand) == ["Al-Fatiha"]
    assert stand.sql("select run from elmify.lease") == [{"run": None}]


def test_a_waiting_apply_outlasts_a_holder_whose_commit_is_long(stand: Stand) -> None:
    """The row of the lease is locked by such a commit, and the lease may seem stale meanwhile."""
    attempts: list[str] = []

    class Busy:
        def __init__(self) -> None:
            self.database = stand.database

        def __getattr__(self, name: str) -> Any:
            return getattr(self.database, name)

        @contextmanager
        def write(self) -> Iterator[UnitOfWork]:
            with self.database.write() as work:
                attempts.append("write")
                if len(attempts) == 3:  # T0, the run's beginning, then the lease
                    raise Unavailable("the database did not carry the transaction through")
                yield work

    observer = Quiet()
    workspace = stand.workspace(database=Busy(), observer=observer)

    apply(workspace, EVERYTHING, [stand.plan()], wait=timedelta(minutes=1))

    assert "waiting-for-lease" in observer.events
    assert titles(stand) == ["Al-Fatiha"]


def test_the_heartbeat_moves_the_expiry_on(stand: Stand) -> None:
    expiry = "select expires_at from elmify.lease"
    beaten = threading.Event()

    class Listening:
        def __getattr__(self, name: str) -> Any:
            return getattr(stand.database, name)

        @contextmanager
        def write(self) -> Iterator[UnitOfWork]:
            with stand.database.write() as work:
                yield work
            if threading.current_thread().name == "elmify-heartbeat":
                beaten.set()

    beat = timedelta(milliseconds=10)
    with hold(Listening(), RunKind.APPLY, OTHER, None, timedelta(0), Quiet(), beat=beat):
        [before] = stand.sql(expiry)
        beaten.clear()
        assert beaten.wait(60)
        assert beaten.wait(60)
        [after] = stand.sql(expiry)

    assert after["expires_at"] > before["expires_at"]


def test_a_run_that_learns_of_its_loss_from_the_heartbeat_stops(stand: Stand) -> None:
    beat = timedelta(milliseconds=10)
    with hold(stand.database, RunKind.APPLY, OTHER, None, timedelta(0), Quiet(), beat=beat) as lease:
        stand.sql("update elmify.lease set token = token + 1")

        assert lease.lost.wait(60)
        with failing(Leased, "lease-lost"):
            lease.check()


@pytest.mark.parametrize("failure", [Unavailable("gone for a moment"), ProviderError("odd")])
def test_a_heartbeat_that_fails_once_is_no_loss(stand: Stand, failure: ProviderError) -> None:
    beats: list[str] = []
    enough = threading.Event()

    class Flaky:
        def __getattr__(self, name: str) -> Any:
            return getattr(stand.database, name)

        @contextmanager
        def write(self) -> Iterator[UnitOfWork]:
            if threading.current_thread().name == "elmify-heartbeat":
                beats.append("beat")
                if len(beats) == 1:
                    raise failure
                enough.set()
            with stand.database.write() as work:
                yield work

    with hold(
        Flaky(), RunKind.APPLY, OTHER, None, timedelta(0), Quiet(), beat=timedelta(milliseconds=10)
    ) as lease:
        assert enough.wait(60)
        lease.check()


def test_a_refused_run_is_on_record(stand: Stand) -> None:
    with held_by_another(stand), pytest.raises(Leased) as caught:
        stand.apply()

    with stand.database.read() as session:
        refused = next(run for run in session.records.runs() if run.state is RunState.FAILED)
    assert refused.outcome == caught.value.message


def test_unlocking_spares_a_living_holder_unless_forced(stand: Stand) -> None:
    with held_by_another(stand) as other:
        with failing(Leased, "lease-not-stale", other.run), stand.database.write() as work:
            work.records.break_lease(other.run, force=False)
        with stand.database.write() as work:
            work.records.break_lease(other.run, force=True)

        with failing(Leased, "lease-ended"), stand.database.write() as work:
            work.records.check_lease(other.token)
