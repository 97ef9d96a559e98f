"""Entries of one catalog file, each with its position.

The entries are checked on their own, without the rest of the catalog.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.media import path_flaw, wrong_sort
from reconciler.loading.schema import adapter
from reconciler.loading.schema_errors import find_mistakes
from reconciler.loading.yaml import Document, Places, YamlPath, read_document
from reconciler.model.address import is_id
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.values import Value


class CatalogEntry(NamedTuple):
    """A speaker, a collection or a lecture as one file declares it.

    `line` and `column` are where the entry begins. `media` maps a slot to a path with its line and column.
    `protect` is None where the entry does not say. Made of JSON's types, so that it can be kept.
    """

    id: str
    line: int
    column: int
    fields: dict[str, Any]
    media: dict[str, tuple[str | None, int, int]]
    row: int | None
    previously: str | None
    protect: bool | None
    as_is: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """Content that one catalog file declares.

    The file declares a speaker, or a collection with its lectures.
    """

    kind: Kind
    head: CatalogEntry
    lectures: Sequence[CatalogEntry]
    forget: Sequence[str]
    defaults: Mapping[str, Value]


_FILES_KEPT = 8  # diagnostics come file by file


class Locator:
    """Finds fields again in the bytes of the files they were read from."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._of_file = lru_cache(maxsize=_FILES_KEPT)(self._read)

    def field(self, entry: Position, *path: str | int) -> Position:
        """Return the position of a field of the entry at `entry`.

        Without that field, it is the position of the entry itself.
        """
        places, paths = self._of_file(entry.file)
        start = paths.get((entry.line, entry.column))
        return entry if start is None else places.of_value((*start, *path))

    def top(self, file: str, *path: str | int) -> Position:
        """Return where a value of a file stands, by its path from the top."""
        return self._of_file(file)[0].of_value(path)

    def _read(self, file: str) -> tuple[Places, Mapping[tuple[int, int], YamlPath]]:
        places = read_document(self._files[file], file).places
        paths: dict[tuple[int, int], YamlPath] = {}
        for path, place in places.values.items():
            paths.setdefault((place.line, place.column), path)
        return places, paths


#: Fields that say something about the entry itself, not about a column.
_OWN = frozenset(
    {"id", "speaker", "collection", "row", "previously", "protect", "as_is", "forget", "defaults", "lectures"}
)
_SLOTS: Mapping[Kind, tuple[str, ...]] = {
    kind: tuple(slot.value for slot in table.slots) for kind, table in TABLES.items()
}


def read_content(document: Document) -> tuple[Content | None, tuple[Diagnostic, ...]]:
    """Return the content that a document declares, and its diagnostics.

    The content is None when something is wrong; the diagnostics then say everything that is wrong.
    """
    if document.problems and not isinstance(document.value, dict):
        return None, document.problems
    kind = _kind_of(document.value)
    if kind is None:
        return None, (*document.problems, _neither(document))
    mistakes = (*document.problems, *find_mistakes(adapter(kind), document))
    if not mistakes:
        mistakes = tuple(_check_forms(kind, document))
    return (None, mistakes) if mistakes else (_content(kind, document), ())


def _kind_of(value: Any) -> Kind | None:
    if not isinstance(value, dict) or ("speaker" in value) == ("collection" in value):
        return None
    return Kind.SPEAKER if "speaker" in value else Kind.COLLECTION


def _neither(document: Document) -> Diagnostic:
    value = document.value
    if isinstance(value, dict) and "speaker" in value:
        detail = "It has both `speaker:` and `collection:` at its top."
    elif isinstance(value, dict):
        detail = "It has neither `speaker:` nor `collection:` at its top."
    else:
        detail = "It is not a mapping with `speaker:` or `collection:`."
    return Mistake.NEITHER.at(document.places.of_value(()), detail)


def _content(kind: Kind, document: Document) -> Content:
    value, places = document.value, document.places
    lectures = [
        _entry(Kind.LECTURE, lecture, lecture["id"], ("lectures", index), places)
        for index, lecture in enumerate(value.get("lectures", ()))
    ]
    head = _entry(kind, value, value[kind.value], (), places)
    return Content(kind, head, lectures, value.get("forget", []), value.get("defaults", {}))


def _entry(kind: Kind, value: Mapping[str, Any], id_: str, path: YamlPath, places: Places) -> CatalogEntry:
    place, slots = places.values[path], _SLOTS[kind]
    media = {slot: (value[slot], *places.values[(*path, slot)][:2]) for slot in slots if slot in value}
    return CatalogEntry(
        id=id_,
        line=place.line,
        column=place.column,
        fields={name: field for name, field in value.items() if name not in _OWN and name not in slots},
        media=media,
        row=value.get("row"),
        previously=value.get("previously"),
        protect=value.get("protect"),
        as_is=value.get("as_is", {}),
    )


def _check_forms(kind: Kind, document: Document) -> Iterator[Diagnostic]:
    """Yield what the schema cannot say: of paths, references and categories."""
    value, places = document.value, document.places
    yield from _check_entry(kind, value, (), places)
    for index, reference in enumerate(value.get("forget", ())):
        if not _is_reference(reference.removeprefix("/")):
            yield _no_reference(reference, places, ("forget", index))
    yield from _check_categories(value.get("defaults", {}), ("defaults",), places)
    for index, lecture in enumerate(value.get("lectures", ())):
        yield from _check_entry(Kind.LECTURE, lecture, ("lectures", index), places)


def _check_entry(
    kind: Kind, value: Mapping[str, Any], path: YamlPath, places: Places
) -> Iterator[Diagnostic]:
    for slot in TABLES[kind].slots:
        media = value.get(slot.value)
        if media is not None:
            yield from _check_path(slot, media, (*path, slot.value), places)
    previously = value.get("previously")
    if previously is not None and not (_is_reference(previously) and _fits(previously, kind)):
        yield _no_reference(previously, places, (*path, "previously"))
    yield from _check_categories(value, path, places)


def _check_path(slot: Slot, media: str, path: YamlPath, places: Places) -> Iterator[Diagnostic]:
    if flaw := path_flaw(media):
        yield Mistake.BAD_PATH.at(places.of_value(path), f"`{media}` {flaw}.")
    elif sort := wrong_sort(slot, media):
        yield Mistake.WRONG_MEDIA.at(places.of_value(path), f"`{media}` is {sort}.")


def _check_categories(value: Mapping[str, Any], path: YamlPath, places: Places) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for index, slug in enumerate(value.get("categories") or ()):
        if slug in seen:
            position = places.of_value((*path, "categories", index))
            yield Mistake.NOT_ALLOWED.at(position, f"`{slug}` is in the list already.", "Delete it.")
        seen.add(slug)


def _is_reference(text: str) -> bool:
    return all(is_id(part) for part in text.split("/")) and text.count("/") < len(Kind)


def _fits(reference: str, kind: Kind) -> bool:
    """Return whether a full address is an address of that kind.

    An id alone always is.
    """
    return "/" not in reference or reference.count("/") == list(Kind).index(kind)


def _no_reference(text: str, places: Places, path: YamlPath) -> Diagnostic:
    return Mistake.BAD_REFERENCE.at(places.of_value(path), f"`{text}` is neither an id nor such an address.")
