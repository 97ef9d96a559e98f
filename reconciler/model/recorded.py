"""Recorded state: what elmify remembers about its own work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.model.address import Address
from reconciler.model.kinds import Kind, Slot
from reconciler.model.playback import PendingAlias


class KeyState(StrEnum):
    """State in the life of a key.

    Bytes that were retired or released may be named again; condemned ones never.
    """

    INTENDED = "intended"  # a run means to put it; unreferenced until that run commits
    LIVE = "live"  # a committed row names it, or apps find a lecture by it
    RETIRED = "retired"  # no row names it any more; its bytes stay until gc
    CONDEMNED = "condemned"  # gc has committed to deleting it: no row may name it again
    DELETED = "deleted"
    RELEASED = "released"  # its resource was forgotten: the object is somebody else's now


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key that was ever used, and the bytes under it.

    `verified` is false while nobody has hashed the stored bytes: then `sha256` is what the catalog declares
    of them (None when that is unknown too), and only size and `etag` tell whether they were replaced.
    `address` is the resource that has the key, or had it last.
    """

    key: str
    state: KeyState
    size_bytes: int
    sha256: str | None = None
    etag: str | None = None
    verified: bool = True
    address: str | None = None
    run: int | None = None
    changed_at: datetime | None = None


#: The canonical JSON of no values at all.
NOTHING = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRecord:
    """Record of one resource, as the last apply left it.

    `name` and `parent_row` are the natural key, `keys` the object in each slot. `applied` is the
    canonical JSON of the column values that elmify wrote or confirmed: the baseline of drift.
    `unmanaged` is that of what the row held in its other columns, those without a value left out:
    with both, a row that vanished can be made again.
    """

    address: Address
    kind: Kind
    row: int
    name: str
    parent_row: int | None
    keys: Mapping[Slot, str]
    applied: str
    protect: bool
    unmanaged: str = NOTHING


class IdentityState(StrEnum):
    """Progress of T0 in the database."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Identity of the environment that a database belongs to.

    `keys_lost` is set once records had to be rebuilt.
    """

    id: str
    environment: str
    state: IdentityState
    keys_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Everything that is recorded.

    While there is no schema `elmify` yet, all of it is empty and `identity` is None. `keys` and
    `aliases`, those that a commit left to be made, are keyed by NFC.
    """

    identity: Identity | None = None
    resources: Mapping[Address, ResourceRecord] = field(default_factory=dict)
    keys: Mapping[str, KeyRecord] = field(default_factory=dict)
    aliases: Mapping[str, PendingAlias] = field(default_factory=dict)
