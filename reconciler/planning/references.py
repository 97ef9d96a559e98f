"""How rows name objects: by key, or by a URL under some domain; compared by base and decoded key."""

from urllib.parse import quote, unquote

from reconciler.model.actual import Row
from reconciler.model.kinds import TABLES, Column, Kind, Origin
from reconciler.model.policy import Layout, ReferenceStyle
from reconciler.model.values import Value, nfc

#: The width of `lectures.audio_url`; a percent-encoded key can outgrow it.
URL_MAX_CHARS = 1024

_SCHEMES = ("https://", "http://")
_NAMING = frozenset({Origin.KEY, Origin.URL, Origin.REFERENCE})


#: Each byte of UTF-8 as `urllib.parse.quote` writes it, by its number: a fifth of that function's time.
_QUOTED = {byte: quote(bytes([byte])) for byte in range(256)}


def url_of(base_url: str, key: str) -> str:
    """Return the public URL of a key: the base, a slash, the key percent-encoded but for its slashes."""
    return f"{base_url}/{key.encode().decode('latin-1').translate(_QUOTED)}"


def split_reference(value: str) -> tuple[str | None, str]:
    """Split a column's value into base (None for a bare key) and decoded key in NFC."""
    for scheme in _SCHEMES:
        if value.startswith(scheme):
            host, _, path = value[len(scheme) :].partition("/")
            return f"{scheme}{host}", nfc(unquote(path))
    return None, nfc(value)


def key_in(value: Value) -> str | None:
    """Return the NFC key that a column's value names, whatever its domain; None when it names none."""
    return split_reference(value)[1] or None if isinstance(value, str) else None


def style_of(column: Column, kind: Kind, layout: Layout) -> ReferenceStyle:
    """Return how a column of origin REFERENCE or URL holds its object."""
    if column.origin is Origin.URL:
        return ReferenceStyle.URL
    default = ReferenceStyle.URL if layout.base_url else ReferenceStyle.KEY
    return layout.references.get(f"{TABLES[kind].name}.{column.name}", default)


def reference(style: ReferenceStyle, base_url: str | None, key: str) -> str | None:
    """Return what a column of that style should hold; None when that needs a base URL and there is none."""
    if style is ReferenceStyle.KEY:
        return key
    return url_of(base_url, key) if base_url is not None else None


def says_the_same(actual: Value, wanted: str) -> bool:
    """Whether a column already names what `wanted` names: the same base, the same key once decoded."""
    return actual == wanted or (
        isinstance(actual, str) and split_reference(actual) == split_reference(wanted)
    )


def keys_named(row: Row) -> set[str]:
    """Return the NFC keys that a row names in any of its columns."""
    return {
        key
        for column in TABLES[row.kind].columns
        if column.origin in _NAMING and (key := key_in(row[column.name])) is not None
    }
