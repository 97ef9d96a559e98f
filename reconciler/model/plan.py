"""The plan: what would change, why, whom it touches, and what forbids it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from reconciler.model.diagnostics import Position
from reconciler.model.drift import DriftFinding
from reconciler.model.kinds import DATABASE_DEFAULTS, Kind, Slot
from reconciler.model.playback import PlaybackCopy, WayCount
from reconciler.model.remedies import Remedy
from reconciler.model.values import Value, nfc


class Action(StrEnum):
    """Action of a change: what happens to a resource.

    The reason for it is another field, and no code ever branches on the reason.
    """

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"  # the same row under a new address or parent
    DELETE = "delete"
    ADOPT = "adopt"  # a row that was there becomes managed, and is corrected where it differs
    FORGET = "forget"  # let go of, kept in both stores
    NO_OP = "no-op"  # nothing in either store; only what elmify remembers of it


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectState:
    """Object as one side of a change names it.

    It has a key and the bytes that are under it. `verified` is false while no one has hashed the
    stored bytes.
    """

    key: str
    size_bytes: int
    sha256: str | None = None
    verified: bool = True

    def is_same(self, other: "ObjectState | None") -> bool:
        """Return whether both sides have the same key and the same bytes.

        Bytes are told apart by size, and by hash where both sides were hashed: learning the hash of an
        object changes nothing about it.
        """
        if other is None or nfc(self.key) != nfc(other.key) or self.size_bytes != other.size_bytes:
            return False
        hashed = self.verified and other.verified and self.sha256 and other.sha256
        return not hashed or self.sha256 == other.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """State of one side of a change: managed columns and objects.

    The columns are given by name, and the object in each slot. `pending` maps the columns whose value
    the store will make at the commit (the row id of a parent that does not exist yet) to that
    parent's address; they are not in `values`.
    """

    values: Mapping[str, Value]
    objects: Mapping[Slot, ObjectState] = field(default_factory=dict)
    pending: Mapping[str, str] = field(default_factory=dict)


class PutOrigin(StrEnum):
    """Origin of the bytes of a put, apart from the applying machine's disk.

    The plan tells what the buckets hold. An apply first takes what is on its own disk, wherever else
    the bytes are.
    """

    STAGED = "staged"  # a staged copy
    COPY = "copy"  # another key of the library's bucket
    DISK = "disk"  # nowhere else


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Object to store before the commit.

    It consists of the bytes of a lockfile path, under a key that nothing refers to. `origin`, and for
    a copy the key it is made from, are not part of what is reviewed: the bytes are the same.
    """

    slot: Slot
    key: str
    path: str
    size_bytes: int
    sha256: str
    media_type: str
    multipart: bool
    origin: PutOrigin = PutOrigin.DISK
    copied_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Impact: user rows that are affected, and the users who own them.

    They are counted through every cascading foreign key. `lost` counts rows by table; `users` the
    distinct users among them, `users_of` by table; `kept` the rows that stay because the row they
    refer to keeps its id. `beyond` counts the saved places behind the end of audio that becomes
    shorter, `beyond_users` the distinct users who keep them.
    """

    lost: Mapping[str, int] = field(default_factory=dict)
    users: int = 0
    users_of: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    beyond: int = 0
    beyond_users: int = 0

    @property
    def lost_rows(self) -> int:
        """User rows that would go."""
        return sum(self.lost.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """User rows that a rollback restores, and the distinct users behind them.

    They come back under their ids, and are counted by table. Left out are `orphaned` rows, which
    belong to a user, or refer to something else, that was deleted since, and rows whose place is
    taken, because they are `present` again. Junction rows count among what is left out; those that
    come back are not counted, since users do not miss them.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    users: int = 0
    orphaned: Mapping[str, int] = field(default_factory=dict)
    present: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """User rows of a lecture that a merge gives to another lecture.

    Some are `moved`, others `combined` with a row that is already there. Both count by table; `users`
    are the distinct users they belong to.
    """

    moved: Mapping[str, int] = field(default_factory=dict)
    combined: Mapping[str, int] = field(default_factory=dict)
    users: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Change: what happens to one address, and why.

    `before` is None when nothing is there yet, `after` when nothing will be. `change_id` is a hash of
    the environment, the address, the action, before and after: the same change has the same id in any
    plan.
    """

    address: str
    kind: Kind | None  # None for an object that no resource has
    action: Action
    reason: str
    change_id: str
    row: int | None = None
    previous_address: str | None = None
    before: State | None = None
    after: State | None = None
    puts: tuple[Put, ...] = ()
    copies: tuple[PlaybackCopy, ...] = ()  # what keeps every way playing
    reused: tuple[str, ...] = ()  # keys already in the bucket that become live
    retired: tuple[str, ...] = ()  # keys that nothing will name any more
    released: tuple[str, ...] = ()  # columns that left the catalog
    remembered: tuple[str, ...] = ()  # columns of a row made again that have the last applied value
    protect: bool = False
    impact: Impact | None = None
    position: Position | None = None

    @property
    def visible(self) -> bool:
        """Return whether a change is more than record keeping.

        True when something changes for a listener, or when elmify's hold on the resource changes.
        """
        return self.action is not Action.NO_OP

    @property
    def defaults(self) -> Mapping[str, Value]:
        """Columns to which the database gives a value of its own.

        The catalog leaves them out. Empty unless the change makes a row.
        """
        if self.action is not Action.CREATE or self.kind is None or self.after is None:
            return {}
        said = {*self.after.values, *self.after.pending}
        return {name: value for name, value in DATABASE_DEFAULTS[self.kind].items() if name not in said}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A guard's no. `remedies` are what lifts it; empty when nothing may."""

    guard: str
    summary: str
    addresses: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmanaged:
    """Unmanaged rows and objects: present, but not declared.

    Row ids by kind, and keys with their sizes in bytes.
    """

    rows: Mapping[Kind, tuple[int, ...]] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedBy:
    """Place that names an object outside the columns that elmify reads.

    `column` is `schema.table.column`. A table that may not be read in full is taken to name
    everything: then `readable` is false, and `column` is `schema.table`.
    """

    column: str
    readable: bool = True

    def __str__(self) -> str:
        return f"{self.column} names it" if self.readable else f"{self.column} may, and cannot be read"


