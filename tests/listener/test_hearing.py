"""The listener: what it takes for playing, over real HTTP, and what it tells of two moments."""

import hashlib
import unicodedata
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.model.ports import Upload
from tests.acceptance.projects import run_sql
from tests.listener.hearing import Listener, Recordings, compare, listening, playing
from tests.listener.urls import Way
from tests.uploads import md5_of

OPENING, COW = b"the opening", b"the cow"
ALL = {Way.STREAM, Way.PLAYLIST, Way.OBJECT, Way.LINK}


@pytest.fixture
def listener(tmp_path: Path, database_url: str) -> Iterator[Listener]:
    """Who listens to a library with two lectures of Ali's."""
    with listening(database_url, DirectoryBucket(tmp_path / "bucket")) as listener:
        run_sql(database_url, "insert into speakers (id, name) values (1, 'Ali')")
        run_sql(database_url, "insert into collections (id, speaker_id, title) values (1, 1, 'Quran')")
        a_lecture(listener, 1, "The Opening", OPENING)
        a_lecture(listener, 2, "The Cow", COW)
        yield listener


def a_lecture(listener: Listener, number: int, title: str, content: bytes, **columns: Any) -> str:
    """Insert a lecture whose id is its number, and put its object where all ways lead to."""
    key = f"Ali/Quran/{number:02} - {title}.mp3"
    values = {
        "id": number,
        "title": title,
        "lecture_number": number,
        "speaker_id": 1,
        "collection_id": 1,
        "duration": 0,
        "file_name": key.rpartition("/")[2],
        "file_path": key,
        "file_size": len(content),
        "file_format": "mp3",
        "audio_url": f"https://cdn.elmify.store/{key}",
        **columns,
    }
    names = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    run_sql(listener.url, f"insert into lectures ({names}) values ({places})", *values.values())
    put(listener, key, content)
    return key


def put(listener: Listener, key: str, content: bytes, **facts: Any) -> None:
    upload = Upload(
        key=key,
        body=BytesIO(content),
        size_bytes=len(content),
        md5=md5_of(content),
        **{"media_type": "audio/mpeg", **facts},
    )
    listener.store.put(upload)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


RECORDINGS: Recordings = {1: {sha256(OPENING)}, 2: {sha256(COW)}}


def ways_of(listener: Listener, row: int, content: bytes) -> set[Way]:
    heard = listener.heard()
    return {way for way in Way if heard[row, way].plays({sha256(content)})}


def test_a_healthy_lecture_plays_by_every_way(listener: Listener) -> None:
    heard = listener.heard()

    assert {way: playing(heard, RECORDINGS, way) for way in ALL} == {way: {1, 2} for way in ALL}


@pytest.mark.parametrize(
    "title",
    ["100%", "%41", "%2F", "A + B", "Prophet ﷺ", "Don't", "Hope & Fear", "آل عمران", "A (b), c’s; =@:$"],
)
def test_these_titles_reach_the_object_of_that_name_by_stream(listener: Listener, title: str) -> None:
    a_lecture(listener, 3, title, b"third")

    assert Way.STREAM in ways_of(listener, 3, b"third")


def test_a_percent_sign_that_is_an_escape_leads_a_raw_url_elsewhere(listener: Listener) -> None:
    a_lecture(listener, 3, "%41", b"third")
    put(listener, "Ali/Quran/03 - A.mp3", b"elsewhere")

    assert Way.PLAYLIST in ways_of(listener, 3, b"elsewhere")
    assert ways_of(listener, 3, b"third") == {Way.STREAM, Way.OBJECT}


