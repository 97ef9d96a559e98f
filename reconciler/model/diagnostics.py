"""Diagnostics: what is wrong with the input, as data.

They are gathered and shown all at once, and each points at its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.remedies import Remedy


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Position in a text file.

    `file` is relative to the project; line and column count from 1.
    """

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """An error stops the command; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing wrong with the input.

    `code` is stable (`EL101`). `summary` is one clause without names the user chose; `detail` says what is
    wrong here; `hint` says what to do, and `remedies` are operations that help, after the hint.
    """

    code: str
    summary: str
    detail: str
    hint: str
    position: Position
    severity: Severity = Severity.ERROR
    remedies: tuple[Remedy, ...] = ()


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any of the diagnostics stops the command."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def in_reading_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics sorted by file, line and column, then by code.

    This is the order in which a person reads through the files.
    """
    return tuple(sorted(set(diagnostics), key=lambda d: (d.position, d.code, d.detail)))
