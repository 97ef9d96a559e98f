"""Content rows for tests, and plain SQL beside elmify: what the app and its users do."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from providers.database.connection import StatementWatch
from providers.database.postgres import PostgresDatabase
from reconciler.model.kinds import Kind
from reconciler.model.ports import NewRow
from reconciler.model.values import Value
from reconciler.records import records_on


def database_at(url: str, watch: StatementWatch | None = None) -> PostgresDatabase:
    return PostgresDatabase(url, records=records_on, watch=watch)


def run_sql(url: str, statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run a statement as the app would, committed at once; return its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def lecture(title: str, **values: Value) -> dict[str, Value]:
    """Return the least that a lecture row needs, and what is named."""
    return {
        "title": title,
        "file_name": f"{title}.mp3",
        "file_path": f"Yusuf Karim/Tafsir/{title}.mp3",
        "file_size": 16_384,
        "file_format": "mp3",
        "duration": 60,
        **values,
    }


def insert(url: str, kind: Kind, *rows: Mapping[str, Value]) -> list[int]:
    """Insert rows through the library, and return their ids."""
    with database_at(url).write() as unit:
        ids = list(unit.library.reserve_ids(kind, len(rows)))
        unit.library.insert(kind, [NewRow(id=i, values=row) for i, row in zip(ids, rows, strict=True)])
    return ids


def one_lecture(url: str, title: str = "Al-Fatiha", **values: Value) -> int:
    """Insert a lecture without parents, and return its id."""
    return insert(url, Kind.LECTURE, lecture(title, **values))[0]


def a_shelf(url: str) -> tuple[int, int, int]:
    """Insert a speaker with a collection with a lecture, and return their ids."""
    (speaker,) = insert(url, Kind.SPEAKER, {"name": "Yusuf Karim"})
    (collection,) = insert(url, Kind.COLLECTION, {"speaker_id": speaker, "title": "Tafsir"})
    (row,) = insert(
        url,
        Kind.LECTURE,
        lecture("Al-Fatiha", speaker_id=speaker, collection_id=collection, lecture_number=1),
    )
    return speaker, collection, row


def a_user(url: str, email: str) -> int:
    ((user,),) = run_sql(url, "insert into users (email) values (%s) returning id", (email,))
    return int(user)


def favourite(url: str, user: int, row: int) -> int:
    ((favorite,),) = run_sql(
        url, "insert into favorites (user_id, lecture_id) values (%s, %s) returning id", (user, row)
    )
    return int(favorite)
