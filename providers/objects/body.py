"""The bytes of an upload, on their way out."""

import os
from collections.abc import Callable
from typing import BinaryIO

from reconciler.model.errors import WrongBytes
from reconciler.model.ports import ignore_bytes


class Abandoned(BaseException):
    """Carries an exception of the caller's out through an HTTP client.

    Not an `Exception`, because botocore takes every `Exception` met while it sends for a network fault, and
    tries again.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason


class Window:
    """A part of a seekable body, as the file that an HTTP client sends and may rewind.

    `on_bytes` hears of every byte once, however often the window is rewound. What it or the body raises,
    and a body that ends too early, comes out as `Abandoned`.
    """

    def __init__(
        self, body: BinaryIO, *, start: int, size_bytes: int, on_bytes: Callable[[int], None] = ignore_bytes
    ) -> None:
        self._body = body
        self._start = start
        self._size = size_bytes
        self._on_bytes = on_bytes
        self._position = 0
        self._reported = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; empty at the window's end."""
        left = self._size - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        try:
            return self._take(wanted) if wanted else b""
        except Exception as reason:
            raise Abandoned(reason) from reason

    def _take(self, wanted: int) -> bytes:
        chunk = self._body.read(wanted)
        if not chunk:
            raise WrongBytes(
                f"the file ended {self._size - self._position:,} bytes early",
                hint="It changed while it was being stored. Lock it again, then plan again.",
            )
        self._position += len(chunk)
        if self._position > self._reported:
            fresh, self._reported = self._position - self._reported, self._position
            self._on_bytes(fresh)
        return chunk

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place in the window, and the body with it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        self._body.seek(self._start + self._position)
        return self._position

    def tell(self) -> int:
        """Return the place in the window."""
        return self._position
