"""A live system that nobody reconciled: the mess in a real PostgreSQL and in a bucket, and its users."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from reconciler.model.ports import ObjectStore, Upload
from tests.live.mess import LectureRow, Mess, Object, Values
from tests.uploads import md5_of

#: Every table of `public`, each with all of its rows as JSON, in an order that is always the same.
Dump = Mapping[str, Sequence[str]]

#: Key as spelled, size in bytes, ETag, in the order of the keys.
Listing = Sequence[tuple[str, int, str]]

CONTENT = ("speakers", "collections", "lectures")
_NOT_THE_USERS = frozenset(
    f"public.{table}" for table in (*CONTENT, "categories", "lecture_categories", "collection_categories")
)

USERS = 40

#: What listeners have done: each user with some of the lectures, whatever those are.
_LISTENERS = """
    insert into users (id, email, display_name)
        select n, 'listener-' || n || '@example.com', 'Listener ' || n
        from generate_series(1, %(users)s) as n;
    insert into favorites (user_id, lecture_id)
        select u.id, l.id from users u, lectures l where (u.id * 31 + l.id * 17) %% 23 = 0
        order by u.id * l.id %% 101, u.id, l.id;
    insert into playback_positions (user_id, lecture_id, current_position)
        select u.id, l.id, l.id %% 600 from users u, lectures l where (u.id * 13 + l.id * 7) %% 11 = 0;
    insert into user_saved_lectures (user_id, lecture_id)
        select u.id, l.id from users u, lectures l where (u.id * 5 + l.id * 3) %% 29 = 0;
    insert into listening_stats (user_id, lecture_id, date, total_play_time, play_count, completion_rate)
        select u.id, l.id, date '2024-03-01' + (l.id %% 28)::integer, 60, 2, 0.25
        from users u, lectures l where (u.id + l.id) %% 19 = 0;
    insert into lecture_play_credits (user_id, lecture_id, day)
        select u.id, l.id, date '2024-03-01' from users u, lectures l where (u.id + l.id * 3) %% 31 = 0;
    update lectures set play_count = id %% 97, waveform_data = '[' || id || ',0.5]', directory_id = id %% 13,
        last_played_at = timestamp '2024-03-01 10:00' + id * interval '1 minute';
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRows:
    """The ids that the rows of a live system got: of `lectures` by address, and of those nobody declares."""

    lectures: Mapping[str, int]
    twins: Sequence[int]
    orphans: Sequence[int]


def fill_directory(bucket: Path, objects: Sequence[Object], store: ObjectStore) -> None:
    """Put objects in a directory bucket as by hand, which is fast; those in parts through the store."""
    for stored in objects:
        if stored.part_bytes is not None or "//" in stored.key:
            store.put(_upload(stored))
            continue
        file = bucket / "objects" / stored.key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(stored.content)


def fill_store(store: ObjectStore, objects: Sequence[Object]) -> None:
    """Put objects in any bucket, each whole: an S3 server takes no parts as small as these."""
    for stored in objects:
        store.put(_upload(Object(key=stored.key, content=stored.content)))


def _upload(stored: Object) -> Upload:
    return Upload(
        key=stored.key,
        body=io.BytesIO(stored.content),
        size_bytes=len(stored.content),
        md5=md5_of(stored.content),
        media_type="application/octet-stream",
        part_bytes=stored.part_bytes,
    )


def fill_database(url: str, mess: Mess, users: int = USERS) -> LiveRows:
    """Insert the rows as an import does, in the text order of their files; then listeners come."""
    with psycopg.connect(url) as connection:
        rows = _Import(connection, mess).run()
        psycopg.ClientCursor(connection).execute(_LISTENERS.encode(), {"users": users})
    return rows