class Hindrance(StrEnum):
    """Reason why an object cannot move to the key of today's template."""

    NEVER_HASHED = "never-hashed"  # a copy could not be told from other bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRekeyed:
    """Object that keeps its key, though the plan was to move it.

    `wished` is the key that its template gives.
    """

    address: str
    slot: Slot
    key: str
    wished: str
    reason: Hindrance


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Names of the two stores, for a person who reviews a plan.

    They hold no secret, and no path of the machine that the plan was made on.
    """

    bucket: str
    database: str

    def __str__(self) -> str:
        return f"{self.bucket}; {self.database}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Plan: the difference between the catalog and both stores.

    It is ready to be reviewed and carried out. `changes` are sorted by address. `allowances` are the
    reviewed ceilings by guard name. `scope` are the globs the plan was limited to; empty means
    everything. `options` are what was asked for in addition to the catalog: `delete-unmanaged`,
    `rekey`. `unverified` counts objects whose bytes were never hashed. `ignored` counts what is
    unmanaged or drifted and ignored by elmify.yaml, and so not listed here. `listed` counts all
    objects of the bucket's listing: it is what the next listing will cost. `rolls_back` is the run
    that the plan rolls back, whatever the catalog says; `restored` is what comes back with it.
    `merges` names two lectures: the user rows of the first go to the second, as `merged` counts them,
    and then the first is deleted. `kept` are the NFC keys that the plan would have retired if no
    column outside elmify's management named them. `not_rekeyed` are the objects that `rekey` leaves
    where they are. `stores` names what the plan was made of; it is no part of what is reviewed, and
    None in a plan that an older elmify has saved. `playback` counts the lectures that play now and
    after the plan, by way.
    """

    environment: str
    made_at: datetime
    changes: tuple[Change, ...]
    fingerprint: str
    scope: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    allowances: Mapping[str, int] = field(default_factory=dict)
    unchanged: int = 0
    drift: tuple[DriftFinding, ...] = ()
    impact: Impact = field(default_factory=Impact)
    blocked: tuple[Blocked, ...] = ()
    unmanaged: Unmanaged = field(default_factory=Unmanaged)
    unverified: int = 0
    ignored: int = 0
    listed: int = 0
    rolls_back: int | None = None
    restored: Restored = field(default_factory=Restored)
    merges: tuple[str, str] | None = None
    merged: Merged = field(default_factory=Merged)
    kept: Mapping[str, NamedBy] = field(default_factory=dict)
    not_rekeyed: tuple[NotRekeyed, ...] = ()
    stores: Stores | None = None
    playback: tuple[WayCount, ...] = ()

    @property
    def empty(self) -> bool:
        """Return whether the library matches the catalog.

        Record keeping alone does not count as a change.
        """
        return not any(change.visible for change in self.changes)

    def count(self, action: Action) -> int:
        """Return how many changes have that action."""
        return sum(change.action is action for change in self.changes)

    @property
    def upload_bytes(self) -> int:
        """Return the bytes that will travel to the bucket from somebody's disk."""
        return sum(put.size_bytes for put in self.puts_from(PutOrigin.DISK))

    def puts_from(self, *origins: PutOrigin) -> Iterator[Put]:
        """Yield the puts whose bytes come from there."""
        return (put for change in self.changes for put in change.puts if put.origin in origins)
