"""The protocols between elmify and the outside world. Their docstrings are the contract.

Every implementation of a protocol passes the same contract suite. Failures are `ProviderError`s; a provider
has already retried a transient one, with backoff, before it lets it through.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Protocol

from reconciler.model.actual import Row, StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import ProviderError
from reconciler.model.history import Actor, AuditEntry, AuditFact, AuditHead, Lease, Run, RunState, StepRecord
from reconciler.model.kinds import Kind
from reconciler.model.recorded import Identity, KeyRecord, Recorded, ResourceRecord
from reconciler.model.values import Value


def ignore_bytes(_count: int) -> None:
    """Take a progress report and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An object to be stored.

    `body` is seekable and stands at its start; exactly `size_bytes` are read from it. `part_bytes` asks for
    a multipart upload in equal parts of that size. `on_bytes` is called with the bytes gone out since the
    last call; an exception it raises abandons the put and is let through.
    """

    key: str
    body: BinaryIO
    size_bytes: int
    md5: str
    media_type: str
    cache_control: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    part_bytes: int | None = None
    on_bytes: Callable[[int], None] = ignore_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """What a head request tells. Metadata keys are lower-case, without the `x-amz-meta-` prefix."""

    key: str
    size_bytes: int
    etag: str
    media_type: str
    cache_control: str | None
    metadata: Mapping[str, str]


class ObjectStore(Protocol):
    """A bucket with R2's semantics. Keys equal by NFC are one object. Safe to use from several threads."""

    def now(self) -> datetime | None:
        """Return the store's clock, aware, in UTC, as an answer tells it; None when it is this machine's."""
        ...

    def __str__(self) -> str:
        """Name the bucket for a person, without any secret."""
        ...

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object under `prefix`, keys in increasing order of their UTF-8 bytes, each once.

        Complete, or raises: `IncompleteListing`, `ListingRefused`, `Denied`, `Unavailable`. Costs one request
        per 1,000 objects and none for each object.
        """
        ...

    def head(self, key: str) -> ObjectFacts | None:
        """Return what is stored under `key`; None when there is nothing. One request."""
        ...

    def read(self, key: str) -> bytes:
        """Return a small object's bytes; `ObjectMissing` when there is none."""
        ...

    def put(self, upload: Upload) -> StoredObject:
        """Store an object where there is none, and return what the store says it now holds.

        Never overwrites: raises `ObjectExists` when anything is under the key (for a multipart upload this
        is checked before the first part), unless it is the very object this call has put while its answer was
        lost. Raises `WrongBytes` when the bytes that went out do not have the MD5 that was named, in which
        case nothing is left under the key where the store allows that. An object is whole or absent, even
        when the process is killed.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object. Removing what is not there is no error."""
        ...


class MediaFiles(Protocol):
    """The files under the media root."""

    def open(self, media: MediaFile) -> BinaryIO:
        """Open the file whose bytes the lockfile names, positioned at its start.

        The handle was hashed: its bytes had the recorded SHA-256. Raises `ObjectMissing` when there is no
        such file, `WrongBytes` when it changed since it was locked, or when the path leaves the media root.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    """What hangs off content rows through `on delete cascade`, at any depth.

    `user_rows` counts, for each content row, the rows by table that are neither content nor junctions; a row
    that hangs off several is counted at each. `lost_rows` counts them by table for all the asked rows
    together, each once. `users` counts the distinct users behind those. `content` are the content rows that
    would go along, by kind, the asked ones included.
    """

    user_rows: Mapping[tuple[Kind, int], Mapping[str, int]] = field(default_factory=dict)
    lost_rows: Mapping[str, int] = field(default_factory=dict)
    users: int = 0
    content: Mapping[Kind, frozenset[int]] = field(default_factory=dict)


class LibraryReader(Protocol):
    """The content tables, read inside one transaction."""

    def rows(self, kind: Kind) -> Iterable[Row]:
        """Return every row of that kind, in id order. A fixed number of statements, whatever the size."""
        ...

    def categories(self) -> Mapping[str, int] | None:
        """Return category row ids by slug; None when this deployment has no category tables."""
        ...

    def dependents(
        self, rows: Mapping[Kind, Collection[int]], *, leaving: Mapping[Kind, Collection[int]] | None = None
    ) -> Dependents:
        """Count what hangs off those rows, following foreign keys found in `pg_catalog`.

        `leaving` are content rows that will hang elsewhere by then: neither they nor what hangs off them is
        reached through their present parents. The number of statements depends on the number of tables,
        never on the number of rows.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """A row to insert under an id reserved for it. Columns that are absent take the table's default."""

    id: int
    values: Mapping[str, Value]


class Library(LibraryReader, Protocol):
    """The content tables, written inside one transaction. All statements are set-wise."""

    def reserve_ids(self, kind: Kind, count: int) -> Sequence[int]:
        """Take that many new row ids from the table's sequence."""
        ...

    def lock(self, kind: Kind, ids: Collection[int]) -> Mapping[int, Row]:
        """Lock rows `FOR UPDATE` in id order and return what they hold now; gone ones are absent."""
        ...

    def insert(self, kind: Kind, rows: Sequence[NewRow]) -> None:
        """Insert rows. Values of origin CATEGORIES go to the junction table."""
        ...

    def update(self, kind: Kind, changes: Mapping[int, Mapping[str, Value]]) -> None:
        """Set the given columns of each row; others are left alone.

        Values of unique columns may be exchanged between rows. Categories are replaced as a whole.
        """
        ...

    def capture(self, rows: Mapping[Kind, Collection[int]]) -> Mapping[str, list[Mapping[str, Any]]]:
        """Return every complete row, by table, that deleting those rows would take, they included.

        Tables are named `schema.table`, in an order in which the rows can be inserted again. Values are JSON.
        """
        ...

    def delete(self, rows: Mapping[Kind, Collection[int]]) -> None:
        """Delete rows, and by cascade what hangs off them."""
        ...


