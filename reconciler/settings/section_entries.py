"""Sections of elmify.yaml: insertion of lines.

Nothing else is touched.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.loading.yaml_writing import written
from reconciler.settings.ignore_entries import NotWritable
from reconciler.settings.source import CONFIG_NAME


def section_in(root: Path, name: str) -> Any:
    """Return a section of elmify.yaml as it is written.

    None where it is not there, or there is no file.
    """
    file = root / CONFIG_NAME
    return _read(file.read_text("utf-8")).get(name) if file.is_file() else None


def with_entries(text: str, section: str, entries: Mapping[str, str]) -> str:
    """Return elmify.yaml with more entries in one of its sections.

    They come first in the section; a new section stands behind the comment that shows it, else at the end.
    All other lines, comments included, stay as they are. Raises `NotWritable` for a section in a notation
    that lines cannot be put into, and for an entry that is there already.
    """
    after, indent = _place(text, section)
    lines = [f"{' ' * indent}{name}: {written(value)}" for name, value in entries.items()]
    changed = _with_section(text, section, lines) if after is None else _inserted(text, after + 1, lines)
    before = _read(text).get(section) or {}
    if before.keys() & entries.keys():
        raise _not_writable(section)
    _check(text, changed, section, {**before, **entries})
    return changed


def with_section(text: str, section: str, lines: Sequence[str], value: Any) -> str:
    """Return elmify.yaml with a section that it does not have yet.

    The `lines` of the section read as `value`. Raises `NotWritable` where it would not be read back so, and
    where the section is there already.
    """
    changed = _with_section(text, section, lines)
    if _read(text).get(section) is not None:
        raise _not_writable(section)
    _check(text, changed, section, value)
    return changed


def _with_section(text: str, section: str, lines: Sequence[str]) -> str:
    shown = text.splitlines()
    commented = re.compile(rf"#\s?{re.escape(section)}:")
    start = next((at for at, line in enumerate(shown) if commented.match(line)), None)
    if start is None:
        return _inserted(text, len(shown), ["", f"{section}:", *lines])
    end = start + 1
    while end < len(shown) and re.match(r"#\s{2,}|#\s*-", shown[end]):
        end += 1
    return _inserted(text, end, [f"{section}:", *lines])


def _inserted(text: str, place: int, more: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    lines[place:place] = [f"{line}{newline}" for line in more]
    return "".join(lines)


def _place(text: str, section: str) -> tuple[int | None, int]:
    """Return the line of a section's key, and its indentation."""
    import yaml

    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value != section:
            continue
        if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
            return key.start_mark.line, value.start_mark.column
        if isinstance(value, yaml.ScalarNode) and not value.value:
            return key.start_mark.line, 2
        raise _not_writable(section)
    return None, 2


def _check(before: str, after: str, section: str, value: Any) -> None:
    """Refuse what would not be read back as it was meant."""
    if _read(after) != {**_read(before), section: value}:
        raise _not_writable(section)


def _read(text: str) -> dict[str, Any]:
    import yaml

    value = yaml.load(text, Loader=yaml.CSafeLoader)
    return value if isinstance(value, dict) else {}


def _not_writable(section: str) -> NotWritable:
    return NotWritable(
        f"elmify.yaml is written in a notation that `{section}:` cannot be added to",
        hint="Write it by hand, one entry on each line.",
    )
