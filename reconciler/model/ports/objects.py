"""Object store and media ports: the bucket and the files on disk."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile


def ignore_bytes(_count: int) -> None:
    """Take a progress report and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An object to be stored.

    `body` is seekable and stands at its start; exactly `size_bytes` are read from it. `part_bytes` asks for
    a multipart upload in equal parts of that size. `on_bytes` is called with the bytes gone out since the
    last call; an exception it raises abandons the put and is let through.
    """

    key: str
    body: BinaryIO
    size_bytes: int
    md5: str
    media_type: str
    cache_control: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    part_bytes: int | None = None
    on_bytes: Callable[[int], None] = ignore_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """Facts from a head request.

    Metadata keys are lower-case, without the `x-amz-meta-` prefix.
    """

    key: str
    size_bytes: int
    etag: str
    media_type: str
    cache_control: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of `source` to be made under `key` by the store itself.

    `size_bytes` is what the source holds, and `etag`, when it is given, which of its contents is meant.
    `part_bytes` asks for a copy in equal parts of that size, and so for the ETag that such an upload of the
    same bytes would have. Nothing of what was said of the source goes along: what is named here is said of
    the copy.

    `replaces` is the ETag of the object under `key` that the copy replaces; None when there has to be
    nothing.
    """

    source: str
    key: str
    size_bytes: int
    media_type: str
    cache_control: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    part_bytes: int | None = None
    etag: str | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedUpload:
    """Multipart upload that was begun and neither completed nor aborted.

    `begun_at` is in UTC.
    """

    key: str
    upload_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Abilities of an object store, so that no caller asks for its class.

    `conditional_copy`: a copy in one piece overwrites nothing but what it replaces, not even what came
    between a look and the copy. Otherwise, and for a copy in parts, a head right before decides.
    `lists_unfinished`: unfinished multipart uploads can be listed, by a key that may.
    `folds_nfc`: keys equal by NFC are one object; otherwise a listing may show both.
    `own_clock`: answers tell the store's time; otherwise this machine's counts.
    """

    conditional_copy: bool
    lists_unfinished: bool
    folds_nfc: bool
    own_clock: bool


class ObjectStore(Protocol):
    """Object store: a bucket with R2's semantics.

    Keys equal by NFC are one object. Safe to use from several threads.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The abilities of this store. No request is made."""
        ...

    def now(self) -> datetime:
        """Return the time of the store's clock, aware, in UTC.

        The time comes from an answer of the store; if no answer gives it, it is the time of this
        machine's clock.
        """
        ...

    def __str__(self) -> str:
        """Name the bucket for a person, without any secret."""
        ...

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object under `prefix`, each once.

        Keys come in increasing order of their UTF-8 bytes. The listing is complete, or it raises:
        `IncompleteListing`, `ListingRefused`, `Denied`, `Unavailable`. Costs one request per 1,000
        objects and none for each object.
        """
        ...

    def head(self, key: str) -> ObjectFacts | None:
        """Return the facts of the object under `key`; None when there is none.

        One request.
        """
        ...

    def read(self, key: str) -> bytes:
        """Return a small object's bytes; `ObjectMissing` when there is none."""
        ...

    def stream(self, key: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open an object of any size and yield its bytes in order.

        The bytes come in blocks of at most 1 MiB. Memory is constant. Entering raises `ObjectMissing`
        when there is no object. A block that ends without an exception has yielded every byte: an answer
        that is cut off is continued where it broke, and `Unavailable` is raised when that does not help,
        or when the object was replaced meanwhile. Leave the context to give the connection back.
        """
        ...

    def put(self, upload: Upload) -> StoredObject:
        """Store an object under a free key; return what the store now holds.

        The result is what the store says. Never overwrites: raises `ObjectExists` when anything is under
        the key (for a multipart upload this is checked before the first part), unless it is the very
        object that this call has put while its answer was lost. Raises `WrongBytes` when the bytes that
        were sent do not have the MD5 that was named; in that case nothing is left under the key where the
        store allows that. An object is whole or absent, even when the process is killed.

        A multipart upload survives whatever interrupts it, a kill included: `unfinished` shows it, and
        the next put of the same key continues it. Parts that hold the right bytes (by size and MD5) are
        not sent again, but are reported to `on_bytes`. It is aborted only when it can never become this
        object: when the bytes are not those that were named, or when it holds a part of another file.
        """
        ...

    def copy(self, copy: Copy, source: "ObjectStore | None" = None) -> StoredObject:
        """Copy an object inside the store, and return what is there now.

        Its bytes do not pass through this machine. `source` is the bucket to copy from, of the same
        provider and account as this one; when it is None, this bucket itself. Raises `ObjectMissing` when
        there is no such source, and `WrongBytes` when the source does not have the size or the ETag that
        was named. A copy is whole or absent. The ETag of the result is the one that a head then shows.

        Without `replaces` nothing is overwritten: raises `ObjectExists` when anything is under the key.
        With it, that object alone is overwritten, at one moment: raises `ObjectChanged` when the key has
        another object or none. A copy may replace its own source, to say other things of it. Where
        `capabilities` deny `conditional_copy`, and for a copy in parts, what comes between a head and the
        request after it is overwritten: the caller makes sure that nobody else writes to the key.

        Raises `WrongBytes` too when the store then shows something else than was copied. That is deleted
        again if there was nothing under the key; what stands under an overwritten key stays there.
        """
        ...

    def dated(self, prefix: str = "") -> Iterator[tuple[StoredObject, datetime]]:
        """Yield the objects of `list`, each with its last modification.

        The order and the guarantees are those of `list`. The time is timezone-aware, in UTC.
        """
        ...

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        """Yield every unfinished multipart upload, by key, then the oldest first.

        The listing is complete, or it raises.
        """
        ...

    def abort(self, upload: UnfinishedUpload) -> None:
        """Abort an unfinished upload and delete its parts.

        No error when it is no longer there.
        """
        ...

    def presign(self, key: str, lasts: timedelta) -> str | None:
        """Return a presigned link to an object, valid for that long.

        Anybody who has the link may get the object. None where the store cannot make links. No request is
        made: the link of a missing object answers 404. Links last at most 7 days.
        """
        ...

    def delete(self, key: str, *, within: timedelta | None = None) -> None:
        """Remove an object. Removing what is not there is no error.

        With `within`, the store itself refuses the request once that time is over by its clock, also when
        it was held up on its way: raises `Unavailable` with the code `too-late`, and a refused request has
        removed nothing. A store may count whole seconds, and then refuses up to two of them early.
        """
        ...


class MediaFiles(Protocol):
    """The files under the media root."""

    def has(self, path: str) -> bool:
        """Return whether there is a regular file at that path.

        Its bytes do not matter.
        """
        ...

    def open(self, media: MediaFile) -> BinaryIO:
        """Open the file whose bytes the lockfile names, positioned at its start.

        The handle was hashed: its bytes had the recorded SHA-256. Raises `ObjectMissing` when there is no
        such file, `WrongBytes` when it changed since it was locked, or when the path leaves the media root.
        """
        ...
