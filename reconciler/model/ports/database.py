"""Database port: one connection and one transaction.

Rows, records and audit share them.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.model.errors import ProviderError
from reconciler.model.ports.library import Library, LibraryReader
from reconciler.model.ports.records import Records, RecordsReader


class ReadSession(Protocol):
    """Read session: one `REPEATABLE READ READ ONLY` transaction.

    Everything it returns is of one moment.
    """

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
    """Unknown result of a COMMIT.

    The connection was lost between COMMIT and its answer: the transaction may be committed or not.
    """

    code = "commit-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """Facts that a connection tells about its server.

    `encrypted` is None where nothing leaves this machine. `pooled` says that there is a transaction
    pooler in between. `missing_rights` are the grants that the role lacks for `apply`, as SQL that
    gives them. `size_bytes` is the space that the database takes on its server's disk.
    """

    version: str
    version_number: int
    encrypted: bool | None
    pooled: bool
    missing_rights: tuple[str, ...]
    size_bytes: int


class Database(Protocol):
    """PostgreSQL database.

    Safe to use from several threads: every session has its own connection.
    """

    def __str__(self) -> str:
        """Name the database for a person, without any secret."""
        ...

    def read(self) -> AbstractContextManager[ReadSession]:
        """Open a reading session."""
        ...

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """Open a transaction for writing.

        It is committed when the block ends, and rolled back when the block raises. Raises `CommitUnknown`
        when the answer to COMMIT was lost, `Unavailable` on a lock timeout, a serialization failure or a
        deadlock (the whole block may then be tried again).
        """
        ...

    def facts(self) -> DatabaseFacts:
        """Return what a new connection tells of the server. Writes nothing."""
        ...

    def close(self) -> None:
        """Return every connection, and stop what was started for this database."""
        ...
