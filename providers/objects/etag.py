"""ETags as R2 makes them, and user metadata as headers carry it.

Of a single put it is the MD5 of the content; of a multipart upload the MD5 of the parts' binary MD5s, then
`-` and the number of parts.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from email.header import decode_header

from reconciler.model.errors import ProviderError


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


MAX_BYTES = 8_192  # of all names and values together: R2's limit

_WORD_CHARS = 11  # of four bytes at most, so that no encoded word is longer than the 75 that RFC 2047 allows


def encoded(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata in the form that headers can carry.

    Raises `ProviderError` when a name is not ASCII or the metadata is too large.
    """
    fit = {_name(name): _value(value) for name, value in metadata.items()}
    size = sum(len(name) + len(value) for name, value in fit.items())
    if size > MAX_BYTES:
        raise ProviderError(
            f"the metadata has {size:,} bytes; a store takes {MAX_BYTES:,}",
            code="metadata-refused",
            hint="Store less beside the object.",
        )
    return fit


def _name(name: str) -> str:
    if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ProviderError(
            f"{name!r} cannot name metadata",
            code="metadata-refused",
            hint="Use ASCII letters, digits, hyphens and underscores.",
        )
    return name.lower()


def _value(value: str) -> str:
    if value.isascii() and value.isprintable() and value == value.strip() and "=?" not in value:
        return value
    pieces = (value[start : start + _WORD_CHARS] for start in range(0, len(value), _WORD_CHARS))
    return " ".join(f"=?utf-8?b?{base64.b64encode(piece.encode()).decode()}?=" for piece in pieces)


def decoded(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata as it was before it was encoded; names in lower case."""
    return {name.lower(): _plain(value) for name, value in metadata.items()}


def _plain(value: str) -> str:
    if "=?" not in value:
        return value
    return "".join(
        text if isinstance(text, str) else text.decode(charset or "ascii", "replace")
        for text, charset in decode_header(value)
    )
