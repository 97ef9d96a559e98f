"""An observer that fails: the run it watches goes on, and ends as it would have."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.applying.apply import apply
from reconciler.applying.gc import GcScope, collect
from reconciler.applying.lease import hold
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.errors import Interrupted, PutsFailed
from reconciler.model.history import RunKind, RunState
from reconciler.model.ports import Meter
from reconciler.operations.verify import verify_deep
from tests.failures import failing
from tests.stand import EVERYTHING, Quiet, Stand

#: Every call that an observer gets in the life of a small library, by name.
CALLS = [
    "event lease-acquired",
    "event planned",
    "event committed",
    *(
        f"{call} {label}"
        for label in ("Uploading", "Deleting", "Clearing", "Hashing")
        for call in ("meter", "enter", "bytes_done", "file_done", "exit")
        if (call, label) not in {("bytes_done", "Clearing"), ("file_done", "Clearing")}  # nothing to clear
    ),
]


class Failing:
    """Fails at one call, and remembers the names of all."""

    def __init__(self, at: str | None, error: BaseException | None = None) -> None:
        self.at, self.error = at, error or RuntimeError("the page was closed")
        self.calls: list[str] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.at:
            raise self.error

    def event(self, name: str, **facts: object) -> None:
        self._called(f"event {name}")

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        self._called("diagnostics")

    @contextmanager
    def _meter(self, label: str) -> Iterator[Meter]:
        self._called(f"enter {label}")
        try:
            yield FailingMeter(self, label)
        finally:
            self._called(f"exit {label}")

    def meter(self, label: str, *, files: int, size_bytes: int) -> AbstractContextManager[Meter]:
        self._called(f"meter {label}")
        return self._meter(label)

    called = _called


class FailingMeter:
    def __init__(self, observer: Failing, label: str) -> None:
        self.observer, self.label = observer, label

    def bytes_done(self, count: int) -> None:
        self.observer.called(f"bytes_done {self.label}")

    def file_done(self, name: str) -> None:
        self.observer.called(f"file_done {self.label}")


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library of two lectures that is not there yet."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    return stand


def live(stand: Stand, observer: Failing) -> None:
    """Apply, verify the bytes, take a lecture out and delete what it had."""
    workspace = stand.workspace(observer=observer)
    apply(workspace, EVERYTHING, [stand.plan()])
    verify_deep(workspace)
    stand.drop("ali/quran/cow")
    apply(workspace, EVERYTHING, [stand.plan()])
    month = timedelta(days=30)
    scope = GcScope(older_than=month, staged_older_than=month, now=("ali/quran/cow",))
    collect(workspace, scope, dry_run=False)


def test_the_calls_are_all_that_there_are(stand: Stand) -> None:
    observer = Failing(None)

    live(stand, observer)

    assert set(observer.calls) == set(CALLS)


@pytest.mark.parametrize("at", CALLS)
def test_a_run_ends_well_whatever_call_its_observer_fails_at(
    stand: Stand, caplog: pytest.LogCaptureFixture, at: str
) -> None:
    observer = Failing(at)
    caplog.set_level(logging.WARNING, "elmify.observer")

    live(stand, observer)

    assert at in observer.calls
    assert len(stand.object_keys()) == len(stand.sql("select id from lectures")) == 1
    assert_ended(stand, [RunState.DONE] * 3)
    logged = [record for record in caplog.records if record.name == "elmify.observer"]
    assert {record.message for record in logged} == {"observer-failed"}
    assert len(logged) <= observer.calls.count(at)


def test_an_observer_that_always_fails_is_logged_once_a_run(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    class AlwaysFailing(Failing):
        def _called(self, name: str) -> None:
            raise self.error

        called = _called

    apply(stand.workspace(observer=AlwaysFailing(None)), EVERYTHING, [stand.plan()])

    assert_ended(stand, [RunState.DONE])
    [logged] = [record for record in caplog.records if record.name == "elmify.observer"]
    assert logged.__dict__["facts"] == {"message": "RuntimeError: the page was closed"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted("the page asked to stop")])
@pytest.mark.parametrize(
    "at", ["event lease-acquired", "event planned", "enter Uploading", "bytes_done Uploading"]
)
def test_an_interrupt_out_of_an_observer_ends_the_run_and_its_lease(
    stand: Stand, at: str, error: BaseException
) -> None:
    reviewed = [stand.plan()]

    with pytest.raises(type(error)):
        apply(stand.workspace(observer=Failing(at, error)), EVERYTHING, reviewed)

    assert_ended(stand, [RunState.FAILED])
    assert stand.sql("select id from lectures") == []


def test_a_meter_cannot_hold_back_what_the_run_raises(stand: Stand) -> None:
    class Swallowing(Quiet):
        @contextmanager
        def meter(self, label: str, *, files: int, size_bytes: int) -> Iterator[Meter]:
            try:
                yield self
            except KeyError:
                return

    observer = Swallowing()
    (stand.media_root / "ali/quran/cow.mp3").unlink()

    with failing(PutsFailed, "puts-failed", "cow.mp3"):
        apply(stand.workspace(observer=observer), EVERYTHING, [stand.plan()])

    assert_ended(stand, [RunState.FAILED])


class Unheard(Exception):
    """What no part of a run expects."""


@pytest.mark.parametrize("error", [Unheard(), KeyboardInterrupt(), SystemExit()])
def test_whatever_a_run_raises_its_heartbeat_stops_and_its_outcome_is_recorded(
    stand: Stand, error: BaseException
) -> None:
    stand.apply()

    def run() -> None:
        with hold(stand.database, RunKind.APPLY, stand.workspace().actor, None, timedelta(0), Quiet()):
            raise error

    with pytest.raises(type(error)):
        run()

    assert_ended(stand, [RunState.FAILED, RunState.DONE])


def assert_ended(stand: Stand, states: list[RunState]) -> None:
    """Check how the last runs ended, that no lease is held, and that none is renewed."""
    with stand.database.read() as session:
        assert session.records.lease() is None
        assert [run.state for run in session.records.runs()] == states
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("elmify-")] == []
