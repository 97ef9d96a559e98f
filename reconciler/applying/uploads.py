"""Uploads of new objects, in parallel: from disk, else from stored bytes.

If a file is not on disk, the object is copied from bytes that are already stored.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from reconciler.applying.checksums import (
    HASH_METADATA,
    cache_control_of,
    foretold_etags,
    holds_the_bytes,
    part_bytes_of,
)
from reconciler.applying.lease import LeaseHolder
from reconciler.concurrency import NEVER_CANCELLED, BoundedPool, CancellationToken
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import (
    ObjectExists,
    ObjectMissing,
    ProviderError,
    PutsFailed,
    WrongBytes,
)
from reconciler.model.plan import Put, PutOrigin
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import Copy, MediaFiles, Meter, ObjectStore, Upload
from reconciler.model.remedies import Apply, Lock, MakePlan
from reconciler.model.staging import Staging
from reconciler.planning.byte_sources import ByteSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Copier:
    """Copies of objects into the library's bucket.

    From the bucket itself, or from where bytes wait for their merge.
    """

    objects: ObjectStore
    staging: Staging
    limits: TransferLimits

    def copy(self, put: Put, media: MediaFile, source: ByteSource) -> StoredObject:
        """Store the object of a put as a copy, and return what a look at it shows.

        Raises `ObjectExists` when anything is under its key, `ObjectMissing` or `WrongBytes` when the source
        is no longer what it was; what was copied then is taken away again.
        """
        copy = Copy(
            source=source.stored.key,
            key=put.key,
            size_bytes=media.size_bytes,
            media_type=media.media_type,
            cache_control=cache_control_of(put.key, self.limits),
            metadata={HASH_METADATA: put.sha256},
            part_bytes=part_bytes_of(media, self.limits),
            etag=source.stored.etag,
        )
        from_separate = source.origin is PutOrigin.STAGED and self.staging.separate
        stored = self.objects.copy(copy, self.staging.store if from_separate else None)
        foretold = foretold_etags(media)
        if stored.size_bytes != media.size_bytes or (foretold and stored.etag not in foretold):
            self.objects.delete(put.key)  # ours alone: it was copied where there was nothing
            raise WrongBytes(f"what was copied from {copy.source!r} is not what was asked for")
        return stored


_BLOCK_BYTES = 1024 * 1024

_RELOCK = (
    "For a file that\nchanged since it was locked, put the old one back; "
    "or, if the new bytes are meant, lock them:"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Upload task: a put, its lockfile line and its possible sources.

    The lockfile line says which bytes; the sources are objects that already hold them.
    """

    put: Put
    media: MediaFile
    sources: Sequence[ByteSource] = ()


@dataclass
class Uploader:
    """Upload of the objects of one run.

    A put that is already done, with the right bytes, counts as done. Each object comes from disk,
    else from a staged copy, else from another key that holds its bytes. `copied` collects the keys
    whose bytes did not come from disk.
    """

    objects: ObjectStore
    media: MediaFiles
    limits: TransferLimits
    lease: LeaseHolder
    meter: Meter
    copier: Copier
    copied: set[str] = field(default_factory=set)
    _stop: CancellationToken = NEVER_CANCELLED

    def put_all(self, tasks: Sequence[Task]) -> dict[str, StoredObject]:
        """Store every object and return what the bucket answered, by key.

        Raises `PutsFailed` naming every file that failed for good; what was stored stays, for the next
        apply to use. Interrupted or cancelled, it gives up the parts in flight and lets that through.
        """
        stored: dict[str, StoredObject] = {}
        failures: list[tuple[str, str]] = []
        changed = False
        with BoundedPool(
            self._store, size=self.limits.concurrency, name="elmify-put", cancel=self.lease.cancel
        ) as pool:
            self._stop = pool.stop
            for task, future in pool.finished(tasks):
                try:
                    stored[task.put.key] = future.result()
                except ProviderError as error:
                    failures.append((f"{task.put.path} -> {task.put.key}: {error.message}", error.code))
                    changed = changed or _is_of_other_bytes(error)
        self.lease.check()
        if failures:
            raise PutsFailed(
                f"{len(failures):,} of {len(tasks):,} files could not be stored, so nothing was committed",
                details=[detail for detail, _ in sorted(failures)],
                reasons=[code for _, code in sorted(failures)],
                hint="The files that were stored are used by the next apply. "
                + (_RELOCK if changed else "Repair the others, then run"),
                remedies=[Lock(), MakePlan(), Apply()] if changed else [Apply()],
            )
        return stored

    def _store(self, task: Task) -> StoredObject:
        self._go_on()
        try:
            stored = self._from_disk_or_copied(task)
        except ObjectExists:
            stored = self._already_there(task)
        self.meter.file_done(task.put.path)
        return stored

    def _from_disk_or_copied(self, task: Task) -> StoredObject:
        try:
            body = self.media.open(task.media)
        except (ObjectMissing, WrongBytes) as not_on_disk:
            return self._copied(task, not_on_disk)
        with body:
            return self._put(task.put, task.media, body)

    def _put(self, put: Put, media: MediaFile, body: BinaryIO) -> StoredObject:
        return self.objects.put(
            Upload(
                key=put.key,
                body=body,
                size_bytes=media.size_bytes,
                md5=media.md5 or md5_of(body),
                media_type=media.media_type,
                cache_control=cache_control_of(put.key, self.limits),
                metadata={HASH_METADATA: put.sha256},
                part_bytes=part_bytes_of(media, self.limits),
                on_bytes=self._on_bytes,
            )
        )

    def _copied(self, task: Task, not_on_disk: ProviderError) -> StoredObject:
        """Take the bytes from the first source that still has them."""
        said = [not_on_disk.message]
        for source in task.sources:
            self._go_on()
            try:
                stored = self.copier.copy(task.put, task.media, source)
            except (ObjectMissing, WrongBytes) as gone:
                said.append(gone.message)
                continue
            self.copied.add(task.put.key)
            self.meter.bytes_done(task.media.size_bytes)
            return stored
        if not task.sources:
            said.append("nor is it staged")
        raise ObjectMissing("; ".join(said), code=None if task.sources else "not-staged") from not_on_disk

    def _already_there(self, task: Task) -> StoredObject:
        """Accept an existing object if it holds exactly these bytes.

        Raises otherwise: the key is taken.
        """
        put, media = task.put, task.media
        facts = self.objects.head(put.key)
        if facts is None or not holds_the_bytes(self.objects, facts, media):
            raise ObjectExists(f"there are other bytes under this key already: {put.key}")
        self.meter.bytes_done(media.size_bytes)
        return StoredObject(facts.key, facts.size_bytes, facts.etag)

    def _on_bytes(self, count: int) -> None:
        self._go_on()
        self.meter.bytes_done(count)

    def _go_on(self) -> None:
        self.lease.check()
        self._stop.raise_if_cancelled()


def _is_of_other_bytes(error: ProviderError) -> bool:
    """Return whether a file is not the one that was locked.

    Its bytes were not found anywhere else either.
    """
    return isinstance(error, WrongBytes) or isinstance(error.__cause__, WrongBytes)


def md5_of(body: BinaryIO) -> str:
    """Return the MD5 of a file.

    For a file whose MD5 the lockfile does not know, because it was declared from what is live.
    """
    digest = hashlib.md5(usedforsecurity=False)
    while block := body.read(_BLOCK_BYTES):
        digest.update(block)
    body.seek(0)
    return digest.hexdigest()
