"""Dependent rows of content: counts, captures, positions past an end."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from psycopg import sql

from providers.database.cascade import (
    CONTENT,
    Cascade,
    CascadeCircle,
    load_cascade,
    reached,
    row_parameters,
)
from providers.database.connection import Connection
from reconciler.model.kinds import Kind
from reconciler.model.ports import MOST_COUNTED, Dependents, PositionsPastEnd

#: Every table that keeps a place in a lecture: it refers to lectures, and has a number `current_position`.
_PLACES = """
    select n.nspname, c.relname, lecture.attname, place.attname,
           (select u.attname from pg_catalog.pg_attribute u
            where u.attrelid = c.oid and u.attname = 'user_id' and not u.attisdropped)
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_class c on c.oid = k.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute lecture on lecture.attrelid = c.oid and lecture.attnum = k.conkey[1]
    join pg_catalog.pg_attribute place on place.attrelid = c.oid and place.attname = 'current_position'
    join pg_catalog.pg_type t on t.oid = place.atttypid and t.typcategory = 'N'
    where k.contype = 'f' and cardinality(k.conkey) = 1 and k.conparentid = 0 and not place.attisdropped
      and k.confrelid = to_regclass('public.lectures')
    order by 1, 2, k.conname
"""


def count_positions_past_end(connection: Connection, ends: Mapping[int, int]) -> PositionsPastEnd:
    """Count playback positions beyond the given ends.

    Two statements; see `ports.LibraryReader.positions_past_end`.
    """
    tables = connection.execute(_PLACES.encode()).fetchall()
    if not ends or not tables:
        return PositionsPastEnd()
    places = sql.SQL(" union all ").join(_places(*table) for table in tables)
    query = sql.SQL(
        "with ends(lecture, seconds) as (select * from unnest(%(lectures)s::bigint[], %(ends)s::bigint[])),"
        " places as ({})"
        " select lecture, count(*), null from places group by lecture"
        " union all select null, null, count(distinct user_name) from places"
    ).format(places)
    asked = {"lectures": list(ends), "ends": list(ends.values())}
    rows: defaultdict[int, int] = defaultdict(int)
    users = 0
    for lecture, count, people in connection.execute(query, asked):
        if lecture is None:
            users = people
        else:
            rows[lecture] += count
    return PositionsPastEnd(rows=dict(rows), users=users)


def _places(schema: str, table: str, lecture: str, place: str, user: str | None) -> sql.Composable:
    name = sql.SQL("p.{}::text").format(sql.Identifier(user)) if user else sql.SQL("null::text")
    return sql.SQL(
        "select e.lecture, {} as user_name from ends e join {} p on p.{} = e.lecture and p.{} > e.seconds"
    ).format(name, sql.Identifier(schema, table), sql.Identifier(lecture), sql.Identifier(place))


_USERS = "users"
_LOST = "lost"
_USERS_OF = "users of"
_PEOPLE = "people"
_CONTENT = "content"
_HANGING = "hanging"


def count_dependents(
    connection: Connection,
    rows: Mapping[Kind, Collection[int]],
    leaving: Mapping[Kind, Collection[int]] | None = None,
) -> Dependents:
    """Count the rows that depend on the given rows.

    Two statements; see `ports.LibraryReader.dependents`.
    """
    cascade = load_cascade(connection)
    users = {table: column for table in cascade.user_tables if (column := cascade.user_column(table))}
    extra = {table: _as_user(column) for table, column in users.items()}
    extra |= {table: sql.SQL("t.id as row_id") for table in CONTENT}
    query = cascade.steps(extra, by_root=True) + sql.SQL(" union all ").join(_counts(cascade, users))
    return _dependents(connection.execute(query, row_parameters(rows, leaving)))


def capture_rows(
    connection: Connection, rows: Mapping[Kind, Collection[int]]
) -> Mapping[str, list[Mapping[str, Any]]]:
    """Return every complete row that a delete would remove.

    See `ports.Library.capture`.
    """
    cascade = load_cascade(connection)
    whole = {table: sql.SQL("to_jsonb(t) as whole") for table in cascade.tables}
    selects = [
        sql.SQL("(select {}, whole::text from {} order by part, place)").format(
            sql.Literal(table), reached(table)
        )
        for table in cascade.tables
    ]
    query = cascade.steps(whole, by_root=False) + sql.SQL(" union all ").join(selects)
    found: dict[str, list[Mapping[str, Any]]] = {table: [] for table in cascade.tables}
    for table, row in connection.execute(query, row_parameters(rows)):
        found[table].append(json.loads(row, parse_float=exact_number))
    return {table: captured for table, captured in found.items() if captured}


def exact_number(text: str) -> float | str:
    """Return a JSON number without loss: as a float, else as text.

    It is a float if that float prints as the same number, else the text, which loses no digit.
    """
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


#: The tables of which this role may read every row.
_READABLE = """
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where quote_ident(n.nspname) || '.' || quote_ident(c.relname) = any(%s::text[])
      and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
      and not row_security_active(c.oid)
    order by 1
