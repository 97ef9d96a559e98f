"""All work in threads, and every long operation: how an interrupt, a cancellation and a failure end it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import pytest

from providers.database.postgres import PostgresDatabase
from providers.objects.directory import DirectoryBucket
from reconciler.applying.apply import apply
from reconciler.applying.gc import GcScope, collect
from reconciler.applying.lease import hold
from reconciler.applying.refresh import make_plan
from reconciler.applying.stage import Stager
from reconciler.applying.workspace import Workspace
from reconciler.concurrency import CancellationToken
from reconciler.importing.live import Learning, Learnt, read_world
from reconciler.loading import locking
from reconciler.loading.hashing import StatCache
from reconciler.loading.locking import lock, survey
from reconciler.loading.media import MediaFolder
from reconciler.model.actual import StoredObject
from reconciler.model.diagnostics import Position
from reconciler.model.errors import Interrupted, Unfinished
from reconciler.model.history import RunKind
from reconciler.model.policy import Layout, Policy, TransferLimits
from reconciler.model.ports import Records, Upload
from reconciler.model.staging import staging_inside
from reconciler.operations.drift import read_drift
from reconciler.operations.verify import verify, verify_deep
from reconciler.planning.byte_sources import Origins
from reconciler.records import records_on
from tests.media_files import wav
from tests.stand import BASE_URL, EVERYTHING, Quiet, Stand
from tests.uploads import upload

THREADS = 2
LECTURES = 8
GONE = 3  # fewer than a guard would ask about
POLICY = Policy(
    environment="test", layout=Layout(base_url=BASE_URL), transfer=TransferLimits(concurrency=THREADS)
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Position("catalog/test.yaml", 1)
MONTH = timedelta(days=30)

#: An item that goes on for longer was told by nothing to stop.
GIVE_UP_SECONDS = 60

#: Of a commit with an update and an insert.
LEAST_STATEMENTS = 10

run_id: ContextVar[str] = ContextVar("run_id", default="-")


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library of eight lectures that is not there yet; two transfers go on at once."""
    stand = Stand(tmp_path, database_url, POLICY)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    for number in range(LECTURES):
        stand.declare(f"ali/quran/{number}", title=f"Lecture {number}", number=number)
    return stand


# What happens at the first item, in the thread that works on it.


class Broken(Exception):
    """An item that failed, for no reason that elmify knows."""


def wait_until_main_waits() -> None:
    """Return when the main thread waits for what threads do."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    waiting = [("threading", "wait"), ("threading", "wait"), ("concurrent.futures._base", "wait")]
    while _innermost(threading.main_thread(), len(waiting)) != waiting:
        assert time.monotonic() < deadline


def _innermost(thread: threading.Thread, frames: int) -> list[tuple[str, str]]:
    """Return the modules and functions that a thread is in, the innermost first."""
    assert thread.ident is not None
    frame: FrameType | None = sys._current_frames().get(thread.ident)
    found: list[tuple[str, str]] = []
    while frame is not None and len(found) < frames:
        found.append((frame.f_globals["__name__"], frame.f_code.co_name))
        frame = frame.f_back
    return found


def interrupt_before_the_wait(_cancel: CancellationToken) -> None:
    """Deliver Ctrl-C as if it came a moment before the wait: the wait is not woken by it."""
    wait_until_main_waits()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


def interrupt_the_wait(_cancel: CancellationToken) -> None:
    wait_until_main_waits()
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def interrupt_the_item(_cancel: CancellationToken) -> None:
    raise KeyboardInterrupt


def cancel_the_token(cancel: CancellationToken) -> None:
    cancel.cancel()


def fail_the_item(_cancel: CancellationToken) -> None:
    raise Broken


Strike = Callable[[CancellationToken], None]

STRIKES: dict[Strike, type[BaseException]] = {
    interrupt_before_the_wait: KeyboardInterrupt,
    interrupt_the_wait: KeyboardInterrupt,
    interrupt_the_item: KeyboardInterrupt,
    cancel_the_token: Interrupted,
    fail_the_item: Broken,
}


@dataclass
class Probe:
    """Sees each item begin, in which context, and strikes at the first. `closed` counts ended listings."""

    strike: Strike
    cancel: CancellationToken = field(default_factory=CancellationToken)
    begun: list[str] = field(default_factory=list)
    contexts: set[str] = field(default_factory=set)
    closed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, name: str) -> None:
        with self._lock:
            self.begun.append(name)
            self.contexts.add(run_id.get())
            is_first = len(self.begun) == 1
        if is_first:
            self.strike(self.cancel)

    def until_told(self) -> Iterator[None]:
        """Go on for ever, so that only the operation itself can end the item."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            yield
        raise AssertionError("nothing told the work to stop")


