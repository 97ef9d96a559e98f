"""ETags as R2 makes them.

Of a single put it is the MD5 of the content; of a multipart upload the MD5 of the parts' binary MD5s, then
`-` and the number of parts.
"""

import hashlib
from collections.abc import Iterable


def parts_etag(digests: Iterable[bytes]) -> str:
    """Return the ETag of a multipart upload from its parts' MD5s.

    `digests` are the binary MD5s of the parts, in order.
    """
    parts = tuple(digests)
    return f"{md5(b''.join(parts)).hexdigest()}-{len(parts)}"


def md5(data: bytes = b"") -> "hashlib._Hash":
    """Return an MD5 object for checksums.

    It is never used as a protection, so it is also available where FIPS forbids MD5.
    """
    return hashlib.md5(data, usedforsecurity=False)


def part_sizes(size_bytes: int, part_bytes: int) -> tuple[int, ...]:
    """Return the sizes of the parts of a file.

    All are equal except the last. A file of no bytes has one empty part.
    """
    full, rest = divmod(size_bytes, part_bytes)
    return (part_bytes,) * full + ((rest,) if rest or not full else ())


class ContentDigest:
    """Running MD5 of a stream of bytes, and the ETag of these bytes.

    The ETag is the one they get in parts of `part_bytes`; None means in one put.
    """

    def __init__(self, part_bytes: int | None = None) -> None:
        self._whole = md5()
        self._part_bytes = part_bytes
        self._digests: list[bytes] = []
        self._part = md5()
        self._in_part = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._whole.update(chunk)
        if self._part_bytes is None:
            return
        rest = memoryview(chunk)
        while rest:
            if self._in_part == self._part_bytes:
                self._end_part()
            taken = rest[: self._part_bytes - self._in_part]
            self._part.update(taken)
            self._in_part += len(taken)
            rest = rest[len(taken) :]

    def _end_part(self) -> None:
        self._digests.append(self._part.digest())
        self._part, self._in_part = md5(), 0

    @property
    def md5(self) -> str:
        """The MD5 of everything so far, in lower-case hex."""
        return self._whole.hexdigest()

    @property
    def etag(self) -> str:
        """The ETag of everything so far."""
        if self._part_bytes is None:
            return self.md5
        return parts_etag([*self._digests, self._part.digest()])
