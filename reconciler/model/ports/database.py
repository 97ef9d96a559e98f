"""The database: one connection and one transaction that rows, records and audit share."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.model.errors import ProviderError
from reconciler.model.ports.library import Library, LibraryReader
from reconciler.model.ports.records import Records, RecordsReader


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
    `size_bytes` is what the database takes on its server's disk.
    """

    version: str
    version_number: int
    encrypted: bool | None
    pooled: bool
    missing_rights: tuple[str, ...]
    size_bytes: int


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
