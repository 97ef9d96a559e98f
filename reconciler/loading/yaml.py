"""YAML reader: plain values with positions, from PyYAML's event stream.

Nothing is built but what the file spells out: aliases, anchors, merge keys and tags are refused as they
come by, so a file costs memory in proportion to its size, which is limited, and never more.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.yaml_errors import decode, explain
from reconciler.model.diagnostics import Diagnostic, Position

#: About 8,000 lectures, ten times the longest collection there is.
FILE_MAX_BYTES = 1024**2
NODES_MAX = 250_000
DEPTH_MAX = 20  # a catalog needs 4; libyaml needs seconds for 100,000
PROBLEMS_MAX = 100  # of one file: enough to see what is going on

#: The keys and list indexes that lead to a value.
YamlPath = tuple[str | int, ...]


class Place(NamedTuple):
    """Start of a value, and the text of an unquoted scalar.

    `line` and `column` are counted from 1.
    """

    line: int
    column: int
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Positions of everything in one file."""

    file: str
    values: dict[YamlPath, Place] = field(default_factory=dict)
    keys: dict[YamlPath, Place] = field(default_factory=dict)

    def of_value(self, path: YamlPath) -> Position:
        """Return the position of a value.

        If the value does not exist, it is the position of the nearest thing around it that exists.
        """
        while path and path not in self.values:
            path = path[:-1]
        return self._position(self.values.get(path))

    def of_key(self, path: YamlPath) -> Position:
        """Return the position of a value's key.

        For an entry of a list, it is the position of the entry.
        """
        place = self.keys.get(path)
        return self._position(place) if place else self.of_value(path)

    def raw(self, path: YamlPath) -> str | None:
        """Return an unquoted scalar as it was written; None for anything else."""
        place = self.values.get(path)
        return place.raw if place else None

    def _position(self, place: Place | None) -> Position:
        return Position(self.file, place.line, place.column) if place else Position(self.file)


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read.

    `value` is made of dict, list, str, int, bool, None and `Odd`; it is `Odd` when the file could not be
    read to its end, and NOTHING-like `Odd` when it is empty. `problems` hold every error in the notation.
    """

    value: Any
    places: Places
    problems: tuple[Diagnostic, ...]


class _Stopped(Exception):
    """There is no point in reading on."""


def read_document(data: bytes, file: str) -> Document:
    """Read the bytes of one YAML file.

    Never raises: everything that is wrong is in the document's `problems`.
    """
    text, problems = decode(data, file, limit=FILE_MAX_BYTES)
    reader = _Reader(text or "", file)
    if text is None:
        return Document(Odd("", reported=True), reader.places, tuple(problems))
    value = reader.read()
    return Document(value, reader.places, (*problems, *reader.problems))


class _Reader:
    """Walks the events of one document once, front to back."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.places = Places(file)
        self.problems: list[Diagnostic] = []
        self._next: Callable[[], Any] = yaml.CSafeLoader(text.encode()).get_event  # the C parser's
        self._nodes = 0

    def read(self) -> Any:
        try:
            return self._document()
        except yaml.MarkedYAMLError as error:
            self.problems = self._refused_before(error) or [
                *self.problems,
                explain(error, self.text, self.file),
            ]
        except yaml.YAMLError as error:
            detail = f"It is not YAML: {error}."
            self.problems.append(Mistake.BROKEN_YAML.at(Position(self.file), detail))
        except _Stopped:
            pass
        return Odd("", reported=True)

    def _refused_before(self, error: yaml.MarkedYAMLError) -> list[Diagnostic]:
        """Return the problems before an error if a limit stops the reading.

        The text before the error is read again. If one of elmify's own limits stops the reading there,
        its problems are returned.

        libyaml's scanner is up to 1,024 characters ahead of the events, and since 0.2.6 it has its own
        limit for nesting. A file that is nested too deep gets the same problems from every libyaml.
        """
        if not isinstance(error, yaml.scanner.ScannerError):
            return []  # the parser's errors come in the order of the events
        mark = error.context_mark or error.problem_mark
        before = _Reader(self.text[: mark.index if mark else 0], self.file)
        try:
            before._document()
        except yaml.YAMLError:
            pass
        except _Stopped:
            return before.problems
        return []

    def _document(self) -> Any:
        self._next()
        first = self._next()
        if isinstance(first, StreamEndEvent):
            return Odd("")
        value = self._node(self._next(), ())
        self._next()
        second = self._next()
        if isinstance(second, DocumentStartEvent):
            self._report(Mistake.SEVERAL_DOCUMENTS, second, "A second document begins here.")
        return value

    def _node(self, event: Any, path: YamlPath) -> Any:
        mark = event.start_mark
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path)
        self.places.values[path] = Place(mark.line + 1, mark.column + 1)
        self._count(event, path)
        if isinstance(event, AliasEvent):
            self._report(Mistake.ALIAS, event, f"`*{event.anchor}` repeats a part of the file.")
            return Odd(f"*{event.anchor}", reported=True)
        self._refuse_decorations(event)
        return self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(path)

    def _scalar(self, event: Any, path: YamlPath) -> Any:
        mark = event.start_mark
        raw: str = event.value
        plain = not event.style
        self.places.values[path] = Place(mark.line + 1, mark.column + 1, raw if plain else None)
        self._count(event, path)
        if event.tag is not None or event.anchor is not None:
            self._refuse_decorations(event)
        if event.tag is not None:
            return Odd(raw, reported=True)
        return resolve(raw) if plain else raw

    def _sequence(self, path: YamlPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: YamlPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            self._pair(event, path, values)
        return values

    def _pair(self, event: Any, path: YamlPath, values: dict[str, Any]) -> None:
        key = self._key(event, path)
        if key is None:
            self._node(self._next(), (*path, "", "value"))
            return
        inner = (*path, key)
        if key not in values:
            self.places.keys[inner] = Place(event.start_mark.line + 1, event.start_mark.column + 1)
            values[key] = self._node(self._next(), inner)
            return
        first = self.places.keys[inner].line
        self._report(Mistake.DUPLICATE_KEY, event, f"`{key}` was already given on line {first}.")
        self._node(self._next(), (*inner, "again"))

    def _key(self, event: Any, path: YamlPath) -> str | None:
        """Return a key's text; None when it was refused."""
        if not isinstance(event, ScalarEvent):
            self._node(event, (*path, "", "key"))
            if not isinstance(event, AliasEvent):
                self._report(Mistake.BROKEN_YAML, event, *_COMPLEX_KEY)
            return None
        self._count(event, ())
        self._refuse_decorations(event)
        if event.value == "<<" and not event.style:
            self._report(Mistake.ALIAS, event, "`<<` merges another part of the file into this one.")
            return None
        return str(event.value)

    def _refuse_decorations(self, event: Any) -> None:
        if event.anchor is not None:
            self._report(Mistake.ALIAS, event, f"`&{event.anchor}` names a part of the file to repeat it.")
        if event.tag is not None:
            self._report(Mistake.TAG, event, f"`{event.tag}` asks for a type.")

    def _count(self, event: Any, path: YamlPath) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._stop(Mistake.TOO_LARGE, event, f"It holds more than {NODES_MAX:,} values.")
        if len(path) > DEPTH_MAX:
            self._stop(Mistake.TOO_LARGE, event, f"It is nested more than {DEPTH_MAX} deep.")

    def _report(self, mistake: Mistake, event: Any, detail: str, hint: str = "") -> None:
        if len(self.problems) >= PROBLEMS_MAX:
            self._stop(Mistake.TOO_MANY, event, f"There are more than {PROBLEMS_MAX} mistakes so far.")
        self.problems.append(mistake.at(self._position(event), detail, hint))

    def _stop(self, mistake: Mistake, event: Any, detail: str) -> None:
        self.problems.append(mistake.at(self._position(event), detail))
        raise _Stopped

    def _position(self, event: Any) -> Position:
        return Position(self.file, event.start_mark.line + 1, event.start_mark.column + 1)


_COMPLEX_KEY: Sequence[str] = (
    "A key must be text, and this one is a list or a mapping.",
    'Put text that begins with `{` or `[` in quotes: "{{ speaker.name }}/speaker.{{ ext }}".',
)


_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
_TRUE_FALSE = yaml.constructor.SafeConstructor.bool_values
_TAG = "tag:yaml.org,2002:"

#: A number as a person writes it. `010` (8 to YAML), `1_000`, `0x1F` and `22:22` (1342) are numbers to YAML
#: too, but not the ones that were meant.
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Odd:
    """A value that no field accepts, as it was written.

    It is a date, `22:22`, `.5`, an alias, or nothing at all. `reported` says that a diagnostic about
    it exists already.
    """

    raw: str
    reported: bool = False


#: What follows a colon with nothing behind it: too easily an accident to mean `null`.
NOTHING = Odd("")

Scalar = str | int | bool | None | Odd


def resolve(raw: str) -> Scalar:
    """Return the value of an unquoted scalar.

    It is text, a plain whole number, a boolean, `null`, or `Odd`.
    """
    for tag, pattern in _RESOLVERS.get(raw[:1], ()):
        if pattern.match(raw):
            return _construct(tag.removeprefix(_TAG), raw)
    return raw


def _construct(tag: str, raw: str) -> Scalar:
    match tag:
        case "null":
            return None if raw else NOTHING
        case "bool":
            return _TRUE_FALSE[raw.lower()]
        case "int" if _PLAIN_NUMBER.fullmatch(raw):
            return int(raw)
        case _:
            return Odd(raw)


def reading_of(raw: str) -> str:
    """Return a description of the value that YAML reads from unquoted text.

    Examples: `the number 1342`, `the date 2025-01-01`, `false`.
    """
    try:
        value = yaml.load(raw, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):  # `=` and `<<`, the 31st of February, a number of 5,000 digits
        return "something other than text"
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "null, which is nothing"
        case int() | float():
            return f"the number {value}"
        case dt.datetime():
            return f"the time {value}"
        case dt.date():
            return f"the date {value}"
        case _:
            return "text"
