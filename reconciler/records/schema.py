"""Schema `elmify`: existence, access rights, migrations, and identity."""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import Denied, ElmifyError, IdentityMismatch, Leased
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


#: The name of the query that gives the runs of version 1 the columns of version 2.
RUNS_OF_VERSION_1 = "runs_of_version_1"


def sql_file(name: str) -> str:
    """Return the text of one of the SQL files beside this module."""
    return files("reconciler.records").joinpath("sql", name).read_text(encoding="utf-8")


def _found_version(connection: "Connection[tuple[Any, ...]]") -> int:
    """Return the schema's version as its tables show it, 0 without a schema.

    Takes one statement.

    Raises `Denied` when this role may not read all of the tables, and `ElmifyError` when the schema
    contains something else: neither case is ever treated as 'nothing recorded'.
    """
    found = connection.execute(_PROBE).fetchone()
    if found is None or found[1] == [None]:
        return 0
    usable, tables, unreadable, role, database = found
    if "identity" not in tables:
        raise ElmifyError(
            f"schema elmify holds tables ({', '.join(tables)}) but no identity: damaged, or not elmify's",
            code="records-unknown",
            hint="Restore the schema from a backup, or rename the one that is not elmify's.",
        )
    if not usable or unreadable:
        what = "use schema elmify" if not usable else f"read elmify.{', elmify.'.join(unreadable)}"
        raise Denied(
            f"the database role {role} may not {what}, so what elmify remembers is out of reach",
            hint="The owner of the schema has to run:\n" + grants("read_only_grants.sql", role, database),
        )
    return max(version for table, version in _FIRST_SEEN.items() if table in tables)


def grants(file: str, role: str, database: str) -> str:
    """Return the statements of a grants file for one role.

    They can be pasted as they are: comments are left out.
    """
    text = sql_file(file).replace(':"role"', quoted(role)).replace(':"DBNAME"', quoted(database))
    lines = (line.partition("--")[0].rstrip() for line in text.splitlines())
    return "\n".join(f"    {line}" for line in lines if line)


def quoted(identifier: str) -> str:
    """Return an identifier as SQL spells it."""
    return '"' + identifier.replace('"', '""') + '"'


#: The file that leads to each version from the one before.
_MIGRATIONS = ("001_schema.sql", "002_run_kinds.sql", "003_aliases.sql")
VERSION = len(_MIGRATIONS)

#: A table that each version was the first to have.
_FIRST_SEEN = {"identity": 1, "run_total": 2, "alias": 3}

#: Ours among the advisory locks of this database: "elmify" in ASCII. Held until the transaction ends.
_INSTALL_LOCK = int.from_bytes(b"elmify")

_READ = "select id, environment, state, keys_lost, schema_version from elmify.identity"

_INSERT = "insert into elmify.identity (id, environment, schema_version) values (%s, %s, %s)"

_CONFIRM = "update elmify.identity set state = 'confirmed', keys_lost = keys_lost or %s"


