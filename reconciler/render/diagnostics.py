"""Diagnostics and failures, for a person and as JSON."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from reconciler.model.diagnostics import Diagnostic, Position, Severity, in_reading_order
from reconciler.model.errors import ElmifyError, InvalidInput
from reconciler.render.escape import harmless, harmless_json, harmless_lines, styled
from reconciler.render.remedies import commands_of, hint_text, remedy_json

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def diagnostics_text(diagnostics: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """Return diagnostics as text, in reading order.

    A blank line separates two of them; empty without any. The first line of each is
    `file:line:column: error[EL104] summary`, which editors can jump to.
    """
    return "\n\n".join(_diagnostic(one, colour=colour) for one in in_reading_order(diagnostics))


def _diagnostic(one: Diagnostic, *, colour: bool) -> str:
    label = _styled(f"{one.severity}[{harmless(one.code)}]", colour=colour, fg=_COLOURS[one.severity])
    first = f"{harmless(str(one.position))}: {label} {harmless(one.summary)}"
    return "\n".join([first, *_indented([one.detail, advice(one)], "    ")])


def diagnostics_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Return diagnostics in reading order, as JSON values."""
    return [diagnostic_json(one) for one in in_reading_order(diagnostics)]


def diagnostic_json(one: Diagnostic) -> dict[str, Any]:
    """Return a diagnostic as JSON values."""
    return {
        "severity": one.severity.value,
        "code": one.code,
        "summary": one.summary,
        "detail": one.detail,
        "hint": advice(one),
        "position": position_json(one.position),
    }


def advice(one: Diagnostic) -> str:
    """Return what to do about a diagnostic: its hint, then its remedies."""
    return hint_text(one.hint, one.remedies)


def position_json(position: Position) -> dict[str, Any]:
    """Return a position as JSON values."""
    return {"file": position.file, "line": position.line, "column": position.column}


def error_text(error: ElmifyError, *, colour: bool = False) -> str:
    """Return a failure as text.

    Any diagnostics that it carries come first, then its message, then its details and its hint,
    indented.
    """
    found = error.diagnostics if isinstance(error, InvalidInput) else ()
    code = "" if error.code == ElmifyError.code else f"[{error.code}]"
    label = _styled(f"error{code}:", colour=colour, fg="red")
    lines = [
        f"{label} {harmless(error.message)}",
        *_indented([*error.details, hint_text(error.hint, error.remedies)], "  "),
    ]
    return "\n\n".join(filter(None, [diagnostics_text(found, colour=colour), "\n".join(lines)]))


def error_json(error: ElmifyError) -> str:
    """Return a failure as one JSON object under `error`, on one line."""
    found = error.diagnostics if isinstance(error, InvalidInput) else ()
    document = {
        "code": error.code,
        "exit": int(error.exit),
        "message": error.message,
        "details": list(error.details),
        "reasons": list(error.reasons),
        "hint": hint_text(error.hint, error.remedies),
        "remedies": [remedy_json(remedy) for remedy in error.remedies],
        "commands": commands_of(error.remedies),
        "diagnostics": diagnostics_json(found),
    }
    return harmless_json(json.dumps({"error": document}, ensure_ascii=False, sort_keys=True))


def _indented(texts: Sequence[str], indent: str) -> list[str]:
    """Return every line of the texts, indented.

    Empty texts are left out. Lines keep their own indentation as well.
    """
    return [f"{indent}{line}" for text in texts if text for line in harmless_lines(text)]


def _styled(text: str, *, colour: bool, fg: str) -> str:
    return styled(text, fg=fg, bold=True) if colour else text
