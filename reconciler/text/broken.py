"""libyaml's complaints about broken YAML, as sentences for a person."""

import yaml

from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.text.codes import Mistake

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
