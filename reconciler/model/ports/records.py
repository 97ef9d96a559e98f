"""Ports of the records: runs, lease, keys, resources and audit log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from reconciler.model.history import (
    Actor,
    AuditEntry,
    AuditFact,
    AuditHead,
    CommitCounts,
    Lease,
    Run,
    RunKind,
    RunResult,
    RunState,
    RunTotal,
    StepRecord,
    Touch,
)
from reconciler.model.playback import PendingAlias
from reconciler.model.recorded import Identity, KeyRecord, Recorded, ResourceRecord


class RecordsReader(Protocol):
    """Schema `elmify`, read inside one transaction.

    Records of an earlier version are read as they are: what they lack is worked out from what they have.
    """

    def load(self) -> Recorded:
        """Return everything recorded.

        Takes a fixed number of statements. All of it is empty without the schema. Raises `Denied` when
        the role may not read it: that is never 'nothing recorded'.
        """
        ...

    def load_identity(self) -> Identity | None:
        """Return the identity alone; None without the schema.

        Raises `Denied` as `load` does.
        """
        ...

    def lease(self) -> Lease | None:
        """Return the lease that is held; None when it is free."""
        ...

    def runs(self, limit: int = 20) -> Sequence[Run]:
        """Return the last runs, newest first."""
        ...

    def run(self, run_id: int) -> Run | None:
        """Return one run."""
        ...

    def ended_runs(self, kind: RunKind, *, result: RunResult | None = None, limit: int = 1) -> Sequence[Run]:
        """Return the last ended runs of a kind, newest first.

        If `result` is given, only runs with that result are returned.
        """
        ...

    def run_totals(self) -> Sequence[RunTotal]:
        """Return the sums over all runs, by kind and result.

        They are in the order of the names of kind and result. Without runs there are no sums.
        """
        ...

    def last_upload(self) -> Run | None:
        """Return the last committed run that uploaded anything.

        Of the runs that uploaded anything, it is the one that committed last. None if there is no such
        run.
        """
        ...

    def steps(self, run_id: int) -> Sequence[StepRecord]:
        """Return what a run did, in the order it was recorded."""
        ...

    def last_change(self) -> int | None:
        """Return the last committed run that changed the library.

        That is, a run that changed more than what elmify remembers. None without one.
        """
        ...

    def touched_since(self, run_id: int) -> Iterator[Touch]:
        """Yield the steps of every later run that committed.

        They come in the order of runs, streaming.
        """
        ...

    def audit(self) -> Iterator[AuditEntry]:
        """Yield the audit log from its first entry, streaming."""
        ...

    def audit_head(self) -> AuditHead:
        """Return the end of the audit log."""
        ...

    def aliases(self) -> Mapping[str, PendingAlias]:
        """Return every alias that a commit left to be made, by NFC key."""
        ...

    def last_commit(self) -> AuditEntry | None:
        """Return the audit log's entry of the last commit.

        None before the first commit.
        """
        ...


class Records(RecordsReader, Protocol):
    """Records in schema `elmify`, written inside one transaction.

    Times are the database's `clock_timestamp()`.
    """

    def install(self, environment: str, identity: str) -> Identity:
        """Create the schema where it is absent, and return the identity.

        The identity is then *pending*. An advisory transaction lock serialises this, so that two first
        runs agree on one identity. `identity` is used only if there is none.
        """
        ...

    def confirm_identity(self, *, keys_lost: bool = False) -> None:
        """Record that the bucket carries this identity.

        `keys_lost` is set once records had to be rebuilt.
        """
        ...

    def begin_run(
        self, kind: RunKind, actor: Actor, fingerprint: str | None = None, *, subject: Sequence[str] = ()
    ) -> int:
        """Record that a run has begun, and return its number.

        Upgrades records of an earlier version first: `Leased` while a run of that version is at work, and
        `Denied` when this role may not upgrade them.
        """
        ...

    def acquire_lease(self, run: int, actor: Actor, lasts: timedelta) -> Lease:
        """Take the lease for a run, if it is free or stale.

        Otherwise raise `Leased`, which says who holds it.
        """
        ...

    def renew_lease(self, token: int, lasts: timedelta) -> None:
        """Extend the expiry of the lease.

        Raises `Leased` when the token is no longer the current one.
        """
        ...

    def check_lease(self, token: int) -> None:
        """Lock the lease row until the transaction ends.

        Raises `Leased` when the token is not the current one. A takeover has to wait for the lock, so
        what this transaction commits is still fenced.
        """
        ...

    def release_lease(self, token: int) -> None:
        """Give the lease back. No error when it was taken over meanwhile."""
        ...

    def break_lease(self, run: int, *, force: bool) -> None:
        """End the lease of that run.

        Raises `Leased` when the lease is not stale and `force` is not given.
        """
        ...

    def set_run(
        self, run: int, state: RunState, outcome: str | None = None, counts: CommitCounts | None = None
    ) -> None:
        """Record the state of a run and the time at which it was reached.

        With the run's commit, the commit's counts are recorded too. The changes of a commit are counted
        from the steps that were recorded before it. A run that ends is added to the totals.
        """
        ...

    def save_keys(self, keys: Iterable[KeyRecord]) -> None:
        """Insert or replace what is known of keys."""
        ...

    def save_aliases(self, aliases: Iterable[PendingAlias]) -> None:
        """Insert or replace pending aliases."""
        ...

    def drop_aliases(self, keys: Iterable[str]) -> None:
        """Remove aliases that are made, or that are given up."""
        ...

    def save_resources(self, resources: Iterable[ResourceRecord], run: int) -> None:
        """Insert or replace what is known of resources."""
        ...

    def drop_resources(self, addresses: Iterable[str]) -> None:
        """Forget resources."""
        ...

    def add_steps(self, run: int, steps: Iterable[StepRecord]) -> None:
        """Record what a run does, in order."""
        ...

    def append_audit(self, run: int | None, actor: Actor, facts: Sequence[AuditFact]) -> AuditHead:
        """Append facts to the audit log, and return its new end.

        The lock of the log's head is held meanwhile.
        """
        ...
