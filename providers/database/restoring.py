"""Restore of captured rows under their old ids.

Decides which captured rows can still be restored, and inserts those.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import errors, sql

from providers.database.cascade import CONTENT, NO_USER_DATA, load_cascade
from providers.database.connection import Connection
from reconciler.model.errors import Unavailable
from reconciler.model.plan import Restored
from reconciler.model.ports import Captured
from reconciler.model.values import canonical_json

CapturedRow = Mapping[str, Any]

#: The captured tables that there still are, with the columns that can be inserted.
_TABLES = """
    select t.name, array(select a.attname::text from pg_catalog.pg_attribute a
                         where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                           and a.attgenerated = '' order by a.attnum)
    from (select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
          from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
          where c.relkind in ('r', 'p')) as t
    where t.name = any(%s::text[])
"""

#: What each of those tables refers to, whatever a delete there does.
_REFERENCES = """
    select quote_ident(cn.nspname) || '.' || quote_ident(c.relname),
           quote_ident(pn.nspname) || '.' || quote_ident(p.relname),
           array(select a.attname::text from unnest(k.conkey) with ordinality u(num, place)
                 join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = u.num order by u.place),
           array(select a.attname::text from unnest(k.confkey) with ordinality u(num, place)
                 join pg_catalog.pg_attribute a on a.attrelid = p.oid and a.attnum = u.num order by u.place)
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid
    join pg_catalog.pg_namespace cn on cn.oid = c.relnamespace
    join pg_catalog.pg_class p on p.oid = k.confrelid
    join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
    where k.contype = 'f' and k.conparentid = 0
      and quote_ident(cn.nspname) || '.' || quote_ident(c.relname) = any(%s::text[])
    order by 1, 2, k.conname
"""

#: What must be unique in some tables: plain columns, of all rows; the primary key first.
UNIQUE = """
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname),
           array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality u(num, place)
                 join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = u.num
                 where u.place <= i.indnkeyatts order by u.place)
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where i.indisunique and i.indpred is null and i.indexprs is null
      and quote_ident(n.nspname) || '.' || quote_ident(c.relname) = any(%s::text[])
    order by 1, i.indisprimary desc, i.indexrelid
