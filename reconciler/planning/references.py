"""References from rows to objects: exact for identity, broad for safety.

One exact key decides identity; every plausible key is protected.

`key_in` and `says_the_same` decide what a column is compared with. `KeySearch` and `NamedKeys`
decide what may not be retired, deleted or given to other bytes: they find a key in any spelling,
and report one too many rather than miss one.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from html import unescape
from urllib.parse import quote, unquote

from reconciler.model.actual import Row
from reconciler.model.kinds import TABLES, Column, Kind, Origin, Table
from reconciler.model.policy import Layout, ReferenceStyle
from reconciler.model.values import Value, nfc

#: The width of `lectures.audio_url`; a percent-encoded key can outgrow it.
URL_MAX_CHARS = 1024

_SCHEMES = ("https://", "http://")
_NAMING = frozenset({Origin.KEY, Origin.URL, Origin.REFERENCE, Origin.FILE_NAME})

#: Each byte of UTF-8 as `urllib.parse.quote` writes it, by its number: a fifth of that function's time.
_QUOTED = {byte: quote(bytes([byte])) for byte in range(256)}


def url_of(base_url: str, key: str) -> str:
    """Return the public URL of a key.

    It is the base, a slash, and the key, percent-encoded except for its slashes.
    """
    return f"{base_url}/{key.encode().decode('latin-1').translate(_QUOTED)}"


#: What JavaScript's `encodeURI` leaves as it is, besides letters and digits.
LEFT_BY_ENCODE_URI = "/;,?:@&=+$-_.!~*'()#"


def purge_urls(bases: Iterable[str], keys: Iterable[str]) -> tuple[str, ...]:
    """Return the URLs under which a CDN may keep these keys, each once.

    They are those of every base URL, and of every key as apps write it: as it is, percent-encoded, and as
    `encodeURI` does.
    """
    bases = tuple(base.rstrip("/") for base in bases)
    urls = (
        url
        for key in keys
        for base in bases
        for url in (f"{base}/{key}", url_of(base, key), f"{base}/{quote(key, safe=LEFT_BY_ENCODE_URI)}")
    )
    return tuple(dict.fromkeys(urls))


def split_reference(value: str) -> tuple[str | None, str]:
    """Split a column's value into base URL and object key.

    The base is None for a bare key. The key is decoded and in NFC.
    """
    for scheme in _SCHEMES:
        if value.startswith(scheme):
            host, _, path = value[len(scheme) :].partition("/")
            return f"{scheme}{host}", nfc(unquote(path))
    return None, nfc(value)


def key_in(value: Value) -> str | None:
    """Return the NFC key that a column's value names, on any domain.

    None when it names none.
    """
    return split_reference(value)[1] or None if isinstance(value, str) else None


def style_of(column: Column, kind: Kind, layout: Layout) -> ReferenceStyle:
    """Return how a column of origin REFERENCE or URL holds its object."""
    if column.origin is Origin.URL:
        return ReferenceStyle.URL
    return layout.references.get(f"{TABLES[kind].name}.{column.name}", ReferenceStyle.KEY)


def reference(style: ReferenceStyle, base_url: str | None, key: str) -> str | None:
    """Return the value that a column of a reference style should hold.

    None when the style needs a base URL and there is none.
    """
    if style is ReferenceStyle.KEY:
        return key
    return url_of(base_url, key) if base_url is not None else None


def says_the_same(actual: Value, wanted: str) -> bool:
    """Return whether a column already names what `wanted` names.

    That means the same base, and the same key once decoded.
    """
    return actual == wanted or (
        isinstance(actual, str) and split_reference(actual) == split_reference(wanted)
    )


def naming_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns whose whole value can name an object."""
    return tuple(column for column in table.columns if column.origin in _NAMING)


