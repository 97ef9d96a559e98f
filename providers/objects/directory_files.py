"""Files of a directory bucket, written whole, and their index.

objects/<key>     the usual place, so that a person can look around: the key is the path
odd/<SHA-256>     keys that no path can be: `a//b`, `dir/`, `x` beside `x/y`, a name that is too long
incoming/         uploads that are under way, or were when their process was killed
unfinished/       multipart uploads, which the next put of the same key continues: see parts.py
"""

import errno
import fcntl
import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import timedelta
from io import FileIO
from pathlib import Path
from time import time
from typing import BinaryIO
from uuid import uuid4

from providers.objects.errors import Abandoned
from providers.objects.etag import ContentDigest
from providers.objects.multipart import Window
from reconciler.model.errors import Denied, ProviderError, Unavailable
from reconciler.model.ports import Upload
from reconciler.model.values import nfc

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # the last: a limit on files is as much an end
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_SQLITE_REFUSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_PRIMARY_CODE = 0xFF  # SQLite's extended result codes hold the primary one in their low byte


@contextmanager
def translated(root: Path, key: str = "") -> Iterator[None]:
    """Translate disk and index errors in the block into `ProviderError`."""
    where = f"{key!r} in {root}" if key else str(root)
    try:
        yield
    except OSError as error:
        raise _of_disk(error, root, where) from error
    except sqlite3.Error as error:
        raise _of_index(error, root, where) from error


def _full(root: Path, where: str) -> ProviderError:
    return ProviderError(
        f"the disk is full: {where}", code="disk-full", hint=f"Make room on the disk that holds {root}."
    )


def _refused(root: Path, where: str) -> Denied:
    return Denied(f"no permission for {where}", hint=f"Give this user the right to read and write {root}.")


def _of_disk(error: OSError, root: Path, where: str) -> ProviderError:
    if error.errno in _FULL:
        return _full(root, where)
    if error.errno in _REFUSED:
        return _refused(root, where)
    return ProviderError(f"the disk failed: {where}: {error}", hint=f"Check the disk that holds {root}.")


def _of_index(error: sqlite3.Error, root: Path, where: str) -> ProviderError:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_FULL:
        return _full(root, where)
    if code in _SQLITE_REFUSED:
        return _refused(root, where)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Unavailable(f"another process holds the index: {where}", hint="Run the command again.")
    return ProviderError(
        f"the index of the bucket failed: {where}: {error}",
        hint=f"Move {root / 'index.sqlite'} away: it is made anew, without content types and metadata.",
    )


OBJECTS, ODD, INCOMING = "objects", "odd", "incoming"

_CHUNK_BYTES = 1024**2
_NAME_MAX_BYTES = 255  # of a file name, on every file system in use
_ABANDONED_AFTER = timedelta(days=1)  # no upload takes that long


@dataclass(frozen=True, slots=True)
class FileStamp:
    """File size and modification time, to detect changes.

    They tell whether a file is still the same one without reading it.
    """

    size_bytes: int
    mtime_ns: int


def stamp_of(file: BinaryIO) -> FileStamp:
    """Return the stamp of an open file."""
    facts = os.fstat(file.fileno())
    return FileStamp(facts.st_size, facts.st_mtime_ns)