"""


@dataclass(frozen=True, slots=True)
class _Reference:
    parent: str
    columns: Sequence[str]
    parent_columns: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    name: str  # quoted by PostgreSQL itself
    columns: Sequence[str]
    references: list[_Reference] = field(default_factory=list)
    unique: list[Sequence[str]] = field(default_factory=list)

    @property
    def given_rows(self) -> sql.Composable:
        """The rows in the statement's JSON parameter, for a FROM clause.

        They come from the statement's only parameter.
        """
        return sql.SQL("jsonb_populate_recordset(null::{}, %s::jsonb)").format(sql.SQL(self.name))


@dataclass(frozen=True, kw_only=True)
class Sifted:
    """Captured rows, classified by whether they can be restored.

    Holds the rows to insert, and counts of the others by what became of their surroundings.
    """

    tables: Mapping[str, _Table]
    kept: dict[str, list[CapturedRow]] = field(default_factory=dict)
    orphaned: dict[str, int] = field(default_factory=dict)
    present: dict[str, int] = field(default_factory=dict)


def restorable(connection: Connection, captured: Captured) -> Restored:
    """Count the rows that `restore` would put back.

    See `ports.LibraryReader.restorable`.
    """
    return _counts(connection, _sifted(connection, captured))


def restore(connection: Connection, captured: Captured) -> Restored:
    """Insert captured rows; see `ports.Library.restore`."""
    sifted = _sifted(connection, captured)
    try:
        for name, rows in sifted.kept.items():
            if rows:
                _insert(connection, sifted.tables[name], rows)
    except (errors.ForeignKeyViolation, errors.UniqueViolation) as error:
        raise Unavailable(
            "what a captured row refers to changed in this very moment",
            code="restore-raced",
            details=[str(error.diag.message_primary)],
            hint="Nothing was committed. Run the command again.",
        ) from error
    return _counts(connection, sifted)


def _insert(connection: Connection, table: _Table, rows: Sequence[CapturedRow]) -> None:
    columns = [sql.Identifier(name) for name in table.columns if name in rows[0]]
    names = sql.SQL(", ").join(columns)
    connection.execute(
        sql.SQL("insert into {} ({}) overriding system value select {} from {}").format(
            sql.SQL(table.name), names, names, table.given_rows
        ),
        (json.dumps(rows),),
    )


def _sifted(connection: Connection, captured: Captured) -> Sifted:
    """Classify the captured rows, table by table in their order.

    A row can be restored if the rows that it refers to are there and its own place is free.
    """
    sifted = Sifted(tables=_known_tables(connection, captured))
    for name, rows in captured.items():
        table = sifted.tables.get(name)
        if table is None:
            sifted.orphaned[name] = len(rows)
        elif name in CONTENT:  # whether it can come back was decided with the plan
            sifted.kept[name] = list(rows)
        elif rows:
            _sift(connection, table, rows, sifted)
    return sifted


def _known_tables(connection: Connection, captured: Captured) -> Mapping[str, _Table]:
    names = (list(captured),)
    tables = {
        name: _Table(name=name, columns=columns)
        for name, columns in connection.execute(_TABLES.encode(), names)
    }
    for name, *reference in connection.execute(_REFERENCES.encode(), names):
        tables[name].references.append(_Reference(*reference))
    for name, columns in connection.execute(UNIQUE.encode(), names):
        tables[name].unique.append(columns)
    return tables


def _sift(connection: Connection, table: _Table, rows: Sequence[CapturedRow], sifted: Sifted) -> None:
    lacking, occupied = _looked_up(connection, table, rows)
    orphaned: set[int] = set()
    for reference, missing in zip(table.references, lacking, strict=True):
        if missing and reference.parent != table.name:
            there = _keys(sifted.kept.get(reference.parent, ()), reference.parent_columns)
            orphaned |= {place for place in missing if _key(rows[place], reference.columns) not in there}
    kept = set(range(len(rows))) - orphaned - occupied
    for reference, missing in zip(table.references, lacking, strict=True):
        if reference.parent == table.name:
            kept -= set(_cut_off(rows, reference, missing, kept))
    sifted.kept[table.name] = [rows[place] for place in sorted(kept)]
    present = occupied - orphaned
    if present:
        sifted.present[table.name] = len(present)
    if left := len(rows) - len(kept) - len(present):
        sifted.orphaned[table.name] = left


def _cut_off(
    rows: Sequence[CapturedRow], reference: _Reference, missing: set[int], kept: set[int]
) -> Iterator[int]:
    """Yield rows whose parent row in the same table is not restored.

    Covers such references at any depth.
    """
    left = set(kept)
    while True:
        there = _keys((rows[place] for place in left), reference.parent_columns)
        gone = {place for place in missing & left if _key(rows[place], reference.columns) not in there}
        if not gone:
            return
        left -= gone
        yield from gone


def _keys(rows: Iterable[CapturedRow], columns: Sequence[str]) -> set[str]:
    return {_key(row, columns) for row in rows}


def _key(row: CapturedRow, columns: Sequence[str]) -> str:
    return canonical_json([row.get(name) for name in columns])


def _looked_up(
    connection: Connection, table: _Table, rows: Sequence[CapturedRow]
) -> tuple[list[set[int]], set[int]]:
    """Return the positions of rows that lack a parent or are already present.

    First, for each reference, the positions of the rows whose parent is not in the database; then the
    positions of the rows that are in it themselves. One statement, which returns nothing for rows
    that can be restored.
    """
    lacking: list[set[int]] = [set() for _ in table.references]
    occupied: set[int] = set()
    tests = [*map(_lacks, table.references), *(_occupies(table, columns) for columns in table.unique)]
    if not tests:
        return lacking, occupied
    flags = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(test, sql.Identifier(f"f{number}")) for number, test in enumerate(tests)
    )
    some = sql.SQL(" or ").join(sql.Identifier(f"f{number}") for number in range(len(tests)))
    query = sql.SQL(
        "select * from (select r.ordinality - 1, {} from {} with ordinality as r) as looked where {}"
    ).format(flags, table.given_rows, some)
    for place, *found in connection.execute(query, (json.dumps(rows),)):
        for number, flag in enumerate(found):
            if flag and number < len(lacking):
                lacking[number].add(place)
            elif flag:
                occupied.add(place)
    return lacking, occupied


def _lacks(reference: _Reference) -> sql.Composable:
    """Return the SQL condition that a reference points to a missing row.

    True if the row refers to something and that is not in the database.
    """
    given = [sql.SQL("r.{} is not null").format(sql.Identifier(name)) for name in reference.columns]
    return sql.SQL("({} and not exists (select 1 from {} as p where {}))").format(
        sql.SQL(" and ").join(given),
        sql.SQL(reference.parent),
        _equal("p", reference.parent_columns, reference.columns),
    )


def _occupies(table: _Table, columns: Sequence[str]) -> sql.Composable:
    return sql.SQL("exists (select 1 from {} as p where {})").format(
        sql.SQL(table.name), _equal("p", columns, columns)
    )


def _equal(alias: str, theirs: Sequence[str], ours: Sequence[str]) -> sql.Composable:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(alias, left), sql.Identifier("r", right))
        for left, right in zip(theirs, ours, strict=True)
    )


def _counts(connection: Connection, sifted: Sifted) -> Restored:
    cascade = load_cascade(connection)
    users: set[str] = set()
    for name, rows in sifted.kept.items():
        column = cascade.user_column(name) if name not in NO_USER_DATA else None
        if column is not None:
            users.update(str(row[column]) for row in rows if row.get(column) is not None)
    return Restored(
        rows={name: len(rows) for name, rows in sifted.kept.items() if rows and name not in NO_USER_DATA},
        users=len(users),
        orphaned=dict(sifted.orphaned),
        present=dict(sifted.present),
    )
