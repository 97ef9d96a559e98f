"""Database connection: its target, and opening it."""

import ipaddress
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlencode

import psycopg
from psycopg import conninfo, pq, sql

from providers.database.errors import unreachable
from reconciler.model.errors import Unavailable, UsageError

Connection = psycopg.Connection[tuple[Any, ...]]
#: Called with the text of each statement before it is sent.
StatementWatch = Callable[[str], None]

SCHEMES = ("postgresql", "postgres")
_HINT = (
    "It has the form postgresql://user:password@host:port/database, with or without jdbc: before it.\n"
    "Percent-encode @ : / ? # and % in the user name and the password."
)

#: What libpq is told unless the URL says otherwise. A half-dead connection is noticed within two minutes.
DEFAULTS: Mapping[str, str] = {
    "application_name": "elmify",
    "client_encoding": "UTF8",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "5",
    "tcp_user_timeout": "120000",
}

#: Before another attempt at a connection that failed at once; a restart or a failover takes seconds.
PAUSES = (timedelta(milliseconds=200), timedelta(milliseconds=800), timedelta(seconds=2))

_log = logging.getLogger("elmify.store")

STREAM_ROWS = 1000  # in memory at a time; more gains nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Connection target: libpq's parameters, including the password."""

    parameters: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        given = self.parameters
        user = f"{quote(given['user'], safe='')}@" if "user" in given else ""
        host = given.get("host", given.get("hostaddr", ""))
        port = f":{given['port']}" if "port" in given and not host.startswith("/") else ""
        return f"postgresql://{user}{host}{port}/{given.get('dbname', '')}"

    @property
    def place(self) -> str:
        """The name of the database and its host, without the user."""
        given = self.parameters
        host = given.get("host", given.get("hostaddr", ""))
        port = f":{given['port']}" if "port" in given else ""
        where = "a socket of this machine" if not host or host.startswith("/") else f"{host}{port}"
        return f"database {given.get('dbname', given.get('user', ''))} at {where}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a `postgresql:`, `postgres:` or `jdbc:postgresql:` URL.

        `sslmode` becomes `require` for a host that is not this machine, unless the URL (or libpq's
        PGSSLMODE) says otherwise. Raises `UsageError`, which shows nothing of the URL.
        """
        plain = url.strip()
        if plain.startswith("jdbc:"):
            plain = _without_jdbc(plain)
        if not plain.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
            raise UsageError("the database URL is not one of PostgreSQL", hint=_HINT)
        given = _parameters(plain)
        return cls(parameters={**DEFAULTS, **_encryption(given), **given})

    def connect(self, timeout: timedelta, watch: StatementWatch | None = None) -> Connection:
        """Open a connection in autocommit mode, with retries.

        Tries again for up to `timeout` when that may help. Nothing is ever prepared on the server, so a
        transaction pooler may be in between. Raises `Unavailable` or `Denied`.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        for pause in (*PAUSES, None):
            try:
                return self._attempt(timeout, watch)
            except psycopg.OperationalError as error:
                failure = unreachable(error, self)
                if pause is None or not failure.transient:
                    raise failure from error
                if time.monotonic() + pause.total_seconds() > deadline:
                    raise failure from error
                _log.info("connection-retried", extra={"facts": {"message": failure.message}})
            time.sleep(pause.total_seconds())
        raise Unavailable(f"{self} could not be reached")

    def _attempt(self, timeout: timedelta, watch: StatementWatch | None) -> Connection:
        seconds = str(max(1, round(timeout.total_seconds())))
        text = conninfo.make_conninfo("", **{"connect_timeout": seconds, **self.parameters})
        connection = psycopg.connect(text, autocommit=True, prepare_threshold=None)
        if watch is not None:
            connection.cursor_factory = watched(watch)
        return connection


def watched(watch: StatementWatch) -> type[psycopg.Cursor[tuple[Any, ...]]]:
    """Return a cursor class that tells `watch` of each statement."""

    class Watched(psycopg.Cursor[tuple[Any, ...]]):
        def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
            watch(_text(self, query))
            return super().execute(query, *arguments, **options)

        def stream(self, query: Any, *arguments: Any, **options: Any) -> Iterator[tuple[Any, ...]]:
            watch(_text(self, query))
            return super().stream(query, *arguments, **options)

        def copy(self, statement: Any, *arguments: Any, **options: Any) -> Any:
            watch(_text(self, statement))
            return super().copy(statement, *arguments, **options)

    return Watched


def streamed(
    cursor: psycopg.Cursor[tuple[Any, ...]], query: sql.Composed, parameters: Sequence[Any] | None
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of one statement as they arrive.

    This avoids holding them in memory twice.
    """
    size = STREAM_ROWS if psycopg.capabilities.has_stream_chunked() else 1  # libpq 17 and later
    return cursor.stream(query, parameters, binary=True, size=size)


def _text(cursor: psycopg.Cursor[Any], query: Any) -> str:
    if isinstance(query, bytes):
        return query.decode()
    return query if isinstance(query, str) else str(query.as_string(cursor))


def is_local(host: str) -> bool:
    """Return whether a host is only this machine.

    The host is written as for libpq: several names are separated by commas, and all of them must be
    this machine.
    """
    return all(_is_this_machine(name.strip()) for name in host.split(","))


def _is_this_machine(name: str) -> bool:
    if name in {"", "localhost"} or name.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _parameters(url: str) -> dict[str, str]:
    """Parse a URL as libpq does.

    The cause of an error is not kept, because it may quote a part of the password.
    """
    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items() if value}
    except psycopg.ProgrammingError:
        raise UsageError("the database URL cannot be read", hint=_HINT) from None
    misplaced = any("@" in given.get(part, "").lstrip("@") for part in ("host", "dbname"))
    ports = given.get("port", "").replace(",", "")
    if misplaced or (ports and not ports.isdigit()):
        raise UsageError("the database URL cannot be read: a password is not encoded", hint=_HINT)
    return given


def _encryption(given: Mapping[str, str]) -> Mapping[str, str]:
    defaults = {option.keyword.decode(): option.val for option in pq.Conninfo.get_defaults()}
    said = "sslmode" in given or "service" in given or defaults["sslmode"] not in {None, b"prefer"}
    host = given.get("host") or given.get("hostaddr") or (defaults["host"] or b"").decode()
    return {} if said or is_local(host) else {"sslmode": "require"}


def _without_jdbc(url: str) -> str:
    """Convert a JDBC URL to a libpq URL.

    User and password may be given as parameters. Parameters that only Java knows are left out.
    """
    place, _, query = url.removeprefix("jdbc:").partition("?")
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    said = dict(parse_qsl(query, keep_blank_values=True))
    kept = {name: value for name, value in said.items() if name in known}
    if "sslmode" not in kept and said.get("ssl", "false") != "false":
        kept["sslmode"] = "require" if "NonValidating" in said.get("sslfactory", "") else "verify-full"
    return f"{place}?{urlencode(kept, quote_via=quote)}"
