"""Staging of bytes that wait for the merge of their change.

There is one object for each SHA-256, under a prefix of some bucket.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.catalog import MediaFile
from reconciler.model.policy import STAGED_PREFIX
from reconciler.model.ports import ObjectStore

#: The prefix in a bucket that is for staging alone.
STAGING_BUCKET_PREFIX = "staged/"

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """Staging area: a place for staged bytes.

    `prefix` ends in a slash; `separate` says that it is not in the library's own bucket.
    """

    store: ObjectStore
    prefix: str
    separate: bool

    def key_of(self, sha256: str) -> str:
        """Return the key of the bytes with that hash."""
        return f"{self.prefix}{sha256}"

    def hash_in(self, key: str) -> str | None:
        """Return the hash that a key of a staged copy contains.

        None for a key that does not belong to a staged copy.
        """
        return hash_under(self.prefix, key)


def staging_inside(objects: ObjectStore) -> Staging:
    """Return the place for staged bytes in the library's own bucket."""
    return Staging(store=objects, prefix=STAGED_PREFIX, separate=False)


def hash_under(prefix: str, key: str) -> str | None:
    """Return the hash that a key under a prefix contains.

    None for a key of another form.
    """
    name = key.removeprefix(prefix)
    return name if key.startswith(prefix) and _SHA256.fullmatch(name) else None


class Whereabouts(StrEnum):
    """Location of the bytes of a lockfile line."""

    LIVE = "live"  # under some key of the library's bucket
    STAGED = "staged"  # since earlier
    NEWLY_STAGED = "newly-staged"
    ON_DISK = "on-disk"  # of this machine, hashed just now
    MISSING = "missing"  # for an apply elsewhere, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Lockfile line and the location of its bytes.

    `problem` says why they are missing.
    """

    media: MediaFile
    where: Whereabouts
    problem: str = ""
