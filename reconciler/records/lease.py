"""The lease: one row, and a fencing token that grows with every holder."""

from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.errors import ElmifyError, Leased
from reconciler.model.history import Actor, Lease
from reconciler.model.remedies import EndLease
from reconciler.records.bulk import storable, storable_or_none
from reconciler.records.schema import SchemaRecords

_COLUMNS = "run, holder, url, token, took_over, acquired_at, heartbeat_at, expires_at"

_READ = f"select {_COLUMNS}, expires_at <= clock_timestamp() from elmify.lease where run is not null"  # noqa: S608

#: The clock is asked outside of the locking query, so that it is read after the wait for the lock.
_LOCK = f"""
with locked as materialized (select * from elmify.lease for update)
select {_COLUMNS}, expires_at <= clock_timestamp() from locked where run is not null
"""  # noqa: S608

#: On the right of an assignment, `run` is still the holder before.
_TAKE = f"""
update elmify.lease
set took_over = run, run = %(run)s, holder = %(holder)s, url = %(url)s, token = token + 1,
    acquired_at = clock.now, heartbeat_at = clock.now, expires_at = clock.now + %(lasts)s
from (select clock_timestamp() as now) as clock
returning {_COLUMNS}, false
"""  # noqa: S608

_RENEW = """
update elmify.lease set heartbeat_at = clock.now, expires_at = clock.now + %(lasts)s
from (select clock_timestamp() as now) as clock
where run is not null and token = %(token)s
"""

_FREE = """
update elmify.lease
set run = null, holder = null, url = null, took_over = null,
    acquired_at = null, heartbeat_at = null, expires_at = null
where token = %s
"""


class LeaseRecords(SchemaRecords):
    """The lease in the records."""

    def lease(self) -> Lease | None:
        """Return the lease that is held, without waiting; None when it is free."""
        return self._read_lease() if self._readable() else None

    def acquire_lease(self, run: int, actor: Actor, lasts: timedelta) -> Lease:
        """Take the lease, if it is free or has expired; else `Leased`."""
        _refuse_held(self._read_lease())  # says so at once: the lock below waits while the holder commits
        _refuse_held(self._locked())
        taken = self._connection.execute(
            _TAKE,
            {"run": run, "holder": storable(actor.name), "url": storable_or_none(actor.url), "lasts": lasts},
        ).fetchone()
        lease = _lease(taken)
        assert lease is not None  # the row is there from the schema's first day
        return lease

    def renew_lease(self, token: int, lasts: timedelta) -> None:
        """Extend the expiry of the lease.

        Waits for a transaction that holds the row, even for a commit of this same run.
        """
        if self._connection.execute(_RENEW, {"token": token, "lasts": lasts}).rowcount == 0:
            raise _lost(self._read_lease())

    def check_lease(self, token: int) -> None:
        """Lock the lease's row until the transaction ends.

        Raises `Leased` when another token is the current one.
        """
        held = self._locked()
        if held is None or held.token != token:
            raise _lost(held)

    def release_lease(self, token: int) -> None:
        """Give the lease back, if it is still this token's."""
        self._connection.execute(_FREE, (token,))

    def break_lease(self, run: int, *, force: bool) -> None:
        """End the lease of a run: `elmify unlock`."""
        held = self._locked()
        if held is None or held.run != run:
            raise _not_the_holder(run, held)
        if not held.stale and not force:
            raise Leased(
                f"the lease is not stale: {_who(held)}",
                code="lease-not-stale",
                hint="Ending it stops that run before its commit. If you are sure that it is dead:",
                remedies=[EndLease(run=run, force=True)],
            )
        self.release_lease(held.token)

    def _read_lease(self) -> Lease | None:
        return _lease(self._connection.execute(_READ).fetchone())

    def _locked(self) -> Lease | None:
        return _lease(self._connection.execute(_LOCK).fetchone())


def _lease(found: tuple[Any, ...] | None) -> Lease | None:
    if found is None:
        return None
    run, holder, url, token, took_over, acquired_at, heartbeat_at, expires_at, stale = found
    return Lease(
        run=run,
        holder=holder,
        url=url,
        token=token,
        acquired_at=acquired_at.astimezone(UTC),
        heartbeat_at=heartbeat_at.astimezone(UTC),
        expires_at=expires_at.astimezone(UTC),
        stale=stale,
        took_over=took_over,
    )


def _refuse_held(lease: Lease | None) -> None:
    if lease is None or lease.stale:
        return
    raise Leased(
        f"another run holds the lease: {_who(lease)}",
        hint="Nothing was changed. Wait for that run to end; if it is dead, its lease ends by itself at"
        f" {_moment(lease.expires_at)}.\nTo end it now, if you are sure:",
        remedies=[EndLease(run=lease.run, force=True)],
    )


def _lost(lease: Lease | None) -> Leased:
    if lease is None:
        return Leased(
            "this run has lost the lease: somebody ended it",
            code="lease-ended",
            hint="Find out who ended it and why, then run the command again.",
        )
    return Leased(
        f"this run has lost the lease: it expired without a heartbeat, and now {_who(lease)}",
        code="lease-lost",
        hint=f"When run {lease.run} has ended, run the command again: what was uploaded is used then.",
    )


def _not_the_holder(run: int, lease: Lease | None) -> ElmifyError:
    if lease is None:
        return ElmifyError(
            f"run {run} does not hold the lease: nobody does",
            code="not-leased",
            hint="There is nothing to unlock.",
        )
    return Leased(
        f"run {run} does not hold the lease: {_who(lease)}",
        code="not-the-holder",
        hint="If that is the one to end:",
        remedies=[EndLease(run=lease.run)],
    )


def _who(lease: Lease) -> str:
    page = f" ({lease.url})" if lease.url else ""
    until = "it expired at" if lease.stale else "it lasts until"
    return (
        f"run {lease.run} of {lease.holder}{page} has held it since {_moment(lease.acquired_at)},"
        f" its last heartbeat was at {_moment(lease.heartbeat_at)}, {until} {_moment(lease.expires_at)}"
    )


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
