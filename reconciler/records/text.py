"""Text as PostgreSQL can hold it: `text` and `jsonb` refuse NUL, UTF-8 has no lone surrogates."""

import json
import re
from collections.abc import Mapping
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_UNSTORABLE_JSON = re.compile(r"[\ud800-\udfff]|\\u0000")

_SYMBOL_FOR_NULL = "\u2400"
_REPLACEMENT_CHARACTER = "\ufffd"


def _visible(match: re.Match[str]) -> str:
    return _SYMBOL_FOR_NULL if match[0] == "\0" else _REPLACEMENT_CHARACTER


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text as it is."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return the text with what PostgreSQL cannot hold made visible: NUL as U+2400, a surrogate as U+FFFD.

    Only for what people read. A key or an address is refused instead, because two of them must stay two.
    """
    return _UNSTORABLE.sub(_visible, text)


def storable_or_none(text: str | None) -> str | None:
    """Return `storable` of a text that may be absent."""
    return None if text is None else storable(text)


def storable_json(value: Any) -> Any:
    """Return a JSON value with all its text `storable`; mappings become objects, tuples lists."""
    match value:
        case str():
            return storable(value)
        case Mapping():
            return {storable(str(name)): storable_json(item) for name, item in value.items()}
        case list() | tuple():
            return [storable_json(item) for item in value]
        case _:
            return value


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_object).encode


def json_text(value: Any) -> str | None:
    """Return the text of a JSON value for a `jsonb` column; None, not `null`, for None."""
    if value is None:
        return None
    text = _encode(value)
    return text if _UNSTORABLE_JSON.search(text) is None else _encode(storable_json(value))
