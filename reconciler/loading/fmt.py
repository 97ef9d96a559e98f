"""Canonical form of catalog files.

It defines the key order, the notation and the placement of comments.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from reconciler.loading.catalog_files import SourceFile
from reconciler.loading.comments import SPACE, CommentedSource, CommentOwners
from reconciler.loading.ids import write_missing_ids
from reconciler.loading.yaml import FILE_MAX_BYTES, read_document
from reconciler.loading.yaml_errors import decode
from reconciler.loading.yaml_writing import written
from reconciler.model.diagnostics import Diagnostic

_STEP = "  "

#: What an entry is comes first, then what people read, its files, what holds for it, and what it contains.
KEY_ORDER = (
    *("speaker", "collection", "id", "number", "name", "title", "description", "bio", "year", "genre"),
    *(
        "premium",
        "visibility",
        "public",
        "image",
        "image_small",
        "cover",
        "cover_small",
        "audio",
        "thumbnail",
    ),
    *("categories", "protect", "row", "previously", "as_is"),
    *("", "forget", "defaults", "lectures"),
)
_RANK: Mapping[str, int] = {key: rank for rank, key in enumerate(KEY_ORDER)}
_BLOCK_HEADER = re.compile(r"[|>][+-]?$")
_IDS = frozenset({"id", "speaker", "collection"})


class Unwritable(Exception):
    """The file uses a notation that has no canonical form here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """Text of a catalog file before and after formatting.

    `problems` say what in the notation was the reason to leave the file unchanged.
    """

    before: str
    after: str
    problems: tuple[Diagnostic, ...] = ()

    @property
    def differs(self) -> bool:
        """Return whether the file is not in its canonical form."""
        return self.before != self.after


def format_catalog_file(text: str, file: str = "", *, taken: Collection[str] = ()) -> Formatted:
    """Return a catalog file in its canonical form, with missing ids written.

    Formatting that again changes nothing, and PyYAML reads the same data from both but for new ids. `file` is
    its path, for problems and for an id when the title yields none; `taken` are ids that its own must not be.
    A file with mistakes in its notation is left alone, as is one whose comments or data would not survive.
    """
    document = read_document(text.encode("utf-8", "surrogatepass"), file)
    if document.problems:
        return Formatted(before=text, after=text, problems=document.problems)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    after = _canonical(plain, file, taken)
    return Formatted(before=text, after=after if after is not None and _kept(plain, after) else text)


def _canonical(text: str, file: str, taken: Collection[str]) -> str | None:
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    if not isinstance(root, yaml.MappingNode) or re.search("[\x85\u2028\u2029]", text):
        return None
    source = CommentedSource(text, root)
    printer = Printer(source, CommentOwners(source, root))
    write_missing_ids(root, file, taken)
    try:
        return printer.document(root)
    except Unwritable:
        return None


def _kept(before: str, after: str) -> bool:
    """Return whether formatting lost nothing.

    Formatting relies on this law, so it is checked each time.
    """
    return _grown(_data(before), _data(after)) and _comments(before) == _comments(after)


def _data(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _comments(text: str) -> Counter[str]:
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    return Counter(comment.text for comment in CommentedSource(text, root).comments) if root else Counter()


def _grown(before: Any, after: Any) -> bool:
    """Return whether `after` is `before` with nothing added but ids."""
    if isinstance(before, dict) and isinstance(after, dict):
        added = after.keys() - before.keys()
        return added <= _IDS and all(key in after and _grown(old, after[key]) for key, old in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_grown, before, after))
    return type(before) is type(after) and bool(before == after)


