"""What must hold whenever a command has ended, however it ended: read from outside, as the app would."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg.rows import dict_row

from reconciler.model.ports import ObjectStore
from reconciler.model.values import nfc
from tests.listener.hearing import Answer, Heard, listening
from tests.listener.urls import Way, request_target
from tests.reliability.drafts import BASE_URL

Row = Mapping[str, Any]

_SPEAKERS = "select id, name, bio, image_url, image_small_url, visibility_type from speakers order by id"

_COLLECTIONS = """
select c.id, s.name as speaker, c.title, c.year, c.cover_image_url,
       (select string_agg(g.slug, ',' order by g.slug) from collection_categories as j
        join categories as g on g.id = j.category_id where j.collection_id = c.id) as categories
from collections as c join speakers as s on s.id = c.speaker_id order by c.id
"""

_LECTURES = """
select l.id, s.name as speaker, c.title as collection, l.title, l.lecture_number,
       l.file_path, l.file_size, l.file_hash, l.audio_url
from lectures as l left join speakers as s on s.id = l.speaker_id
left join collections as c on c.id = l.collection_id order by l.id
"""

_USER_TABLES = ("favorites", "playback_positions", "listening_stats", "user_saved_lectures")

#: What an object may be that no row names: kept for a while, left over, given up, or about to be deleted.
_EXPLAINED = frozenset({"retired", "intended", "released", "condemned"})

_LEASE_SECONDS = 60


@dataclass(frozen=True)
class Seen:
    """Both stores at one moment, and what listeners hear of them.

    `objects` are the hashes of their bytes, by the NFC of the key.
    """

    speakers: list[Row]
    collections: list[Row]
    lectures: list[Row]
    users: Mapping[str, frozenset[str]]
    objects: Mapping[str, str]
    heard: Heard
    keys: Mapping[str, str] = field(default_factory=dict)  # the state of each key that elmify remembers
    lease_seconds: float | None = None  # until the lease ends; None when it is free

    @property
    def named(self) -> set[str]:
        """The keys that rows name or that a way of theirs leads to, in NFC."""
        pictures = [row["image_url"] for row in self.speakers] + [
            r["cover_image_url"] for r in self.collections
        ]
        columns = (*(row["file_path"] for row in self.lectures), *pictures)
        rows = {row["id"] for row in self.lectures}
        asked = (asked_key(answer) for (row, _), answer in self.heard.items() if row in rows)
        return {nfc(key_of(name)) for name in columns if name} | {key for key in asked if key}


def key_of(name: str) -> str:
    """Return the key that a column holds, as itself or as a public URL."""
    return unquote(name.removeprefix(f"{BASE_URL}/")) if name.startswith(BASE_URL) else name


def asked_key(answer: Answer) -> str | None:
    """Return the key that a URL arrives at, in NFC; None when no URL was asked for."""
    if answer.url is None:
        return None
    return nfc(unquote(request_target(answer.url).partition("?")[0].removeprefix("/")))


def look(url: str, objects: ObjectStore) -> Seen:
    """Read everything that can be seen in both stores."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("set transaction isolation level repeatable read read only")

        def rows(query: str) -> list[Row]:
            return list(connection.execute(query.encode()))

        users = {
            table: frozenset(row["row"] for row in rows(f"select u::text as row from {table} as u"))
            for table in _USER_TABLES
        }
        keys, lease = _remembered(connection)
        content = (rows(_SPEAKERS), rows(_COLLECTIONS), rows(_LECTURES))
    hashes = {
        nfc(stored.key): hashlib.sha256(objects.read(stored.key)).hexdigest() for stored in objects.list()
    }
    with listening(url, objects, BASE_URL) as listener:
        heard = listener.heard()
    return Seen(*content, users, hashes, heard, keys, lease)


def _remembered(connection: "psycopg.Connection[Any]") -> tuple[Mapping[str, str], float | None]:
    found = connection.execute("select to_regclass('elmify.lease') as lease").fetchone()
    if found is None or found["lease"] is None:
        return {}, None
    keys = connection.execute("select key, state from elmify.object")
    remaining = "select extract(epoch from expires_at - clock_timestamp()) as seconds from elmify.lease"
    lease = connection.execute(f"{remaining} where run is not null".encode()).fetchone()
    return {row["key"]: row["state"] for row in keys}, float(lease["seconds"]) if lease else None


# (a) Every lecture plays by every way; what a row names is there, and an app's old URL still leads somewhere.


