"""Digests of a file in one read of it, in constant memory."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from typing import BinaryIO, Protocol

from reconciler.model.policy import TransferLimits
from reconciler.model.ports import ignore_bytes

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
    """The MD5 of the parts' binary MD5s, then `-N`: R2's and S3's ETag of a multipart upload."""

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
    """Read an open file from where it stands to its end, and return its digests.

    `size_bytes`, what the file should have, decides whether the multipart ETag is wanted. `Digests` holds
    what was read; of a file that grows without end that is little more than it should have. `split` lets
    each hash run in a thread of its own, for a file that would be the last one running. `on_bytes` is called
    with the bytes read since the last call; what it raises is let through.
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
    """Read an open file that should have `size_bytes` to its end; return its SHA-256 in lower-case hex."""
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
    """Read into one buffer while every sink, in its own thread, takes the other."""
    buffers = cycle([memoryview(bytearray(SPLIT_BUFFER_BYTES)) for _ in range(2)])
    total = 0
    with ThreadPoolExecutor(max_workers=len(sinks)) as pool:
        running = list[Future[None]]()
        while total <= size_bytes and (count := _fill(handle, buffer := next(buffers))):
            _finish(running)  # each sink must have the bytes in their order
            running = [pool.submit(sink.update, buffer[:count]) for sink in sinks]
            total += count
            on_bytes(count)
        _finish(running)
    return total


def _finish(running: Sequence[Future[None]]) -> None:
    for update in running:
        update.result()


def _fill(handle: BinaryIO, buffer: memoryview) -> int:
    return handle.readinto(buffer)  # type: ignore[attr-defined,no-any-return]  # every file opened as bytes has it