def references_in(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the values of all columns of the rows that can name an object.

    Empty values are left out.
    """
    places = {
        kind: tuple(table.index[column.name] for column in naming_columns(table))
        for kind, table in TABLES.items()
    }
    for row in rows:
        values = row.values
        for place in places[row.kind]:
            value = values[place]
            if isinstance(value, str) and value:
                yield value


# Every plausible key.

#: A text that holds none of these is its own folded form, but for what is before and after it.
_ODD = ("+", "\\", "&", "/.", "%")
_URL = re.compile(r"https?://")
_DOUBLED = re.compile(r"/(?:\.?/)+")
_PARENT = re.compile(r"(?:^|(?<=/))(?!\.\./)[^/]+/\.\./")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/])|[bfnrt])")
#: Nothing encodes a URL more often than this, or goes up so many folders after one another.
_DEEPEST = 6

#: Before a key in a column that holds one reference: the rest of a path, a scheme, a query parameter.
_IN_REFERENCE = re.compile(r"[/=:?&#@]\s*")
#: Before a key in running text, in HTML or in JSON.
_IN_TEXT = re.compile(r"\W")

_EXTENSION = re.compile(r"\.(\w{1,10})$", re.ASCII)
_LAST_WORD = re.compile(r"\w+\W*$")
_WORD = re.compile(r"\w+")


def folded(text: str) -> str:
    """Return the form that all spellings of a key's path share.

    Percent-encoding (also of what is encoded) and HTML entities are decoded, `+` is a space and a backslash a
    slash; doubled slashes, `.` and `..` segments and leading slashes are gone, space around a path too; NFC.
    Keys that differ in nothing but these fold to one form: each then protects the others.
    """
    text = nfc(text)
    if "%" in text:
        text = nfc(unquote(text))
    return _decoded(text) if _is_odd(text) else text


def _is_odd(text: str) -> bool:
    for odd in _ODD:
        if odd in text:
            return True
    doubled = text.rfind("//")
    if doubled >= 0 and not ((url := _URL.match(text)) and url.end() == doubled + 2):
        return True
    return text[:1] == "/" or text != text.strip()


def _decoded(text: str) -> str:
    for _ in range(_DEEPEST):
        before = text
        text = nfc(unquote(unescape(text) if "&" in text else text))
        if text == before:
            break
    text = _DOUBLED.sub("/", text.replace("+", " ").replace("\\", "/"))
    for _ in range(_DEEPEST if "../" in text else 0):
        text = _PARENT.sub("", text)
    return text.strip().lstrip("/").lstrip()


def _forms(text: str) -> Iterable[str]:
    """Return the folded forms of a text.

    These are the text as it is and, where it has JSON escapes, the text without them.
    """
    if "\\" not in text:
        return (folded(text),)
    bare = [plain for start in (text, unescape(text)) for plain in _without_escapes(start)]
    return {folded(text), *map(folded, bare)}


def _without_escapes(text: str) -> Iterator[str]:
    """Yield a text with one layer of JSON escapes less, until none is left."""
    for _ in range(_DEEPEST):
        plain = _ESCAPE.sub(_unescaped, text)
        if plain == text:
            return
        text = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield text


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else escape[2] or " "


class KeySearch:
    """Finds which of some keys a text names, in any spelling.

    A key is named where a folded text holds its folded form between two boundaries, so a URL names every end
    of its path: `https://cdn/x/A/speaker.jpg?v=3` names `x/A/speaker.jpg`, `A/speaker.jpg`, `speaker.jpg`.
    The time for a text does not depend on the number of keys.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys: defaultdict[str, set[str]] = defaultdict(set)
        for key in keys:
            for form in {folded(key), _decoded(nfc(key))}:  # two where a key is itself like a URL
                self._keys[form].add(nfc(key))
        self._longest = max(map(len, self._keys), default=0)
        self._names: set[str] = set()  # the last characters of each key: a cheap first look
        self._widths: set[int] = set()  # how many there are before the extension
        self._tails: defaultdict[str, set[str]] = defaultdict(set)  # of keys that have none: by last word
        self._wordless: list[str] = []
        self.extensions: set[str] = set()
        for form in self._keys:
            self._add(form)
        endings = "|".join(sorted(self.extensions))
        self._ending = re.compile(rf"\.(?:{endings})(?!\w)") if endings else None

    def _add(self, form: str) -> None:
        if extension := _EXTENSION.search(form):
            width = min(extension.start(), _LOOK)
            self._widths.add(width)
            self._names.add(form[extension.start() - width :])
            self.extensions.add(extension[1])
        elif last := _LAST_WORD.search(form):
            self._tails[_WORD.match(last[0])[0]].add(last[0])  # type: ignore[index]
        else:  # an empty form, of a key like `+`, is in every text: such a key is always named
            self._wordless.append(form)

    @property
    def keys(self) -> Iterator[str]:
        """The keys that are searched for, in NFC."""
        return (key for keys in self._keys.values() for key in keys)

    @property
    def by_extension(self) -> bool:
        """Return whether every key ends in one of `extensions`.

        If so, a text without any of them names no key.
        """
        return not self._tails and not self._wordless

    def in_reference(self, value: str) -> set[str]:
        """Return the NFC keys that a single reference names.

        The value is one key or URL as a whole.
        """
        return self._found(value, _IN_REFERENCE)

    def in_text(self, text: str) -> set[str]:
        """Return the NFC keys that occur anywhere in a text.

        The text may be prose, HTML or JSON.
        """
        return self._found(text, _IN_TEXT)

    def in_references(self, values: Iterable[str]) -> set[str]:
        """Return the NFC keys that any of the values names."""
        found: set[str] = set()
        for value in values if self._keys else ():
            found |= self._found(value, _IN_REFERENCE)
        return found

    def _found(self, text: str, boundary: re.Pattern[str]) -> set[str]:
        found: set[str] = set()
        for form in _forms(text):
            for end in self._ends(form):
                first = max(0, end - self._longest - _ROOM)
                if first == 0:
                    found |= self._keys.get(form[:end], _NONE)
                for before in boundary.finditer(form, first, end):
                    found |= self._keys.get(form[before.end() : end], _NONE)
            for key in self._wordless:
                found |= self._keys[key] if key in form else _NONE
        return found

    def _ends(self, form: str) -> list[int]:
        """Return where a key may end."""
        ends = []
        for match in self._ending.finditer(form) if self._ending else ():
            start, end = match.span()
            for width in self._widths:
                if form[max(0, start - width) : end] in self._names:
                    ends.append(end)
                    break
        if self._tails:
            ends += self._ends_of_words(form)
        return ends

    def _ends_of_words(self, form: str) -> Iterator[int]:
        """Yield where a key without an extension may end."""
        for word in _WORD.finditer(form):
            for tail in self._tails.get(word[0], ()):
                end = word.start() + len(tail)
                if form.startswith(tail, word.start()) and not _WORD.match(form, end):
                    yield end


_NONE: frozenset[str] = frozenset()
_LOOK = 8  # characters before an extension that tell most keys apart
_ROOM = 8  # characters before a key in which its boundary is looked for

#: What may follow a key in a reference.
_CUT = re.compile(r"[?#&]")
_SLASH = re.compile(r"/[/\s]+")
#: What comes before the path of most URLs.
_HOST = re.compile(r"\w+:/+[^/]*/")


class NamedKeys:
    """Membership test for keys: whether any of the references names a key.

    It tests any key in the way in which `KeySearch.in_reference` finds a few.
    """

    def __init__(self, references: Iterable[str]) -> None:
        self._references = references

    def __contains__(self, key: str) -> bool:
        ending = _path_in(folded(key))[::-1]
        if not ending:
            return True
        for wanted in (ending, f"{ending}/"):
            place = bisect_left(self._paths, wanted, key=_reversed)
            if place < len(self._paths):
                path = _reversed(self._paths[place])
                if path == wanted or (wanted.endswith("/") and path.startswith(wanted)):
                    return True
        return False

    @cached_property
    def _paths(self) -> list[str]:
        """Folded references, in the order of their ends.

        Each is there with and without what follows its path.
        """
        paths: set[str] = set()
        for reference_ in self._references:
            for form in _forms(reference_):
                path = _path_in(form)
                paths.add(path)
                if "?" in path or "#" in path or "&" in path:
                    paths.update(path[: cut.start()].rstrip() for cut in _CUT.finditer(path))
        tails = {path.rpartition("/")[2] for path in paths if "/" in path}
        return sorted((path for path in paths if path not in tails), key=_reversed)


def _path_in(form: str) -> str:
    """Return the path of a folded reference.

    What else may come before a key is replaced by a slash.
    """
    host = _HOST.match(form)
    path = form[host.end() :] if host else form
    if "=" in path or ":" in path:
        path = path.replace("=", "/").replace(":", "/")
    spaced = "//" in path or "/ " in path or not path.isprintable()
    return _SLASH.sub("/", path).strip() if spaced else path.strip()


def _reversed(path: str) -> str:
    return path[::-1]
