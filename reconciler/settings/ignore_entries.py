"""Ignore entries of elmify.yaml: insertion of lines.

Lines are inserted, and nothing else is touched.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from reconciler.loading.text_rules import LINE, flaw
from reconciler.model.address import EXACTLY
from reconciler.model.errors import ElmifyError, UsageError
from reconciler.model.policy import Ignored

_KEY = "ignore"
#: What a setting cannot hold: controls, line breaks, halves of characters and what is none.
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class NotWritable(ElmifyError):
    """elmify.yaml that cannot be extended without losing some of its content.

    Nothing was written.
    """

    code = "settings-not-writable"


def ignored(what: str, reason: str) -> Ignored:
    """Return the entry that ignores one thing, and nothing else.

    Raises `UsageError` for a reason that is not valid. A name with a control character, which a
    setting cannot hold, is written as a glob.
    """
    stripped = " ".join(_UNWRITABLE.sub("", " ".join(reason.split())).split())
    if not re.match(LINE, stripped):
        raise UsageError(
            f"the reason {flaw(stripped, LINE)}", hint="Say in one line why it is to be left as it is."
        )
    glob = _UNWRITABLE.sub("?", what)
    return Ignored(what=glob if glob != what else f"{EXACTLY}{what}", reason=stripped)


def with_ignored(text: str, entries: Sequence[Ignored]) -> str:
    """Return elmify.yaml with more entries in its `ignore:`.

    The new entries go on top of the list, the first one first. All other lines, comments included,
    stay as they are. Raises `NotWritable` for a list in a notation that lines cannot be put into.
    """
    if not entries:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    after, indent = _place(text)
    items = [f"{line}{newline}" for entry in entries for line in _item(entry, indent)]
    if after is None:
        lines += [newline, f"{_KEY}:{newline}", *items]
    else:
        lines[after + 1 : after + 1] = items
    changed = "".join(lines)
    _check(text, changed, entries)
    return changed


def _item(entry: Ignored, indent: int) -> list[str]:
    space = " " * indent
    return [f"{space}- what: {_quoted(entry.what)}", f"{space}  reason: {_quoted(entry.reason)}"]


def _quoted(text: str) -> str:
    """Return a text as a double-quoted scalar, which JSON's strings are too."""
    return json.dumps(text, ensure_ascii=False)


def _place(text: str) -> tuple[int | None, int]:
    """Return the line of the key and the indentation of its items.

    The line is None where there is no such key.
    """
    import yaml

    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value != _KEY:
            continue
        if isinstance(value, yaml.SequenceNode) and not value.flow_style and value.value:
            return key.start_mark.line, value.start_mark.column
        if isinstance(value, yaml.ScalarNode) and not value.value:
            return key.start_mark.line, 2
        raise _not_writable()
    return None, 2


def _check(before: str, after: str, entries: Sequence[Ignored]) -> None:
    """Refuse what would not be read back as it was meant."""
    wanted, found = _read(before), _read(after)
    more = [{"what": entry.what, "reason": entry.reason} for entry in entries]
    wanted[_KEY] = [*more, *(wanted.get(_KEY) or [])]
    if found != wanted:
        raise _not_writable()


def _read(text: str) -> dict[str, Any]:
    import yaml

    value = yaml.load(text, Loader=yaml.CSafeLoader)
    return value if isinstance(value, dict) else {}


def _not_writable() -> NotWritable:
    return NotWritable(
        "elmify.yaml is written in a notation that `ignore:` cannot be added to",
        hint="Write it by hand, as a list of\n    - what: …\n      reason: …",
    )
