"""What the tests of elmify's records share: transactions as the database provider opens them, and samples."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import IsolationLevel

from reconciler.model.address import Address
from reconciler.model.history import Actor, RunKind
from reconciler.model.kinds import Kind, Slot
from reconciler.model.ports import Records
from reconciler.model.recorded import KeyRecord, KeyState, ResourceRecord
from reconciler.records import records_on
from reconciler.records.schema import sql_file

Connection = psycopg.Connection[tuple[Any, ...]]

ENVIRONMENT = "production"
IDENTITY = "3f0c2a4e-5f1d-4a6c-9b52-0d9f1d2b7c11"

CI = Actor(name="release-bot", commit="0b5e7c1", url="https://ci.example.org/runs/77")
PERSON = Actor(name="maryam@laptop")

LASTS = timedelta(minutes=10)
EXPIRED = timedelta(0)


@contextmanager
def writing(url: str) -> Iterator[Connection]:
    """Open a READ COMMITTED transaction, committed at the end."""
    with psycopg.connect(url, prepare_threshold=None) as connection:
        yield connection


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Open a REPEATABLE READ READ ONLY transaction."""
    with psycopg.connect(url, prepare_threshold=None) as connection:
        connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        connection.set_read_only(True)
        yield connection


@contextmanager
def installed(url: str) -> Iterator[Records]:
    """Open a transaction for writing on records that are installed."""
    with writing(url) as connection:
        records = records_on(connection)
        records.install(ENVIRONMENT, IDENTITY)
        yield records


def begun_run(url: str) -> int:
    """Return the number of a run that was begun and committed."""
    with installed(url) as records:
        return records.begin_run(RunKind.APPLY, CI)


def until_blocked(url: str, pid: int) -> None:
    """Return once that server process waits for a lock; the test's timeout ends a wait in vain."""
    with psycopg.connect(url, autocommit=True) as observer:
        blocked = "select cardinality(pg_blocking_pids(%s)) > 0"
        while not observer.execute(blocked, (pid,)).fetchall()[0][0]:
            pass


def key_record(number: int, state: KeyState = KeyState.LIVE, run: int | None = None) -> KeyRecord:
    return KeyRecord(
        key=f"Speaker/Collection/{number:02} - Lecture.mp3",
        state=state,
        size_bytes=1_000 + number,
        sha256=f"{number:064x}",
        etag=f"{number:032x}",
        run=run,
    )


def resource_record(number: int) -> ResourceRecord:
    return ResourceRecord(
        address=Address(f"speaker/collection/lecture-{number}"),
        kind=Kind.LECTURE,
        row=number,
        name=f"Lecture {number} ﷺ",
        parent_row=7,
        keys={Slot.LECTURE_AUDIO: f"Speaker/Collection/{number:02} - Lecture.mp3"},
        applied='{"title":"Lecture ﷺ"}',
        protect=False,
    )


def install_version_1(url: str) -> None:
    """Make the schema as the first version of elmify did, with its identity and nothing else."""
    with writing(url) as connection:
        connection.execute("create schema elmify")
        connection.execute(sql_file("001_schema.sql").encode())
        connection.execute(
            "insert into elmify.identity (id, environment, state, schema_version)"
            " values (%s, %s, 'confirmed', 1)",
            (IDENTITY, ENVIRONMENT),
        )


_BACK_TO_VERSION_1 = """
drop table elmify.alias;
drop table elmify.run_total;
drop index elmify.run_open;
alter table elmify.run add column command text;
update elmify.run set command = array_to_string(kind || subject, ' ');
alter table elmify.run
    drop column result, drop column kind, drop column subject, drop column commit_entry, drop column changes,
    drop column uploaded_files, drop column uploaded_bytes, drop column user_rows_lost,
    alter column command set not null;
update elmify.identity set schema_version = 1;
"""


def back_to_version_1(url: str) -> None:
    """Leave the records as the first version of elmify would have written them."""
    with writing(url) as connection:
        connection.execute(_BACK_TO_VERSION_1.encode())