class _Import:
    """Inserts a mess; `speakers` and `collections` are the ids that rows got, by catalog id."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], mess: Mess) -> None:
        self.connection, self.mess = connection, mess
        self.speakers: dict[str | None, int] = {}
        self.collections: dict[str | None, int] = {}
        self.categories = {
            str(slug): int(id_) for slug, id_ in connection.execute("select slug, id from categories")
        }

    def run(self) -> LiveRows:
        for id_, values in sorted(self.mess.speakers.items()):
            self.speakers[id_] = _insert(self.connection, "speakers", values)
        for address, values in sorted(self.mess.collections.items()):
            parent = {"speaker_id": self.speakers[address.partition("/")[0]]}
            self.collections[address] = _insert(self.connection, "collections", {**values, **parent})
        rows = self.mess.lectures
        in_text_order = sorted(rows, key=lambda address: rows[address].values["file_path"])
        return LiveRows(
            lectures={address: self._lecture(rows[address]) for address in in_text_order},
            twins=[self._lecture(row) for _, row in self.mess.twins],
            orphans=[self._lecture(row) for row in self.mess.orphans],
        )

    def _lecture(self, row: LectureRow) -> int:
        parents = {
            "speaker_id": self.speakers.get(row.speaker),
            "collection_id": self.collections.get(row.collection),
        }
        lecture = _insert(self.connection, "lectures", {**row.values, **parents})
        for place, slug in enumerate(row.categories):
            sorted_under = {"category_id": self.categories[slug], "is_primary": place == 0}
            _insert(self.connection, "lecture_categories", {"lecture_id": lecture, **sorted_under})
        return lecture


def _insert(connection: psycopg.Connection[tuple[Any, ...]], table: str, values: Values) -> int:
    """Insert a row; its first column, which is its id where it has one."""
    query = sql.SQL("insert into {table} ({}) values ({}) returning {table}.*").format(
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
        table=sql.Identifier(table),
    )
    row = connection.execute(query, tuple(values.values())).fetchone()
    assert row is not None
    return int(row[0])


# Looking at it from outside.


def query(url: str, statement: str, *parameters: object) -> list[dict[str, Any]]:
    """Run a statement as the app would; the rows of a query, nothing for anything else."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def dump_database(url: str) -> Dump:
    """Return every row of every table of every schema: so also which schemas there are."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            f"{schema}.{table}": [
                row
                for (row,) in connection.execute(
                    sql.SQL("select to_jsonb(t)::text as row from {} as t order by row").format(
                        sql.Identifier(schema, table)
                    )
                )
            ]
            for schema, table in sorted(tables)
        }


def dump_users(url: str) -> Dump:
    """Return everything that listeners own, and the listeners."""
    tables = dump_database(url).items()
    return {
        table: rows for table, rows in tables if table.startswith("public.") and table not in _NOT_THE_USERS
    }


def dump_content(url: str) -> Mapping[str, Mapping[int, Mapping[str, Any]]]:
    """Return the rows of the content tables by table and id."""
    return {table: {row["id"]: row for row in query(url, f"select * from {table}")} for table in CONTENT}


def dump_backend(url: str) -> Mapping[int, Mapping[str, Any]]:
    """Return the columns of `lectures` that the backend owns, and when rows were made, by row id."""
    owned = "id, play_count, last_played_at, waveform_data, directory_id, uploaded_at, created_at"
    return {row["id"]: row for row in query(url, f"select {owned} from lectures")}


def dump_bucket(store: ObjectStore) -> Listing:
    """Return every object of the bucket, elmify's own included."""
    return [(stored.key, stored.size_bytes, stored.etag) for stored in store.list()]


def library_objects(listing: Listing) -> Listing:
    """Return a listing without what is elmify's own."""
    return [found for found in listing if not found[0].startswith(".elmify/")]


def lecture_ids(url: str) -> Mapping[str, int]:
    """Return the recorded row of each lecture by address."""
    rows = query(url, "select address, row_id from elmify.resource where kind = 'lecture'")
    return {row["address"]: row["row_id"] for row in rows}
