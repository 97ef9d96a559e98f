"""Schema `elmify`: existence, access, versions, and the identity it holds."""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import Denied, ElmifyError, IdentityMismatch
from reconciler.model.recorded import Identity, IdentityState

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


#: The file that leads to each version from the one before.
_MIGRATIONS = ("001_schema.sql",)
VERSION = len(_MIGRATIONS)

#: Ours among the advisory locks of this database: "elmify" in ASCII. Held until the transaction ends.
_INSTALL_LOCK = int.from_bytes(b"elmify")


def lock_and_upgrade(connection: "Connection[tuple[Any, ...]]") -> None:
    """Wait for whoever else installs, then create or upgrade the schema to this program's version.

    Raises `Denied` with the statements an owner has to run when the role may not.
    """
    from psycopg.errors import InsufficientPrivilege

    role, database = _lock(connection)
    try:
        _upgrade(connection, _version(connection))
    except InsufficientPrivilege as error:
        raise Denied(
            f"the database role {role} may not create or upgrade schema elmify",
            hint="The owner of the database has to run this, once:\n"
            f"    grant create on database {quoted(database)} to {quoted(role)};\n"
            "or apply once as the owner, and then run:\n" + grants("apply_grants.sql", role, database),
        ) from error


def _lock(connection: "Connection[tuple[Any, ...]]") -> tuple[str, str]:
    """Return role and database, asked while the transaction can still answer."""
    asked = "select current_user::text, current_database()::text, pg_advisory_xact_lock(%s)"
    role, database, _ = connection.execute(asked, (_INSTALL_LOCK,)).fetchall()[0]
    return role, database


def _version(connection: "Connection[tuple[Any, ...]]") -> int:
    if not is_readable(connection):
        return 0
    found = connection.execute("select schema_version from elmify.identity").fetchone()
    version: int = found[0] if found else VERSION
    refuse_newer(version)
    return version


def refuse_newer(version: int) -> None:
    """Raise when a newer elmify has written these records."""
    if version > VERSION:
        raise ElmifyError(
            f"a newer elmify has written these records: schema version {version}, this one knows {VERSION}",
            hint="Upgrade elmify here to the version the last apply ran with. Nothing was read or written.",
        )


def _upgrade(connection: "Connection[tuple[Any, ...]]", version: int) -> None:
    if version == VERSION:
        return
    if connection.execute("select to_regnamespace('elmify')").fetchone() == (None,):
        connection.execute("create schema elmify")
    for file in _MIGRATIONS[version:]:
        connection.execute(sql_file(file))
    connection.execute("update elmify.identity set schema_version = %s", (VERSION,))


_READ = "select id, environment, state, keys_lost, schema_version from elmify.identity"

_INSERT = "insert into elmify.identity (id, environment, schema_version) values (%s, %s, %s)"


def install(connection: "Connection[tuple[Any, ...]]", environment: str, identity: str) -> Identity:
    """Make the schema where it is absent and return the identity; a new one is pending.

    Raises `IdentityMismatch` when the records are those of another environment.
    """
    lock_and_upgrade(connection)
    stored = read_identity(connection)
    if stored is None:
        connection.execute(_INSERT, (identity, environment, VERSION))
        return Identity(id=identity, environment=environment, state=IdentityState.PENDING)
    if stored.environment != environment:
        raise IdentityMismatch(
            f"this database belongs to environment {stored.environment!r}, elmify.yaml names {environment!r}",
            hint="Nothing was written. Check DATABASE_URL and `environment` in elmify.yaml: one of them"
            " is of another environment.",
        )
    return stored


def read_identity(connection: "Connection[tuple[Any, ...]]") -> Identity | None:
    """Return the identity; `ElmifyError` when a newer elmify has written it."""
    found = connection.execute(_READ).fetchone()
    if found is None:
        return None
    id_, environment, state, keys_lost, version = found
    refuse_newer(version)
    return Identity(id=id_, environment=environment, state=IdentityState(state), keys_lost=keys_lost)


def confirm_identity(connection: "Connection[tuple[Any, ...]]", *, keys_lost: bool) -> None:
    """Say that the bucket carries this identity. That keys were lost is never unsaid."""
    connection.execute(
        "update elmify.identity set state = 'confirmed', keys_lost = keys_lost or %s", (keys_lost,)
    )