class RecordsReader(Protocol):
    """Schema `elmify`, read inside one transaction."""

    def load(self) -> Recorded:
        """Return everything recorded, in a fixed number of statements; all of it empty without the schema.

        Raises `Denied` when the role may not read it: that is never 'nothing recorded'.
        """
        ...

    def load_identity(self) -> Identity | None:
        """Return the identity alone; None without the schema. `Denied` as for `load`."""
        ...

    def lease(self) -> Lease | None:
        """Return who holds the lease; None when nobody does."""
        ...

    def runs(self, limit: int = 20) -> Sequence[Run]:
        """Return the last runs, newest first."""
        ...

    def run(self, run_id: int) -> Run | None:
        """Return one run."""
        ...

    def steps(self, run_id: int) -> Sequence[StepRecord]:
        """Return what a run did, in the order it was recorded."""
        ...

    def audit(self) -> Iterator[AuditEntry]:
        """Yield the audit log from its first entry, streaming."""
        ...

    def audit_head(self) -> AuditHead:
        """Return the end of the audit log."""
        ...


class Records(RecordsReader, Protocol):
    """Schema `elmify`, written inside one transaction. Times are the database's `clock_timestamp()`."""

    def install(self, environment: str, identity: str) -> Identity:
        """Create the schema where it is absent, and return the identity, which is then *pending*.

        Serialised by an advisory transaction lock, so that two first runs agree on one identity. `identity`
        is used only if there is none.
        """
        ...

    def confirm_identity(self, *, keys_lost: bool = False) -> None:
        """Say that the bucket carries this identity; `keys_lost` once records had to be rebuilt."""
        ...

    def begin_run(self, command: str, actor: Actor, fingerprint: str | None = None) -> int:
        """Record that a run has begun, and return its number."""
        ...

    def acquire_lease(self, run: int, actor: Actor, lasts: timedelta) -> Lease:
        """Take the lease for a run, if it is free or stale; else raise `Leased` that says who holds it."""
        ...

    def renew_lease(self, token: int, lasts: timedelta) -> None:
        """Move the expiry on; `Leased` when the token is no longer the current one."""
        ...

    def check_lease(self, token: int) -> None:
        """Lock the lease row until the transaction ends; `Leased` when the token is not the current one.

        A takeover has to wait for the lock, so what this transaction commits is still fenced.
        """
        ...

    def release_lease(self, token: int) -> None:
        """Give the lease back. No error when it was taken over meanwhile."""
        ...

    def break_lease(self, run: int, *, force: bool) -> None:
        """End the lease of that run; `Leased` when it is not stale and `force` is not given."""
        ...

    def set_run(self, run: int, state: RunState, outcome: str | None = None) -> None:
        """Record how far a run has come, and when."""
        ...

    def save_keys(self, keys: Iterable[KeyRecord]) -> None:
        """Insert or replace what is known of keys."""
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
        """Append facts to the audit log under its head's lock, and return the new end."""
        ...


class ReadSession(Protocol):
    """One `REPEATABLE READ READ ONLY` transaction: everything it returns is of one moment."""

    @property
    def library(self) -> LibraryReader:
        """Return the content tables."""
        ...

    @property
    def records(self) -> RecordsReader:
        """Return schema `elmify`."""
        ...

    def now(self) -> datetime:
        """Return the database's clock, aware, in UTC."""
        ...


class UnitOfWork(Protocol):
    """One connection and one transaction that rows, records and audit share."""

    @property
    def library(self) -> Library:
        """Return the content tables."""
        ...

    @property
    def records(self) -> Records:
        """Return schema `elmify`."""
        ...

    def now(self) -> datetime:
        """Return the database's clock, aware, in UTC."""
        ...


class CommitUnknown(ProviderError):
    """The connection was lost between COMMIT and its answer: the transaction may stand or not."""

    code = "commit-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What a connection tells of its server.

    `encrypted` is None where nothing leaves this machine. `pooled` says that a transaction pooler stands in
    between. `missing_rights` are the grants that the role lacks for `apply`, as SQL that gives them.
    """

    version: str
    version_number: int
    encrypted: bool | None
    pooled: bool
    missing_rights: tuple[str, ...]


class Database(Protocol):
    """A PostgreSQL database. Safe to use from several threads: every session has a connection of its own."""

    def __str__(self) -> str:
        """Name the database for a person, without any secret."""
        ...

    def read(self) -> AbstractContextManager[ReadSession]:
        """Open a reading session."""
        ...

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """Open a transaction, committed when the block ends and rolled back when it raises.

        Raises `CommitUnknown` when the answer to COMMIT was lost, `Unavailable` on a lock timeout, a
        serialization failure or a deadlock (the whole block may then be tried again).
        """
        ...

    def facts(self) -> DatabaseFacts:
        """Return what a new connection tells of the server. Writes nothing."""
        ...

    def close(self) -> None:
        """Give back every connection, and stop what was started for this database alone."""
        ...


class Meter(Protocol):
    """Takes the progress of a transfer, from any thread."""

    def bytes_done(self, count: int) -> None:
        """Add bytes that went through; negative when an attempt starts over."""
        ...

    def file_done(self, name: str) -> None:
        """Count one more file as done."""
        ...


class Observer(Protocol):
    """Is told what a run does, as it does it."""

    def event(self, name: str, **facts: object) -> None:
        """Take note of a step, such as `lease-acquired`, `planned` or `committed`."""
        ...

    def meter(self, label: str, *, files: int, size_bytes: int) -> AbstractContextManager[Meter]:
        """Open a meter for the transfer of that many files and bytes."""
        ...
