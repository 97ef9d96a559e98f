"""Decoding and YAML syntax errors, explained for a person."""

import re

import yaml

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.values import readable_size

_BOM = "\ufeff"

#: What YAML does not allow in a file, besides lone surrogates, which are no UTF-8.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")


def decode(data: bytes, file: str, *, limit: int) -> tuple[str | None, list[Diagnostic]]:
    """Return the text of a file, and the diagnostics of its encoding.

    When the file cannot be read, the text is None and the diagnostics say why. `limit` is the size
    that a file may have, in bytes.
    """
    if len(data) > limit:
        return None, [too_large(file, len(data), limit)]
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return None, [_not_utf8(data, file, error)]
    if text.startswith(_BOM):
        detail = "It begins with a byte order mark, which UTF-8 does not need."
        hint = "Save it as UTF-8 without BOM."
        return text[1:], [Mistake.ENCODING.at(Position(file), detail, hint)]
    if match := _FORBIDDEN.search(text):
        return None, [_forbidden(text, file, match)]
    return text, []


def too_large(file: str, size_bytes: int, limit: int) -> Diagnostic:
    """Say that a file is larger than `limit` bytes."""
    detail = f"It is {readable_size(size_bytes)}; a file may have {readable_size(limit)}."
    return Mistake.TOO_LARGE.at(Position(file), detail)


def _not_utf8(data: bytes, file: str, error: UnicodeDecodeError) -> Diagnostic:
    before = data[: error.start].decode()
    detail = f"The byte 0x{data[error.start]:02X} here is not UTF-8."
    return Mistake.ENCODING.at(_end_of(before, file), detail)


def _forbidden(text: str, file: str, match: re.Match[str]) -> Diagnostic:
    code = ord(match.group())
    what = "A NUL character" if code == 0 else f"The control character U+{code:04X}"
    position = _end_of(text[: match.start()], file)
    return Mistake.ENCODING.at(position, f"{what} stands here.", "Delete it: an editor may not show it.")


def _end_of(text: str, file: str) -> Position:
    """Return the position of what follows `text`."""
    return Position(file, text.count("\n") + 1, len(text) - text.rfind("\n"))


_QUOTE = "Put the text in quotes."

#: A part of libyaml's message, what it means, and what to do.
_SENTENCES = (
    (
        "mapping values are not allowed",
        "A `: ` stands where no key can be: inside a text, or on a line that is indented too far.",
        f"{_QUOTE} Or indent the line like its neighbours.",
    ),
    (
        "found a tab character",
        "A tab stands where only spaces may indent.",
        "Indent with spaces.",
    ),
    (
        "found unexpected end of stream",
        "A quote is opened and never closed.",
        "Close it. A quote inside single quotes is written twice: 'it''s'.",
    ),
    (
        "expected ',' or ']'",
        "A list is opened with `[` and not continued or closed.",
        "Put commas between its entries, close it with `]`, and quote texts that hold `,` `[` or `]`.",
    ),
    (
        "expected ',' or '}'",
        "A mapping is opened with `{` and not continued or closed.",
        "Put commas between its fields, close it with `}`, and quote texts that hold `,` `{` or `}`.",
    ),
    (
        "expected '-' indicator",
        "This stands beside a list without being an entry of it.",
        "Begin an entry with `- `, or indent the list deeper than what follows it.",
    ),
    (
        "could not find expected ':'",
        "This line is neither `key: value` nor a part of a text.",
        "Put a `:` and a space behind the key, or indent the line to continue the text above.",
    ),
    (
        "did not find expected key",
        "This is not a key of the mapping that it stands in.",
        "Indent it like its neighbours; quote a text as a whole, or not at all.",
    ),
    (
        "found unknown escape character",
        "A backslash inside double quotes is followed by a letter that means nothing.",
        "Use single quotes, or write the backslash twice.",
    ),
)


def explain(error: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    """Return a diagnostic that points where libyaml stopped."""
    mark = error.problem_mark or error.context_mark
    position = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
    detail, hint = _sentence(str(error.problem), _character(text, position))
    if error.context_mark and error.context_mark.line + 1 != position.line:
        detail += f" It belongs to what begins on line {error.context_mark.line + 1}."
    return Mistake.BROKEN_YAML.at(position, detail, hint)


def _sentence(problem: str, character: str) -> tuple[str, str]:
    if "cannot start any token" in problem:
        if character == "\t":
            return "A tab stands where only spaces may indent.", "Indent with spaces."
        return f"`{character}` cannot begin a text without quotes.", _QUOTE
    for part, detail, hint in _SENTENCES:
        if part in problem:
            return detail, hint
    return f"YAML stopped here: {problem}.", ""


def _character(text: str, position: Position) -> str:
    """Return the character that stands there; empty at the end of the text."""
    lines = text.splitlines()
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    return line[position.column - 1 : position.column]
