"""The content tables, as elmify needs them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.model.actual import Row
from reconciler.model.kinds import Kind
from reconciler.model.plan import Merged, NamedBy, Restored
from reconciler.model.values import Value

#: Complete rows by table (`schema.table`), in an order in which they can be inserted. Values are JSON.
Captured = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependents:
    """What hangs off content rows through `on delete cascade`, at any depth.

    `user_rows` counts, for each content row, the rows by table that are neither content nor junctions; a row
    that hangs off several is counted at each. `lost_rows` counts them by table for all the asked rows
    together, each once. `users` counts the distinct users behind those, `users_of` by table, `people` by
    content row. `content` are the content rows that would go along, by kind, the asked ones included.
    """

    user_rows: Mapping[tuple[Kind, int], Mapping[str, int]] = field(default_factory=dict)
    people: Mapping[tuple[Kind, int], int] = field(default_factory=dict)
    lost_rows: Mapping[str, int] = field(default_factory=dict)
    users: int = 0
    users_of: Mapping[str, int] = field(default_factory=dict)
    content: Mapping[Kind, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Places that listeners keep behind a new end: how many for each lecture row, and the distinct users."""

    rows: Mapping[int, int] = field(default_factory=dict)
    users: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A complete row of `table` (`schema.table`) before it was changed and after. Values are JSON."""

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

    def beyond(self, ends: Mapping[int, int]) -> Beyond:
        """Count the places that listeners keep behind `ends`, in seconds by lecture row.

        Every table that refers to lectures and has a number `current_position` is one that keeps places. Two
        statements, whatever the size.
        """
        ...

    def named_elsewhere(
        self, keys: Collection[str], *, leaving: Mapping[Kind, Collection[int]] | None = None
    ) -> Mapping[str, NamedBy]:
        """Return which of the keys, in NFC, are named outside the columns that `rows` brings; by what.

        Looks into every column of text, JSON, XML or a composite type, and arrays of these, of every table,
        partitioned table and materialised view outside schema `elmify` and PostgreSQL's own, for any
        spelling of a key. The content rows `leaving` are about to be deleted, and do not count. What the role
        may not read, or not every row of, is taken to name every key. One statement for each table, and one.
        """
        ...

    def restorable(self, captured: Captured) -> Restored:
        """Count what `restore` would insert now, the content rows among `captured` taken for granted.

        A few statements for each table, whatever the number of rows.
        """
        ...

    def mergeable(self, row: int, into: int) -> Merged:
        """Count what `merge` would do now. Raises `ProviderError` where it could not."""
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

    def restore(self, captured: Captured) -> Restored:
        """Insert captured rows with the ids they had, and say which were left out.

        Left out are rows that refer to what is gone (a user, a category, a row that is itself left out), rows
        whose place under a primary key or a unique constraint is taken, and those of tables that are gone.
        Content rows are all inserted. Columns that the table has got since take their default. `Unavailable`
        when what they refer to changed in that very moment: the transaction may be tried again.
        """
        ...

    def merge(self, row: int, into: int) -> tuple[Merged, Sequence[Edit]]:
        """Move what listeners keep of one lecture row to another, through every foreign key that leads there.

        Where a unique constraint leaves room for one of two rows, they are combined: of a row with a time of
        its last change the newer counts; of a day's statistics whole numbers are added and the larger ratio
        counts; any other stays, from the earlier moment. What was combined hangs off `row` still, and goes
        with it. Returns counts, and every row that was changed. Junction rows stay as they are. Raises
        `ProviderError` for a reference that cannot be followed.
        """
        ...

    def edit(self, edits: Sequence[Edit]) -> Sequence[Edit]:
        """Change rows that still hold what the edits found in the columns they change; return those edits."""
        ...

    def capture_categories(self, kind: Kind, ids: Collection[int]) -> Sequence[Mapping[str, Any]]:
        """Return the complete junction rows of content rows; nothing without category tables."""
        ...

    def restore_categories(self, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> None:
        """Give the junction rows that there are what they held when `capture_categories` returned them."""
        ...

    def delete(self, rows: Mapping[Kind, Collection[int]]) -> None:
        """Delete rows, and by cascade what hangs off them."""
        ...
