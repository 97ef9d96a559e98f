"""What one catalog file declares, as plain data, not yet knowing the other files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from reconciler.model.kinds import Kind
from reconciler.model.values import Value


class Entry(NamedTuple):
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
    """What one file declares: a speaker, or a collection with its lectures."""

    kind: Kind
    head: Entry
    lectures: Sequence[Entry]
    forget: Sequence[str]
    defaults: Mapping[str, Value]