def silent_rows(seen: Seen, before: Seen | None = None) -> Iterator[str]:
    """Find lectures that do not play by some way, and rows that name what is missing.

    Until its pending aliases are done, a run's URLs may answer as they did `before` it.
    """
    yield from unheard(seen, before).values()
    rows = [*seen.lectures, *seen.speakers, *seen.collections]
    columns = ("file_path", "image_url", "cover_image_url")
    for name in filter(None, (row.get(column) for row in rows for column in columns)):
        if nfc(key_of(name)) not in seen.objects:
            yield f"a row names {key_of(name)!r}, which is missing"


def unheard(seen: Seen, before: Seen | None = None) -> dict[tuple[int, Way], str]:
    """Return what does not play, as `silent_rows` says, by row and way."""
    earlier = before.heard.values() if before else ()
    answered = {asked_key(answer): answer.sha256 for answer in earlier if answer.url and answer.status == 200}
    found = {}
    for row in seen.lectures:
        for way in Way:
            answer = seen.heard[row["id"], way]
            if way is Way.LINK and answer.url is None:
                continue
            allowed = {row["file_hash"], answered.get(asked_key(answer), row["file_hash"])}
            if not answer.plays(allowed):
                key = asked_key(answer) or row["file_path"]
                is_other = "plays other bytes" if answer.status == 200 else "does not play"
                found[row["id"], way] = (
                    f"lecture {row['title']!r} {is_other} by {way}, which leads to {key!r}"
                )
    return found


def forgotten_urls(seen: Seen, before: Seen) -> Iterator[str]:
    """Find URLs that led to audio before, which an app may have kept for hours, and lead nowhere now."""
    for answer in before.heard.values():
        key = asked_key(answer)
        if answer.status == 200 and key and key not in seen.objects:
            yield f"an app that has kept a URL finds nothing at {key!r}"


# The library as a whole: the old one or the new one, never half of it.


def library(seen: Seen, known: Seen) -> list[Row]:
    """Return every content row; one that `known` does not have is compared without its id."""
    ids = {
        name: {row["id"] for row in getattr(known, name)} for name in ("speakers", "collections", "lectures")
    }
    rows = [
        {**row, "table": name, "id": row["id"] if row["id"] in known_ids else None}
        for name, known_ids in ids.items()
        for row in getattr(seen, name)
    ]
    return sorted(rows, key=repr)


def half_done(seen: Seen, before: Seen, after: Seen) -> Iterator[str]:
    """Find content, or user rows, that are neither those of before nor those of after."""
    shown = library(seen, before)
    for side in (before, after):
        if shown == library(side, before):
            # (d) no user row is gone but with the rows that the plan deletes
            if seen.users != side.users:
                yield f"user rows are gone that the plan did not announce: {lost_users(side, seen)}"
            return
    yield f"half of a commit is visible: {[row for row in shown if row not in library(before, before)]}"


def lost_users(before: Seen, after: Seen) -> dict[str, int]:
    """Count the user rows that are gone, by table."""
    gone = {table: len(rows - after.users[table]) for table, rows in before.users.items()}
    return {table: count for table, count in gone.items() if count}


#: What an exit status of 3 says when the database went away for good while it committed.
_UNKNOWN = "nobody can say whether it stands"


def untruthful(status: int, said: str, seen: Seen, before: Seen, after: Seen) -> Iterator[str]:
    """Find an exit status that says something else than what stands; one of a signal says nothing."""
    is_done = library(seen, before) == library(after, before)
    changes = library(before, before) != library(after, before)
    if status not in {0, 1, 3} and status >= 0:
        yield f"it exited {status}"
    if changes and status == 1 and is_done:
        yield "it exited 1, nothing visible changed, but its commit stands"
    if changes and status in {0, 3} and not is_done and not (status and _UNKNOWN in said):
        yield f"it exited {status}, committed, but nothing is visible"


# (e) Every object is live, retired, a leftover, or reported as unmanaged.


def unexplained_objects(seen: Seen, reported: frozenset[str] = frozenset()) -> Iterator[str]:
    for key in seen.objects:
        if key.startswith(".elmify/") or key in seen.named or key in reported:
            continue
        state = seen.keys.get(key)
        if state not in _EXPLAINED:
            yield f"{key!r} is in the bucket, no row names it, and elmify takes it for {state or 'nothing'}"
    for key in seen.named:
        if seen.keys and seen.keys.get(key) != "live":
            yield f"a row names {key!r}, which elmify takes for {seen.keys.get(key)}"


# (g) The lease is free at the end, and never lasts longer than its term.


def stuck_lease(seen: Seen) -> Iterator[str]:
    if seen.lease_seconds is not None and seen.lease_seconds > _LEASE_SECONDS:
        yield f"the lease lasts {seen.lease_seconds:.0f} more seconds"


def held_lease(seen: Seen) -> Iterator[str]:
    if seen.lease_seconds is not None:
        yield "the lease is not free"
