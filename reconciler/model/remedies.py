"""Remedies: everything that someone can be advised to do, as values.

A door shows them in its own way: the command line as commands, a page as buttons. A sequence of remedies is
read in its order: a `Sentence` says what only a person can do, or when the remedy after it is the right one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from reconciler.model.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Remedy in words: one sentence, or several lines of sentences.

    It says what no operation does, or when to choose the remedy that follows.
    """

    kind: ClassVar[str] = "sentence"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePlan:
    """Make a plan.

    The plan is limited to `scope` (globs), with `options` beyond the catalog, and `allowances` by
    guard name.

    `rolls_back` and `merges` name the purpose of a plan that does not follow the catalog. `review`
    says that the plan has to be saved and reviewed before it is applied; `out` is the file to save it
    to, if one is known.
    """

    kind: ClassVar[str] = "plan"
    scope: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    allowances: Mapping[str, int] = field(default_factory=dict)
    rolls_back: int | None = None
    merges: tuple[str, str] | None = None
    review: bool = False
    out: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftGuard:
    """Plan the same again, and allow a guard as many as `number`."""

    kind: ClassVar[str] = "lift-guard"
    guard: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """Apply the catalog, or the plan that was reviewed.

    The reviewed plan is the one with the given `fingerprint`. `scope` and `options` are those of a
    plan. With `wait_seconds`, it waits up to that long for the lease.
    """

    kind: ClassVar[str] = "apply"
    scope: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    fingerprint: str | None = None
    wait_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Take a run back, and wait so long for the lease."""

    kind: ClassVar[str] = "rollback"
    run: int
    wait_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Move what listeners keep of a lecture to another lecture.

    Each of the two lectures is given as a row id or an address.
    """

    kind: ClassVar[str] = "merge"
    row: str
    into: str
    wait_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectGarbage:
    """Delete expired retired objects and leftovers of interrupted runs.

    Retired objects have expired when they have been retired for long enough.
    """

    kind: ClassVar[str] = "gc"
    wait_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDown:
    """Delete at once what these addresses had.

    Without any addresses, the person has to name them.
    """

    kind: ClassVar[str] = "take-down"
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLease:
    """End the lease of a run; `force` also ends one that is not stale."""

    kind: ClassVar[str] = "unlock"
    run: int
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowLease:
    """See who may apply now."""

    kind: ClassVar[str] = "show-lease"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRuns:
    """See the last runs."""

    kind: ClassVar[str] = "show-runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAudit:
    """See the audit log."""

    kind: ClassVar[str] = "show-audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDrift:
    """See what changed outside elmify since the last apply."""

    kind: ClassVar[str] = "show-drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Hash the media into the lockfile; `rehash` reads every file again."""

    kind: ClassVar[str] = "lock"
    rehash: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Put bytes where the apply of a merge finds them."""

    kind: ClassVar[str] = "stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebind:
    """Make the bucket and the database a pair, whatever they were."""

    kind: ClassVar[str] = "rebind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Write what is live at these addresses into the catalog."""

    kind: ClassVar[str] = "adopt"
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Check that catalog, bucket and database agree.

    `deep` hashes all objects, `sample` a part of them.
    """

    kind: ClassVar[str] = "verify"
    deep: bool = False
    sample: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """Declare a new entry.

    For a speaker or a collection, the name has yet to be given. `file` is the recording that becomes
    a lecture of a collection; that collection has yet to be named.
    """

    kind: ClassVar[str] = "new-entry"
    of: Kind
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFiles:
    """Declare what is in a folder under the media root."""

    kind: ClassVar[str] = "import-files"
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLive:
    """Declare what is live, and write the lockfile's lines of it.

    `clean` are the sorts of text that are tidied as well. `hash_bytes` also reads the objects of unknown
    hash, for their hash and facts.
    """

    kind: ClassVar[str] = "import-live"
    clean: tuple[str, ...] = ()
    hash_bytes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TryNotifications:
    """Send a message to every URL that is to be told."""

    kind: ClassVar[str] = "try-notifications"


#: What a door runs itself.
Operation = (
    MakePlan
    | LiftGuard
    | Apply
    | Rollback
    | Merge
    | CollectGarbage
    | TakeDown
    | EndLease
    | ShowLease
    | ShowRuns
    | ShowAudit
    | ShowDrift
    | Lock
    | Stage
    | Rebind
    | Adopt
    | Verify
    | NewEntry
    | ImportFiles
    | ImportLive
    | TryNotifications
)

Remedy = Operation | Sentence
