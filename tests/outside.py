"""A stand's library as the app sees it, and the ways in which a test changes it."""

from typing import Any

from tests.listener.hearing import listening, unheard
from tests.listener.urls import Way
from tests.stand import BASE_URL, Stand


def expire_lease(stand: Stand) -> None:
    """Let a minute pass, if there are records yet."""
    if stand.sql("select 1 from pg_tables where schemaname = 'elmify' and tablename = 'lease'"):
        stand.sql("update elmify.lease set expires_at = acquired_at where run is not null")


def assert_that_every_lecture_plays(stand: Stand, *, unfinished: bool = False) -> None:
    """Assert that every way of every row leads to the bytes whose hash the row has.

    After an `unfinished` run the names of a row may still lead to what they led to before.
    """
    with listening(stand.url, stand.objects, BASE_URL) as listener:
        heard, hashes = listener.heard(), listener.hashes()
    true_at_once = [way for way in Way if way is not Way.STREAM or not unfinished]
    assert unheard(heard, hashes, true_at_once) == []
    silent = [row for row in hashes if heard[row, Way.STREAM].size_bytes == 0]
    assert silent == []


def shown(stand: Stand) -> list[dict[str, Any]]:
    """Return the lectures that a listener sees."""
    return stand.sql("select id, title, file_path, collection_id from lectures order by id")


def change_everything(stand: Stand, turn: int) -> None:
    """Record a lecture again, rename one, remove one, add one."""
    stand.record("ali/quran/opening.mp3", f"take {turn}".encode())
    stand.change("ali/quran/cow", title=f"The Cow {turn}")
    stand.declare(f"ali/quran/new-{turn}", title=f"New {turn}", number=100 + turn)
    stand.drop(f"ali/quran/new-{turn - 1}")
