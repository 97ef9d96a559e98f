"""Cascading deletes: foreign keys from pg_catalog and SQL to walk them.

Covers all that `on delete cascade` reaches from the content tables. `on delete set null` loses no
row, so it is not followed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from psycopg import sql

from providers.database.connection import Connection
from reconciler.model.errors import ProviderError
from reconciler.model.kinds import TABLES, Kind

#: Every cascading foreign key of the database, and for each referencing table the column that names a user.
#: Constraints that a partition inherits are those of its parent (`conparentid`).
_KEYS = """
    select quote_ident(cn.nspname) || '.' || quote_ident(c.relname),
           quote_ident(pn.nspname) || '.' || quote_ident(p.relname),
           c.relkind = 'p', p.relkind = 'p',
           array(select a.attname::text from unnest(k.conkey) with ordinality u(num, place)
                 join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = u.num order by u.place),
           array(select a.attname::text from unnest(k.confkey) with ordinality u(num, place)
                 join pg_catalog.pg_attribute a on a.attrelid = p.oid and a.attnum = u.num order by u.place),
           coalesce(
               (select a.attname::text from pg_catalog.pg_attribute a
                where a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped),
               (select a.attname::text from pg_catalog.pg_constraint o
                join pg_catalog.pg_class r on r.oid = o.confrelid and r.relname = 'users'
                join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = o.conkey[1]
                where o.conrelid = c.oid and o.contype = 'f' and cardinality(o.conkey) = 1
                order by o.conname limit 1))
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid
    join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
    join pg_catalog.pg_class p on p.oid = k.confrelid
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    where k.contype = 'f' and k.confdeltype = 'c' and k.conparentid = 0
    order by 1, 2, k.conname
