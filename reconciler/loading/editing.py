"""Edits of catalog files that keep every comment.

An edit changes one field or one entry at a time. It changes the tree that `fmt` prints, and the
tree is printed again, so that the written text is in canonical form.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Self

import yaml

from reconciler.loading.atomic_write import write_whole
from reconciler.loading.catalog_files import SourceFile, find_files
from reconciler.loading.comments import CommentedSource, CommentOwners
from reconciler.loading.fmt import Printer, Unwritable
from reconciler.loading.ids import unique
from reconciler.loading.lockfile import REPAIRABLE, read_lockfile, write_lockfile
from reconciler.loading.yaml import FILE_MAX_BYTES, read_document
from reconciler.loading.yaml_errors import decode
from reconciler.loading.yaml_writing import key_node, node, plain
from reconciler.model.address import Address, join, kind_of, parent_of
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.errors import ElmifyError, InvalidInput
from reconciler.model.kinds import Kind
from reconciler.model.values import nfc

_BREAKS_OF_ITS_OWN = re.compile("[\x85\u2028\u2029]")
_LAST = float("inf")


class NotEditable(ElmifyError):
    """A catalog file cannot be edited without losing part of it.

    Nothing was written.
    """

    code = "catalog-not-editable"


@dataclass(slots=True)
class EditableFile:
    """A catalog file as a tree, with its printer.

    The printer knows the comments of the file by their nodes. A file that is not a mapping has
    nothing in its tree that can be edited.
    """

    name: str
    written: str
    root: yaml.MappingNode
    printer: Printer
    edited: bool = False
    _kept: list[object] = field(default_factory=list)
    _printed: str | None = None

    @classmethod
    def read(cls, name: str, text: str) -> Self:
        """Read a file whose notation is right."""
        plain_text = text.replace("\r\n", "\n").replace("\r", "\n")
        root = yaml.compose(plain_text, Loader=yaml.CSafeLoader)
        if not isinstance(root, yaml.MappingNode):
            empty = cls.read(name, "{}")
            empty.written = text
            return empty
        source = CommentedSource(plain_text, root)
        return cls(name, text, root, Printer(source, CommentOwners(source, root)))

    def keep(self, nodes: object) -> None:
        """Keep references to nodes that leave the tree.

        Otherwise a new node could be created in their memory and would get their comments.
        """
        self._kept.append(nodes)

    def touch(self) -> None:
        """Note that the tree was changed."""
        self.edited, self._printed = True, None

    @property
    def text(self) -> str:
        """The text of the file as it will be written.

        Raises `NotEditable` when writing it would lose something of the file.
        """
        if not self.edited:
            return self.written
        if self._printed is None:
            self._printed = self._print()
        return self._printed

    def saved(self) -> None:
        """Note that the file was written as it is now."""
        self.written, self.edited = self.text, False

    def _print(self) -> str:
        if _BREAKS_OF_ITS_OWN.search(self.written):
            raise _not_editable(self.name)
        try:
            text = self.printer.document(self.root)
        except Unwritable as error:
            raise _not_editable(self.name) from error
        if len(text.encode()) > FILE_MAX_BYTES:
            raise NotEditable(
                f"{self.name} would be larger than {FILE_MAX_BYTES:,} bytes",
                hint="Divide the collection into several.",
            )
        return text


def _not_editable(name: str) -> NotEditable:
    return NotEditable(
        f"{name} is written in a notation that cannot be edited without losing something",
        hint="Edit it by hand: write its texts in one line or as `|-` blocks, without tags.",
    )


def value_of(entry: yaml.MappingNode, name: str) -> yaml.Node | None:
    """Return the node of a key's value."""
    return next((value for key, value in entry.value if key.value == name), None)


def text_of(entry: yaml.MappingNode, name: str) -> str | None:
    """Return a scalar value as it is written."""
    value = value_of(entry, name)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else None


