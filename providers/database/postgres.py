"""PostgreSQL database: one connection and one transaction per session."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from providers.database.connection import Connection, StatementWatch, Target, is_local
from providers.database.errors import translated
from providers.database.library import PostgresLibrary
from reconciler.model.errors import ProviderError
from reconciler.model.kinds import TABLES
from reconciler.model.ports import CommitUnknown, DatabaseFacts, Library, ReadSession, Records, UnitOfWork

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
    """Return facts about the server, as it reports them itself.

    Takes a few statements that every role may send.
    """
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


CONNECT_TIMEOUT = timedelta(seconds=10)
LOCK_TIMEOUT = timedelta(seconds=10)  # the app's own transactions take milliseconds
STATEMENT_TIMEOUT = timedelta(minutes=15)  # nothing waits for ever; a million rows take a minute

#: Everything is local to the transaction, so that a pooler may give the next one another connection. With
#: row security off, a policy that would hide rows from us is an error: hidden never reads as absent.
_SETTINGS = """
    set local timezone = 'UTC';
    set local datestyle = 'ISO';
    set local row_security = off;
    set local jit = off;
    set local statement_timeout = {statement};
    set local idle_in_transaction_session_timeout = {statement};
    set local lock_timeout = {lock};
"""

Begin = str
READING: Begin = "begin isolation level repeatable read read only;"
WRITING: Begin = "begin isolation level read committed read write;"


def do_nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A transaction in progress."""

    library: Library
    records: Records
    connection: Connection

    def now(self) -> datetime:
        """Return the database's clock, aware, in UTC."""
        row = self.connection.execute("select clock_timestamp()").fetchone()
        assert row is not None  # a select without a from has one row
        moment: datetime = row[0]
        return moment.astimezone(UTC)


class PostgresDatabase:
    """The database that a URL names.

    `records` makes the records of a transaction from its connection. `name` is what people see instead of
    the URL. `watch` is told of every statement; `on_close` stops what was started for this database alone.
    """

    def __init__(
        self,
        url: str,
        *,
        records: Callable[[Connection], Records],
        name: str = "",
        connect_timeout: timedelta = CONNECT_TIMEOUT,
        lock_timeout: timedelta = LOCK_TIMEOUT,
        watch: StatementWatch | None = None,
        on_close: Callable[[], None] = do_nothing,
    ) -> None:
        self._target = Target.parse(url)
        self._records = records
        self._name = name or str(self._target)
        self._connect_timeout = connect_timeout
        self._settings = _SETTINGS.format(
            statement=_milliseconds(STATEMENT_TIMEOUT), lock=_milliseconds(lock_timeout)
        )
        self._watch = watch
        self._on_close = on_close

    def __str__(self) -> str:
        return self._name

    @contextmanager
    def read(self) -> Iterator[ReadSession]:
        """Open a reading session; see `ports.Database`."""
        with self._transaction(READING) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Open a transaction; see `ports.Database`."""
        with self._transaction(WRITING) as session:
            yield session

    def facts(self) -> DatabaseFacts:
        """Return what a new connection tells of the server; see `ports.Database`."""
        connection = self._target.connect(self._connect_timeout, self._watch)
        try:
            with _translation(connection):
                return read_facts(connection, local=is_local(self._target.parameters.get("host", "")))
        finally:
            connection.close()

    def close(self) -> None:
        """Stop what was started for this database alone.

        Sessions have closed their own connections.
        """
        self._on_close()

    @contextmanager
    def _transaction(self, begin: Begin) -> Iterator[Session]:
        connection = self._target.connect(self._connect_timeout, self._watch)
        try:
            with _translation(connection):
                connection.execute((begin + self._settings).encode())
                yield self._session(connection)
                _commit(connection)
        finally:
            _let_go(connection)

    def _session(self, connection: Connection) -> Session:
        return Session(
            library=PostgresLibrary(connection), records=self._records(connection), connection=connection
        )


@contextmanager
def _translation(connection: Connection) -> Iterator[None]:
    role = connection.info.user
    try:
        yield
    except psycopg.Error as error:
        raise translated(error, role) from error


def _commit(connection: Connection) -> None:
    """Commit, and tell a refused commit from one whose answer never came."""
    try:
        status = connection.execute("commit").statusmessage
    except KeyboardInterrupt as interrupt:
        raise CommitUnknown("the command was interrupted while it waited for COMMIT") from interrupt
    except psycopg.OperationalError as error:
        if connection.closed:
            raise CommitUnknown(
                "the connection was lost while it waited for COMMIT",
                hint="What was to be committed stands as a whole or not at all. Run the command again.",
            ) from error
        raise
    if status != "COMMIT":
        raise ProviderError(
            "the transaction had failed before its commit; nothing of it was kept", code="transaction-failed"
        )


def _let_go(connection: Connection) -> None:
    """Roll back what was not committed, and close the connection.

    The rollback is sent explicitly, so that a pooler can use its connection again.
    """
    with suppress(psycopg.Error):  # a lost connection rolls back by itself
        if connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
            connection.execute("rollback")
    connection.close()


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
