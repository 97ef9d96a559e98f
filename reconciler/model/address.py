"""Addresses: the names of resources in the catalog.

They are made of ids, which never change with a title.
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NewType

from reconciler.model.kinds import Kind

#: `speaker`, `speaker/collection` or `speaker/collection/lecture`: ids joined by slashes.
Address = NewType("Address", str)

#: An id: lower-case letters and digits, single hyphens between them, at most 100 characters.
ID_PATTERN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
ID_MAX_CHARS = 100

#: Before an address in a scope: this one alone, not what is under it.
EXACTLY = "="

#: What an address begins with that is no resource's: `unmanaged.lectures[412]`, `unmanaged.object[<key>]`.
UNMANAGED = "unmanaged."

_KIND_BY_DEPTH = {1: Kind.SPEAKER, 2: Kind.COLLECTION, 3: Kind.LECTURE}


def is_id(text: str) -> bool:
    """Return whether `text` is valid as one part of an address."""
    return len(text) <= ID_MAX_CHARS and ID_PATTERN.fullmatch(text) is not None


def parse_address(text: str) -> Address:
    """Return `text` as an address.

    Raises `ValueError` when it is not one to three ids joined by slashes.
    """
    parts = text.split("/")
    if len(parts) not in _KIND_BY_DEPTH or not all(is_id(part) for part in parts):
        raise ValueError(f"{text!r} is not an address")
    return Address(text)


def join(*parts: str) -> Address:
    """Join ids (or an address and an id) to an address."""
    return Address("/".join(parts))


def parent_of(address: Address) -> Address | None:
    """Return the address one level up; None for a speaker."""
    parent, slash, _ = address.rpartition("/")
    return Address(parent) if slash else None


def kind_of(address: Address) -> Kind:
    """Return the kind that an address names, which its depth decides."""
    return _KIND_BY_DEPTH[address.count("/") + 1]


def matches_any(address: str, globs: Iterable[str]) -> bool:
    """Return whether a glob matches the address or one of its parents.

    `*` also matches slashes. A glob of a parent reaches everything under it: `abdul-rashid-sufi`
    means the speaker and all of his collections and lectures; `=abdul-rashid-sufi` means the speaker
    alone. The brackets of `unmanaged.object[…]` are literal.
    """
    parts = address.split("/")
    prefixes = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    return any(_matches(address, prefixes, glob.rstrip("/")) for glob in globs)


def _matches(address: str, prefixes: list[str], glob: str) -> bool:
    if glob.startswith(EXACTLY):
        return address == glob[len(EXACTLY) :]
    pattern = glob.replace("[", "[[]") if glob.startswith(UNMANAGED) else glob
    return any(prefix == glob or fnmatchcase(prefix, pattern) for prefix in prefixes)


def slug(text: str) -> str:
    """Return an id made of the Latin letters and digits of `text`.

    Empty when the text has none.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")[:ID_MAX_CHARS].strip("-")
