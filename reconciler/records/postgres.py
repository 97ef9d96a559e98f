"""The records on PostgreSQL: the two protocols, each method answered by the module of its noun."""

# ruff: noqa: D102 - the contract of each method is the docstring in `reconciler.model.ports`

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from reconciler.model.history import (
    Actor,
    AuditEntry,
    AuditFact,
    AuditHead,
    Lease,
    Run,
    RunState,
    StepRecord,
    Touch,
)
from reconciler.model.recorded import Identity, KeyRecord, Recorded, ResourceRecord
from reconciler.records.audit import append_audit, read_audit, read_audit_head, read_facts
from reconciler.records.keys import read_keys, save_keys
from reconciler.records.lease import (
    acquire_lease,
    break_lease,
    check_lease,
    read_lease,
    release_lease,
    renew_lease,
)
from reconciler.records.resources import drop_resources, read_resources, save_resources
from reconciler.records.runs import (
    add_steps,
    begin_run,
    last_change,
    last_runs,
    read_run,
    read_steps,
    set_run,
    touched_since,
)
from reconciler.records.schema import confirm_identity, install, is_readable, read_identity

if TYPE_CHECKING:
    from psycopg import Connection


class PostgresRecords:
    """Schema `elmify` through one connection, inside the transaction that is open on it.

    Implements `RecordsReader`, for which a role that may only read is enough, and `Records`, which wants
    READ COMMITTED: what waited for a lock then sees what the one before it committed. Keeps no state in the
    session, so a transaction pooler may stand between. Reading without the schema finds nothing, reading
    without the right to raises `Denied`; psycopg's own exceptions pass through.
    """

    def __init__(self, connection: "Connection[tuple[Any, ...]]") -> None:
        self._connection = connection
        self._found = False

    def _readable(self) -> bool:
        """Whether there is something to read; asked until the schema was found."""
        self._found = self._found or is_readable(self._connection)
        return self._found

    def load(self) -> Recorded:
        if not self._readable():
            return Recorded()
        return Recorded(
            identity=read_identity(self._connection),
            resources=read_resources(self._connection),
            keys=read_keys(self._connection),
        )

    def load_identity(self) -> Identity | None:
        return read_identity(self._connection) if self._readable() else None

    def lease(self) -> Lease | None:
        return read_lease(self._connection) if self._readable() else None

    def runs(self, limit: int = 20) -> Sequence[Run]:
        return last_runs(self._connection, limit) if self._readable() else ()

    def run(self, run_id: int) -> Run | None:
        return read_run(self._connection, run_id) if self._readable() else None

    def steps(self, run_id: int) -> Sequence[StepRecord]:
        return read_steps(self._connection, run_id) if self._readable() else ()

    def last_change(self) -> int | None:
        return last_change(self._connection) if self._readable() else None

    def touched_since(self, run_id: int) -> Iterator[Touch]:
        return touched_since(self._connection, run_id) if self._readable() else iter(())

    def audit(self) -> Iterator[AuditEntry]:
        return read_audit(self._connection) if self._readable() else iter(())

    def audit_head(self) -> AuditHead:
        return read_audit_head(self._connection) if self._readable() else AuditHead()

    def facts(self, event: str) -> Iterator[AuditEntry]:
        return read_facts(self._connection, event) if self._readable() else iter(())

    def install(self, environment: str, identity: str) -> Identity:
        return install(self._connection, environment, identity)

    def confirm_identity(self, *, keys_lost: bool = False) -> None:
        confirm_identity(self._connection, keys_lost=keys_lost)

    def begin_run(self, command: str, actor: Actor, fingerprint: str | None = None) -> int:
        return begin_run(self._connection, command, actor, fingerprint)

    def acquire_lease(self, run: int, actor: Actor, lasts: timedelta) -> Lease:
        return acquire_lease(self._connection, run, actor, lasts)

    def renew_lease(self, token: int, lasts: timedelta) -> None:
        renew_lease(self._connection, token, lasts)

    def check_lease(self, token: int) -> None:
        check_lease(self._connection, token)

    def release_lease(self, token: int) -> None:
        release_lease(self._connection, token)

    def break_lease(self, run: int, *, force: bool) -> None:
        break_lease(self._connection, run, force=force)

    def set_run(self, run: int, state: RunState, outcome: str | None = None) -> None:
        set_run(self._connection, run, state, outcome)

    def save_keys(self, keys: Iterable[KeyRecord]) -> None:
        save_keys(self._connection, keys)

    def save_resources(self, resources: Iterable[ResourceRecord], run: int) -> None:
        save_resources(self._connection, resources, run)

    def drop_resources(self, addresses: Iterable[str]) -> None:
        drop_resources(self._connection, addresses)

    def add_steps(self, run: int, steps: Iterable[StepRecord]) -> None:
        add_steps(self._connection, run, steps)

    def append_audit(self, run: int | None, actor: Actor, facts: Sequence[AuditFact]) -> AuditHead:
        return append_audit(self._connection, run, actor, facts)