class Files:
    """Files under the root of a bucket.

    Paths are relative to the root, with slashes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the bucket against placing and removing files.

        Keeps out every other thread and process. If this process is killed, the lock is released.
        """
        with (self._root / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def walk(self) -> dict[str, tuple[str, FileStamp]]:
        """Return the path and stamp of every regular file of an object.

        The result is keyed by the NFC form of the path.
        """
        found: dict[str, tuple[str, FileStamp]] = {}
        folders = [OBJECTS, ODD]
        while folders:
            folder = folders.pop()
            try:
                entries = os.scandir(self._root / folder)
            except FileNotFoundError:
                continue  # not made yet, or removed since it was seen
            with entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path)
                    elif entry.is_file(follow_symlinks=False) and (stamp := self.stamp(path)):
                        found[nfc(path)] = (path, stamp)
        return found

    def stamp(self, path: str) -> FileStamp | None:
        """Return the stamp of a regular file; None when there is none."""
        try:
            facts = os.lstat(f"{self._root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return FileStamp(facts.st_size, facts.st_mtime_ns) if stat.S_ISREG(facts.st_mode) else None

    def open(self, path: str) -> BinaryIO | None:
        """Open a file for reading; None when there is none."""
        try:
            return (self._root / path).open("rb")
        except FileNotFoundError:
            return None

    def distinguish(self, path: str, other: FileStamp) -> None:
        """Make sure that a file has another stamp than a file it replaces.

        Both may be of one size, and written in one tick of the clock.
        """
        if self.stamp(path) == other:
            later = other.mtime_ns + 1
            os.utime(self._root / path, ns=(later, later))

    def digest(self, path: str, part_bytes: int | None = None) -> str | None:
        """Return the ETag of a file's current bytes.

        None when the file was removed meanwhile.
        """
        digest, file = ContentDigest(part_bytes), self.open(path)
        if file is None:
            return None
        with file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.etag

    @contextmanager
    def received(self, upload: Upload) -> Iterator[tuple[str, ContentDigest]]:
        """Write an upload to a new file, durably.

        The file is removed after the block unless it was placed.
        """
        path = f"{INCOMING}/{uuid4().hex}"
        with translated(self._root, upload.key):
            (self._root / INCOMING).mkdir(parents=True, exist_ok=True)
            self._sweep()
        try:
            yield path, self._write(path, upload)
        finally:
            (self._root / path).unlink(missing_ok=True)

    def _write(self, path: str, upload: Upload) -> ContentDigest:
        digest = ContentDigest(upload.part_bytes)
        with translated(self._root, upload.key):
            file = (self._root / path).open("xb", buffering=0)
        with file:
            for chunk in chunks_of(upload):
                digest.update(chunk)
                with translated(self._root, upload.key):
                    write_all(file, chunk)
            with translated(self._root, upload.key):
                os.fsync(file.fileno())
        return digest

    def _sweep(self) -> None:
        """Remove what killed processes left behind."""
        for left in (self._root / INCOMING).iterdir():
            stamp = self.stamp(f"{INCOMING}/{left.name}")
            if stamp and time() - stamp.mtime_ns / 1e9 > _ABANDONED_AFTER.total_seconds():
                left.unlink(missing_ok=True)

    def place_for(self, key: str) -> str:
        """Return the path for a new object's file, and create its folder.

        The caller must hold the lock.
        """
        path = usual_path(key)
        if path is not None and self._make_way(path):
            return path
        (self._root / ODD).mkdir(exist_ok=True)
        return odd_path(key)

    def _make_way(self, path: str) -> bool:
        place = self._root / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            return False  # a part of the path is an object
        return not os.path.lexists(place)  # a folder, or a name that this file system takes for the same

    def place(self, incoming: str, path: str) -> None:
        """Move a received file to its place.

        At this moment the object begins to exist, and the one that it replaces ends. The caller must hold
        the lock.
        """
        (self._root / incoming).rename(self._root / path)
        _sync_folder((self._root / path).parent)

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that this leaves empty.

        The caller must hold the lock.
        """
        place = self._root / path
        place.unlink()
        for folder in place.relative_to(self._root).parents[:-2]:
            if any((self._root / folder).iterdir()):
                break
            (self._root / folder).rmdir()


def usual_path(key: str) -> str | None:
    """Return the path that shows the key; None when no path can."""
    parts = key.split("/")
    usual = all(
        part not in {"", ".", ".."} and "\0" not in part and len(os.fsencode(part)) <= _NAME_MAX_BYTES
        for part in parts
    )
    return f"{OBJECTS}/{key}" if usual else None


def odd_path(key: str) -> str:
    """Return the path for a key that cannot have its usual path.

    It is the same for every spelling of the key.
    """
    return f"{ODD}/{hashlib.sha256(nfc(key).encode()).hexdigest()}"


def chunks_of(upload: Upload) -> Iterator[bytes]:
    """Yield the bytes of an upload in chunks.

    Exceptions of its body or its caller are raised unchanged.
    """
    window = Window(
        upload.body, start=upload.body.tell(), size_bytes=upload.size_bytes, on_bytes=upload.on_bytes
    )
    try:
        while chunk := window.read(_CHUNK_BYTES):
            yield chunk
    except Abandoned as abandoned:
        raise abandoned.reason from abandoned.reason.__cause__


def write_all(file: FileIO, chunk: bytes) -> None:
    """Write every byte: an unbuffered file may take fewer at a time."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


#: How long one process waits for another's commit, which takes milliseconds.
_BUSY_SECONDS = 30.0

_TABLE = """
CREATE TABLE IF NOT EXISTS {name} (
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
_OBJECT = "object"
_REPLACING = "replacing"  # what takes the place of an object at the moment its file does
_ALL = """
SELECT key, path, size_bytes, mtime_ns, etag, part_bytes, media_type, cache_control, metadata FROM {name}
"""
_ONE = _ALL + "WHERE folded = ?"
_SAVE = "INSERT OR REPLACE INTO {name} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DROP = "DELETE FROM {name} WHERE folded = ?"


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

    @property
    def stamp(self) -> FileStamp:
        """The stamp of its file."""
        return FileStamp(self.size_bytes, self.mtime_ns)


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
            row = connection.execute(_ONE.format(name=_OBJECT), (nfc(key),)).fetchone()
        return Entry(*row) if row else None

    def entry_of(self, key: str, stamp: FileStamp) -> Entry | None:
        """Return the entry of a key whose file has that stamp.

        That is the one it has, or the one that was prepared to replace it.
        """
        with self._connected() as connection:
            rows = [
                row
                for name in (_OBJECT, _REPLACING)
                for row in connection.execute(_ONE.format(name=name), (nfc(key),))
            ]
        found = (Entry(*row) for row in rows)
        return next((each for each in found if each.stamp == stamp), None)

    def all(self) -> list[Entry]:
        """Return every entry, in no order."""
        if not self._file.exists():
            return []
        with self._connected() as connection:
            return [Entry(*row) for row in connection.execute(_ALL.format(name=_OBJECT))]

    def save(self, entry: Entry) -> None:
        """Insert or replace the entry of a key; durable when this returns."""
        with self._connected() as connection:
            connection.execute(_SAVE.format(name=_OBJECT), (nfc(entry.key), *astuple(entry)))
            connection.execute(_DROP.format(name=_REPLACING), (nfc(entry.key),))

    def prepare(self, there: Entry, entry: Entry) -> None:
        """Save the entry that replaces `there` as soon as its file does.

        Durable when this returns.
        """
        with self._connected() as connection:
            for name, each in ((_OBJECT, there), (_REPLACING, entry)):
                connection.execute(_SAVE.format(name=name), (nfc(each.key), *astuple(each)))

    def drop(self, key: str) -> None:
        """Remove the entry of a key, if there is one."""
        with self._connected() as connection:
            for name in (_OBJECT, _REPLACING):
                connection.execute(_DROP.format(name=name), (nfc(key),))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Open the index for one transaction.

        A connection is cheap here, so none is ever left open.
        """
        with closing(sqlite3.connect(self._file, timeout=_BUSY_SECONDS)) as connection, connection:
            for name in (_OBJECT, _REPLACING):
                connection.execute(_TABLE.format(name=name))
            yield connection