class Printer:
    """Writes a tree of nodes with the comments that belong to them.

    Nodes without a place in the source, which were added to the tree, are written as their style says.
    """

    def __init__(self, source: CommentedSource, owners: CommentOwners) -> None:
        self.source = source
        self.owners = owners

    def document(self, root: yaml.MappingNode) -> str:
        """Return the text of the whole file.

        Raises `Unwritable` for a notation that would lose something.
        """
        if self.source.is_leaf(root):
            root.flow_style = False  # a whole file in braces
        above = _above(self.owners.head, "", first=True)
        below = _above(self.owners.tail, "", first=False)
        return "\n".join([*above, *self._mapping(root, ""), *below]).rstrip("\n") + "\n"

    def _block(self, node: yaml.Node, indent: str) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, indent)
        assert isinstance(node, yaml.SequenceNode)  # the parser knows no other collection
        return self._list(node, indent)

    def _mapping(self, node: yaml.MappingNode, indent: str) -> Iterator[str]:
        for number, (key, value) in enumerate(_in_order(node)):
            comments = self.owners.of(key)
            yield from _above(comments.before, indent, first=number == 0)
            name = f"{indent}{self._scalar_on_one_line(key)}:"
            yield from self._entry(name, value, indent, comments.same_line)
            yield from _above(comments.after, indent + _STEP, first=False)

    def _entry(self, name: str, value: yaml.Node, indent: str, beside: Sequence[str]) -> Iterator[str]:
        comment = f"  {' '.join(beside)}" if beside else ""
        if not self._is_leaf(value):
            yield f"{name}{comment}"
            yield from self._block(value, indent + _STEP)
            return
        first, *rest = self._leaf(value)
        lines = [
            f"{name} {first}" if first else name,
            *(f"{indent}{_STEP}{line}" if line else "" for line in rest),
        ]
        yield from lines[:-1]
        yield f"{lines[-1]}{comment}"

    def _list(self, node: yaml.SequenceNode, indent: str) -> Iterator[str]:
        for number, item in enumerate(node.value):
            comments = self.owners.of(item)
            yield from _above(comments.before, indent, first=number == 0)
            if self._is_leaf(item):
                yield from self._entry(f"{indent}-", item, indent, comments.same_line)
            else:
                yield from _dashed(list(self._block(item, indent + _STEP)), indent)

    def _is_leaf(self, node: yaml.Node) -> bool:
        if node.start_mark is None:
            return not isinstance(node, yaml.CollectionNode) or bool(node.flow_style)
        return self.source.is_leaf(node)

    def _leaf(self, node: yaml.Node) -> Sequence[str]:
        """Return the lines of a leaf.

        The lines after the first are without the indentation that all of them share.
        """
        if not isinstance(node, yaml.ScalarNode):
            return [self._flow(node)]
        if node.style in {"|", ">"}:
            return self._block_scalar(node)
        if node.start_mark is not None and node.start_mark.line != node.end_mark.line:
            start, end = self.source.span(node)
            return [line.strip(SPACE) for line in self.source.text[start:end].split("\n")]
        return [self._scalar_on_one_line(node)]

    def _scalar_on_one_line(self, node: yaml.ScalarNode, *, in_flow: bool = False) -> str:
        if not node.style and "\n" not in node.value:
            return str(node.value)  # what it is to PyYAML is for the author to say
        return written(node.value, in_flow=in_flow)

    def _block_scalar(self, node: yaml.ScalarNode) -> Sequence[str]:
        if node.start_mark is None:
            return ["|-", *node.value.split("\n")]
        start, end = self.source.span(node)
        header, *body = self.source.text[start:end].split("\n")
        if not _BLOCK_HEADER.fullmatch(header.rstrip(SPACE)):
            raise Unwritable
        while body and not body[-1].strip(SPACE):
            body.pop()
        if header.rstrip(SPACE).endswith("+") or not body:
            raise Unwritable
        indent = min(len(line) - len(line.lstrip(" ")) for line in body if line.strip(SPACE))
        return [header.rstrip(SPACE), *(line[indent:] for line in body)]

    def _flow(self, node: yaml.Node) -> str:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar_on_one_line(node, in_flow=True)
        if isinstance(node, yaml.SequenceNode):
            return f"[{', '.join(map(self._flow, node.value))}]"
        assert isinstance(node, yaml.MappingNode)  # the parser knows no other collection
        return f"{{{', '.join(f'{self._flow(key)}: {self._flow(value)}' for key, value in _in_order(node))}}}"


def _in_order(node: yaml.MappingNode) -> Sequence[tuple[yaml.ScalarNode, yaml.Node]]:
    return sorted(node.value, key=lambda pair: _RANK.get(pair[0].value, _RANK[""]))


def _dashed(lines: Sequence[str], indent: str) -> Iterator[str]:
    """Yield the lines of a list entry, with the dash of the list.

    Comments above the first key of the entry come before the dash, because they cannot follow it.
    """
    content = next(
        place for place, line in enumerate(lines) if line and not line.lstrip(SPACE).startswith("#")
    )
    yield from (f"{indent}{line.lstrip(SPACE)}" for line in lines[:content] if line)
    yield f"{indent}- {lines[content].lstrip(SPACE)}"
    yield from lines[content + 1 :]


def _above(comments: Sequence[str], indent: str, *, first: bool) -> Iterator[str]:
    """Yield the comments and blank lines above an entry.

    There is at most one blank line in a row, and none above the first entry.
    """
    last = "" if first else None
    for comment in comments:
        if comment or last != "":
            yield f"{indent}{comment}" if comment else ""
        last = comment


@dataclass(frozen=True, slots=True)
class FormattedFile:
    """One file of the catalog, formatted.

    `formatted` is None when the file is not text; `problems` then explain why.
    """

    name: str
    formatted: Formatted | None
    problems: Sequence[Diagnostic]

    @property
    def differs(self) -> bool:
        """Return whether the file is not in its canonical form."""
        return self.formatted is not None and self.formatted.differs


def format_catalog(sources: Sequence[SourceFile]) -> Iterator[FormattedFile]:
    """Yield every file in the order given, formatted.

    An id that a file gets is none that another speaker, or another collection of the same folder, has.
    """
    taken = _taken(sources)
    for source in sources:
        text, problems = decode(source.data, source.name, limit=FILE_MAX_BYTES)
        if text is None or problems:
            yield FormattedFile(source.name, None, problems)
            continue
        formatted = format_catalog_file(
            text, source.name, taken=taken["speakers"] | taken[f"in {source.folder}"]
        )
        if formatted.differs:
            _note(taken, source.folder, formatted.after.encode(), source.name)
        yield FormattedFile(source.name, formatted, formatted.problems)


def _taken(sources: Sequence[SourceFile]) -> defaultdict[str, set[str]]:
    taken: defaultdict[str, set[str]] = defaultdict(set)
    for source in sources:
        _note(taken, source.folder, source.data, source.name)
    return taken


def _note(taken: defaultdict[str, set[str]], folder: str, data: bytes, name: str) -> None:
    value = read_document(data, name).value
    if isinstance(value, dict):
        taken["speakers"].add(str(value.get("speaker", "")))
        taken[f"in {folder}"].add(str(value.get("collection", "")))
