"""One catalog file that can be edited: its tree, and where entries and values stand in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import yaml

from reconciler.loading.fmt import Printer, Unwritable
from reconciler.loading.nodes import key_node, node
from reconciler.loading.trivia import Belongings, Source
from reconciler.model.errors import ElmifyError
from reconciler.text.yaml import FILE_MAX_BYTES

_BREAKS_OF_ITS_OWN = re.compile("[\x85\u2028\u2029]")
_LAST = float("inf")


class NotEditable(ElmifyError):
    """A catalog file cannot be edited without losing something of it. Nothing was written."""

    code = "catalog-not-editable"


@dataclass(slots=True)
class EditableFile:
    """One catalog file as a tree, with the printer that knows its comments by their nodes.

    A file that is no mapping has nothing in its tree to be edited.
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
        source = Source(plain_text, root)
        return cls(name, text, root, Printer(source, Belongings(source, root)))

    def keep(self, nodes: object) -> None:
        """Hold nodes that leave the tree: a new one in their memory would get their comments."""
        self._kept.append(nodes)

    def touch(self) -> None:
        """Note that the tree was changed."""
        self.edited, self._printed = True, None

    @property
    def text(self) -> str:
        """The file as it is to be written; `NotEditable` when that would lose something of it."""
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
    """Give a key its new value; the key itself, which the comments belong to, stays when it is there."""
    file.keep(list(entry.value))
    for place, (key, _) in enumerate(entry.value):
        if key.value == name:
            entry.value[place] = (key, value)
            return
    entry.value.append((key_node(name), value))


def place_for(entries: list[yaml.Node], number: Any) -> int:
    """Return where a lecture of that number goes: behind the last one whose number is not greater."""
    if not isinstance(number, int):
        return len(entries)
    return max((at for at, entry in enumerate(entries, start=1) if _number(entry) <= number), default=0)


def _number(entry: yaml.Node) -> float:
    said = text_of(entry, "number") if isinstance(entry, yaml.MappingNode) else None
    return int(said) if said is not None and said.isdecimal() else _LAST
