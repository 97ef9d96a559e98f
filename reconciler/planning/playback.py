"""Playback keys: the object keys by which apps find each lecture.

Planner, verification, import, gc and metrics ask this module, and nothing else, where a row leads
and which keys are heard.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import unquote

from reconciler.model.actual import Row, Snapshot, StoredObject
from reconciler.model.kinds import TABLES, Kind, Origin
from reconciler.model.playback import RequestForm, Way, WayCount
from reconciler.model.recorded import KeyRecord, Recorded
from reconciler.model.values import Value, nfc
from reconciler.planning.object_keys import TemplateRefused, extension_of, render_template
from reconciler.planning.references import references_in

#: Every row of the content tables, by kind and id.
Rows = Mapping[Kind, Mapping[int, Row]]

#: The playback key of a row by each way, in the order of the ways: NFC, as it arrives; None where a way
#: gives none.
Keys = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Destination of a lecture row by one way.

    `key` is what arrives at the server, in NFC, and `raw` what the app puts into the URL; both are
    None where the way gives nothing.
    """

    key: str | None = None
    raw: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Both, each once."""
        return tuple(dict.fromkeys(text for text in (self.raw, self.key) if text))


_CUT = re.compile(r"[?#]")
_ARRIVES = re.compile(r"(?!https?://)[^?#%\\]*", re.IGNORECASE)
_HOST = re.compile(r"https?://[^/?#]*/?", re.IGNORECASE)

#: Place of each catalog field in a row, by kind and the field's name.
_FIELDS: Mapping[Kind, Mapping[str, int]] = {
    kind: {
        column.source: table.index[column.name] for column in table.columns if column.origin is Origin.FIELD
    }
    for kind, table in TABLES.items()
}


class RowFields:
    """Catalog fields of a row, with the values that its columns hold, raw."""

    __slots__ = ("_fields", "_values")

    def __init__(self, row: Row) -> None:
        self._fields, self._values = _FIELDS[row.kind], row.values

    def __getattr__(self, name: str) -> Value:
        try:
            return self._values[self._fields[name]]
        except KeyError:
            raise AttributeError(name) from None


def arrives(request: RequestForm, raw: str) -> str:
    """Return the NFC key that reaches the server when an app asks for `raw`.

    `raw` is a key, or a URL as a column holds it.
    """
    if _ARRIVES.fullmatch(raw):
        return nfc(raw)
    url = _HOST.match(raw)
    path = raw[url.end() :] if url else raw
    if request is RequestForm.ENCODED and url is None:
        return nfc(path)
    path = _CUT.split(path, maxsplit=1)[0]
    if request is RequestForm.ENCODE_URI and url is None:
        return nfc(path)
    return nfc(unquote(path.replace("\\", "/")))


def raw_key(ways: Sequence[Way], place: int, row: Row, rows: Rows) -> str | None:
    """Return what the app puts into the URL by the way at that place.

    `row` is a lecture's. None when the way, and every later one that could stand in for it, gives
    nothing.
    """
    way = ways[place]
    if way.column is not None and not way.when:
        return _text_in(row, way.column)
    parents = {kind: _parent(row, kind, rows) for kind in (Kind.SPEAKER, Kind.COLLECTION)}
    serving = next((way for way in ways[place:] if all(parents[kind] for kind in way.when)), None)
    if serving is None:
        return None
    way = serving
    if way.column is not None:
        return _text_in(row, way.column)
    names = {kind: RowFields(parent) for kind, parent in parents.items() if parent is not None}
    return rendered(way, {**names, Kind.LECTURE: RowFields(row)}, extension_of(str(row["file_path"])))


def _text_in(row: Row, column: str) -> str | None:
    value = row[column]
    return value if isinstance(value, str) and value else None


def rendered(way: Way, names: Mapping[Kind, object], extension: str) -> str | None:
    """Return the key that a way's template gives; None where it misfits.

    `names` has the catalog fields of a lecture and its parents as attributes.
    """
    fields: dict[str, object] = {kind.value: found for kind, found in names.items()}
    try:
        return render_template(way.key or "", {**fields, "ext": extension})
    except TemplateRefused:
        return None


def _route(ways: Sequence[Way], place: int, row: Row, rows: Rows) -> Route:
    raw = raw_key(ways, place, row, rows)
    return Route() if raw is None else Route(arrives(ways[place].request, raw) or None, raw)


def _parent(row: Row, kind: Kind, rows: Rows) -> Row | None:
    value = row[f"{kind}_id"]
    return rows[kind].get(value) if isinstance(value, int) else None


# What is under a key.


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes of an object, as far as they are known.

    `sha256` is None while nobody has hashed them, `etag` while the store has not said it.
    """

    size_bytes: int
    sha256: str | None = None
    etag: str | None = None

    def same(self, other: "Content") -> bool:
        """Return whether both are known to be the same bytes."""
        if self.size_bytes != other.size_bytes:
            return False
        known = self.sha256 is not None and self.sha256 == other.sha256
        return known or (self.etag is not None and self.etag == other.etag)

    def may_be(self, other: "Content") -> bool:
        """Return whether nothing that is known tells the bytes apart."""
        if self.size_bytes != other.size_bytes:
            return False
        if self.sha256 is not None and other.sha256 is not None:
            return self.sha256 == other.sha256
        etags = (self.etag, other.etag)
        told = all(etag is not None and "-" not in etag for etag in etags)
        return not told or self.etag == other.etag


