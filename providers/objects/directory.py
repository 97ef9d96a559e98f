"""Directory that behaves like an R2 bucket.

For the demo, for tests, and for a trial without an account.

The files are the objects, and SQLite holds what a file cannot say about itself. A person may look
around in `objects/`, and may also add, change and remove files there: such a change looks as it
would in a bucket that somebody else writes to. An entry is saved before its file is moved into
place, so that single rename decides whether an object exists, and which one. A killed process leaves
only a file under `incoming/`, or an unfinished upload under `unfinished/`.
"""

import json
import mimetypes
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from providers.objects.bucket import changed
from providers.objects.directory_files import (
    OBJECTS,
    Entry,
    Files,
    FileStamp,
    Index,
    stamp_of,
    translated,
    usual_path,
)
from providers.objects.directory_parts import Parts
from providers.objects.errors import Doing, too_late
from providers.objects.etag import ContentDigest, encoded
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, ProviderError, Unavailable, WrongBytes
from reconciler.model.ports import Capabilities, Copy, ObjectFacts, ObjectStore, UnfinishedUpload, Upload
from reconciler.model.values import nfc

_BLOCK_BYTES = 1024**2


class DirectoryBucket:
    """`ObjectStore` in a directory.

    The first put creates the directory. Safe to use from several processes as well. A file that was
    changed by hand is hashed each time it is looked at, and has lost its metadata.
    """

    def __init__(self, path: Path) -> None:
        self._root = path
        self._files = Files(path)
        self._parts = Parts(path)
        self._index = Index(path / "index.sqlite")

    def __str__(self) -> str:
        return f"directory {self._root}"

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    @property
    def capabilities(self) -> Capabilities:
        """The abilities of a directory."""
        return Capabilities(conditional_copy=True, lists_unfinished=True, folds_nfc=True, own_clock=False)

    def now(self) -> datetime:
        """Return this machine's clock: a directory has no other."""
        return datetime.now(UTC)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object under `prefix`, as `ObjectStore.list` says."""
        with translated(self._root):
            found = self._entries(nfc(prefix))
        yield from map(_stored, found)

    def head(self, key: str) -> ObjectFacts | None:
        """Return what is stored under `key`, as `ObjectStore.head` says."""
        with translated(self._root, key):
            entry = self._find(key)
        if entry is None:
            return None
        return ObjectFacts(
            key=key,
            size_bytes=entry.size_bytes,
            etag=entry.etag,
            media_type=entry.media_type,
            cache_control=entry.cache_control,
            metadata=json.loads(entry.metadata),
        )

    def read(self, key: str) -> bytes:
        """Return a small object's bytes, as `ObjectStore.read` says."""
        with self.stream(key) as blocks:
            return b"".join(blocks)

    @contextmanager
    def stream(self, key: str) -> Iterator[Iterator[bytes]]:
        """Open an object of any size, as `ObjectStore.stream` says."""
        entry, file = self._open(key)
        with file:
            yield self._blocks(file, entry)

    def _open(self, key: str) -> tuple[Entry, BinaryIO]:
        """Open an object's file, together with its own entry.

        A file that was opened stays what it was when another replaces it.
        """
        with translated(self._root, key):
            while entry := self._find(key):
                file = self._files.open(entry.path)
                if file is None:
                    break
                if entry.stamp == stamp_of(file):
                    return entry, file
                file.close()  # it was replaced between the two looks
        raise ObjectMissing(f"there is no {key!r} in {self}")

    def _blocks(self, file: BinaryIO, entry: Entry) -> Iterator[bytes]:
        left = entry.size_bytes
        while left:
            with translated(self._root, entry.key):
                block = file.read(min(_BLOCK_BYTES, left))
            if not block:
                raise Unavailable(
                    f"{entry.key!r} was cut off while it was read", hint="Run the command again."
                )
            left -= len(block)
            yield block

    def put(self, upload: Upload) -> StoredObject:
        """Store an object where there is none, as `ObjectStore.put` says."""
        encoded(upload.metadata)  # refuses what R2 would
        self._refuse_another(upload.key, None)
        if upload.part_bytes is None:
            receiving = self._files.received(upload)
        else:
            receiving = self._parts.received(upload, upload.part_bytes)
        with receiving as (incoming, digest):
            if digest.md5 != upload.md5:
                raise WrongBytes(
                    f"cannot store {upload.key!r} in {self}: its bytes are not those that were named",
                    hint="The file changed while it was being stored. Lock it again, then plan again.",
                )
            return self._placed(upload, incoming, digest)

    def copy(self, copy: Copy, source: ObjectStore | None = None) -> StoredObject:
        """Copy an object, also from another directory, as `ObjectStore.copy` says."""
        origin = self._sibling(source)
        encoded(copy.metadata)
        with origin.copied(copy) as body:
            self._refuse_another(copy.key, copy.replaces)
            upload = Upload(
                key=copy.key,
                body=body,
                size_bytes=copy.size_bytes,
                md5="",  # nobody named it: the bytes are the source's, whatever they are
                media_type=copy.media_type,
                cache_control=copy.cache_control,
                metadata=copy.metadata,
                part_bytes=copy.part_bytes,
            )
            with self._files.received(upload) as (incoming, digest):
                return self._placed(upload, incoming, digest, copy.replaces)

    @contextmanager
    def copied(self, copy: Copy) -> Iterator[BinaryIO]:
        """Open the source of a copy.

        Raises `ObjectMissing` or `WrongBytes` when the source is not what was named.
        """
        entry, file = self._open(copy.source)
        with file:
            if entry.size_bytes != copy.size_bytes or copy.etag not in {None, entry.etag}:
                raise WrongBytes(
                    f"{copy.source!r} in {self} is not what was to be copied",
                    hint="It was replaced meanwhile. Plan again.",
                    details=(f"holds {entry.size_bytes:,} bytes, {entry.etag}",),
                )
            yield file

    def _sibling(self, source: ObjectStore | None) -> "DirectoryBucket":
        if source is None:
            return self
        if not isinstance(source, DirectoryBucket):
            raise ProviderError(
                f"{self} cannot copy from {source}: a store copies only between buckets of its own",
                code="foreign-store",
                hint="Give both environments a bucket of the same kind.",
            )
        return source

    def dated(self, prefix: str = "") -> Iterator[tuple[StoredObject, datetime]]:
        """Yield what `list` yields, each with the time its file was last written."""
        with translated(self._root):
            found = self._entries(nfc(prefix))
        for entry in found:
            yield _stored(entry), datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC)

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        """Yield every unfinished upload, as `ObjectStore.unfinished` says."""
        with translated(self._root):
            found = self._parts.all()
        yield from found

    def abort(self, upload: UnfinishedUpload) -> None:
        """Give up an unfinished upload. No error when it is no longer there."""
        with translated(self._root, upload.key):
            self._parts.drop(upload.upload_id)

    def presign(self, key: str, lasts: timedelta) -> str | None:  # noqa: ARG002 - as the port has it
        """Return None: a directory has no links."""
        return None

    def delete(self, key: str, *, within: timedelta | None = None) -> None:
        """Remove an object, as `ObjectStore.delete` says."""
        deadline = None if within is None else time.monotonic() + within.total_seconds()
        if not self._root.exists():
            return
        with translated(self._root, key), self._files.locked():
            if deadline is not None and time.monotonic() >= deadline:
                raise too_late(Doing(str(self), f"delete {key!r}"))
            entry = self._find(key)
            if entry is not None:
                self._files.remove(entry.path)
            self._index.drop(key)

    def _refuse_another(self, key: str, replaces: str | None) -> Entry | None:
        """Return the object that is to be replaced; refuse any other."""
        with translated(self._root, key):
            there = self._find(key)
        if replaces is None and there is not None:
            raise ObjectExists(f"cannot store {key!r} in {self}: something is there already")
        if replaces is not None and (there is None or there.etag != replaces):
            raise changed(str(self), key, replaces, self.head(key))
        return there

    def _placed(
        self, upload: Upload, incoming: str, digest: ContentDigest, replaces: str | None = None
    ) -> StoredObject:
        with translated(self._root, upload.key), self._files.locked():
            there = self._refuse_another(upload.key, replaces)
            self._admit(upload, incoming, digest, there)
        return StoredObject(upload.key, upload.size_bytes, digest.etag)

    def _admit(self, upload: Upload, incoming: str, digest: ContentDigest, there: Entry | None) -> None:
        if there is not None:
            self._files.distinguish(incoming, there.stamp)
        stamp = self._files.stamp(incoming)
        if stamp is None:
            raise Unavailable(
                f"cannot store {upload.key!r} in {self}: its upload was ended by somebody else",
                code="upload-ended",
                hint="Run the command again: it begins anew.",
            )
        entry = Entry(
            key=upload.key,
            path=there.path if there else self._files.place_for(upload.key),
            size_bytes=stamp.size_bytes,
            mtime_ns=stamp.mtime_ns,
            etag=digest.etag,
            part_bytes=upload.part_bytes,
            media_type=upload.media_type,
            cache_control=upload.cache_control,
            metadata=json.dumps({name.lower(): value for name, value in upload.metadata.items()}),
        )
        if there is None:
            self._index.save(entry)
            self._files.place(incoming, entry.path)
            return
        self._index.prepare(there, entry)
        self._files.place(incoming, entry.path)
        self._index.save(entry)

    def _find(self, key: str) -> Entry | None:
        entry = self._index.get(key)
        stamp = self._files.stamp(entry.path) if entry else None
        if entry is not None and stamp is not None:
            return self._checked(entry, stamp)
        return self._brought_by_hand(key)

    def _checked(self, entry: Entry, stamp: FileStamp) -> Entry | None:
        """Return the entry as the file is now; None when it was removed meanwhile."""
        if stamp == entry.stamp:
            return entry
        known = self._index.entry_of(entry.key, stamp)
        if known is not None:
            return known
        etag = self._files.digest(entry.path, entry.part_bytes)
        if etag == entry.etag:
            return replace(entry, mtime_ns=stamp.mtime_ns)
        return self._unindexed(entry.key, entry.path, stamp)

    def _brought_by_hand(self, key: str) -> Entry | None:
        for spelling in dict.fromkeys((key, nfc(key), unicodedata.normalize("NFD", key))):
            path = usual_path(spelling)
            stamp = self._files.stamp(path) if path else None
            if path is not None and stamp is not None:
                return self._unindexed(spelling, path, stamp)
        return None

    def _unindexed(self, key: str, path: str, stamp: FileStamp) -> Entry | None:
        etag = self._files.digest(path)
        if etag is None:
            return None
        media_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
        return Entry(key, path, stamp.size_bytes, stamp.mtime_ns, etag, None, media_type)

    def _entries(self, folded_prefix: str) -> tuple[Entry, ...]:
        found = {nfc(entry.key): entry for entry in self._living(folded_prefix)}
        return tuple(sorted(found.values(), key=lambda entry: entry.key))

    def _living(self, folded_prefix: str) -> Iterator[Entry]:
        """Yield what was brought by hand, then what was put, which wins.

        The files are walked before the index is read: what was placed by then is in the index.
        """
        files = self._files.walk()
        put = [(entry, files.pop(nfc(entry.path), None)) for entry in self._index.all()]
        for path, stamp in files.values():
            folder, _, key = path.partition("/")
            if folder == OBJECTS and nfc(key).startswith(folded_prefix):
                yield from _some(self._unindexed(key, path, stamp))
        for entry, file in put:
            if file is not None and nfc(entry.key).startswith(folded_prefix):
                yield from _some(self._checked(entry, file[1]))


def _stored(entry: Entry) -> StoredObject:
    return StoredObject(entry.key, entry.size_bytes, entry.etag)


def _some(entry: Entry | None) -> tuple[Entry, ...]:
    return () if entry is None else (entry,)
