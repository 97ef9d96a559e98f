"""A stand's library as the app sees it, and the ways in which a test changes it."""

import hashlib
from typing import Any

from tests.stand import Stand


def expire_lease(stand: Stand) -> None:
    """Let a minute pass, if there are records yet."""
    if stand.sql("select 1 from pg_tables where schemaname = 'elmify' and tablename = 'lease'"):
        stand.sql("update elmify.lease set expires_at = acquired_at where run is not null")


def assert_that_every_row_names_its_bytes(stand: Stand) -> None:
    for row in stand.sql("select file_path, file_hash from lectures"):
        content = stand.objects.read(row["file_path"])
        assert hashlib.sha256(content).hexdigest() == row["file_hash"], row["file_path"]


def shown(stand: Stand) -> list[dict[str, Any]]:
    """Return the lectures that a listener sees."""
    return stand.sql("select id, title, file_path, collection_id from lectures order by id")


def change_everything(stand: Stand, turn: int) -> None:
    """Record a lecture again, rename one, remove one, add one."""
    stand.record("ali/quran/opening.mp3", f"take {turn}".encode())
    stand.change("ali/quran/cow", title=f"The Cow {turn}")
    stand.declare(f"ali/quran/new-{turn}", title=f"New {turn}", number=100 + turn)
    stand.drop(f"ali/quran/new-{turn - 1}")