class EndlessTransfers(DirectoryBucket):
    """A bucket whose puts and streams of media go on until they are told to stop."""

    def __init__(self, path: Path, probe: Probe) -> None:
        super().__init__(path)
        self.probe = probe

    def put(self, upload: Upload) -> StoredObject:
        if upload.media_type != "audio/mpeg":
            return super().put(upload)
        self.probe.begin(upload.key)
        for _ in self.probe.until_told():
            upload.on_bytes(1)
        raise AssertionError

    @contextmanager
    def stream(self, key: str) -> Iterator[Iterator[bytes]]:
        if key.startswith(".elmify/"):
            with super().stream(key) as blocks:
                yield blocks
        else:
            self.probe.begin(key)
            yield (b"x" for _ in self.probe.until_told())


class EndlessListing(DirectoryBucket):
    """A bucket whose listing goes on until it is told to stop."""

    def __init__(self, path: Path, probe: Probe) -> None:
        super().__init__(path)
        self.probe = probe

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for stored, _ in self.dated(prefix):
            yield stored

    def dated(self, prefix: str = "") -> Iterator[tuple[StoredObject, datetime]]:
        stored = StoredObject("a.mp3", 1, "etag")
        try:
            self.probe.begin(prefix)
            for _ in self.probe.until_told():
                yield stored, NOW
        finally:
            self.probe.closed += 1


class WatchedFolder(MediaFolder):
    """A media folder whose files are seen to be opened."""

    def __init__(self, root: Path, probe: Probe) -> None:
        super().__init__(root)
        self.probe = probe

    def open_path(self, path: str) -> BinaryIO:
        self.probe.begin(path)
        return super().open_path(path)


# Every user of a pool, and every user of a listing in the background.


def upload_all(stand: Stand, probe: Probe) -> None:
    reviewed = [stand.plan()]
    bucket = EndlessTransfers(stand.folder / "bucket", probe)
    apply(stand.workspace(objects=bucket, cancel=probe.cancel), EVERYTHING, reviewed)


def stage_all(stand: Stand, probe: Probe) -> None:
    stager(stand, EndlessTransfers(stand.folder / "bucket", probe), probe.cancel).stage(stand.media.values())


def verify_bytes(stand: Stand, probe: Probe) -> None:
    stand.apply()
    verify_deep(
        stand.workspace(objects=EndlessTransfers(stand.folder / "bucket", probe), cancel=probe.cancel)
    )


def learn_hashes(stand: Stand, probe: Probe) -> None:
    stand.apply()
    learning(stand, EndlessTransfers(stand.folder / "bucket", probe), probe.cancel)


def lock_files(stand: Stand, probe: Probe) -> None:
    _lock_large(stand, probe, LECTURES)


def lock_one_file_in_split_hashes(stand: Stand, probe: Probe) -> None:
    _lock_large(stand, probe, 1)


def _lock_large(stand: Stand, probe: Probe, files: int) -> None:
    """Lock files that take hours to read: their zeros take no room."""
    names = [f"{number}.wav" for number in range(files)]
    for name in names:
        (stand.media_root / name).write_bytes(wav())
        os.truncate(stand.media_root / name, 256 * 1024**3)
    folder = WatchedFolder(stand.media_root, probe)
    found = survey(folder, dict.fromkeys(names, HERE), {}, StatCache(), POLICY.transfer)
    lock(found, cancel=probe.cancel)


def stager(stand: Stand, bucket: DirectoryBucket, cancel: CancellationToken) -> Stager:
    return Stager(
        staging=staging_inside(bucket),
        media=MediaFolder(stand.media_root),
        limits=POLICY.transfer,
        origins=Origins({}, {}, {}),
        observer=Quiet(),
        cancel=cancel,
    )


