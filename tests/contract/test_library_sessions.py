# ruff: noqa: PT012 - a session is a block, and what it promises shows at its end
"""Sessions: what a transaction promises when it ends well, and when it does not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from providers.database.connection import Connection
from providers.database.postgres import PostgresDatabase
from reconciler.model.errors import Denied, ProviderError, Unavailable
from reconciler.model.kinds import Kind
from reconciler.model.ports import CommitUnknown, NewRow, Records
from reconciler.records import records_on
from tests.content import database_at, insert, one_lecture, run_sql
from tests.failures import failing

SPEAKER = {"name": "Yusuf Karim"}


def names(url: str) -> list[str]:
    return [name for (name,) in run_sql(url, "select name from speakers order by id")]


def test_what_a_transaction_did_stands_when_the_block_ends(database_url: str) -> None:
    insert(database_url, Kind.SPEAKER, SPEAKER)
    assert names(database_url) == ["Yusuf Karim"]


def test_nothing_stands_when_the_block_raises(database_url: str) -> None:
    row = one_lecture(database_url)
    with pytest.raises(KeyError), database_at(database_url).write() as unit:
        unit.library.delete({Kind.LECTURE: [row]})
        raise KeyError
    assert run_sql(database_url, "select id from lectures") == [(row,)]


def test_a_failure_that_the_block_swallowed_is_not_committed_in_silence(database_url: str) -> None:
    run_sql(database_url, "drop table speakers cascade")

    def swallow() -> None:
        with database_at(database_url).write() as unit, suppress(psycopg.errors.UndefinedTable):
            unit.library.rows(Kind.SPEAKER)

    with failing(ProviderError, "transaction-failed"):
        swallow()


def test_rows_and_records_share_one_transaction(database_url: str) -> None:
    with pytest.raises(KeyError), database_at(database_url).write() as unit:
        unit.records.install("production", "3f0c2a4e-5f1d-4a6c-9b52-0d9f1d2b7c11")
        (row,) = unit.library.reserve_ids(Kind.SPEAKER, 1)
        assert row
        raise KeyError
    with database_at(database_url).read() as session:
        assert session.records.load().identity is None


def test_the_clock_is_the_databases_in_utc(database_url: str) -> None:
    with database_at(database_url).read() as session:
        now = session.now()
        assert session.now() > now
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_lock_that_is_not_given_in_time_is_worth_another_try(database_url: str) -> None:
    row = one_lecture(database_url)
    impatient = PostgresDatabase(database_url, records=records_on, lock_timeout=timedelta(milliseconds=50))
    with database_at(database_url).write() as holder:
        holder.library.lock(Kind.LECTURE, [row])
        with pytest.raises(Unavailable) as raised, impatient.write() as unit:
            unit.library.lock(Kind.LECTURE, [row])
    assert raised.value.transient
    assert any("55P03" in line for line in raised.value.details)


def test_settings_end_with_the_transaction_so_a_pooler_may_stand_between(database_url: str) -> None:
    statements: list[str] = []
    with database_at(database_url, statements.append).write() as unit:
        unit.now()
    settings = [
        line.strip() for text in statements for line in text.splitlines() if line.strip().startswith("set ")
    ]
    assert settings
    assert all(setting.startswith("set local ") for setting in settings)


def test_a_connection_lost_in_the_block_is_worth_another_try(database_url: str) -> None:
    with pytest.raises(Unavailable), database_at(database_url).write() as unit:
        cut_off(database_url)
        unit.library.reserve_ids(Kind.SPEAKER, 1)


def cut_off(url: str) -> None:
    """End every other session of the database, as a failover does."""
    run_sql(
        url,
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()",
    )


def test_a_commit_without_an_answer_is_neither_success_nor_failure(database_url: str) -> None:
    with forgetful_proxy(database_url) as url:
        with pytest.raises(CommitUnknown), database_at(url).write() as unit:
            (row,) = unit.library.reserve_ids(Kind.SPEAKER, 1)
            unit.library.insert(Kind.SPEAKER, [NewRow(id=row, values=SPEAKER)])
        assert names(database_url) == ["Yusuf Karim"]


def test_a_connection_lost_before_the_commit_leaves_it_unknown(database_url: str) -> None:
    with pytest.raises(CommitUnknown), database_at(database_url).write() as unit:
        unit.library.rows(Kind.SPEAKER)
        cut_off(database_url)
    assert names(database_url) == []


def test_a_commit_that_is_refused_is_a_failure(database_url: str) -> None:
    run_sql(
        database_url,
        "alter table speakers add constraint one_bio unique (bio) deferrable initially deferred",
    )
    with pytest.raises(ProviderError) as raised:
        insert(database_url, Kind.SPEAKER, {"name": "A", "bio": "x"}, {"name": "B", "bio": "x"})
    assert any("23505" in line for line in raised.value.details)
    assert names(database_url) == []


def test_no_connection_outlives_its_session(database_url: str) -> None:
    connections: list[Connection] = []

    def remembering(connection: Connection) -> Records:
        connections.append(connection)
        return records_on(connection)

    database = PostgresDatabase(database_url, records=remembering)
    with database.read() as session:
        session.now()
    with pytest.raises(KeyError), database.write():
        raise KeyError
    assert [connection.closed for connection in connections] == [True, True]


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql://app:Gehe1m@127.0.0.1:{unused.getsockname()[1]}/library"
        database = PostgresDatabase(url, records=records_on, connect_timeout=timedelta(milliseconds=100))
        with pytest.raises(Unavailable) as raised, database.read():
            pass
    told = "\n".join([str(raised.value), raised.value.hint, *raised.value.details])
    assert "127.0.0.1" in told
    assert "Gehe1m" not in told


def test_a_database_that_does_not_exist_is_not_tried_again(database_url: str) -> None:
    url = database_url.replace("/elmify_test_", "/elmify_absent_")
    with failing(Denied, "denied", urlsplit(url).path[1:]), database_at(url).read():
        pass


def test_closing_stops_what_was_started_for_the_database(database_url: str) -> None:
    closed: list[bool] = []
    database = PostgresDatabase(database_url, records=records_on, on_close=lambda: closed.append(True))
    database.close()
    assert closed == [True]


def test_a_database_can_go_by_another_name(database_url: str) -> None:
    assert str(PostgresDatabase(database_url, records=records_on, name="the library")) == "the library"


@contextmanager
def forgetful_proxy(url: str) -> Iterator[str]:
    """Yield the URL of a proxy that hangs up when the server has answered COMMIT."""
    parts = urlsplit(url)
    server = socket.socket(socket.AF_INET if parts.hostname else socket.AF_UNIX)
    server.connect(
        (parts.hostname, parts.port or 5432)
        if parts.hostname
        else f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    )
    with server, socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=relay_until_commit, args=(listener, server))
        thread.start()
        user = parts.netloc.rpartition("@")[0]
        yield f"postgresql://{user}@127.0.0.1:{port}{parts.path}?sslmode=disable&gssencmode=disable"
        thread.join(timeout=10)


def relay_until_commit(listener: socket.socket, server: socket.socket) -> None:
    client, _ = listener.accept()
    with client:
        backwards = threading.Thread(target=relay_answers, args=(server, client))
        backwards.start()
        while data := client.recv(65_536):
            server.sendall(data)
        backwards.join(timeout=10)


def relay_answers(server: socket.socket, client: socket.socket) -> None:
    while data := server.recv(65_536):
        if b"COMMIT\0" in data:  # the command tag
            client.shutdown(socket.SHUT_RDWR)
            return
        client.sendall(data)
