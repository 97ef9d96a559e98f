"""What the team does today when an import went wrong: wipe, and import again under new ids."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.live.mess import BASE_URL

#: Row ids are dealt anew in another order, in which no row gets the id that it had.
_LECTURES = "select speaker_id, collection_id, file_path from lectures order by id <= 100, id"
_COLLECTIONS = "select id, speaker_id, title from collections order by id <= 3, id"
_SPEAKERS = "select id, name from speakers order by id <= 3, id"

_INSERT_LECTURE = """
    insert into lectures (title, lecture_number, duration, file_name, file_path, file_size, file_format,
                          audio_url, speaker_id, collection_id)
    values (%s, %s, 0, %s, %s, 0, 'audio/mpeg', %s, %s, %s)
"""


def reimport_lectures(url: str) -> None:
    """Wipe `lectures` alone, and everything of the users with it; row ids begin at 1 again."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(_LECTURES).fetchall()
        connection.execute("truncate lectures restart identity cascade")
        _insert(connection, rows)


def reimport_everything(url: str) -> None:
    """Wipe all content and import it again; names and titles come with spaces at their ends."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        lectures = connection.execute(_LECTURES).fetchall()
        collections = connection.execute(_COLLECTIONS).fetchall()
        speakers = connection.execute(_SPEAKERS).fetchall()
        connection.execute("truncate speakers restart identity cascade")
        new_speaker = {
            row["id"]: _one(
                connection, "insert into speakers (name) values (%s) returning id", f"{row['name']} "
            )
            for row in speakers
        }
        new_collection = {
            row["id"]: _one(
                connection,
                "insert into collections (speaker_id, title) values (%s, %s) returning id",
                new_speaker[row["speaker_id"]],
                f" {row['title']}",
            )
            for row in collections
        }
        for row in lectures:
            row["speaker_id"] = new_speaker.get(row["speaker_id"])
            row["collection_id"] = new_collection.get(row["collection_id"])
        _insert(connection, lectures)


def _insert(connection: psycopg.Connection[Any], rows: list[dict[str, Any]]) -> None:
    """Insert rows as a script does that knows nothing but the keys."""
    for number, row in enumerate(rows, 1):
        name = row["file_path"].rpartition("/")[2]
        title = name.rpartition(".")[0].partition(" - ")[2] or name
        url = f"{BASE_URL}/{row['file_path']}"
        parents = (row["speaker_id"], row["collection_id"])
        connection.execute(_INSERT_LECTURE, (title, number, name, row["file_path"], url, *parents))


def _one(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> int:
    row = connection.execute(statement.encode(), parameters).fetchone()
    assert row is not None
    return int(row["id"])
