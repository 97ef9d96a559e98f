"""Search of all text in the database for object keys.

Covers more than the columns of content rows: every text of the database.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from providers.database.connection import Connection, streamed
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import NamedBy
from reconciler.planning.references import KeySearch, naming_columns

#: Every column that can hold text, by table: of a string type, JSON, XML, hstore or a composite type, of a
#: domain over one, or an array of these. Then whether its values are an array, and whether this role may
#: read the column and all rows. A partition is read through its parent; a materialised view that was never
#: filled holds nothing.
_COLUMNS = """
    with recursive plain(type, base) as (
        select oid, oid from pg_catalog.pg_type where typtype <> 'd'
        union all
        select d.oid, p.base from pg_catalog.pg_type d join plain p on d.typbasetype = p.type
        where d.typtype = 'd'
    ), texts(type, is_array) as (
        select p.type, false from plain p join pg_catalog.pg_type t on t.oid = p.base
        where t.typcategory in ('S', 'C') or t.typname in ('json', 'jsonb', 'xml', 'hstore')
    ), columns(type, is_array) as (
        select * from texts
        union all
        select p.type, true from plain p join pg_catalog.pg_type a on a.oid = p.base and a.typcategory = 'A'
        join texts e on e.type = a.typelem
    )
    select n.nspname::text, c.relname::text, a.attname::text, c.relkind::text, columns.is_array,
           has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select')
               and not row_security_active(c.oid)
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join columns on columns.type = a.atttypid
    where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'm') and not c.relispartition
      and c.relispopulated and n.nspname not in ('elmify', 'information_schema')
      and n.nspname not like 'pg\\_%'
    order by 1, 2, a.attnum
"""

_CONTENT: Mapping[tuple[str, str], Kind] = {("public", table.name): kind for kind, table in TABLES.items()}

#: The ways in which a text may hold a letter other than by itself: URLs, JSON, HTML.
_ENCODED = r"%[0-9A-Fa-f]{2}|\\|&[#A-Za-z]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """The columns of one table that hold text, with whether each is an array."""

    schema: str
    table: str
    is_partitioned: bool
    columns: Sequence[tuple[str, bool]]

    @property
    def kind(self) -> Kind | None:
        return _CONTENT.get((self.schema, self.table))


def find_named(
    connection: Connection, keys: Collection[str], leaving: Mapping[Kind, Collection[int]] | None = None
) -> Mapping[str, NamedBy]:
    """Return what names the keys; see `ports.LibraryReader.named_elsewhere`.

    The values come one after the other, and only those that may hold a key: nothing is kept of them.
    """
    if not keys:
        return {}
    search = KeySearch(keys)
    found: dict[str, NamedBy] = {}
    tables, closed = _tables(connection)
    for texts in tables:
        asked = _query(texts, search, (leaving or {}).get(texts.kind, ()) if texts.kind else ())
        with connection.cursor(binary=True) as cursor:
            for place, value in streamed(cursor, *asked):
                named = NamedBy(column=f"{texts.schema}.{texts.table}.{texts.columns[place][0]}")
                found.update((key, named) for key in search.in_text(value) - found.keys())
    if closed:
        unknown = NamedBy(column=closed[0], readable=False)
        found = {**dict.fromkeys(search.keys, unknown), **found}
    return found


def _tables(connection: Connection) -> tuple[list[_Texts], list[str]]:
    """Return what can be searched, and the tables that cannot be in full."""
    columns: dict[tuple[str, str, bool], list[tuple[str, bool]]] = {}
    closed: dict[str, None] = {}
    for schema, table, column, relkind, is_array, readable in connection.execute(_COLUMNS.encode()):
        if column in _read_as_rows(schema, table):
            continue
        if readable:
            columns.setdefault((schema, table, relkind == "p"), []).append((column, is_array))
        else:
            closed[f"{schema}.{table}"] = None
    tables = [
        _Texts(schema=schema, table=table, is_partitioned=is_partitioned, columns=found)
        for (schema, table, is_partitioned), found in columns.items()
    ]
    return tables, list(closed)


def _read_as_rows(schema: str, table: str) -> Collection[str]:
    kind = _CONTENT.get((schema, table))
    return {column.name for column in naming_columns(TABLES[kind])} if kind is not None else ()


def _query(
    texts: _Texts, search: KeySearch, leaving: Collection[int]
) -> tuple[sql.Composed, Sequence[object]]:
    """Return the statement that finds values which may contain a key.

    It returns each such value with the position of its column.
    """
    values = sql.SQL(", ").join(
        sql.SQL("({}::integer, {})").format(sql.Literal(place), _text_of(column, is_array))
        for place, (column, is_array) in enumerate(texts.columns)
    )
    query = sql.SQL(
        "select found.place, found.value from {only} {table} as t"
        " cross join lateral (values {values}) as found(place, value)"
        " where found.value is not null and {filter} and {rows}"
    ).format(
        only=sql.SQL("" if texts.is_partitioned else "only"),
        table=sql.Identifier(texts.schema, texts.table),
        values=values,
        filter=sql.SQL("found.value ~ %s" if search.by_extension else "%s::text is null"),
        rows=sql.SQL("t.id <> all(%s::bigint[])" if leaving else "%s::bigint[] is null"),
    )
    pattern = rf"\.({'|'.join(sorted(search.extensions))})|{_ENCODED}" if search.by_extension else None
    return query, (pattern, sorted(leaving) if leaving else None)


def _text_of(column: str, is_array: bool) -> sql.Composable:
    text = "array_to_string(t.{}, E'\\n')" if is_array else "t.{}::text"
    return sql.SQL(text).format(sql.Identifier(column))
