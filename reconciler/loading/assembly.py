"""Assembly of catalog files into resources.

The assembly resolves parents, defaults and references.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.entries import CatalogEntry, Content, Locator
from reconciler.model.address import Address, join
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.values import Value, shared, shared_if_any

_SLOT = {slot.value: slot for slot in Slot}

#: The fields a default may give to a resource of each kind.
_FIELDS: Mapping[Kind, frozenset[str]] = {
    kind: frozenset(
        column.source for column in table.columns if column.origin in {Origin.FIELD, Origin.CATEGORIES}
    )
    for kind, table in TABLES.items()
}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A catalog file and the content that it declares.

    `content` is None when something is wrong with the file.
    """

    name: str
    content: Content | None


@dataclass(slots=True)
class Declared:
    """Everything that the files declare together.

    `forget` holds each address with the place that names it. `idle_defaults` are the places of defaults that
    reach nothing.
    """

    resources: dict[Address, Resource] = field(default_factory=dict)
    forget: list[tuple[Address, Position]] = field(default_factory=list)
    idle_defaults: list[tuple[str, Position]] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Default:
    """A default, the file that gives it, and whether anything took it."""

    value: Value
    file: str
    takers: list[Address]


_Defaults = Mapping[str, _Default]


def assemble(files: Sequence[ReadFile], locator: Locator) -> Declared:
    """Assemble the catalog files into resources.

    `files` are in the order of their names, with the files of one folder next to each other.
    """
    assembly = _Assembly(locator)
    for _, folder in groupby(files, key=lambda file: PurePosixPath(file.name).parent):
        assembly.add_folder(list(folder))
    return assembly.declared


class _Assembly:
    def __init__(self, locator: Locator) -> None:
        self.declared = Declared()
        self._locator = locator

    def add_folder(self, files: Sequence[ReadFile]) -> None:
        """Add a speaker's folder.

        When the speaker's own file cannot be read, nothing in the folder has an address.
        """
        read = [(file.name, file.content) for file in files if file.content is not None]
        speakers = [(name, content) for name, content in read if content.kind is Kind.SPEAKER]
        collections = [(name, content) for name, content in read if content.kind is Kind.COLLECTION]
        for name, _ in speakers[1:]:
            detail = f"{speakers[0][0]} declares a speaker already."
            self._report(Mistake.TWO_SPEAKERS, self._locator.top(name, "speaker"), detail)
        if speakers:
            self._add_speaker(*speakers[0], collections)
        elif len(read) == len(files):
            for name, content in collections:
                detail = f"No file beside it declares the speaker of `{content.head.id}`."
                self._report(Mistake.NO_SPEAKER, self._locator.top(name, "collection"), detail)

    def _add_speaker(self, name: str, content: Content, collections: Sequence[tuple[str, Content]]) -> None:
        defaults = _defaults_of(name, content)
        address = self._add(Kind.SPEAKER, name, content.head, None, {})
        if address is None:
            return
        self._add_forget(name, content, address)
        for collection_name, collection in collections:
            self._add_collection(collection_name, collection, address, defaults)
        if any(collection.lectures for _, collection in collections):
            self._note_idle(defaults)

    def _add_collection(self, name: str, content: Content, parent: Address, inherited: _Defaults) -> None:
        own = _defaults_of(name, content)
        address = self._add(Kind.COLLECTION, name, content.head, parent, inherited)
        if address is None:
            return
        self._add_forget(name, content, address)
        defaults = {**inherited, **own}
        for lecture in content.lectures:
            self._add(Kind.LECTURE, name, lecture, address, defaults)
        if content.lectures:
            self._note_idle(own)

    def _add(
        self, kind: Kind, file: str, entry: CatalogEntry, parent: Address | None, defaults: _Defaults
    ) -> Address | None:
        """Add a resource; None when its address is taken."""
        address = Address(shared(entry.id if parent is None else join(parent, entry.id)))
        if address in self.declared.resources:
            self._report_taken(kind, file, entry, address)
            return None
        self.declared.resources[address] = Resource(
            address=address,
            kind=kind,
            position=Position(file, entry.line, entry.column),
            fields=_fields(kind, entry, defaults, address),
            media={_SLOT[slot]: shared_if_any(place[0]) for slot, place in entry.media.items()},
            row=entry.row,
            previously=None if entry.previously is None else _resolve(entry.previously, parent),
            protect=_protect(entry, defaults, address),
            as_is=entry.as_is,
        )
        return address

    def _report_taken(self, kind: Kind, file: str, entry: CatalogEntry, address: Address) -> None:
        field_ = "id" if kind is Kind.LECTURE else kind.value
        position = self._locator.field(Position(file, entry.line, entry.column), field_)
        first = self.declared.resources[address].position
        self._report(Mistake.DUPLICATE_ADDRESS, position, f"`{address}` is declared at {first} already.")

    def _add_forget(self, file: str, content: Content, address: Address) -> None:
        for index, reference in enumerate(content.forget):
            position = self._locator.top(file, "forget", index)
            self.declared.forget.append((_resolve(reference, address), position))

    def _note_idle(self, defaults: _Defaults) -> None:
        for name, default in defaults.items():
            if not default.takers:
                place = self._locator.top(default.file, "defaults", name)
                self.declared.idle_defaults.append((name, place))

    def _report(self, mistake: Mistake, position: Position, detail: str) -> None:
        self.declared.diagnostics.append(mistake.at(position, detail))


def _defaults_of(file: str, content: Content) -> _Defaults:
    return {name: _Default(value, file, []) for name, value in content.defaults.items()}


def _fields(kind: Kind, entry: CatalogEntry, defaults: _Defaults, address: Address) -> Mapping[str, Value]:
    """Return the entry's fields with the defaults that it takes.

    Cleared categories (`null`) become an empty tuple: no categories.
    """
    fields: dict[str, Any] = entry.fields
    for name, default in defaults.items():
        if name in _FIELDS[kind] and name not in entry.fields:
            fields = {**fields, name: default.value}
            default.takers[:] = [address]
    if "categories" in fields:
        fields = {**fields, "categories": tuple(fields["categories"] or ())}
    return fields


def _protect(entry: CatalogEntry, defaults: _Defaults, address: Address) -> bool:
    if entry.protect is not None:
        return entry.protect
    default = defaults.get("protect")
    if default is None:
        return False
    default.takers[:] = [address]
    return default.value is True


def _resolve(reference: str, parent: Address | None) -> Address:
    """Return the address that a reference means.

    An id alone is an address under `parent`. A reference with a slash is a full address.
    """
    if parent is None or "/" in reference:
        return Address(reference.removeprefix("/"))
    return join(parent, reference)


def media_references(files: Sequence[ReadFile]) -> Mapping[str, Position]:
    """Return every media path in the files, with its first position.

    The paths are in the order of the files. The position is the first place that names the path.
    """
    references: dict[str, Position] = {}
    for file in files:
        if file.content is not None:
            for entry in (file.content.head, *file.content.lectures):
                for path, line, column in entry.media.values():
                    if path is not None and path not in references:
                        references[path] = Position(file.name, line, column)
    return references
