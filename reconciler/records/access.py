"""Whether schema `elmify` is there, and whether this role may read it: two questions, never one."""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import Denied, ElmifyError

if TYPE_CHECKING:
    from psycopg import Connection

#: Asks `pg_catalog`, which every role may read: `to_regclass` raises where the schema may not be used.
_PROBE = """
select has_schema_privilege(space.oid, 'usage'),
       array_agg(c.relname::text order by c.relname),
       array_agg(c.relname::text order by c.relname) filter (where not has_table_privilege(c.oid, 'select')),
       current_user::text,
       current_database()::text
from pg_catalog.pg_namespace space
left join pg_catalog.pg_class c on c.relnamespace = space.oid and c.relkind in ('r', 'p')
where space.nspname = 'elmify'
group by space.oid
"""


def sql_file(name: str) -> str:
    """Return the text of one of the SQL files beside this module."""
    return files("reconciler.records").joinpath("sql", name).read_text(encoding="utf-8")


def is_readable(connection: "Connection[tuple[Any, ...]]") -> bool:
    """Whether the records are there. One statement.

    Raises `Denied` when they are but this role may not read all of them, and `ElmifyError` when the schema
    holds something else: neither is ever 'nothing recorded'.
    """
    found = connection.execute(_PROBE).fetchone()
    if found is None or found[1] == [None]:
        return False
    usable, tables, unreadable, role, database = found
    if "identity" not in tables:
        raise ElmifyError(
            f"schema elmify holds tables ({', '.join(tables)}) but no identity: damaged, or not elmify's",
            hint="Restore the schema from a backup, or rename the one that is not elmify's.",
        )
    if not usable or unreadable:
        what = "use schema elmify" if not usable else f"read elmify.{', elmify.'.join(unreadable)}"
        raise Denied(
            f"the database role {role} may not {what}, so what elmify remembers is out of reach",
            hint="The owner of the schema has to run:\n" + grants("read_only_grants.sql", role, database),
        )
    return True


def grants(file: str, role: str, database: str) -> str:
    """Return the statements of a grants file for one role, as they can be pasted: comments left out."""
    text = sql_file(file).replace(':"role"', quoted(role)).replace(':"DBNAME"', quoted(database))
    lines = (line.partition("--")[0].rstrip() for line in text.splitlines())
    return "\n".join(f"    {line}" for line in lines if line)


def quoted(identifier: str) -> str:
    """Return an identifier as SQL spells it."""
    return '"' + identifier.replace('"', '""') + '"'