def learning(stand: Stand, bucket: DirectoryBucket, cancel: CancellationToken) -> None:
    listed = {stored.key: stored for stored in stand.objects.list() if not stored.key.startswith(".elmify/")}
    lines = {
        key: replace(stand.media["ali/quran/0.mp3"], path=key, size_bytes=each.size_bytes, etag=each.etag)
        for key, each in listed.items()
    }
    learnt = Learnt(stand.folder / "learnt.ndjson")

    @contextmanager
    def meter(_files: int, _size_bytes: int) -> Iterator[Quiet]:
        yield Quiet()

    Learning(objects=bucket, learnt=learnt, limits=POLICY.transfer, meter=meter, cancel=cancel)(lines, listed)


User = Callable[[Stand, Probe], None]

POOLS: list[User] = [
    upload_all,
    stage_all,
    verify_bytes,
    learn_hashes,
    lock_files,
    lock_one_file_in_split_hashes,
]


def endless(stand: Stand, probe: Probe) -> Workspace:
    bucket = EndlessListing(stand.folder / "bucket", probe)
    return stand.workspace(objects=bucket, cancel=probe.cancel)


def plan(stand: Stand, probe: Probe) -> None:
    make_plan(endless(stand, probe), EVERYTHING)


def plan_with_a_staging_bucket(stand: Stand, probe: Probe) -> None:
    workspace = endless(stand, probe)
    staging = replace(staging_inside(workspace.objects), separate=True)
    make_plan(replace(workspace, staging=staging), EVERYTHING)


def check_all(stand: Stand, probe: Probe) -> None:
    verify(endless(stand, probe))


def drift(stand: Stand, probe: Probe) -> None:
    read_drift(endless(stand, probe))


LISTINGS: list[User] = [plan, plan_with_a_staging_bucket, check_all, drift]


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("elmify-")]


def names(users: list[User]) -> list[str]:
    return [user.__name__ for user in users]


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.__name__)
@pytest.mark.parametrize("use", POOLS, ids=names(POOLS))
def test_what_ends_a_pool_stops_its_work_and_comes_through(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, use: User, strike: Strike
) -> None:
    monkeypatch.setattr(locking, "processors", lambda: THREADS)
    probe = Probe(strike)
    token = run_id.set("run 7")

    with pytest.raises(STRIKES[strike]):
        use(stand, probe)

    run_id.reset(token)
    assert our_threads() == []  # so nothing begins any more
    assert len(probe.begun) <= THREADS + 1  # an item that failed made room for one
    assert probe.contexts == {"run 7"}


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.__name__)
@pytest.mark.parametrize("use", LISTINGS, ids=names(LISTINGS))
def test_what_ends_an_operation_ends_its_listings(stand: Stand, use: User, strike: Strike) -> None:
    probe = Probe(strike)
    token = run_id.set("run 7")

    with pytest.raises(STRIKES[strike]):
        use(stand, probe)

    run_id.reset(token)
    assert our_threads() == []
    assert probe.closed == len(probe.begun)
    assert probe.contexts == {"run 7"}


class Refused(Exception):
    """What makes a plan impossible, while the listing goes on."""


def go_on(_cancel: CancellationToken) -> None:
    """Let the item be."""


@pytest.mark.parametrize("use", LISTINGS, ids=names(LISTINGS))
def test_a_refusal_does_not_wait_for_the_whole_listing(stand: Stand, use: User) -> None:
    probe = Probe(go_on)
    stand.database = PostgresDatabase(stand.url, records=refuse)

    with pytest.raises(Refused):
        use(stand, probe)

    assert our_threads() == []
    assert probe.closed == len(probe.begun)


def refuse(_connection: object) -> Records:
    raise Refused


# Every long operation, cancelled from another thread at one of its items.


def cancel_elsewhere(cancel: CancellationToken) -> None:
    thread = threading.Thread(target=cancel.cancel)
    thread.start()
    thread.join()


