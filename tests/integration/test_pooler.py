# ruff: noqa: PT012 - a session is a block, and what it promises shows at its end
"""PgBouncer in transaction mode between elmify and the server, with one connection for everybody."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import conninfo

from providers.embedded_postgres.supervisor import NOBODY, Account
from reconciler.model.kinds import Kind
from reconciler.model.ports import NewRow
from tests.content import a_user, database_at, favourite, lecture, run_sql

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@pytest.fixture
def pooled_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """URL of the test's database by way of PgBouncer, which refuses root as PostgreSQL does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(settings(database_url, port))
    process = subprocess.Popen(
        (str(PROGRAM), str(configuration)),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=Account(uid=NOBODY, passes=True).become if os.geteuid() == 0 else None,  # noqa: PLW1509
    )
    try:
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        assert any("process up" in line for line in said)
        yield f"postgresql://app@127.0.0.1:{port}/{conninfo.conninfo_to_dict(database_url)['dbname']}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def settings(url: str, port: int) -> str:
    parameters = conninfo.conninfo_to_dict(url)
    server = " ".join(
        f"{name}={parameters[name]}" for name in ("host", "port", "user", "password") if name in parameters
    )
    return f"""
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
"""


def test_sessions_of_every_sort_share_one_connection(database_url: str, pooled_url: str) -> None:
    database = database_at(pooled_url)
    connection = run_sql(pooled_url, "select pg_backend_pid()")
    for number in range(3):
        with database.write() as unit:
            unit.records.install("production", "3f0c2a4e-5f1d-4a6c-9b52-0d9f1d2b7c11")
            first, second = unit.library.reserve_ids(Kind.SPEAKER, 2)
            speakers = [
                NewRow(id=first, values={"name": f"A{number}"}),
                NewRow(id=second, values={"name": "B"}),
            ]
            unit.library.insert(Kind.SPEAKER, speakers)
            unit.library.update(Kind.SPEAKER, {first: {"name": "B"}, second: {"name": f"C{number}"}})
            (row,) = unit.library.reserve_ids(Kind.LECTURE, 1)
            values = lecture(f"{number}", speaker_id=first, categories=("quran",))
            unit.library.insert(Kind.LECTURE, [NewRow(id=row, values=values)])
        favourite(database_url, a_user(database_url, f"{number}@example.org"), row)
        with database.read() as session:
            assert session.records.load().identity is not None
            assert len(list(session.library.rows(Kind.LECTURE))) == 1
            assert session.library.dependents({Kind.SPEAKER: [first]}).lost_rows == {"public.favorites": 1}
        with database.write() as unit:
            unit.library.delete({Kind.SPEAKER: [first]})
    assert run_sql(database_url, "select name from speakers order by id") == [("C0",), ("C1",), ("C2",)]
    assert run_sql(pooled_url, "select pg_backend_pid()") == connection


def test_a_failed_transaction_leaves_the_connection_fit_for_the_next(pooled_url: str) -> None:
    database = database_at(pooled_url)
    before = run_sql(pooled_url, "select pg_backend_pid()")
    with pytest.raises(KeyError), database.write() as unit:
        unit.library.lock(Kind.SPEAKER, [1])
        raise KeyError
    with database.read() as session:
        assert list(session.library.rows(Kind.SPEAKER)) == []
    assert run_sql(pooled_url, "select pg_backend_pid()") == before


def test_nothing_of_a_session_is_left_on_the_shared_connection(pooled_url: str) -> None:
    settings_of_all = "select setting from pg_settings where name in ('lock_timeout', 'row_security', 'jit')"
    before = run_sql(pooled_url, settings_of_all)
    with database_at(pooled_url).write() as unit:
        unit.now()
    assert run_sql(pooled_url, settings_of_all) == before
