"""Lease of a run: holding it while the run lasts, and detecting its loss."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from datetime import timedelta

from reconciler.applying.observer_guard import guarded
from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.logs import collect_takeover, run_context
from reconciler.model.errors import Leased, ProviderError, Unavailable, Unfinished
from reconciler.model.history import Actor, Lease, RunKind, RunState
from reconciler.model.notifications import Takeover
from reconciler.model.ports import Database, Observer, Records
from reconciler.model.remedies import ShowLease
from reconciler.planning.advice import finishing

#: How long a lease lasts without a heartbeat: after a kill, nobody waits longer than this.
LEASE_LASTS = timedelta(seconds=60)
HEARTBEAT_EVERY = timedelta(seconds=10)
#: A beat takes milliseconds; a person who pressed Ctrl-C does not wait for one that hangs.
LAST_BEAT = timedelta(seconds=2)
_POLL_SECONDS = 1.0

_log = logging.getLogger("elmify.lease")


class LeaseHolder:
    """Hold of one run on the lease.

    `lost` is set as soon as it is known that another run took the lease. `cancel` asks the run to
    stop.
    """

    def __init__(
        self, database: Database, run: int, lease: Lease, beat: timedelta, cancel: CancellationToken
    ) -> None:
        self._database = database
        self._beat_every = beat
        self._expires = time.monotonic() + LEASE_LASTS.total_seconds()
        self._ended = threading.Event()
        self.run = run
        self.token = lease.token
        self.cancel = cancel
        self.lost = threading.Event()
        self._heart = threading.Thread(
            target=copy_context().run, args=(self._beat,), name="elmify-heartbeat", daemon=True
        )

    def start(self) -> None:
        """Begin to renew the lease in the background."""
        self._heart.start()

    def stop(self) -> None:
        """Stop the renewal of the lease, if it has begun.

        A heartbeat that hangs in a dead connection is abandoned.
        """
        self._ended.set()
        with suppress(RuntimeError):  # an interrupt came before it was started
            self._heart.join(timeout=LAST_BEAT.total_seconds())

    def check(self) -> None:
        """Raise `Leased` if the lease is known to be lost.

        Raises `Interrupted` when the run is cancelled.

        If the run has not renewed the lease for as long as a lease lasts (the process was suspended), it
        asks the database before it continues.
        """
        self.cancel.raise_if_cancelled()
        if time.monotonic() > self._expires and not self.lost.is_set():
            self._renew()
        if self.lost.is_set():
            raise Leased(
                "this run's lease was taken over by another run",
                code="lease-lost",
                hint="Nothing was committed by this run. See what the other one does with",
                remedies=[ShowLease()],
            )

    def left(self) -> timedelta:
        """Return how long nobody else can hold the lease, without another renewal.

        A request that ends by then cannot touch what a later holder stores. Raises as `check` does.
        """
        self.check()
        return timedelta(seconds=max(self._expires - time.monotonic(), 0))

    def _beat(self) -> None:
        while not self.lost.is_set() and not self._ended.wait(self._beat_every.total_seconds()):
            self._renew()

    def _renew(self) -> None:
        asked = time.monotonic()
        try:
            with self._database.write() as work:
                work.records.renew_lease(self.token, LEASE_LASTS)
            self._expires = asked + LEASE_LASTS.total_seconds()
        except Leased:
            _log.warning("lease-lost", extra={"facts": {"run": self.run}})
            self.lost.set()
        except ProviderError as error:
            _log.info("heartbeat-failed", extra={"facts": {"run": self.run, "message": error.message}})
            if time.monotonic() > self._expires:  # nobody could renew it: it must be believed lost
                self.lost.set()


@contextmanager
def hold(
    database: Database,
    kind: RunKind,
    actor: Actor,
    fingerprint: str | None,
    wait: timedelta,
    observer: Observer,
    *,
    subject: Sequence[str] = (),
    beat: timedelta = HEARTBEAT_EVERY,
    cancel: CancellationToken = NEVER_CANCELLED,
) -> Iterator[LeaseHolder]:
    """Begin a run and hold the lease while the block runs.

    After the block, record how the run ended and release the lease.

    Waits up to `wait` for a lease that another run holds, then raises `Leased`. Raises `Interrupted`
    when it is cancelled while it waits. An exception out of the block is recorded as the run's
    outcome; if the run has nevertheless made a commit that remains valid, the exception becomes
    `Unfinished`. What the observer raises changes nothing.
    """
    observer = guarded(observer)
    with database.write() as work:
        run = work.records.begin_run(kind, actor, fingerprint, subject=subject)
    with run_context(run):
        lease: LeaseHolder | None = None
        try:
            facts = {"run": run, "kind": kind.value, "subject": list(subject)}
            _log.info("run-begun", extra={"facts": facts})
            acquired = _acquire(database, run, actor, wait, observer, cancel)
            lease = LeaseHolder(database, run, acquired, beat, cancel)
            lease.start()
            observer.event("lease-acquired", run=run, token=lease.token)
            yield lease
        except BaseException as error:
            if lease is not None:
                lease.stop()
            if _settle_failed(database, run, lease, observer, error) and not isinstance(error, Unfinished):
                raise Unfinished(
                    f"the commit stands, but the run ended before it was through: {_sentence(error)}",
                    hint="Nothing is lost. To finish, run",
                    remedies=[finishing(kind, subject)],
                ) from error
            raise
        lease.stop()
        _settle_done(database, run, lease)


def _acquire(
    database: Database,
    run: int,
    actor: Actor,
    wait: timedelta,
    observer: Observer,
    cancel: CancellationToken,
) -> Lease:
    deadline = time.monotonic() + wait.total_seconds()
    said = False
    while True:
        cancel.raise_if_cancelled()
        try:
            with database.write() as work:
                lease = work.records.acquire_lease(run, actor, LEASE_LASTS)
                if lease.took_over is not None:
                    collect_takeover(Takeover(run=run, from_run=lease.took_over))
                    close_run(work.records, lease.took_over, f"interrupted; run {run} took its lease over")
                return lease
        except (Leased, Unavailable) as held:  # a holder in the middle of a long commit keeps the row locked
            if time.monotonic() >= deadline:
                raise
            if not said:
                observer.event("waiting-for-lease", message=held.message)
                said = True
            time.sleep(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0)))


def end_stale(database: Database) -> None:
    """End the lease of a run that is gone, and record how that run ended.

    Does nothing if there is no such lease.
    """
    with database.read() as session:
        lease = session.records.lease()
    if lease is None or not lease.stale:
        return
    # It may have been taken over since; or its holder lives, in the middle of a long commit.
    with suppress(Leased, Unavailable), database.write() as work:
        work.records.check_lease(lease.token)
        work.records.break_lease(lease.run, force=False)
        close_run(work.records, lease.run, "interrupted; its lease ran out")


def close_run(records: Records, abandoned: int, outcome: str) -> None:
    """Record the outcome of a run that can no longer record it itself.

    No error when the run has already recorded it.
    """
    known = records.run(abandoned)
    if known is not None and known.state in {RunState.BEGUN, RunState.COMMITTED}:
        ended = RunState.DONE if known.state is RunState.COMMITTED else RunState.FAILED
        records.set_run(known.id, ended, outcome)


def _settle_done(database: Database, run: int, lease: LeaseHolder) -> None:
    try:
        _settle(database, run, lease, outcome=None)
    except (ProviderError, KeyboardInterrupt) as error:
        raise Unfinished(
            f"what the run did stands, but its outcome could not be recorded: {_sentence(error)}",
            hint="Nothing is lost; the lease runs out by itself within a minute.",
        ) from error


def _settle_failed(
    database: Database, run: int, lease: LeaseHolder | None, observer: Observer, error: BaseException
) -> bool:
    """Record the failure of a run, and return whether it had committed.

    If recording fails as well, this second failure is only reported to the observer.
    """
    try:
        return _settle(database, run, lease, outcome=_sentence(error))
    except ProviderError as second:
        # The first failure is the one to hear of; the lease runs out by itself.
        observer.event("outcome-not-recorded", message=second.message)
        return False


def _settle(database: Database, run: int, lease: LeaseHolder | None, outcome: str | None) -> bool:
    """Release the lease and record the outcome (T3).

    Returns whether the run had committed. The lease is released first: a commit of this run that is
    still in progress holds that row.
    """
    with database.write() as work:
        held = lease if lease is not None else work.records.lease()
        if held is not None and held.run == run:  # also what was taken a moment before an interrupt
            work.records.release_lease(held.token)
        known = work.records.run(run)
        committed = known is not None and known.committed_at is not None
        if known is None or known.state not in {RunState.BEGUN, RunState.COMMITTED}:
            return committed  # whoever took the lease over has said how it ended
        if outcome is None or committed:
            work.records.set_run(run, RunState.DONE, outcome or "ok")
        else:
            work.records.set_run(run, RunState.FAILED, outcome)
    return committed


def _sentence(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) or type(error).__name__
