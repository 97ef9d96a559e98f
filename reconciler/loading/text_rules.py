"""Rules for texts that become an id, a name or a paragraph."""

import re

from reconciler.model.address import ID_PATTERN

# The patterns are written in the part of the language that Python, Rust (pydantic) and JavaScript (editors
# that read the JSON Schema) have in common.
_BREAKS = r"\u2028\u2029"
_CONTROL = rf"\x00-\x1f\x7f-\x9f{_BREAKS}"

#: See `address.ID_PATTERN`.
ID = f"^{ID_PATTERN.pattern}$"

#: One line: not empty, no space at either end, no control character, no line break.
LINE = rf"^[^\s{_CONTROL}](?:[^{_CONTROL}]*[^\s{_CONTROL}])?$"

#: A name, as rows have it: one line with something in it; space at its ends is part of it.
NAME = rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"

#: Several lines: not empty, no control character but line breaks and tabs.
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$"

_NOT_IN_LINE = re.compile(f"[{_CONTROL}]")
_NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def flaw(text: str, pattern: str) -> str:
    """Return the reason why `text` does not match `LINE`, `NAME` or `TEXT`.

    The reason is the end of a sentence that begins with the field.
    """
    if not text or (pattern == NAME and not text.strip()):
        return "is empty"
    if pattern == LINE and text.strip() != text:
        return "begins or ends with a space"
    match = (_NOT_IN_TEXT if pattern == TEXT else _NOT_IN_LINE).search(text)
    if match is None:
        return "does not have the form it must have"
    if match.group() in "\n\r\u2028\u2029":
        return "has a line break"
    return f"has the control character U+{ord(match.group()):04X}"
