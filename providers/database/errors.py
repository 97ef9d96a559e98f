"""Translation of psycopg errors into elmify's errors."""

import re

import psycopg
from psycopg import errors

from reconciler.model.errors import Denied, ProviderError, Unavailable
from reconciler.model.kinds import TABLES
from reconciler.model.remedies import MakePlan, Rebind

_REFUSED = ("authentication failed", "no password supplied", "pg_hba.conf", "is not permitted to log in")
_ABSENT = re.compile(r'(role|database|user) "[^"]*" does not exist')

#: Failures that the same transaction, begun again, may not meet (PostgreSQL, appendix A: error codes).
_TRANSIENT = (
    errors.LockNotAvailable,
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.QueryCanceled,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.TooManyConnections,
    errors.IdleInTransactionSessionTimeout,
)
_TRANSIENT_CLASSES = ("08", "53", "57", "58")

_GRANTS = {
    "schema": "grant usage on schema {name} to {role};",
    "sequence": "grant usage, select on sequence {name} to {role};",
    "database": "grant create, temporary on database {name} to {role};",
    "function": "grant execute on function {name} to {role};",
}

_DAMAGED = """Restore schema elmify from a backup. Where there is none, give the records up: runs and audit
log are lost then, the rows and objects of the library stay and are found again. As the schema's owner, run
    drop schema elmify cascade;
and then"""


def unreachable(error: psycopg.OperationalError, target: object) -> ProviderError:
    """Say why no connection came about."""
    text = str(error).strip()
    said = [line.strip() for line in text.splitlines()]
    if any(sign in text for sign in _REFUSED) or _ABSENT.search(text):
        return Denied(
            f"{target} refused the connection",
            details=said,
            hint="Check the user, the password and the database in the database URL.",
        )
    hint = "Check the host and port in the database URL, and that the server accepts connections."
    if "does not support SSL" in text:
        hint = (
            "A host other than this machine is only spoken to over TLS. If the way to it is private, add\n"
            "sslmode=disable to the URL's parameters."
        )
    return Unavailable(f"{target} could not be reached", details=said, hint=hint)


def translated(error: psycopg.Error, role: str) -> ProviderError:
    """Return the failure that a statement's error means.

    `role` is the database role that sent the statement.
    """
    if isinstance(error, errors.InsufficientPrivilege):
        return _denied(error, role)
    if isinstance(error, errors.UndefinedTable):
        return _no_table(error)
    if isinstance(error, errors.DiskFull):
        return ProviderError(
            "the database's disk is full",
            code="disk-full",
            details=_lines(error),
            hint="Nothing of the transaction was kept. Make room on the database's disk, then run it again.",
        )
    if is_transient(error):
        return Unavailable(
            "the database did not carry the transaction through",
            details=_lines(error),
            hint="Nothing of it was kept. Run the command again.",
        )
    return ProviderError("the database refused a statement", details=_lines(error))


def is_transient(error: psycopg.Error) -> bool:
    """Return whether the same transaction may succeed if it is begun again.

    This is also true when the connection was lost.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return isinstance(error, _TRANSIENT) or error.sqlstate.startswith(_TRANSIENT_CLASSES)


def _lines(error: psycopg.Error) -> list[str]:
    state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    said = error.diag.message_primary or str(error)
    return [f"{said}{state}", *filter(None, (error.diag.message_detail, error.diag.message_hint))]


def _denied(error: psycopg.Error, role: str) -> Denied:
    said = error.diag.message_primary or ""
    found = re.search(r'(table|view|schema|sequence|database|function) "?([^"\s]+)"?', said)
    if found is None:
        hint = f"Give the role {role} the rights that the documentation lists."
    else:
        grant = _GRANTS.get(found[1], "grant select, insert, update, delete on {name} to {role};")
        statement = grant.format(name=found[2], role=role)
        hint = f"The owner can allow it (select alone is enough for a plan):\n    {statement}"
    return Denied(f"the role {role} may not do this", details=_lines(error), hint=hint)


def _no_table(error: psycopg.Error) -> ProviderError:
    said = error.diag.message_primary or ""
    if '"elmify.' in said:
        return ProviderError(
            "elmify's records are damaged: schema elmify lacks a table",
            code="records-damaged",
            details=_lines(error),
            hint=_DAMAGED,
            remedies=[Rebind(), MakePlan()],
        )
    missing = next((table.name for table in TABLES.values() if f".{table.name}" in said), None)
    if missing is None:
        return ProviderError("the database lacks a table", details=_lines(error))
    return ProviderError(
        f"the database has no table `{missing}`",
        code="no-table",
        details=_lines(error),
        hint=(
            "elmify works on the tables of the app and never creates them. Check that the database URL\n"
            "names the app's database, and that its migrations have run."
        ),
    )
