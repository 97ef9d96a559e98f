"""Counting the listeners whose place lies behind the end of a recording that becomes shorter."""

from collections import defaultdict
from collections.abc import Mapping

from psycopg import sql

from providers.database.connection import Connection
from reconciler.model.ports import Beyond

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


def count_beyond(connection: Connection, ends: Mapping[int, int]) -> Beyond:
    """Count places behind the given ends, in two statements; see `ports.LibraryReader.beyond`."""
    tables = connection.execute(_PLACES.encode()).fetchall()
    if not ends or not tables:
        return Beyond()
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
    return Beyond(rows=dict(rows), users=users)


def _places(schema: str, table: str, lecture: str, place: str, user: str | None) -> sql.Composable:
    name = sql.SQL("p.{}::text").format(sql.Identifier(user)) if user else sql.SQL("null::text")
    return sql.SQL(
        "select e.lecture, {} as user_name from ends e join {} p on p.{} = e.lecture and p.{} > e.seconds"
    ).format(name, sql.Identifier(schema, table), sql.Identifier(lecture), sql.Identifier(place))
