"""Values of managed columns: canonical form, and hashes made of it."""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

#: What a managed column can hold. A tuple is a list of category slugs, the primary one first.
Value = str | int | bool | tuple[str, ...] | None


def canonical_json(value: Any) -> str:
    """Return the canonical JSON text of a value.

    Keys are sorted, there are no spaces, and UTF-8 is left readable. Equal values give equal texts
    and different values give different texts (`True` is not `1` here). Hashes and comparisons of
    content rely on this.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, in lower-case hex."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def same(left: Value, right: Value) -> bool:
    """Return whether two column values are the same content.

    A boolean is never equal to a number.
    """
    return left == right and (isinstance(left, bool) == isinstance(right, bool))


def first_few(items: Sequence[str], limit: int) -> list[str]:
    """Return the first items; one more says how many are left out."""
    extra = len(items) - limit
    return [*items[:limit], f"and {extra:,} more"] if extra > 0 else list(items)


def listed(items: Sequence[str], limit: int) -> str:
    """Return the first items, joined by commas, and how many are left out."""
    extra = len(items) - limit
    return ", ".join(items[:limit]) + (f" and {extra:,} more" if extra > 0 else "")


def nfc(text: str) -> str:
    """Return the NFC spelling of a text.

    Keys and names are compared in this form (R2 folds keys in the same way).
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


_texts: ContextVar[dict[str, str] | None] = ContextVar("texts", default=None)


@contextmanager
def sharing_texts() -> Iterator[None]:
    """Let `shared` return one copy of each text while the block runs.

    This also holds in threads that the block begins. Catalog, records, rows and listing of a world
    contain the same keys, addresses and hashes, which are a tenth of the world's memory. Nothing is
    kept once the block ends.
    """
    before = _texts.set({})
    try:
        yield
    finally:
        _texts.reset(before)


def shared(text: str) -> str:
    """Return the one copy of a text inside `sharing_texts`.

    Elsewhere, return the text itself.
    """
    texts = _texts.get()
    return text if texts is None else texts.setdefault(text, text)


def shared_if_any(text: str | None) -> str | None:
    """Return the one copy of a text as `shared` does; None stays None."""
    return None if text is None else shared(text)


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return `1 lecture`, `1,204 lectures`."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def readable_size(size_bytes: int) -> str:
    """Return a size as a person says it: `512 B`, `14.2 KiB`, `10.8 GiB`."""
    step = 1024
    if size_bytes < step:
        return f"{size_bytes} B"
    size = size_bytes / step
    for unit in ("KiB", "MiB", "GiB"):
        if size < step:
            return f"{size:.1f} {unit}"
        size /= step
    return f"{size:.1f} TiB"
