"""Ids for entries that have none yet.

An id is a slug of the title at this time, and it never changes afterwards.
"""

from collections.abc import Collection, Mapping
from itertools import count
from pathlib import PurePosixPath

import yaml

from reconciler.model.address import ID_MAX_CHARS, is_id, slug
from reconciler.model.kinds import Kind

_TEXT = "tag:yaml.org,2002:str"


def write_missing_ids(root: yaml.MappingNode, file: str, taken: Collection[str]) -> None:
    """Add the ids that a catalog file lacks to its tree.

    A title without a Latin letter gives `lecture-7` by the lecture's number, and for a speaker or a
    collection the name of the folder or the file. Ids that siblings have, or that `forget:` still speaks of,
    are not given again: `-2`, `-3` follow.
    """
    kind = kind_of_file(root)
    if kind is not None and kind.value not in _scalars(root):
        named = _slug_with_letters(_scalars(root).get("name" if kind is Kind.SPEAKER else "title", ""))
        _add(root, kind.value, unique(named or _file_slug(kind, file), taken))
    _write_lecture_ids(root)


def kind_of_file(root: yaml.MappingNode) -> Kind | None:
    """Return the kind that a file declares, even if its id is missing.

    None when the file does not show its kind.
    """
    keys = {key.value for key, _ in root.value}
    if keys & {"collection", "title", "lectures"}:
        return None if "speaker" in keys else Kind.COLLECTION
    return Kind.SPEAKER if keys & {"speaker", "name"} else None


def unique(wanted: str, taken: Collection[str]) -> str:
    """Return the id, or the first of `-2`, `-3`, … that is not taken."""
    for number in count(1):
        tail = "" if number == 1 else f"-{number}"
        candidate = wanted[: ID_MAX_CHARS - len(tail)].rstrip("-") + tail
        if candidate not in taken:
            break
    return candidate


def _write_lecture_ids(root: yaml.MappingNode) -> None:
    lectures = next((value for key, value in root.value if key.value == "lectures"), None)
    if not isinstance(lectures, yaml.SequenceNode):
        return
    entries = [entry for entry in lectures.value if isinstance(entry, yaml.MappingNode)]
    taken = _forgotten(root) | {_scalars(entry).get("id", "") for entry in entries}
    for place, entry in enumerate(entries, start=1):
        if not any(key.value == "id" for key, _ in entry.value):
            id_ = unique(_lecture_slug(_scalars(entry), place), taken)
            taken.add(id_)
            _add(entry, "id", id_)


def _lecture_slug(said: Mapping[str, str], place: int) -> str:
    number = said.get("number", "")
    return _slug_with_letters(said.get("title", "")) or (
        f"lecture-{int(number)}" if number.isdecimal() and number.isascii() else f"lecture-{place}"
    )


def _slug_with_letters(title: str) -> str:
    """Return the slug of a title; empty if the slug has no letters.

    A slug of only digits has no meaning, so it is not used.
    """
    made = slug(title)
    return made if any(letter.isalpha() for letter in made) else ""


def _file_slug(kind: Kind, file: str) -> str:
    path = PurePosixPath(file)
    made = slug(path.parent.name if kind is Kind.SPEAKER else path.stem)
    return made if is_id(made) else kind.value


def _forgotten(root: yaml.MappingNode) -> set[str]:
    lists = [value.value for key, value in root.value if key.value == "forget"]
    return {item.value for items in lists for item in items if isinstance(item, yaml.ScalarNode)}


def _scalars(node: yaml.MappingNode) -> Mapping[str, str]:
    return {key.value: value.value for key, value in node.value if isinstance(value, yaml.ScalarNode)}


def _add(node: yaml.MappingNode, key: str, id_: str) -> None:
    # The style asks for a text: an id such as `1984` or `no` then gets quotes.
    pair = (yaml.ScalarNode(_TEXT, key), yaml.ScalarNode(_TEXT, id_, style='"'))
    node.value.insert(0, pair)
