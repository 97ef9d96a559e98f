"""Outcomes of operations: what an apply, a gc or an import did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.actual import StoredObject
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import Kind
from reconciler.model.plan import Merged, NamedBy, Plan, Restored
from reconciler.model.playback import WayCount
from reconciler.model.ports import ObjectStore, UnfinishedUpload
from reconciler.model.recorded import KeyRecord
from reconciler.model.remedies import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """URLs that a CDN may still answer from its cache.

    They are those of the playback keys that were filled or overwritten. `left` are those that were not
    purged: all of them where no CDN is configured, and `problem` is None then.
    """

    urls: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    problem: str | None = None

    def __add__(self, other: "Purge") -> "Purge":
        return Purge(
            urls=tuple(dict.fromkeys((*self.urls, *other.urls))),
            left=tuple(dict.fromkeys((*self.left, *other.left))),
            problem=self.problem or other.problem,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Outcome of an apply.

    `run` is None when there was nothing to do, so that no run began. `purge` also has the URLs of what was
    finished for an earlier run.
    """

    plan: Plan
    run: int | None
    uploaded_files: int = 0
    uploaded_bytes: int = 0
    copied_files: int = 0
    copied_bytes: int = 0
    restored: Restored = field(default_factory=Restored)
    merged: Merged = field(default_factory=Merged)
    purge: Purge = field(default_factory=Purge)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredUploads:
    """Expired uploads: staged copies and uploads that no row names.

    They only take up space. The uploads are those in each bucket. `given_up` are elmify's own
    unfinished uploads that no run continues, each with its bucket. `foreign` were begun by others,
    and are only reported. `unseen` names buckets whose unfinished uploads this key may not list.
    """

    staged: tuple[StoredObject, ...] = ()
    given_up: tuple[tuple[ObjectStore, UnfinishedUpload], ...] = ()
    foreign: tuple[UnfinishedUpload, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredObject:
    """A key that gc would delete, and why."""

    record: KeyRecord
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Objects that gc has deleted, or in a dry run would delete.

    `kept` are the keys, in NFC, that are due for deletion but that something in the database names.
    """

    objects: tuple[RetiredObject, ...]
    expired: ExpiredUploads
    run: int | None
    kept: Mapping[str, NamedBy] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Bytes that the bucket no longer holds."""
        staged = sum(stored.size_bytes for stored in self.expired.staged)
        return staged + sum(item.record.size_bytes for item in self.objects)


class Tidied(StrEnum):
    """Sort of text that an import tidies on request alone."""

    NAMES = "names"  # of speakers
    TITLES = "titles"  # of collections and lectures
    NUMBERS = "numbers"  # of lectures, as the names of their recordings tell them


class Reason(StrEnum):
    """Reason for a failed match, or for a match that needs a person's review."""

    ROW_WITHOUT_OBJECT = "row-without-object"
    OBJECT_WITHOUT_ROW = "object-without-row"
    ROW_WITHOUT_PARENT = "row-without-parent"
    DUPLICATE = "duplicate"  # several rows, or files, that only one entry may be
    SIMILAR_NAME = "similar-name"  # names that differ only in case, accents, signs or spaces
    TWO_FORMATS = "two-formats"  # an image that is there as jpg and as png
    JOINED_LOOSELY = "joined-loosely"  # by something weaker than the path: the plan corrects the row
    EMPTY_OBJECT = "empty-object"  # it has no bytes: nothing plays, nothing shows
    SIZE_DIFFERS = "size-differs"  # a row and its recording; one of both was replaced
    UNFIT = "unfit"  # the catalog cannot say it
    STYLE = "style"  # most rows spell a column otherwise than elmify.yaml says
    STYLE_WRITTEN = "style-written"  # elmify.yaml says from now on how most rows spell a column
    OTHER_FOLDER = "other-folder"  # a collection that would play under a folder of another name
    WAYS_DIFFER = "ways-differ"  # ways of one row that lead to different bytes
    NUMBER_DOUBTED = "number-doubted"  # the recording's name tells another, and no more lectures would play
    UNTIDY_NAME = "untidy-name"  # spaces at its ends, letters and accents apart, a number repeated
    NOT_AS_IS = "not-as-is"  # `--as-is`, or `adopt`, could not put up with it
    UNSEEN = "unseen"  # an image that is neither on disk nor in the lockfile


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFinding:
    """Finding of an import that a person has to look at.

    `subject` is `lectures[412]`, a key, a path, or an address. `remedy` is an operation that settles
    the finding, if there is one.
    """

    reason: Reason
    subject: str
    detail: str
    remedy: Operation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Result of an import.

    `written` are the catalog's files, `lines` the lockfile's lines that are new. `unlocked` are the
    declared paths of which the lockfile does not know the bytes yet. `playback` is how many lectures play
    now, by way, where that was measured. `diagnostics` are the warnings and
    errors of the catalog as it is now.
    """

    added: Mapping[Kind, int]
    kept: int
    filled: int = 0
    written: tuple[str, ...]
    lines: int
    findings: tuple[ImportFinding, ...] = ()
    unlocked: tuple[str, ...] = ()
    playback: tuple[WayCount, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