class SchemaRecords:
    """Schema `elmify`, through one connection.

    It is used inside the transaction that is open on the connection.

    The other records build on this class: they read only if the schema was found, and in the form of
    its version.
    """

    def __init__(self, connection: "Connection[tuple[Any, ...]]") -> None:
        self._connection = connection
        self._version = 0

    def _readable(self) -> int:
        """Return the version of the schema, 0 without a schema.

        The database is asked each time until the schema was found.
        """
        self._version = self._version or _found_version(self._connection)
        return self._version

    def _upgrade(self) -> None:
        """Upgrade records of an earlier version to this program's version.

        Raises as `install` does.
        """
        if 0 < self._readable() < VERSION:
            self._lock_and_upgrade()

    def load_identity(self) -> Identity | None:
        """Return the identity; `ElmifyError` when a newer elmify has written it."""
        return self._identity() if self._readable() else None

    def install(self, environment: str, identity: str) -> Identity:
        """Create the schema if it is absent, and return the identity.

        A new identity is pending.

        Raises `IdentityMismatch` when the records are those of another environment, `Leased` when they
        are of an earlier version and a run is at work, and `Denied`, with the statements that an owner
        has to run, when this role may not create or upgrade the schema.
        """
        self._lock_and_upgrade()
        stored = self._identity()
        if stored is None:
            self._connection.execute(_INSERT, (identity, environment, VERSION))
            return Identity(id=identity, environment=environment, state=IdentityState.PENDING)
        if stored.environment != environment:
            raise IdentityMismatch(
                f"this database belongs to environment {stored.environment!r},"
                f" elmify.yaml names {environment!r}",
                hint="Nothing was written. Check DATABASE_URL and `environment` in elmify.yaml: one of them"
                " is of another environment.",
            )
        return stored

    def confirm_identity(self, *, keys_lost: bool = False) -> None:
        """Record that the bucket carries this identity.

        Once it is recorded that keys were lost, this is never reset.
        """
        self._connection.execute(_CONFIRM, (keys_lost,))

    def _identity(self) -> Identity | None:
        found = self._connection.execute(_READ).fetchone()
        if found is None:
            return None
        id_, environment, state, keys_lost, version = found
        _refuse_newer(version)
        return Identity(id=id_, environment=environment, state=IdentityState(state), keys_lost=keys_lost)

    def _lock_and_upgrade(self) -> None:
        """Create or upgrade the schema to this program's version.

        Waits for another install first.
        """
        from psycopg.errors import InsufficientPrivilege

        role, database = _lock(self._connection)
        version = self._stored_version()
        try:
            _migrate(self._connection, version)
        except InsufficientPrivilege as error:
            raise Denied(
                f"the database role {role} may not create or upgrade schema elmify",
                hint=_upgraded_by_an_owner(version, role, database),
            ) from error
        self._version = VERSION

    def _stored_version(self) -> int:
        if not self._readable():
            return 0
        found = self._connection.execute("select schema_version from elmify.identity").fetchone()
        version: int = found[0] if found else self._version
        _refuse_newer(version)
        return version


def _lock(connection: "Connection[tuple[Any, ...]]") -> tuple[str, str]:
    """Return role and database, asked while the transaction can still answer."""
    asked = "select current_user::text, current_database()::text, pg_advisory_xact_lock(%s)"
    role, database, _ = connection.execute(asked, (_INSTALL_LOCK,)).fetchall()[0]
    return role, database


def _upgraded_by_an_owner(version: int, role: str, database: str) -> str:
    """Return the hint for a role that may not create or upgrade the schema."""
    granted = grants("apply_grants.sql", role, database)
    if version:
        return (
            "Nothing was written. The owner of the schema has to apply once with this version of elmify, and"
            f" then run:\n{granted}"
        )
    return (
        "The owner of the database has to run this, once:\n"
        f"    grant create on database {quoted(database)} to {quoted(role)};\n"
        f"or apply once as the owner, and then run:\n{granted}"
    )


def _refuse_newer(version: int) -> None:
    """Raise when a newer elmify has written these records."""
    if version > VERSION:
        raise ElmifyError(
            f"a newer elmify has written these records: schema version {version}, this one knows {VERSION}",
            code="records-newer",
            hint="Upgrade elmify here to the version the last apply ran with. Nothing was read or written.",
        )


def _migrate(connection: "Connection[tuple[Any, ...]]", version: int) -> None:
    if version == VERSION:
        return
    if version:
        _refuse_while_held(connection)
    elif connection.execute("select to_regnamespace('elmify')").fetchone() == (None,):
        connection.execute("create schema elmify")
    for file in _MIGRATIONS[version:]:
        connection.execute(migration(file))
    connection.execute("update elmify.identity set schema_version = %s", (VERSION,))


def migration(file: str) -> str:
    """Return the statements of a numbered SQL file, complete."""
    return sql_file(file).replace(f"(:{RUNS_OF_VERSION_1})", f"({sql_file(f'{RUNS_OF_VERSION_1}.sql')})")


def _refuse_while_held(connection: "Connection[tuple[Any, ...]]") -> None:
    """Raise `Leased` while a run is at work.

    A run of the earlier version could no longer record its end after the upgrade.
    """
    held = "select run, holder from elmify.lease where run is not null and expires_at > clock_timestamp()"
    connection.execute("select from elmify.lease for update")
    for run, holder in connection.execute(held):
        raise Leased(
            f"run {run} of {holder} holds the lease, and began with an earlier version of elmify",
            code="records-in-use",
            hint="Nothing was changed. The records are upgraded when that run has ended: run the command"
            " again then.",
        )