"""


def count_user_rows(connection: Connection) -> Mapping[str, int]:
    """Count the rows of users by table; see `ports.LibraryReader.user_rows`.

    Nothing is counted where tables cascade in a circle: only a delete has to know its way through it.
    """
    try:
        tables = load_cascade(connection).user_tables
    except CascadeCircle:
        return {}
    readable = [name for (name,) in connection.execute(_READABLE.encode(), (list(tables),))]
    if not readable:
        return {}
    counts = (
        sql.SQL("select {}, (select count(*) from (select from {} limit {}) as counted)").format(
            sql.Literal(table), sql.SQL(table), sql.Literal(MOST_COUNTED)
        )
        for table in readable
    )
    return dict(connection.execute(sql.SQL(" union all ").join(counts)).fetchall())


def _as_user(column: str) -> sql.Composable:
    return sql.SQL("t.{}::text as user_name").format(sql.Identifier(column))


def _counts(cascade: Cascade, users: Mapping[str, str]) -> Iterable[sql.Composable]:
    """Return the counting selects, all with the same four columns.

    The columns are: what is counted, of what, for which row, and how many.
    """
    for table, kind in CONTENT.items():
        yield sql.SQL("select distinct {}, {}, row_id, 1::bigint from {}").format(
            sql.Literal(_CONTENT), sql.Literal(kind.value), reached(table)
        )
    for table in cascade.user_tables:
        step, name = reached(table), sql.Literal(table)
        yield sql.SQL("select {}, kind || ' ' || {}, root, count(*) from {} group by kind, root").format(
            sql.Literal(_HANGING), name, step
        )
        yield sql.SQL(
            "select {}, {}, null, count(distinct (part, place)) from {} having count(*) > 0"
        ).format(sql.Literal(_LOST), name, step)
    if users:
        names = sql.SQL(" union ").join(sql.SQL("select user_name from {}").format(reached(t)) for t in users)
        yield sql.SQL("select {}, '', null, count(user_name) from ({}) as people").format(
            sql.Literal(_USERS), names
        )
        each = sql.SQL(" union ").join(
            sql.SQL("select kind, root, user_name from {}").format(reached(table)) for table in users
        )
        yield sql.SQL("select {}, kind, root, count(user_name) from ({}) as each group by kind, root").format(
            sql.Literal(_PEOPLE), each
        )
    for table in users:
        yield sql.SQL("select {}, {}, null, count(distinct user_name) from {} having count(*) > 0").format(
            sql.Literal(_USERS_OF), sql.Literal(table), reached(table)
        )


def _dependents(records: Iterable[tuple[Any, ...]]) -> Dependents:
    hanging: dict[tuple[Kind, int], dict[str, int]] = defaultdict(dict)
    people: dict[tuple[Kind, int], int] = {}
    lost: dict[str, int] = {}
    users_of: dict[str, int] = {}
    content: dict[Kind, set[int]] = {kind: set() for kind in Kind}
    users = 0
    for counted, name, row, count in records:
        if counted == _CONTENT:
            content[Kind(name)].add(row)
        elif counted == _LOST:
            lost[name] = count
        elif counted == _USERS:
            users = count
        elif counted == _USERS_OF:
            users_of[name] = count
        elif counted == _PEOPLE:
            people[Kind(name), row] = count
        else:
            kind, _, table = name.partition(" ")
            hanging[Kind(kind), row][table] = count
    return Dependents(
        user_rows=dict(hanging),
        people=people,
        lost_rows=lost,
        users=users,
        users_of=users_of,
        content={kind: frozenset(ids) for kind, ids in content.items() if ids},
    )