@pytest.mark.parametrize(("title", "cut"), [("What? Now", "What"), ("Lesson #1", "Lesson ")])
def test_a_title_that_cuts_its_url_off_plays_what_arrives(listener: Listener, title: str, cut: str) -> None:
    a_lecture(listener, 3, title, b"third")
    assert ways_of(listener, 3, b"third") == {Way.OBJECT}

    put(listener, f"Ali/Quran/03 - {cut}", b"third")
    assert ways_of(listener, 3, b"third") == ALL


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_in_another_spelling_is_the_same_object(listener: Listener, form: Any) -> None:
    other: Any = "NFD" if form == "NFC" else "NFC"
    key = a_lecture(listener, 3, unicodedata.normalize(form, "Café"), b"third")
    run_sql(
        listener.url,
        "update lectures set title = %s, file_path = %s where id = 3",
        unicodedata.normalize(other, "Café"),
        unicodedata.normalize(other, key),
    )

    assert Way.STREAM in ways_of(listener, 3, b"third")
    assert {Way.PLAYLIST, Way.OBJECT} <= ways_of(listener, 3, b"third")


def test_without_a_collection_the_object_itself_is_streamed(listener: Listener) -> None:
    a_lecture(listener, 3, "Loose", b"third", collection_id=None, lecture_number=77)

    assert Way.STREAM in ways_of(listener, 3, b"third")


def test_an_empty_object_does_not_play(listener: Listener) -> None:
    a_lecture(listener, 3, "Silence", b"")

    assert ways_of(listener, 3, b"") == set()


def test_another_host_is_nobody(listener: Listener) -> None:
    run_sql(listener.url, "update lectures set audio_url = 'https://last-year.example/a.mp3' where id = 1")
    run_sql(listener.url, "update lectures set audio_url = null where id = 2")

    heard = listener.heard()
    assert [heard[row, Way.LINK].status for row in (1, 2)] == [0, 0]


def test_what_is_said_of_an_object_arrives(listener: Listener) -> None:
    put(listener, "Ali/x.m4a", b"x", media_type="audio/mp4", cache_control="public, max-age=300")

    answer = listener.fetch("https://cdn.elmify.store/Ali/x.m4a")

    assert (answer.status, answer.size_bytes, answer.sha256) == (200, 1, sha256(b"x"))
    assert (answer.media_type, answer.cache_control) == ("audio/mp4", "public, max-age=300")


# Two moments.


def test_nothing_is_told_when_everything_plays_on(listener: Listener) -> None:
    before = listener.heard()

    assert compare(before, listener.heard(), RECORDINGS) == []


def test_a_lecture_that_stops_playing_by_one_way_is_told_unless_it_was_announced(listener: Listener) -> None:
    before = listener.heard()
    run_sql(listener.url, "update lectures set lecture_number = 9 where id = 1")

    after = listener.heard()

    [told] = compare(before, after, RECORDINGS)
    assert "lecture 1 does not play by stream" in told
    assert compare(before, after, RECORDINGS, announced=[1]) == []


def test_a_row_that_is_gone_is_told_by_each_way(listener: Listener) -> None:
    before = listener.heard()
    run_sql(listener.url, "delete from lectures where id = 1")

    after = listener.heard()

    assert len(compare(before, after, RECORDINGS)) == 3
    assert compare(before, after, RECORDINGS, announced=[1]) == []


def test_a_lecture_that_plays_another_one_is_told_even_when_it_did_not_play_before(
    listener: Listener,
) -> None:
    run_sql(listener.url, "update lectures set lecture_number = 9 where id = 1")
    before = listener.heard()
    run_sql(listener.url, "update lectures set title = 'The Cow', lecture_number = 2 where id = 1")

    [told] = compare(before, listener.heard(), RECORDINGS)
    assert "lecture 1 plays another lecture by stream" in told


def test_what_was_wrong_before_and_stays_is_not_told(listener: Listener) -> None:
    run_sql(listener.url, "update lectures set title = 'The Cow', lecture_number = 2 where id = 1")
    before = listener.heard()

    assert compare(before, listener.heard(), RECORDINGS) == []


def test_a_recording_made_again_is_one_of_the_lecture_too(listener: Listener) -> None:
    before = listener.heard()
    put(listener, "Ali/again.mp3", b"made again")
    run_sql(listener.url, "update lectures set file_path = 'Ali/again.mp3' where id = 1")

    both = {**RECORDINGS, 1: {sha256(OPENING), sha256(b"made again")}}
    assert compare(before, listener.heard(), both) == []
    assert compare(before, listener.heard(), RECORDINGS) != []
