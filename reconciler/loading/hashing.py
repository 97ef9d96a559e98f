"""Digests of a file in one read, and a cache of the files hashed before."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from reconciler.concurrency import Background
from reconciler.loading.atomic_write import write_whole
from reconciler.loading.lockfile import format_line, parse_line
from reconciler.model.catalog import MediaFile
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import ignore_bytes

#: A file written this shortly before it was hashed is not remembered: the coarsest file systems count time
#: in steps of two seconds, so a second write could leave its time as it was.
_SETTLED_NS = 2 * 10**9
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Stamp:
    """Stamp of an unchanged file: size, modification time and inode.

    A file with the same stamp was not touched.
    """

    size_bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the stamp of a file's status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class StatCache:
    """Cache of lockfile lines, by path.

    A line is valid as long as the file has the stamp that it had when it was hashed. The file times
    of a checkout mean nothing to another machine, so they are never part of the lockfile.
    """

    def __init__(self, entries: Mapping[str, tuple[Stamp, MediaFile]] | None = None) -> None:
        self._entries = dict(entries or {})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the cache.

        A cache that is absent or damaged reads as empty, which costs time and nothing else.
        """
        try:
            text = json.loads(path.read_text("utf-8"))
            entries = text["files"] if text["format"] == _FORMAT else []
            return cls(dict(filter(None, map(_entry, entries))))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        """Replace the cache file, whole or not at all."""
        files = [
            [stamp.size_bytes, stamp.mtime_ns, stamp.inode, format_line(media)]
            for stamp, media in self._entries.values()
        ]
        write_whole(path, json.dumps({"format": _FORMAT, "files": files}, ensure_ascii=False) + "\n")

    def get(self, path: str, status: os.stat_result) -> MediaFile | None:
        """Return the cached lockfile line of a file, if it is still valid.

        It is valid if the file still has the stamp that it had when it was hashed. None otherwise.
        """
        stamp, media = self._entries.get(path, (None, None))
        return media if stamp == Stamp.of(status) else None

    def put(self, media: MediaFile, status: os.stat_result, *, hashed_at_ns: int) -> None:
        """Remember a file that was hashed.

        `hashed_at_ns` is the time when hashing began, in nanoseconds since the epoch.
        """
        if status.st_mtime_ns < hashed_at_ns - _SETTLED_NS:
            self._entries[media.path] = (Stamp.of(status), media)
        else:
            self._entries.pop(media.path, None)


def _entry(entry: tuple[int, int, int, str]) -> tuple[str, tuple[Stamp, MediaFile]] | None:
    size_bytes, mtime_ns, inode, line = entry
    media = parse_line(line)
    return None if media is None else (media.path, (Stamp(size_bytes, mtime_ns, inode), media))


def now_ns() -> int:
    """Return the current time, in nanoseconds since the epoch.

    The clock is the one that file times use.
    """
    return time.time_ns()


#: Large enough that reading and hashing leave the interpreter alone, small enough for a processor's cache.
BUFFER_BYTES = 512 * 1024
SPLIT_BUFFER_BYTES = 4 * 1024**2  # a hand-over between threads costs as much as hashing some 50 KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Hashes of a file's bytes in lower-case hex.

    `parts_etag` is the ETag of a multipart upload in parts of `part_bytes`; both are None for a file that
    goes up in a single put, whose ETag is its MD5.
    """

    size_bytes: int
    sha256: str
    md5: str
    part_bytes: int | None = None
    parts_etag: str | None = None


class _Sink(Protocol):
    def update(self, data: memoryview, /) -> None: ...


class _PartsEtag:
    """ETag of a multipart upload, as R2 and S3 compute it.

    It is the MD5 of the parts' binary MD5s, then `-N`.
    """

    def __init__(self, part_bytes: int) -> None:
        self.part_bytes = part_bytes
        self.finished: list[bytes] = []
        self.part = hashlib.md5(usedforsecurity=False)
        self.room = part_bytes

    def update(self, data: memoryview, /) -> None:
        while data:
            piece, data = data[: self.room], data[self.room :]
            self.part.update(piece)
            self.room -= len(piece)
            if self.room == 0:
                self._finish_part()

    def _finish_part(self) -> None:
        self.finished.append(self.part.digest())
        self.part = hashlib.md5(usedforsecurity=False)
        self.room = self.part_bytes

    def text(self) -> str:
        if self.room < self.part_bytes:
            self._finish_part()
        whole = hashlib.md5(b"".join(self.finished), usedforsecurity=False)
        return f"{whole.hexdigest()}-{len(self.finished)}"


def digest_file(
    handle: BinaryIO,
    size_bytes: int,
    limits: TransferLimits,
    *,
    on_bytes: Callable[[int], None] = ignore_bytes,
    split: bool = False,
) -> Digests:
    """Read an open file to its end, and return its digests.

    Reading starts at the current position of the file. `size_bytes`, the size that the file should
    have, decides whether the multipart ETag is wanted. `Digests` holds what was read; for a file that
    grows without end, that is little more than it should have. `split` lets each hash run in its own
    thread, for a file that would be the last one running. `on_bytes` is called with the number of
    bytes read since the last call; an exception that it raises is not caught.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    parts = _PartsEtag(limits.part_bytes) if size_bytes > limits.single_put_bytes else None
    sinks: list[_Sink] = [sha256, md5, *([parts] if parts else [])]
    read = (_read_split if split else _read)(handle, sinks, on_bytes, size_bytes)
    return Digests(
        size_bytes=read,
        sha256=sha256.hexdigest(),
        md5=md5.hexdigest(),
        part_bytes=parts.part_bytes if parts else None,
        parts_etag=parts.text() if parts else None,
    )


def sha256_of(handle: BinaryIO, size_bytes: int) -> str:
    """Return the SHA-256 of an open file, in lower-case hex.

    The file should have `size_bytes`. It is read to its end.
    """
    sha256 = hashlib.sha256()
    _read(handle, [sha256], ignore_bytes, size_bytes)
    return sha256.hexdigest()


def _read(handle: BinaryIO, sinks: Sequence[_Sink], on_bytes: Callable[[int], None], size_bytes: int) -> int:
    buffer = memoryview(bytearray(BUFFER_BYTES))
    total = 0
    while total <= size_bytes and (count := _fill(handle, buffer)):
        for sink in sinks:
            sink.update(buffer[:count])
        total += count
        on_bytes(count)
    return total


def _read_split(
    handle: BinaryIO, sinks: Sequence[_Sink], on_bytes: Callable[[int], None], size_bytes: int
) -> int:
    """Read into one buffer while the sinks process the other.

    Every sink runs in its own thread.
    """
    buffers = cycle([memoryview(bytearray(SPLIT_BUFFER_BYTES)) for _ in range(2)])
    total = 0
    with Background(size=len(sinks), name="elmify-digest") as background:
        running = list[Callable[[], None]]()
        while total <= size_bytes and (count := _fill(handle, buffer := next(buffers))):
            _finish(running)  # each sink must have the bytes in their order
            running = [background.begin(partial(sink.update, buffer[:count])) for sink in sinks]
            total += count
            on_bytes(count)
        _finish(running)
    return total


def _finish(running: Sequence[Callable[[], None]]) -> None:
    for wait_for in running:
        wait_for()


def _fill(handle: BinaryIO, buffer: memoryview) -> int:
    return handle.readinto(buffer)  # type: ignore[attr-defined,no-any-return]  # every file opened as bytes has it
