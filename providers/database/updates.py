"""Changing many rows at once, each in columns of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from psycopg import sql

from providers.database.connection import Connection
from providers.database.junctions import qualified, stored
from reconciler.model.errors import ProviderError
from reconciler.model.kinds import Column, Table, Type
from reconciler.model.values import Value

_HAS_UPDATED_AT = """
    select exists (select 1 from pg_catalog.pg_attribute
                   where attrelid = to_regclass(%s) and attname = 'updated_at' and not attisdropped)
"""

#: Complete the unique columns of rows that change only some of them, so that what they will be is known.
_COMPLETE = """
    update {news} as n set {assignments}, changed = n.changed | {bits}
    from {table} as t where t.id = n.id and n.changed & {bits} <> 0
"""

#: Give a value of no meaning to rows that hold what another row of this update is about to take. It is
#: short, and like any other text: a length limit or a check on the column lets it pass.
_PARK = """
    update {table} as t set {column} = '~' || t.id || '~' || left(md5(random()::text), 8)
    from {news} as n where n.id = t.id and n.changed & {bits} <> 0 and exists (
        select 1 from {news} as o where o.id <> t.id and o.changed & {bits} <> 0 and {same})
"""


@dataclass
class Update:
    """Bulk update of rows of one table, through a temporary table.

    The temporary table ends with the transaction. In the column `changed` each row has one bit for
    each column, which says whether that column is to be set. The number of statements depends on
    whether unique columns change, never on the number of rows.
    """

    connection: Connection
    table: Table
    changes: Mapping[int, Mapping[str, Value]]
    news_name: str

    def run(self) -> None:
        """Carry it out; `ProviderError` when a row is gone."""
        self._load()
        if self._unique_bits:
            self._complete()
            self._park()
        assignments = [self._assignment(column) for column in self._columns]
        if self._has_updated_at():
            assignments.append(sql.SQL("updated_at = clock_timestamp() at time zone 'utc'"))
        query = sql.SQL("update {} as t set {} from {} as n where n.id = t.id").format(
            qualified(self.table), sql.SQL(", ").join(assignments), self._news
        )
        done = self.connection.execute(query).rowcount
        if done != len(self.changes):
            raise ProviderError(
                f"{len(self.changes) - done} rows of `{self.table.name}` are gone", code="rows-gone"
            )

    @property
    def _news(self) -> sql.Identifier:
        return sql.Identifier("pg_temp", self.news_name)

    @cached_property
    def _columns(self) -> tuple[Column, ...]:
        """The columns that any row changes.

        If one of the unique columns is among them, they include all unique columns.
        """
        named = {name for values in self.changes.values() for name in values}
        if len(self.changes) > 1 and named & set(self.table.unique):
            named |= set(self.table.unique)
        return tuple(column for column in stored(self.table) if column.name in named)

    @cached_property
    def _bits(self) -> Mapping[str, int]:
        return {column.name: 1 << place for place, column in enumerate(self._columns)}

    @cached_property
    def _unique_bits(self) -> int:
        """The bits of the unique columns in `changed`.

        0 unless several rows change unique columns, and so may exchange values.
        """
        names = set(self.table.unique)
        concerned = sum(not names.isdisjoint(values) for values in self.changes.values())
        return sum(self._bits[name] for name in names) if concerned > 1 else 0

    def _load(self) -> None:
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in self._columns)
        create = sql.SQL(
            "create temporary table {} on commit drop as"
            " select id, 0::bigint as changed, {} from {} with no data"
        ).format(sql.Identifier(self.news_name), names, qualified(self.table))
        self.connection.execute(create)
        statement = sql.SQL("copy {} from stdin").format(self._news)
        columns = [column.name for column in self._columns]
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row, values in self.changes.items():
                changed = sum(self._bits[name] for name in columns if name in values)
                copy.write_row((row, changed, *map(values.get, columns)))

    def _complete(self) -> None:
        assignments = [
            sql.SQL("{name} = case when n.changed & {bit} <> 0 then n.{name} else t.{name} end").format(
                name=sql.Identifier(name), bit=sql.Literal(self._bits[name])
            )
            for name in self.table.unique
        ]
        self._execute(_COMPLETE, assignments=sql.SQL(", ").join(assignments))

    def _park(self) -> None:
        text = next(name for name in self.table.unique if self.table.column(name).type is Type.TEXT)
        same = [
            sql.SQL("o.{name} = t.{name}").format(name=sql.Identifier(name)) for name in self.table.unique
        ]
        self._execute(_PARK, column=sql.Identifier(text), same=sql.SQL(" and ").join(same))

    def _execute(self, statement: str, **parts: sql.Composable) -> None:
        query = sql.SQL(statement).format(
            table=qualified(self.table), news=self._news, bits=sql.Literal(self._unique_bits), **parts
        )
        self.connection.execute(query)

    def _assignment(self, column: Column) -> sql.Composable:
        return sql.SQL("{name} = case when n.changed & {bit} <> 0 then n.{name} else t.{name} end").format(
            name=sql.Identifier(column.name), bit=sql.Literal(self._bits[column.name])
        )

    def _has_updated_at(self) -> bool:
        name = f"public.{self.table.name}"
        return self.connection.execute(_HAS_UPDATED_AT, (name,)).fetchone() == (True,)
