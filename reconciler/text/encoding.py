"""Bytes → text: what a text file may be made of."""

import re

from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.values import readable_size
from reconciler.text.codes import Mistake

_BOM = "\ufeff"

#: What YAML does not allow in a file, besides lone surrogates, which are no UTF-8.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")


def decode(data: bytes, file: str, *, limit: int) -> tuple[str | None, list[Diagnostic]]:
    """Return the text, or None and why it cannot be read. `limit` is the size a file may have, in bytes."""
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