def lectures_of(root: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    """Yield the entries of a collection's lectures."""
    lectures = value_of(root, "lectures")
    if isinstance(lectures, yaml.SequenceNode):
        yield from (entry for entry in lectures.value if isinstance(entry, yaml.MappingNode))


def set_value(file: EditableFile, entry: yaml.MappingNode, name: str, value: Any) -> None:
    """Give a key a plain value, on one line where its entry is."""
    put(file, entry, name, node(value, in_flow=bool(entry.flow_style)))


def put(file: EditableFile, entry: yaml.MappingNode, name: str, value: yaml.Node) -> None:
    """Set a key to a new value.

    A key that exists is kept, because the comments belong to it.
    """
    file.keep(list(entry.value))
    for place, (key, _) in enumerate(entry.value):
        if key.value == name:
            entry.value[place] = (key, value)
            return
    entry.value.append((key_node(name), value))


def place_for(entries: list[yaml.Node], number: Any) -> int:
    """Return the index at which to insert a lecture with that number.

    The place is after the last lecture whose number is not greater.
    """
    if not isinstance(number, int):
        return len(entries)
    return max((at for at, entry in enumerate(entries, start=1) if _number(entry) <= number), default=0)


def _number(entry: yaml.Node) -> float:
    said = text_of(entry, "number") if isinstance(entry, yaml.MappingNode) else None
    return int(said) if said is not None and said.isdecimal() else _LAST


@dataclass(slots=True)
class CatalogEditor:
    """The files of a catalog, edited by address in memory until `save`.

    Fields are named as in the files, their values plain: text, numbers, booleans, None for `null`, lists of
    text, and mappings. Unknown addresses raise `KeyError`.
    """

    root: Path
    catalog_dir: Path
    _files: dict[str, EditableFile] = field(default_factory=dict)
    _entries: dict[Address, tuple[EditableFile, yaml.MappingNode]] = field(default_factory=dict)

    @classmethod
    def open(cls, root: Path, catalog_dir: Path) -> Self:
        """Read every file. A folder that is absent is an empty catalog.

        `InvalidInput` carries what is wrong with the notation of any file.
        """
        editor = cls(root, catalog_dir)
        found = list(find_files(root, catalog_dir)) if catalog_dir.exists() else []
        problems = [item for item in found if isinstance(item, Diagnostic)]
        for source in found:
            if isinstance(source, SourceFile):
                problems += editor._read(source)
        if problems:
            raise InvalidInput(problems)
        editor._index()
        return editor

    def _read(self, source: SourceFile) -> Iterable[Diagnostic]:
        text, problems = decode(source.data, source.name, limit=FILE_MAX_BYTES)
        problems += () if text is None else read_document(source.data, source.name).problems
        if text is not None and not problems:
            self._files[source.name] = EditableFile.read(source.name, text)
        return problems

    def _index(self) -> None:
        heads = [(file, text_of(file.root, "speaker")) for file in self._files.values()]
        speakers = {_folder(file.name): Address(id_) for file, id_ in heads if id_ is not None}
        for file, id_ in heads:
            if id_ is not None:
                self._entries[Address(id_)] = (file, file.root)
        for file in self._files.values():
            collection, speaker = text_of(file.root, "collection"), speakers.get(_folder(file.name))
            if collection is not None and speaker is not None:
                self._index_collection(file, join(speaker, collection))

    def _index_collection(self, file: EditableFile, address: Address) -> None:
        self._entries[address] = (file, file.root)
        for entry in lectures_of(file.root):
            id_ = text_of(entry, "id")
            if id_ is not None:
                self._entries[join(address, id_)] = (file, entry)

    # Looking.

    def __contains__(self, address: object) -> bool:
        return address in self._entries

    @property
    def addresses(self) -> Collection[Address]:
        """All declared addresses, in order.

        Speakers come first, then collections, each before its lectures.
        """
        return self._entries.keys()

    def fields(self, address: Address) -> Mapping[str, Any]:
        """Return the fields of an entry as they are written, by name.

        Defaults are not applied, and what the entry contains is not included.
        """
        _, entry = self._entries[address]
        return {key.value: plain(value) for key, value in entry.value if key.value != "lectures"}

    def children(self, address: Address) -> Collection[Address]:
        """Return the addresses right under one, in the order of the files."""
        return [each for each in self._entries if parent_of(each) == address]

    def file_of(self, address: Address) -> str:
        """Return the name of the file that declares an address.

        The name is relative to the project.
        """
        return self._entries[address][0].name

    # Editing.

    def set(self, address: Address, fields: Mapping[str, Any]) -> None:
        """Write fields of an entry.

        Fields that the entry already has keep their comments and take the new value.
        """
        file, entry = self._entries[address]
        for name, value in fields.items():
            if not _same(value, self._said(entry, name)):
                set_value(file, entry, name, value)
                file.touch()

    def _said(self, entry: yaml.MappingNode, name: str) -> Any:
        value = value_of(entry, name)
        return plain(value) if value is not None else _NOTHING

    def remove(self, address: Address, names: Iterable[str]) -> None:
        """Remove fields from an entry, with their comments.

        A field that the entry does not have is not an error.
        """
        file, entry = self._entries[address]
        for name in names:
            pairs = [pair for pair in entry.value if pair[0].value != name]
            if len(pairs) < len(entry.value):
                file.keep(entry.value)
                entry.value = pairs
                file.touch()

    def add(self, address: Address, fields: Mapping[str, Any]) -> None:
        """Declare an address that is not declared yet.

        Its parent must be declared already. The id is written from the address. A speaker gets a new
        folder, and a collection gets a file in its speaker's folder. A lecture goes where its number
        belongs, otherwise to the end.
        """
        if address in self._entries:
            raise ValueError(f"{address} is declared already")
        id_ = address.rpartition("/")[2]
        match kind_of(address):
            case Kind.SPEAKER:
                self._add_file(address, f"{self._folder_for(id_)}/speaker.yaml", {"speaker": id_, **fields})
            case Kind.COLLECTION:
                self._add_file(address, self._name_for(address), {"collection": id_, **fields})
            case Kind.LECTURE:
                self._add_lecture(address, {"id": id_, **fields})

    def _add_file(self, address: Address, name: str, fields: Mapping[str, Any]) -> None:
        (first, id_), *_ = fields.items()
        file = EditableFile.read(name, f'{first}: "{id_}"\n')
        file.root.value = [(key_node(name), node(value)) for name, value in fields.items()]
        file.touch()
        self._files[name] = file
        self._entries[address] = (file, file.root)

    def _add_lecture(self, address: Address, fields: Mapping[str, Any]) -> None:
        parent = parent_of(address)
        assert parent is not None
        file, collection = self._entries[parent]
        entry = yaml.MappingNode("tag:yaml.org,2002:map", [], flow_style=False)
        entry.value = [(key_node(name), node(value)) for name, value in fields.items()]
        lectures = value_of(collection, "lectures")
        if not isinstance(lectures, yaml.SequenceNode):
            lectures = yaml.SequenceNode("tag:yaml.org,2002:seq", [], flow_style=False)
            put(file, collection, "lectures", lectures)
        lectures.flow_style = False
        lectures.value.insert(place_for(lectures.value, fields.get("number")), entry)
        file.touch()
        self._entries[address] = (file, entry)

    def place(self, address: Address) -> None:
        """Move a lecture's entry to where its number belongs."""
        parent = parent_of(address)
        assert parent is not None
        file, entry = self._entries[address]
        lectures = value_of(self._entries[parent][1], "lectures")
        assert isinstance(lectures, yaml.SequenceNode)
        before = list(lectures.value)
        lectures.value.remove(entry)
        number = self.fields(address).get("number")
        lectures.value.insert(place_for(lectures.value, number), entry)
        if lectures.value != before:
            file.touch()

    def drop(self, address: Address) -> None:
        """Remove a lecture's entry from its file.

        The comments that belong to the entry are removed with it.
        """
        parent = parent_of(address)
        assert parent is not None
        file, entry = self._entries.pop(address)
        lectures = value_of(self._entries[parent][1], "lectures")
        assert isinstance(lectures, yaml.SequenceNode)
        lectures.value.remove(entry)
        file.keep(entry)
        file.touch()

    def _folder_for(self, id_: str) -> str:
        taken = {_folder(name) for name in self._files}
        prefix = self._name_of(self.catalog_dir)
        names = {folder.rpartition("/")[2] for folder in taken if _folder(folder) == prefix}
        return f"{prefix}/{unique(id_, names)}"

    def _name_for(self, address: Address) -> str:
        parent, _, id_ = address.rpartition("/")
        folder = _folder(self.file_of(Address(parent)))
        beside = {PurePosixPath(name).stem for name in self._files if _folder(name) == folder}
        return f"{folder}/{unique(id_, beside)}.yaml"

    def _name_of(self, path: Path) -> str:
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    # The outcome.

    def texts(self) -> Mapping[str, str]:
        """Return every file as it stands now, by name."""
        return {name: file.text for name, file in self._files.items()}

    def edits(self) -> Mapping[str, str]:
        """Return the files that were edited, by name, as they are to be written."""
        return {name: file.text for name, file in sorted(self._files.items()) if file.edited}

    def save(self) -> tuple[str, ...]:
        """Write the edited files and return their names.

        Each file is written whole or not at all. Raises `NotEditable` for a file that cannot be printed,
        before any file is written.
        """
        edits = self.edits()
        for name, text in edits.items():
            write_whole(self.root / name, text)
        for name in edits:
            self._files[name].saved()
        return tuple(edits)


_NOTHING = object()  # equal to no value of a field


def _same(value: Any, said: Any) -> bool:
    wanted = list(value) if isinstance(value, tuple) else value
    return type(wanted) is type(said) and bool(wanted == said)


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)


def amend_lockfile(path: Path, root: Path, lines: Iterable[MediaFile]) -> bool:
    """Put lines into the lockfile.

    A new line replaces the line of the same path. Returns whether anything changed; if so, the
    lockfile was replaced, whole or not at all. Raises `InvalidInput` for a lockfile that a person
    has to look at first.
    """
    before, mistakes = read_lockfile(path, root)
    grave = [mistake for mistake in mistakes if mistake.code not in REPAIRABLE]
    if grave:
        raise InvalidInput(grave)
    after = {**before, **{nfc(media.path): media for media in lines}}
    if after == before and path.exists():
        return False
    write_lockfile(path, after.values())
    return True
