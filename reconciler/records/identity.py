"""Which environment a database belongs to."""

from typing import TYPE_CHECKING, Any

from reconciler.model.errors import IdentityMismatch
from reconciler.model.recorded import Identity, IdentityState
from reconciler.records.schema import VERSION, lock_and_upgrade, refuse_newer

if TYPE_CHECKING:
    from psycopg import Connection

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
