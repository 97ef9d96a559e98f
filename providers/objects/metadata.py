"""User metadata in headers: ASCII, or RFC 2047 encoded words.

ASCII is sent as it is, anything else as the encoded words that R2 reads.
"""

import base64
from collections.abc import Mapping
from email.header import decode_header

from reconciler.model.errors import ProviderError

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
            hint="Store less beside the object.",
        )
    return fit


def _name(name: str) -> str:
    if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ProviderError(
            f"{name!r} cannot name metadata", hint="Use ASCII letters, digits, hyphens and underscores."
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
