"""What a connection tells of the server behind it."""

from collections.abc import Iterator

from providers.database.connection import Connection
from reconciler.model.kinds import TABLES
from reconciler.model.ports import DatabaseFacts

_RIGHTS = """
select c.relname::text,
       array_remove(array[
           case when not has_table_privilege(c.oid, 'select') then 'select' end,
           case when not has_table_privilege(c.oid, 'insert') then 'insert' end,
           case when not has_table_privilege(c.oid, 'update') then 'update' end,
           case when not has_table_privilege(c.oid, 'delete') then 'delete' end
       ], null)
from pg_catalog.pg_class c
where c.oid = any (select to_regclass('public.' || name) from unnest(%s::text[]) as name)
order by c.relname
"""

_SCHEMA = """
select case when to_regnamespace('elmify') is null then has_database_privilege(current_database(), 'create')
            else has_schema_privilege('elmify', 'usage') end,
       to_regnamespace('elmify') is not null, current_database()::text, current_user::text
"""

_TLS = "select ssl from pg_catalog.pg_stat_ssl where pid = pg_backend_pid()"


def read_facts(connection: Connection, *, local: bool) -> DatabaseFacts:
    """Ask the server about itself, in a few statements that every role may send."""
    backend = connection.execute("select pg_backend_pid(), current_setting('server_version')").fetchone()
    assert backend is not None  # a select without a from has one row
    tls = connection.execute(_TLS).fetchone()
    return DatabaseFacts(
        version=backend[1],
        version_number=connection.info.server_version,
        encrypted=None if local else tls is not None and bool(tls[0]),
        # A pooler makes up the process id that it tells its client; the server knows its own.
        pooled=backend[0] != connection.info.backend_pid,
        missing_rights=tuple(_missing(connection)),
        size_bytes=_size(connection),
    )


def _size(connection: Connection) -> int:
    row = connection.execute("select pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _missing(connection: Connection) -> Iterator[str]:
    answer = connection.execute(_SCHEMA).fetchone()
    assert answer is not None
    allowed, exists, database, role = answer
    if not allowed:
        grant = "usage on schema elmify" if exists else f'create on database "{database}"'
        yield f'grant {grant} to "{role}";'
    tables = [table.name for table in TABLES.values()]
    for table, rights in connection.execute(_RIGHTS, (tables,)).fetchall():
        if rights:
            yield f'grant {", ".join(rights)} on public.{table} to "{role}";'