def content_of(stored: StoredObject, record: KeyRecord | None) -> Content:
    """Return what is known of a listed object's bytes.

    A recorded hash counts only while the object has the ETag that it was recorded with.
    """
    known = record is not None and record.verified and record.etag == stored.etag
    return Content(
        size_bytes=stored.size_bytes, sha256=record.sha256 if known and record else None, etag=stored.etag
    )


@dataclass
class Library:
    """Rows and objects of one moment, and where each row leads.

    `contents` are the objects by NFC key. Not to be changed once it was asked, but for `contents`.
    """

    ways: Sequence[Way]
    rows: Rows
    contents: Mapping[str, Content] = field(default_factory=dict)
    _routes: dict[int, tuple[Route, ...]] = field(default_factory=dict)

    def routes(self, row: Row) -> tuple[Route, ...]:
        """Return where a lecture row leads by each way."""
        found = self._routes.get(row.id)
        if found is None:
            found = self._routes[row.id] = tuple(
                _route(self.ways, place, row, self.rows) for place in range(len(self.ways))
            )
        return found

    def lead_alike(self, row: Row, routes: tuple[Route, ...]) -> None:
        """Take routes that are known already, to spare the work."""
        self._routes[row.id] = routes

    def keys(self, row: Row) -> Keys:
        """Return the playback keys of a lecture row."""
        return tuple(route.key for route in self.routes(row))

    def names(self) -> Iterator[str]:
        """Yield every text by which any row finds or names an object.

        These are the values of all columns that can name one, in whatever spelling, and the playback
        keys of every way, as they arrive and as the app has them. Retirement, gc, key allocation, what is
        unmanaged and takedown all ask this.
        """
        for found in self.rows.values():
            for row in found.values():
                yield from self.names_of(row)

    def names_of(self, row: Row) -> Iterator[str]:
        """Yield every text by which one row finds or names an object."""
        yield from references_in((row,))
        if row.kind is Kind.LECTURE:
            for way, route in zip(self.ways, self.routes(row), strict=True):
                if way.column is None:
                    yield from route.texts

    def own(self, row: Row) -> Content | None:
        """Return the recording that a lecture row names by its `file_path`."""
        return self.contents.get(canonical_key(row))

    def plays(self, row: Row, key: str | None) -> bool:
        """Return whether a playback key leads to a recording of this lecture.

        An object of another recording's `file_path` is that other recording, unless both are the same bytes.
        Bytes that nobody can tell apart count as a recording of the lecture that asks for them.
        """
        found = self.contents.get(key) if key is not None else None
        if found is None or found.size_bytes == 0:
            return False
        own = self.own(row)
        if own is not None and own.same(found):
            return True
        return self.named_by(key or "") <= {row.id}

    def named_by(self, key: str) -> frozenset[int]:
        """Return the lecture rows whose `file_path` an NFC key is."""
        return self._named.get(key, _NOBODY)

    def count(self) -> tuple[WayCount, ...]:
        """Return how many lectures play now, by way."""
        lectures = self.rows[Kind.LECTURE].values()
        totals = [0] * len(self.ways)
        for row in lectures:
            for place, key in enumerate(self.keys(row)):
                totals[place] += self.plays(row, key)
        return tuple(
            WayCount(
                way=way.name,
                lectures=len(lectures),
                plays=plays,
                lectures_after=len(lectures),
                plays_after=plays,
                report=way.report,
            )
            for way, plays in zip(self.ways, totals, strict=True)
        )

    @cached_property
    def _named(self) -> Mapping[str, frozenset[int]]:
        """The lecture rows whose `file_path` each NFC key is."""
        named: dict[str, set[int]] = {}
        for row in self.rows[Kind.LECTURE].values():
            named.setdefault(canonical_key(row), set()).add(row.id)
        return {key: frozenset(ids) for key, ids in named.items()}


def with_values(row: Row, values: Mapping[str, Value]) -> Row:
    """Return a row with other values in some of its columns."""
    names = TABLES[row.kind].index
    return replace(
        row, values=tuple(values.get(name, now) for name, now in zip(names, row.values, strict=True))
    )


def rows_with(rows: Rows, values: Mapping[Kind, Mapping[int, Mapping[str, Value]]]) -> Rows:
    """Return all rows, with other values in some columns of some of them."""
    return {
        kind: {**found, **{row: with_values(found[row], new) for row, new in values.get(kind, {}).items()}}
        for kind, found in rows.items()
    }


def library_of(ways: Sequence[Way], snapshot: Snapshot, recorded: Recorded) -> Library:
    """Return the library of a snapshot.

    It has what is recorded of the bytes.
    """
    keys = recorded.keys
    contents = {key: content_of(found, keys.get(key)) for key, found in snapshot.objects.items()}
    return Library(ways, snapshot.rows, contents)


_NOBODY: frozenset[int] = frozenset()


def canonical_key(row: Row) -> str:
    """Return the NFC key in a lecture row's `file_path`."""
    return nfc(str(row["file_path"] or ""))
