"""Database port: sessions that library, records and audit log share."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from reconciler.model.actual import Row
from reconciler.model.errors import ProviderError
from reconciler.model.kinds import Kind
from reconciler.model.plan import Merged, NamedBy, Restored
from reconciler.model.ports.records import Records, RecordsReader
from reconciler.model.values import Value

#: Rows of one table are counted up to here: what is counted at every commit takes a moment only.
MOST_COUNTED = 1_000_000

#: Complete rows by table (`schema.table`), in an order in which they can be inserted. Values are JSON.
Captured = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    """Rows that depend on content rows through `on delete cascade`.

    At any depth. `user_rows` counts, for each content row, the rows by table that are neither content
    nor junctions; a row that depends on several content rows is counted at each. `lost_rows` counts
    them by table for all the asked rows together, each once. `users` counts the distinct users who
    own those rows, `users_of` by table, `people` by content row. `content` are the content rows that
    would be deleted as well, by kind, the asked ones included.
    """

    user_rows: Mapping[tuple[Kind, int], Mapping[str, int]] = field(default_factory=dict)
    people: Mapping[tuple[Kind, int], int] = field(default_factory=dict)
    lost_rows: Mapping[str, int] = field(default_factory=dict)
    users: int = 0
    users_of: Mapping[str, int] = field(default_factory=dict)
    content: Mapping[Kind, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsPastEnd:
    """Saved places of listeners behind a new end of the audio.

    It counts them for each lecture row, and counts the distinct users.
    """

    rows: Mapping[int, int] = field(default_factory=dict)
    users: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Edit: a complete row of `table` before and after a change.

    `table` is named `schema.table`. Values are JSON.
    """

    table: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def inverse(self) -> "Edit":
        """Return the edit that takes this one back."""
        return Edit(table=self.table, before=self.after, after=self.before)


class LibraryReader(Protocol):
    """The content tables, read inside one transaction."""

    def rows(self, kind: Kind) -> Iterable[Row]:
        """Return every row of that kind, in id order.

        Takes a fixed number of statements, whatever the size.
        """
        ...

    def categories(self) -> Mapping[str, int] | None:
        """Return category row ids by slug.

        None when this deployment has no category tables.
        """
        ...

    def dependents(
        self, rows: Mapping[Kind, Collection[int]], *, leaving: Mapping[Kind, Collection[int]] | None = None
    ) -> Dependents:
        """Count the rows that depend on these content rows.

        Follows foreign keys found in `pg_catalog`. `leaving` are content rows that will depend on other
        rows by then: neither they nor what depends on them is reached through their present parents. The
        number of statements depends on the number of tables, never on the number of rows.
        """
        ...

    def positions_past_end(self, ends: Mapping[int, int]) -> PositionsPastEnd:
        """Count the saved places of listeners behind `ends`.

        `ends` are in seconds by lecture row. Every table that refers to lectures and has a number
        `current_position` holds such places. Two statements, whatever the size.
        """
        ...

    def named_elsewhere(
        self, keys: Collection[str], *, leaving: Mapping[Kind, Collection[int]] | None = None
    ) -> Mapping[str, NamedBy]:
        """Return the keys, in NFC, that are named elsewhere, and what names them.

        Elsewhere means outside the columns that `rows` returns. Looks into every column of text, JSON,
        XML or a composite type, and arrays of these, of every table, partitioned table and materialised
        view outside schema `elmify` and PostgreSQL's own, for any spelling of a key. The content rows
        `leaving` are about to be deleted, and do not count. A table that the role may not read, or of
        which it may not read every row, is taken to name every key. One statement for each table, and one
        more.
        """
        ...

    def user_rows(self) -> Mapping[str, int]:
        """Count the rows of users by table, up to `MOST_COUNTED` of each.

        Tables are named `schema.table`. These are the tables that refer to content, found in `pg_catalog`. A
        table of which the role may not read every row is left out. Three statements, whatever the size.
        """
        ...

    def created_after(self, moment: datetime) -> Mapping[Kind, frozenset[int]]:
        """Return the ids of content rows whose `created_at` is later.

        Empty for a table without that column. Two statements for all tables.
        """
        ...

    def restorable(self, captured: Captured) -> Restored:
        """Count what `restore` would insert now.

        The content rows among `captured` are assumed to exist. A few statements for each table, whatever
        the number of rows.
        """
        ...

    def mergeable(self, row: int, into: int) -> Merged:
        """Count what `merge` would do now.

        Raises `ProviderError` where `merge` could not do it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRow:
    """Row to insert under an id that is reserved for it.

    Columns that are absent take the table's default.
    """

    id: int
    values: Mapping[str, Value]


class Library(LibraryReader, Protocol):
    """Content tables, written inside one transaction.

    All statements work on sets of rows.
    """

    def reserve_ids(self, kind: Kind, count: int) -> Sequence[int]:
        """Take that many new row ids from the table's sequence."""
        ...

    def claim_ids(self, kind: Kind, ids: Collection[int]) -> frozenset[int]:
        """Keep the table's sequence from ever giving these ids to another row.

        Return those that a row has already.
        """
        ...

    def lock(self, kind: Kind, ids: Collection[int]) -> Mapping[int, Row]:
        """Lock rows `FOR UPDATE` in id order and return what they hold now.

        Rows that no longer exist are absent.
        """
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
        """Return every complete row, by table, that deleting these rows removes.

        The rows themselves are included. Tables are named `schema.table`, in an order in which the rows
        can be inserted again. Values are JSON.
        """
        ...

    def restore(self, captured: Captured) -> Restored:
        """Insert captured rows with the ids they had, and say which were left out.

        Left out are rows that refer to what is gone (a user, a category, a row that is itself left out), rows
        whose place under a primary key or a unique constraint is taken, and those of tables that are gone.
        Content rows are all inserted. Columns that the table has got since take their default. `Unavailable`
        when what they refer to changed in that very moment: the transaction may be tried again.
        """
        ...

    def merge(self, row: int, into: int) -> tuple[Merged, Sequence[Edit]]:
        """Move what listeners keep of one lecture row to another.

        Follows every foreign key that leads to the row. Where a unique constraint allows only one of two
        rows, they are combined: of rows that have a time of their last change, the newer counts; of a
        day's statistics, whole numbers are added and the larger ratio counts; any other row stays, from
        the earlier moment. What was combined still refers to `row`, and is deleted with it. Returns
        counts, and every row that was changed. Junction rows stay as they are. Raises `ProviderError` for
        a reference that cannot be followed.
        """
        ...

    def edit(self, edits: Sequence[Edit]) -> Sequence[Edit]:
        """Change rows that still hold the values that the edits start from.

        Only the columns that the edits change are compared. Return the edits of these rows.
        """
        ...

    def capture_categories(self, kind: Kind, ids: Collection[int]) -> Sequence[Mapping[str, Any]]:
        """Return the complete junction rows of content rows.

        Empty without category tables.
        """
        ...

    def restore_categories(self, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> None:
        """Restore the values that `capture_categories` returned.

        Only junction rows that exist now get back what they held then.
        """
        ...

    def delete(self, rows: Mapping[Kind, Collection[int]]) -> None:
        """Delete rows, and by cascade what hangs off them."""
        ...


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
