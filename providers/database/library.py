"""The content tables of `public`: read and written in sets, never altered."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from psycopg import sql

from providers.database import junctions
from providers.database.connection import Connection, streamed
from providers.database.dependents import (
    capture_rows,
    count_dependents,
    count_positions_past_end,
    count_user_rows,
)
from providers.database.junctions import held_elsewhere, qualified, sorted_by, stored
from providers.database.merging import Merging, carry_out
from providers.database.naming import find_named
from providers.database.restoring import restorable, restore
from providers.database.updates import Update
from reconciler.model.actual import Row
from reconciler.model.errors import ProviderError
from reconciler.model.kinds import TABLES, Kind, Table
from reconciler.model.plan import Merged, NamedBy, Restored
from reconciler.model.ports import Captured, Dependents, Edit, NewRow, PositionsPastEnd
from reconciler.model.values import Value, shared_if_any

#: The tables that say when each of their rows was made.
_DATED = """
    select name from unnest(%s::text[]) as name
    where exists (select 1 from pg_catalog.pg_attribute
                  where attrelid = to_regclass(name) and attname = 'created_at' and not attisdropped)
"""

_ALL = sql.SQL("order by id")
_LOCKED = sql.SQL("where id = any(%s) order by id for update")


class PostgresLibrary:
    """Content tables inside one transaction.

    The contract is that of `ports.Library`, which is not repeated here.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._updates = 0

    def categories(self) -> Mapping[str, int] | None:
        """Return category row ids by slug.

        Two statements, the first only once in a transaction.
        """
        return junctions.categories(self._connection) if self._has_categories else None

    def rows(self, kind: Kind) -> Sequence[Row]:
        """Return every row of a kind.

        One statement, and one more for the categories of the rows.
        """
        return self._rows(TABLES[kind], _ALL, None)

    def dependents(
        self, rows: Mapping[Kind, Collection[int]], *, leaving: Mapping[Kind, Collection[int]] | None = None
    ) -> Dependents:
        """Count the rows that depend on the given rows.

        Two statements. `user_rows` is about the requested rows.
        """
        return count_dependents(self._connection, rows, leaving)

    def positions_past_end(self, ends: Mapping[int, int]) -> PositionsPastEnd:
        """Count places behind the ends, in two statements."""
        return count_positions_past_end(self._connection, ends)

    def named_elsewhere(
        self, keys: Collection[str], *, leaving: Mapping[Kind, Collection[int]] | None = None
    ) -> Mapping[str, NamedBy]:
        """Search the other columns and tables for object keys.

        One statement for each table, and one before.
        """
        return find_named(self._connection, keys, leaving)

    def user_rows(self) -> Mapping[str, int]:
        """Count the rows of users by table, in three statements."""
        return count_user_rows(self._connection)

    def created_after(self, moment: datetime) -> Mapping[Kind, frozenset[int]]:
        """Return the ids of younger rows, in two statements.

        The tables hold times in UTC, without a time zone.
        """
        names = [f"public.{table.name}" for table in TABLES.values()]
        dated = {name for (name,) in self._connection.execute(_DATED.encode(), (names,))}
        selects = [
            sql.SQL("select {}, id from {} where created_at > %(moment)s").format(
                sql.Literal(kind.value), qualified(table)
            )
            for kind, table in TABLES.items()
            if f"public.{table.name}" in dated
        ]
        found: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        if selects:
            at = {"moment": moment.astimezone(UTC).replace(tzinfo=None)}
            for kind, row in self._connection.execute(sql.SQL(" union all ").join(selects), at):
                found[Kind(kind)].add(row)
        return {kind: frozenset(ids) for kind, ids in found.items()}

    def restorable(self, captured: Captured) -> Restored:
        """Count what can come back, in four statements and one for each table."""
        return restorable(self._connection, captured)

    def restore(self, captured: Captured) -> Restored:
        """Insert captured rows, in four statements and two for each table."""
        return restore(self._connection, captured)

    def mergeable(self, row: int, into: int) -> Merged:
        """Count what a merge would do.

        A few statements for each table that refers to lectures.
        """
        return Merging(self._connection, write=False).run(row, into)

    def merge(self, row: int, into: int) -> tuple[Merged, Sequence[Edit]]:
        """Merge two lecture rows.

        A few statements for each table that refers to lectures.
        """
        merging = Merging(self._connection, write=True)
        return merging.run(row, into), merging.edits

    def edit(self, edits: Sequence[Edit]) -> Sequence[Edit]:
        """Change single rows, in two statements for each table and set of columns."""
        return carry_out(self._connection, edits)

    def reserve_ids(self, kind: Kind, count: int) -> Sequence[int]:
        """Take new row ids from the sequence.

        Skips the ids of rows that were imported with their ids, without use of the sequence.
        """
        found: list[int] = []
        while len(found) < count:
            found += self._next_ids(TABLES[kind], count - len(found))
        return found

    def claim_ids(self, kind: Kind, ids: Collection[int]) -> frozenset[int]:
        """Move the sequence past ids; return those that are taken.

        Two statements. A sequence that was restarted is moved on by taking ids from it: that needs no
        other right than an insert. So none is ever given twice, even if this transaction fails.
        """
        table = TABLES[kind]
        query = sql.SQL("select id from {} where id = any(%s)").format(qualified(table))
        taken = frozenset(row for (row,) in self._connection.execute(query, (sorted(ids),)))
        move = sql.SQL("""
            select count(nextval(sequence)) from (
                select sequence, nextval(sequence) as next
                from pg_get_serial_sequence({name}, 'id') as sequence where sequence is not null) as own,
                generate_series(own.next + 1, %s)
        """).format(name=sql.Literal(f"public.{table.name}"))
        self._connection.execute(move, (max(ids),))
        return taken

    def lock(self, kind: Kind, ids: Collection[int]) -> Mapping[int, Row]:
        """Lock rows in id order, and return what they hold now."""
        return {row.id: row for row in self._rows(TABLES[kind], _LOCKED, sorted(ids))} if ids else {}

    def insert(self, kind: Kind, rows: Sequence[NewRow]) -> None:
        """Insert rows by COPY.

        One statement for each set of columns that occurs, and five for all categories.
        """
        table = TABLES[kind]
        alike: dict[tuple[str, ...], list[NewRow]] = defaultdict(list)
        for row in rows:
            alike[tuple(column.name for column in stored(table) if column.name in row.values)].append(row)
        for columns, some in alike.items():
            self._copy(table, columns, some)
        self._replace_categories(table, {row.id: row.values for row in rows})

    def update(self, kind: Kind, changes: Mapping[int, Mapping[str, Value]]) -> None:
        """Set columns of rows by COPY and one UPDATE.

        At most six statements, and five more for all categories. If the table has `updated_at`, that
        column gets the time of this statement; where a trigger sets it, the trigger's value wins. Raises
        `ProviderError` when a row is gone.
        """
        table = TABLES[kind]
        own = {column.name for column in stored(table)}
        changed = {row: values for row, values in changes.items() if own & values.keys()}
        if changed:
            self._updates += 1
            Update(self._connection, table, changed, f"elmify_update_{self._updates}").run()
        self._replace_categories(table, changes)

    def capture(self, rows: Mapping[Kind, Collection[int]]) -> Mapping[str, list[Mapping[str, Any]]]:
        """Return what a delete would take, in two statements."""
        return capture_rows(self._connection, rows)

    def capture_categories(self, kind: Kind, ids: Collection[int]) -> Sequence[Mapping[str, Any]]:
        """Return the junction rows of content rows.

        One statement, and one that asks whether there are category tables.
        """
        return junctions.capture(self._connection, kind, sorted(ids)) if self._has_categories else []

    def restore_categories(self, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> None:
        """Set the other columns of junction rows, in one statement."""
        if rows and self._has_categories:
            junctions.put_back(self._connection, kind, rows)

    def delete(self, rows: Mapping[Kind, Collection[int]]) -> None:
        """Delete rows, children before their parents: one statement a kind."""
        for table in reversed(tuple(TABLES.values())):
            if ids := rows.get(table.kind):
                query = sql.SQL("delete from {} where id = any(%s)").format(qualified(table))
                self._connection.execute(query, (sorted(ids),))

    @cached_property
    def _has_categories(self) -> bool:
        return junctions.exist(self._connection)

    def _rows(self, table: Table, tail: sql.SQL, ids: Sequence[int] | None) -> list[Row]:
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in stored(table))
        query = sql.SQL("select id, {} from {} {}").format(columns, qualified(table), tail)
        column = sorted_by(table)
        slugs = self._slugs(table, ids) if column else {}
        place = table.index[column.name] if column else None
        keys_and_hashes = held_elsewhere(table)
        with self._connection.cursor(binary=True) as cursor:
            rows = []
            for id_, *values in streamed(cursor, query, None if ids is None else (ids,)):
                for index in keys_and_hashes:
                    values[index] = shared_if_any(values[index])
                if place is not None:
                    values.insert(place, slugs.get(id_, ()))
                rows.append(Row(table.kind, id_, tuple(values)))
            return rows

    def _slugs(self, table: Table, ids: Sequence[int] | None) -> Mapping[int, tuple[str, ...]]:
        return junctions.slugs(self._connection, table.kind, ids) if self._has_categories else {}

    def _next_ids(self, table: Table, count: int) -> list[int]:
        query = sql.SQL("""
            with taken as materialized (
                select nextval(pg_get_serial_sequence({name}, 'id')) as id from generate_series(1, %s))
            select id, exists (select 1 from {table} as t where t.id = taken.id) from taken order by id
        """).format(name=sql.Literal(f"public.{table.name}"), table=qualified(table))
        taken = self._connection.execute(query, (count,)).fetchall()
        if taken[0][0] is None:
            raise ProviderError(
                f"no sequence belongs to the column `id` of `{table.name}`, so it can give no new ids",
                code="no-sequence",
                hint=f"Its owner can say so:\n    alter sequence … owned by public.{table.name}.id;",
            )
        return [row for row, exists in taken if not exists]

    def _copy(self, table: Table, columns: Sequence[str], rows: Sequence[NewRow]) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, ("id", *columns)))
        statement = sql.SQL("copy {} ({}) from stdin").format(qualified(table), names)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row((row.id, *(row.values[column] for column in columns)))

    def _replace_categories(self, table: Table, changes: Mapping[int, Mapping[str, Value]]) -> None:
        column = sorted_by(table)
        if column is None:
            return
        wanted = {
            row: slugs
            for row, values in changes.items()
            if isinstance(slugs := values.get(column.name), tuple)
        }
        if wanted and self._has_categories:
            junctions.replace(self._connection, table.kind, wanted)
        elif any(wanted.values()):
            raise ProviderError(
                "this deployment has no category tables, so nothing can be sorted under a category",
                code="no-category-tables",
                hint="Leave `categories` out of the catalog, or run the app's migrations first.",
            )


def _name(table: Table) -> sql.Identifier:
    return sql.Identifier("public", table.name)
