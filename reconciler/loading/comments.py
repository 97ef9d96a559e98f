"""Comments and blank lines of a YAML file, each with its entry.

A YAML parser drops comments, and a parser that keeps them attaches a comment to the entry before
it. For a person, a comment above an entry describes that entry: it belongs to the entry and
moves with it.
"""

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

#: What YAML takes for space. Python's own idea includes characters that are text to YAML.
SPACE = " \t"

#: Where a node stands in the text: first and last position, from 0.
Span = tuple[int, int]


@dataclass(slots=True)
class EntryComments:
    """Comments and blank lines around one entry.

    An item is the text of a comment, or `""` for a blank line. `before` is above the entry, `same_line`
    is at the end of its line, and `after` is below everything that the entry contains.
    """

    before: list[str] = field(default_factory=list)
    same_line: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Anchor:
    """An entry as a place that comments can belong to.

    `last_line` is None when the entry contains other entries.
    """

    start: int
    line: int
    last_line: int | None
    top: bool
    comments: EntryComments


@dataclass(frozen=True, slots=True)
class _Comment:
    start: int
    line: int
    column: int
    text: str
    alone: bool


class CommentedSource:
    """A YAML text and its comments."""

    def __init__(self, text: str, root: yaml.Node) -> None:
        self.text = text
        self.lines = text.split("\n")
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._opaque = sorted(self.span(node) for node in scalars(root))
        self.comments = list(self._comments())
        self._comment_starts = [comment.start for comment in self.comments]

    def span(self, node: yaml.Node) -> Span:
        """Return the start and the end of a node in the text.

        Blank lines after a block of text are not part of it.
        """
        start, end = self._index(node.start_mark), self._index(node.end_mark)
        if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
            end = start + len(self.text[start:end].rstrip(SPACE + "\n"))
        return start, end

    def _index(self, mark: yaml.Mark) -> int:
        return self._starts[mark.line] + mark.column

    def is_leaf(self, node: yaml.Node) -> bool:
        """Return whether a node is written as one piece.

        Such a node is a scalar, or a flow collection without comments in it.
        """
        if isinstance(node, yaml.ScalarNode):
            return True
        start, end = self.span(node)
        first = bisect.bisect_left(self._comment_starts, start)
        is_flow = isinstance(node, yaml.CollectionNode) and bool(node.flow_style)
        return is_flow and not (first < len(self._comment_starts) and self._comment_starts[first] < end)

    def _comments(self) -> Iterator[_Comment]:
        for number, line in enumerate(self.lines):
            for match in re.finditer(r"(?:(?<=[ \t])|^)#", line):
                start = self._starts[number] + match.start()
                if not self._in_scalar(start):
                    text = line[match.start() :].rstrip(SPACE)
                    alone = not line[: match.start()].strip(SPACE)
                    yield _Comment(start, number, match.start(), text, alone)
                    break

    def _in_scalar(self, index: int) -> bool:
        place = bisect.bisect_right(self._opaque, (index, len(self.text) + 1)) - 1
        return place >= 0 and self._opaque[place][0] <= index < self._opaque[place][1]

    def is_blank(self, number: int) -> bool:
        """Return whether a line is empty and not part of a text."""
        return not self.lines[number].strip(SPACE) and not self._in_scalar(self._starts[number])


def scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield every scalar of a tree, keys included, in the order of the text."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from scalars(key)
            yield from scalars(value)
    else:
        for item in node.value:
            yield from scalars(item)


class CommentOwners:
    """Comments and blank lines by the entry that they belong to.

    An entry is identified by the node of its key, or by its own node in a list. `head` (everything
    above the first entry) and `tail` (everything below the last entry) belong to the file.
    """

    def __init__(self, source: CommentedSource, root: yaml.Node) -> None:
        self.head: list[str] = []
        self.tail: list[str] = []
        self._of: dict[int, EntryComments] = {}
        self._source = source
        self._margin = root.start_mark.column
        self._anchors = list(self._walk(root, top=True))
        self._lines = [anchor.line for anchor in self._anchors]
        self._starts = [anchor.start for anchor in self._anchors]
        self._give()

    def of(self, node: yaml.Node) -> EntryComments:
        """Return what belongs to the entry of that key or item."""
        return self._of.get(id(node)) or EntryComments()

    def _walk(self, node: yaml.Node, *, top: bool = False) -> Iterator[_Anchor]:
        if self._source.is_leaf(node):
            return
        for key, value in _entries(node):
            comments = self._of[id(key)] = EntryComments()
            start, _ = self._source.span(key)
            last = value.end_mark.line if self._source.is_leaf(value) else None
            yield _Anchor(start, key.start_mark.line, last, top, comments)
            yield from self._walk(value)

    def _give(self) -> None:
        for group in self._groups():
            self._give_group(group)

    def _groups(self) -> Iterator[list[_Comment]]:
        """Assign end-of-line comments; yield the lines between entries.

        A comment at the end of an entry's line goes to that entry. The lines between entries are yielded
        in runs.
        """
        by_line = {comment.line: comment for comment in self._source.comments}
        run: list[_Comment] = []
        for number in range(len(self._source.lines)):
            comment = by_line.get(number)
            if comment is None and self._source.is_blank(number):
                comment = _Comment(0, number, 0, "", alone=True)
            if comment is not None and (comment.alone or not self._give_beside(comment)):
                run.append(comment)
            elif run:
                yield run
                run = []
        if run:
            yield run

    def _give_beside(self, comment: _Comment) -> bool:
        place = bisect.bisect_left(self._starts, comment.start) - 1
        if place < 0:
            return False
        anchor = self._anchors[place]
        if comment.line not in {anchor.line, anchor.last_line}:
            return False
        anchor.comments.same_line.append(comment.text)
        return True

    def _give_group(self, run: Sequence[_Comment]) -> None:
        place = bisect.bisect_right(self._lines, run[0].line)
        following = self._anchors[place] if place < len(self._anchors) else None
        if following is None or following.top:
            run = self._give_after(run, place)
        above = following.comments.before if following and place else self.head
        lines = above if following else self.tail
        lines.extend(comment.text for comment in run)

    def _give_after(self, run: Sequence[_Comment], place: int) -> Sequence[_Comment]:
        """Give the indented comments to the entry that ends here; return the rest."""
        owner = next((anchor for anchor in reversed(self._anchors[:place]) if anchor.top), None)
        indented = [number for number, comment in enumerate(run, start=1) if comment.column > self._margin]
        if owner is None or not indented:
            return run
        owner.comments.after.extend(comment.text for comment in run[: indented[-1]])
        return run[indented[-1] :]


def _entries(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from node.value
    elif isinstance(node, yaml.SequenceNode):
        yield from ((item, item) for item in node.value)