"""

CONTENT: Mapping[str, Kind] = {f"public.{table.name}": kind for kind, table in TABLES.items()}
#: Rows of these are no user's: what they say is declared in the catalog, or belongs to the app.
NO_USER_DATA = frozenset({*CONTENT, *(f"public.{kind}_categories" for kind in Kind), "public.categories"})


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Cascading foreign key.

    Tables are `schema.table`, quoted where SQL needs that.
    """

    table: str
    parent: str
    table_is_partitioned: bool
    parent_is_partitioned: bool
    columns: Sequence[str]
    parent_columns: Sequence[str]
    user_column: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Cascade graph: tables that deletes of content rows reach, and the keys.

    Tables are in the order parents first; the keys are those that lead to them.
    """

    tables: Sequence[str]
    keys: Sequence[ForeignKey]

    @property
    def user_tables(self) -> Sequence[str]:
        """The tables whose rows belong to users."""
        return [table for table in self.tables if table not in NO_USER_DATA]

    def user_column(self, table: str) -> str | None:
        """Return the column of `table` that names a user, if it has one."""
        return next((key.user_column for key in self.keys if key.table == table), None)

    def source(self, table: str) -> sql.Composable:
        """Return `table` for a FROM clause, as cascades see it.

        Tables that inherit from it are excluded.
        """
        partitioned = {key.table for key in self.keys if key.table_is_partitioned}
        partitioned |= {key.parent for key in self.keys if key.parent_is_partitioned}
        return sql.SQL("{}" if table in partitioned else "only {}").format(_literally(table))

    def steps(self, extra: Mapping[str, sql.Composable], *, by_root: bool) -> sql.Composable:
        """Return the `with` clause that walks the cascade.

        It takes the parameters that `row_parameters` returns.

        For each table there is a step, `reached(table)`, with the columns `part` and `place` (which
        identify the row), the columns that other tables refer to, and the columns that `extra` names.
        `by_root` adds `kind` and `root`: the requested row that a row depends on, one line for each.
        Works in a read-only transaction.
        """
        walk = _Walk(self, extra, by_root=by_root)
        asked = sql.SQL(
            "asked(kind, root) as (select * from unnest(%(kinds)s::text[], %(ids)s::bigint[]) as a)"
        )
        steps = [asked, *(walk.step(table) for table in self.tables)]
        return sql.SQL("with recursive {}\n").format(sql.SQL(",\n").join(steps))


def row_parameters(
    rows: Mapping[Kind, Collection[int]], leaving: Mapping[Kind, Collection[int]] | None = None
) -> dict[str, list[str] | list[int]]:
    """Return the query parameters of a cascade walk.

    They name the rows where the walk starts (`rows`), and the rows that it must not reach through a
    parent (`leaving`).
    """
    pairs = [(kind.value, row) for kind, ids in rows.items() for row in sorted(set(ids))]
    away = {_leaving(kind): sorted((leaving or {}).get(kind, ())) for kind in Kind}
    return {"kinds": [kind for kind, _ in pairs], "ids": [row for _, row in pairs], **away}


def reached(table: str) -> sql.Identifier:
    """Return the name of the step that holds the rows reached in `table`."""
    return sql.Identifier(f"reached {table}")


def load_cascade(connection: Connection) -> Cascade:
    """Read the cascade from the catalog, in one statement.

    Raises `ProviderError` for tables that refer to each other in a circle, which no walk would end in; a
    table that refers to itself is no such circle.
    """
    keys = [ForeignKey(*record) for record in connection.execute(_KEYS.encode())]
    tables = _reachable(keys)
    leading = [key for key in keys if key.parent in tables]
    parents: dict[str, set[str]] = {table: set() for table in tables}
    for key in leading:
        if key.table != key.parent:
            parents[key.table].add(key.parent)
    try:
        order = tuple(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise _circle(error.args[1]) from error
    return Cascade(tables=order, keys=leading)


def _reachable(keys: Sequence[ForeignKey]) -> set[str]:
    found = set(CONTENT)
    while new := {key.table for key in keys if key.parent in found} - found:
        found |= new
    return found


class CascadeCircle(ProviderError):
    """Tables that refer to each other in a circle of cascading keys."""

    code = "cascade-circle"


def _circle(tables: Sequence[str]) -> CascadeCircle:
    return CascadeCircle(
        f"what a delete would take along cannot be counted: tables cascade in a circle: {', '.join(tables)}",
        hint="Make one of these foreign keys `on delete set null` or `on delete restrict`.",
    )


def _leaving(kind: Kind) -> str:
    return f"leaving_{kind}"


def _literally(table: str) -> sql.SQL:
    return sql.SQL(table)  # quoted by PostgreSQL itself, in `_KEYS`


@dataclass(frozen=True, slots=True)
class _Walk:
    cascade: Cascade
    extra: Mapping[str, sql.Composable]
    by_root: bool

    def step(self, table: str) -> sql.Composable:
        """Return the step of one table: requested rows and their dependents.

        The rows of a step either were asked for or depend on rows of other steps.
        """
        into = [key for key in self.cascade.keys if key.table == table]
        ways = [self._along(key) for key in into if key.parent != table]
        if table in CONTENT:
            ways.insert(0, self._asked(table))
        start = sql.SQL("({})").format(sql.SQL(" union ").join(ways))
        selves = [key for key in into if key.parent == table]
        repeats = [sql.SQL(" union {}").format(self._again(table, selves))] if selves else []
        return sql.SQL("{} as (select * from {} as start{})").format(
            reached(table), start, sql.SQL("").join(repeats)
        )

    def _columns(self, table: str, root: sql.Composable) -> sql.Composable:
        referred = {c for key in self.cascade.keys if key.parent == table for c in key.parent_columns}
        columns = [root] if self.by_root else []
        columns.append(sql.SQL("t.tableoid as part, t.ctid as place"))
        columns += [sql.SQL("t.{} as {}").format(sql.Identifier(c), _carried(c)) for c in sorted(referred)]
        if table in self.extra:
            columns.append(self.extra[table])
        return sql.SQL(", ").join(columns)

    def _asked(self, table: str) -> sql.Composable:
        return sql.SQL("select {} from asked as a join {} as t on a.kind = {} and t.id = a.root").format(
            self._columns(table, sql.SQL("a.kind, a.root")),
            self.cascade.source(table),
            sql.Literal(CONTENT[table].value),
        )

    def _along(self, key: ForeignKey) -> sql.Composable:
        return self._again(key.table, [key])

    def _again(self, table: str, keys: Sequence[ForeignKey]) -> sql.Composable:
        """Return a select of rows of `table` that refer to reached parent rows.

        A row counts if any of the keys leads to the rows reached in the parent.
        """
        staying: sql.Composable = sql.SQL("")
        if table in CONTENT:
            staying = sql.SQL("where t.id <> all({}::bigint[])").format(
                sql.Placeholder(_leaving(CONTENT[table]))
            )
        return sql.SQL("select {} from {} as r join {} as t on {} {}").format(
            self._columns(table, sql.SQL("r.kind, r.root")),
            reached(keys[0].parent),
            self.cascade.source(table),
            sql.SQL(" or ").join(_matches(key) for key in keys),
            staying,
        )


def _matches(key: ForeignKey) -> sql.Composable:
    pairs = zip(key.columns, key.parent_columns, strict=True)
    equal = [sql.SQL("t.{} = r.{}").format(sql.Identifier(own), _carried(theirs)) for own, theirs in pairs]
    return sql.SQL("({})").format(sql.SQL(" and ").join(equal))


def _carried(column: str) -> sql.Identifier:
    return sql.Identifier(f"key {column}")