class CancelledAt(DirectoryBucket):
    """A bucket that cancels a token at the item of that number of one method."""

    def __init__(self, path: Path, cancel: CancellationToken, method: str, number: int = 2) -> None:
        super().__init__(path)
        self.cancel, self.method, self.number = cancel, method, number
        self.items = 0
        self._lock = threading.Lock()

    def item(self, method: str) -> None:
        with self._lock:
            self.items += method == self.method
            if (method, self.items) == (self.method, self.number):
                cancel_elsewhere(self.cancel)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        for stored in super().list(prefix):
            self.item("list")
            yield stored

    def dated(self, prefix: str = "") -> Iterator[tuple[StoredObject, datetime]]:
        for stored in super().dated(prefix):
            self.item("dated")
            yield stored

    def put(self, upload: Upload) -> StoredObject:
        if not upload.key.startswith(".elmify/identity") and not upload.key.startswith(".elmify/audit"):
            self.item("put")
        return super().put(upload)

    @contextmanager
    def stream(self, key: str) -> Iterator[Iterator[bytes]]:
        if not key.startswith(".elmify/"):
            self.item("stream")
        with super().stream(key) as blocks:
            yield blocks

    def delete(self, key: str, *, within: timedelta | None = None) -> None:
        self.item("delete")
        super().delete(key, within=within)


Operation = Callable[[Stand, CancelledAt], object]


def at_work(stand: Stand, bucket: CancelledAt) -> Workspace:
    return stand.workspace(objects=bucket, cancel=bucket.cancel)


READING: list[tuple[str, Operation]] = [
    ("list", lambda stand, at: make_plan(at_work(stand, at), EVERYTHING)),
    ("list", lambda stand, at: verify(at_work(stand, at))),
    ("stream", lambda stand, at: verify_deep(at_work(stand, at))),
    ("dated", lambda stand, at: read_drift(at_work(stand, at))),
    ("list", lambda stand, at: read_world(at, stand.database, "test", cancel=at.cancel)),
    ("stream", lambda stand, at: learning(stand, at, at.cancel)),
    ("put", lambda stand, at: stager(stand, at, at.cancel).stage(stand.media.values())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "operation"),
    READING,
    ids=["plan", "verify", "deep-verify", "drift", "import", "learn", "stage"],
)
def test_an_operation_that_is_cancelled_at_an_item_stops_there(
    stand: Stand, method: str, operation: Operation
) -> None:
    stand.apply()
    before = stand.object_keys()
    bucket = CancelledAt(stand.folder / "bucket", CancellationToken(), method)

    with pytest.raises(Interrupted):
        operation(stand, bucket)

    assert bucket.items <= bucket.number + THREADS
    assert stand.object_keys() == before
    assert our_threads() == []


@pytest.mark.parametrize("method", ["list", "put"])
def test_an_apply_that_is_cancelled_commits_nothing_and_gives_the_lease_back(
    stand: Stand, method: str
) -> None:
    stand.apply()
    stand.declare("ali/hadith", title="Hadith")
    for number in range(LECTURES):
        stand.declare(f"ali/hadith/{number}", title=f"Hadith {number}", number=number)
    reviewed = [stand.plan()]
    bucket = CancelledAt(stand.folder / "bucket", CancellationToken(), method)

    with pytest.raises(Interrupted):
        apply(at_work(stand, bucket), EVERYTHING, reviewed)

    assert_cancelled(stand, lectures=LECTURES)
    assert bucket.items <= bucket.number + THREADS
    stand.apply()
    assert len(stand.sql("select id from lectures")) == 2 * LECTURES


def assert_cancelled(stand: Stand, *, lectures: int) -> None:
    """Check that the last run ended without a commit, and that nobody holds the lease."""
    assert len(stand.sql("select id from lectures")) == lectures
    with stand.database.read() as session:
        assert session.records.lease() is None
        run = session.records.runs(1)[0]
    assert (run.state, run.committed_at, run.outcome) == ("failed", None, "the operation was cancelled")
    assert our_threads() == []


