"""SQLite index of a directory bucket.

One table with what the bucket knows about its files beyond their bytes.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from reconciler.model.values import nfc

#: How long one process waits for another's commit, which takes milliseconds.
_BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    folded TEXT PRIMARY KEY,      -- the key in NFC: which object it is
    key TEXT NOT NULL,            -- the key as it was last put
    path TEXT NOT NULL,           -- of the content, relative to the bucket
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,    -- with the size: whether the file is still the one that was put
    etag TEXT NOT NULL,
    part_bytes INTEGER,
    media_type TEXT NOT NULL,
    cache_control TEXT,
    metadata TEXT NOT NULL        -- JSON
) WITHOUT ROWID
"""
_ALL = """
SELECT key, path, size_bytes, mtime_ns, etag, part_bytes, media_type, cache_control, metadata FROM object
"""
_ONE = f"{_ALL} WHERE folded = ?"
_SAVE = "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DROP = "DELETE FROM object WHERE folded = ?"


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, its fields in the order of the table's columns.

    `path` is relative to the bucket; `mtime_ns` is that of the file when it was put; `metadata` is JSON.
    """

    key: str
    path: str
    size_bytes: int
    mtime_ns: int
    etag: str
    part_bytes: int | None
    media_type: str
    cache_control: str | None = None
    metadata: str = "{}"


class Index:
    """Entries of a directory bucket.

    An entry alone is not an object: its file must exist as well.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, in whichever spelling."""
        if not self._file.exists():
            return None
        with self._connected() as connection:
            row = connection.execute(_ONE, (nfc(key),)).fetchone()
        return Entry(*row) if row else None

    def all(self) -> list[Entry]:
        """Return every entry, in no order."""
        if not self._file.exists():
            return []
        with self._connected() as connection:
            return [Entry(*row) for row in connection.execute(_ALL)]

    def save(self, entry: Entry) -> None:
        """Insert or replace the entry of a key; durable when this returns."""
        with self._connected() as connection:
            connection.execute(_SAVE, (nfc(entry.key), *astuple(entry)))

    def drop(self, key: str) -> None:
        """Remove the entry of a key, if there is one."""
        with self._connected() as connection:
            connection.execute(_DROP, (nfc(key),))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Open the index for one transaction.

        A connection is cheap here, so none is ever left open.
        """
        with closing(sqlite3.connect(self._file, timeout=_BUSY_SECONDS)) as connection, connection:
            connection.execute(_SCHEMA)
            yield connection
