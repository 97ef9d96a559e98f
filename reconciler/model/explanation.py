"""Explanation of a lecture or a key: by which ways it plays, and why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.diagnostics import Position
from reconciler.model.history import Run
from reconciler.model.playback import PendingAlias
from reconciler.model.recorded import KeyRecord
from reconciler.model.remedies import Remedy


class Bytes(StrEnum):
    """Bytes under a playback key, held against the row's own recording."""

    OWN = "own"
    ANOTHERS = "another-lecture"  # known to be the recording of another row
    OTHER = "other"  # known to be something else, and of no row
    UNKNOWN = "unknown"  # nobody has hashed one of the two


class Fault(StrEnum):
    """Reason why a way does not play a lecture."""

    NO_KEY = "no-key"  # a column or a parent is empty, and no other way stands in
    CUT = "cut"  # the request loses what stands behind `?` or `#`
    MISSING = "missing"  # nothing stands under the key
    EMPTY = "empty"  # an object of zero bytes
    ANOTHERS = "another-lecture"  # it plays another recording


class Online(StrEnum):
    """Reason why the CDN was asked, or was not."""

    ASKED = "asked"
    NOT_WANTED = "not-wanted"
    NO_BASE_URL = "no-base-url"  # neither `public_base_url` nor a `base_url` of a way
    NOT_PUBLIC = "not-public"  # the bucket is a directory: nothing serves it


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Object that stands under a key.

    `sha256` is None while nobody has hashed it; `cache_control` and `media_type` are None where the store was
    not asked.
    """

    key: str
    size_bytes: int
    etag: str
    sha256: str | None = None
    cache_control: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAnswer:
    """Answer to a request as an app makes it.

    `status` is None when no server answered. `size_bytes` and `age_seconds` are None where the answer does
    not tell; `cache` is what a CDN says of its cache: `HIT`, `MISS`.
    """

    status: int | None
    size_bytes: int | None = None
    age_seconds: int | None = None
    cache: str | None = None
    media_type: str | None = None

    @property
    def plays(self) -> bool:
        """Return whether the answer is an object."""
        return self.status in {200, 206}

    def is_stale(self, found: Standing | None) -> bool:
        """Return whether the CDN gives another size than the bucket has."""
        sizes = (self.size_bytes, found.size_bytes if found is not None else None)
        return self.plays and None not in sizes and sizes[0] != sizes[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class WayAccount:
    """Account of one way: where a lecture leads by it.

    `url` is what the app asks for, None without a base URL. `key` is what of it arrives. `of` names the
    lectures whose `file_path` the key is. `bytes` is None where nothing stands. `pending` is the alias that
    a commit left to be made there; until then the way plays what it played before.
    """

    way: str
    report: bool
    raw: str | None
    url: str | None
    key: str | None
    found: Standing | None
    bytes: Bytes | None
    of: tuple[str, ...]
    fault: Fault | None
    pending: PendingAlias | None = None
    answer: PublicAnswer | None = None

    @property
    def plays(self) -> bool:
        """Return whether the way plays a recording of the lecture."""
        return self.fault is None and (self.answer is None or self.answer.plays)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredEntry:
    """Entry of a lecture in the catalog.

    `fields` are the declared title and number, and the names above it; `audio` is the path of its media, and
    `sha256` what the lockfile says of it.
    """

    position: Position
    fields: Mapping[str, str | int | None]
    audio: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastChange:
    """Last committed change of a lecture, or of a parent of it."""

    address: str
    action: str
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that verification finds about a lecture or a key."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LectureAccount:
    """Everything that is known of one lecture.

    `name` is its address, or `unmanaged.lectures[412]`. `names` are the columns of its parents by which apps
    find it. `remedies` are what to do, empty when it plays and nothing is wrong.
    """

    name: str
    row: Row | None
    names: Mapping[str, str | None]
    declared: DeclaredEntry | None
    ways: tuple[WayAccount, ...]
    problems: tuple[Problem, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    changes: tuple[LastChange, ...] = ()

    @property
    def plays(self) -> bool:
        """Return whether every way plays it that is not only reported."""
        return self.row is not None and all(way.plays for way in self.ways if not way.report)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """One row, or another place, that finds or names a key.

    `by` are the ways and columns: `way stream`, `column file_path`.
    """

    name: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAccount:
    """Everything that is known of one key.

    `record` is what elmify remembers of it, `expires_at` when gc may delete what is retired.
    """

    key: str
    found: Standing | None
    record: KeyRecord | None
    named_by: tuple[Naming, ...]
    expires_at: datetime | None = None
    pending: PendingAlias | None = None
    run: Run | None = None
    problems: tuple[Problem, ...] = ()
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Explanation of a lecture, or of a key and the lectures it is for."""

    asked: str
    online: Online
    lectures: tuple[LectureAccount, ...] = ()
    key: KeyAccount | None = None

    @property
    def plays(self) -> bool:
        """Return whether every lecture plays.

        Under a key that is named, something has to stand too.
        """
        named = self.key is not None and self.key.named_by
        stands = (
            self.key is None or not named or (self.key.found is not None and self.key.found.size_bytes > 0)
        )
        return stands and all(lecture.plays for lecture in self.lectures)


@dataclass(frozen=True, slots=True)
class LectureName:
    """One lecture: its address where it has one, and its row."""

    address: Address | None
    row: Row | None

    @property
    def name(self) -> str:
        """The address, or the name of a row that has none."""
        return self.address or f"unmanaged.lectures[{self.row.id if self.row is not None else ''}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Subject of a name: lectures, each with its address or row, and a key."""

    asked: str
    lectures: tuple[LectureName, ...] = ()
    key: str | None = None
