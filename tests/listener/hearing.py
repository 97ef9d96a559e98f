"""What listeners hear: every lecture fetched by every way, and what changed between two moments."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection

import psycopg
from psycopg.rows import class_row

from reconciler.model.ports import ObjectStore
from tests.listener.cdn import cdn, object_bytes
from tests.listener.urls import PLAYLIST_BASE, STREAM_BASE, Row, Way, host_of, request_target, url_of

#: The ways that an app plays by today; `link` is handed out, and played by none.
PLAYED = (Way.STREAM, Way.PLAYLIST, Way.OBJECT)

#: The SHA-256 of every recording that is one of a lecture's, by row id.
Recordings = Mapping[int, Collection[str]]

_ROWS = """
    select l.id, l.title, l.lecture_number as number, l.file_path, l.audio_url, s.name as speaker,
           c.title as collection
    from lectures as l left join speakers as s on s.id = l.speaker_id
    left join collections as c on c.id = l.collection_id order by l.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one way of one row led to. Status 0: nobody answers, or there is nothing to ask for."""

    url: str | None
    status: int
    size_bytes: int = 0
    sha256: str = ""
    media_type: str = ""
    cache_control: str | None = None

    def plays(self, recordings: Collection[str]) -> bool:
        """Return whether a whole recording that is one of these came, and not an empty one."""
        return self.status == 200 and self.size_bytes > 0 and self.sha256 in recordings


#: What came for each row id and way.
Heard = Mapping[tuple[int, Way], Answer]


@dataclass(frozen=True)
class Listener:
    """All apps together: the database at `url`, and the bucket behind the servers of `hosts`.

    `hosts` are addresses of real servers by the scheme and host that a URL names; nobody else answers.
    """

    url: str
    store: ObjectStore
    hosts: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> list[Row]:
        """Read what the apps know of all lectures."""
        with psycopg.connect(self.url, row_factory=class_row(Row)) as connection:
            return connection.execute(_ROWS).fetchall()

    def heard(self, ways: Collection[Way] = tuple(Way)) -> Heard:
        """Fetch every lecture by every way."""
        fetched: dict[str, Answer] = {}
        heard: dict[tuple[int, Way], Answer] = {}
        for row in self.rows():
            for way in ways:
                asked = url_of(row, way)
                if way is Way.OBJECT:
                    heard[row.id, way] = self._object(row.file_path)
                elif asked is None:
                    heard[row.id, way] = Answer(url=None, status=0)
                else:
                    if asked not in fetched:
                        fetched[asked] = self.fetch(asked)
                    heard[row.id, way] = fetched[asked]
        return heard

    def fetch(self, url: str) -> Answer:
        """Ask for a URL as an app does."""
        server = self.hosts.get(host_of(url) or "")
        if server is None:
            return Answer(url=url, status=0)
        connection = HTTPConnection(server.removeprefix("http://"), timeout=60)
        try:
            connection.request("GET", request_target(url))
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        return Answer(
            url=url,
            status=response.status,
            size_bytes=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            media_type=response.headers.get("Content-Type", ""),
            cache_control=response.headers.get("Cache-Control"),
        )

    def hashes(self) -> dict[int, set[str]]:
        """Return the SHA-256 that each row claims for its recording."""
        with psycopg.connect(self.url) as connection:
            return {id_: {sha256} for id_, sha256 in connection.execute("select id, file_hash from lectures")}

    def _object(self, key: str) -> Answer:
        found = object_bytes(self.store, key)
        if found is None:
            return Answer(url=None, status=404)
        body = found[1]
        return Answer(url=None, status=200, size_bytes=len(body), sha256=hashlib.sha256(body).hexdigest())


@contextmanager
def listening(url: str, store: ObjectStore, *bases: str) -> Iterator[Listener]:
    """Serve a bucket under the bases of the apps and under these others, and yield who listens to it."""
    with cdn(store) as server:
        yield Listener(url, store, dict.fromkeys((STREAM_BASE, PLAYLIST_BASE, *bases), server))


def playing(heard: Heard, recordings: Recordings, way: Way) -> set[int]:
    """Return the rows that play by a way."""
    return {row for (row, by), answer in heard.items() if by is way and answer.plays(recordings.get(row, ()))}


def unheard(heard: Heard, recordings: Recordings, ways: Collection[Way] = PLAYED) -> list[str]:
    """Say which lectures do not play by which way; nothing is good."""
    return [
        f"lecture {row} does not play by {way}: {answer.status} {answer.url}"
        for (row, way), answer in sorted(heard.items())
        if way in ways and not answer.plays(recordings.get(row, ()))
    ]


def compare(
    before: Heard,
    after: Heard,
    recordings: Recordings,
    *,
    announced: Collection[int] = (),
    ways: Collection[Way] = PLAYED,
) -> list[str]:
    """Say what played and does not any more, and what plays another lecture since; nothing is good.

    `announced` are the rows of which the plan has said that they will not be heard.
    """
    return list(_differences(before, after, recordings, announced, ways))


def _differences(
    before: Heard,
    after: Heard,
    recordings: Recordings,
    announced: Collection[int],
    ways: Collection[Way],
) -> Iterator[str]:
    everything = {sha256 for known in recordings.values() for sha256 in known}
    for (row, way), now in sorted(after.items()):
        own = recordings.get(row, ())
        old = before.get((row, way))
        was_wrong = old is not None and old.sha256 == now.sha256
        if way in ways and now.status == 200 and now.sha256 in everything - set(own) and not was_wrong:
            yield f"lecture {row} plays another lecture by {way}: {now.url}"
    for (row, way), old in sorted(before.items()):
        own = recordings.get(row, ())
        if way not in ways or row in announced or not old.plays(own):
            continue
        here = after.get((row, way))
        if here is None:
            yield f"lecture {row} is gone, and played by {way}: {old.url}"
        elif not here.plays(own):
            yield f"lecture {row} does not play by {way} any more: {old.url} -> {here.status} {here.url}"