class CancelledAtStatement(Quiet):
    """Cancels a token at the statement of that number after the planning."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.cancel = CancellationToken()
        self.statements: Iterator[int] = iter(())
        self.number = number

    def event(self, name: str, **facts: object) -> None:
        super().event(name, **facts)
        if name == "planned":
            self.statements = count(1)

    def watch(self, _text: str) -> None:
        if next(self.statements, None) == self.number:
            cancel_elsewhere(self.cancel)


def test_an_apply_can_be_cancelled_at_every_statement_before_its_commit(stand: Stand) -> None:
    stand.apply()
    stand.change("ali/quran/0", title="The Opening")
    stand.declare("ali/quran/more", title="More", media={"audio": "ali/quran/0.mp3"})
    reviewed = [stand.plan()]

    for number in count(1):
        at = CancelledAtStatement(number)
        database = PostgresDatabase(stand.url, records=records_on, watch=at.watch)
        work = stand.workspace(database=database, observer=at, cancel=at.cancel)
        try:
            apply(work, EVERYTHING, reviewed)
        except Interrupted:
            assert_cancelled(stand, lectures=LECTURES)
        else:
            break

    assert number > LEAST_STATEMENTS
    assert at.cancel.cancelled  # at the COMMIT itself: then it stands
    assert len(stand.sql("select id from lectures")) == LECTURES + 1


def test_an_apply_that_waits_for_the_lease_can_be_cancelled(stand: Stand) -> None:
    stand.apply()
    cancel = CancellationToken()

    class Waiting(Quiet):
        def event(self, name: str, **facts: object) -> None:
            super().event(name, **facts)
            if name == "waiting-for-lease":
                cancel_elsewhere(cancel)

    waiting = Waiting()
    with hold(stand.database, RunKind.APPLY, stand.workspace().actor, None, timedelta(0), Quiet()) as holder:
        stand.change("ali/quran/0", title="The Opening")
        patient = stand.workspace(observer=waiting, cancel=cancel)
        with pytest.raises(Interrupted):
            apply(patient, EVERYTHING, [stand.plan()], wait=timedelta(minutes=1))
        with stand.database.read() as session:
            lease = session.records.lease()
    assert lease is not None
    assert lease.run == holder.run
    assert "waiting-for-lease" in waiting.events


def test_a_gc_that_is_cancelled_between_two_deletes_is_finished_by_the_next(stand: Stand) -> None:
    stand.apply()
    for number in range(GONE):
        stand.drop(f"ali/quran/{number}")
    stand.apply()
    bucket = CancelledAt(stand.folder / "bucket", CancellationToken(), "delete")
    wanted = GcScope(
        older_than=MONTH, staged_older_than=MONTH, now=tuple(f"ali/quran/{number}" for number in range(GONE))
    )

    with pytest.raises(Unfinished) as unfinished:  # that no row may name the objects is committed
        collect(at_work(stand, bucket), wanted, dry_run=False)

    assert isinstance(unfinished.value.__cause__, Interrupted)
    assert bucket.items == bucket.number
    assert len(stand.object_keys()) == LECTURES - bucket.number
    with stand.database.read() as session:
        assert session.records.lease() is None
    collect(stand.workspace(), wanted, dry_run=False)
    assert len(stand.object_keys()) == LECTURES - GONE


@pytest.mark.parametrize("method", ["dated", "delete"])
def test_a_gc_that_is_cancelled_at_staged_copies_leaves_the_others(stand: Stand, method: str) -> None:
    stand.apply()
    stand.objects = DirectoryBucket(stand.folder / "bucket")
    hashes = [f"{number:064x}" for number in range(LECTURES)]
    for sha256 in hashes:
        key = staging_inside(stand.objects).key_of(sha256)
        stand.objects.put(upload(key, sha256.encode()))
    long_ago = (NOW - timedelta(days=365)).timestamp()
    for file in (stand.folder / "bucket").rglob("*"):
        if file.is_file() and file.suffix != ".sqlite":
            os.utime(file, (long_ago, long_ago))
    bucket = CancelledAt(stand.folder / "bucket", CancellationToken(), method)

    with pytest.raises(Interrupted):
        collect(at_work(stand, bucket), GcScope(older_than=MONTH, staged_older_than=MONTH), dry_run=False)

    assert bucket.items == bucket.number
    assert_cancelled(stand, lectures=LECTURES)


def test_locking_can_be_cancelled_at_any_file(stand: Stand) -> None:
    cancel = CancellationToken()
    references = dict.fromkeys(stand.media, HERE)
    looked_at: list[str] = []

    class Folder(MediaFolder):
        def stat(self, path: str) -> os.stat_result | None:
            looked_at.append(path)
            if len(looked_at) == 3:
                cancel_elsewhere(cancel)
            return super().stat(path)

    with pytest.raises(Interrupted):
        survey(Folder(stand.media_root), references, {}, StatCache(), POLICY.transfer, cancel=cancel)

    assert len(looked_at) == 3
