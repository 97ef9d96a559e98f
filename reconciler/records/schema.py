"""Schema `elmify` itself: made once, brought up to date, refused when it is newer than this program."""

from typing import TYPE_CHECKING, Any

from reconciler.model.errors import Denied, ElmifyError
from reconciler.records.access import grants, is_readable, quoted, sql_file

if TYPE_CHECKING:
    from psycopg import Connection

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
