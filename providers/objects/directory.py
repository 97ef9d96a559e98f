"""A directory that behaves like an R2 bucket: for the demo, for tests, for a trial without an account.

The files are the objects, and SQLite holds what a file cannot say of itself. A person may look around in
`objects/`, and also add, change and remove files there: such a change shows as it would in a bucket that
somebody else writes to. An entry is saved before its file is moved into place, so the one rename decides
whether an object exists, and a killed process leaves nothing but a file under `incoming/`.
"""

import json
import mimetypes
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from providers.objects.disk import translated
from providers.objects.etag import ContentDigest
from providers.objects.files import OBJECTS, Files, FileStamp, usual_path
from providers.objects.index import Entry, Index
from providers.objects.metadata import encoded
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, WrongBytes
from reconciler.model.ports import ObjectFacts, Upload
from reconciler.model.values import nfc


class DirectoryBucket:
    """An `ObjectStore` in a directory, which is made by the first put. Safe between processes as well.

    A file that was changed by hand is hashed each time it is looked at, and has lost its metadata.
    """

    def __init__(self, path: Path) -> None:
        self._root = path
        self._files = Files(path)
        self._index = Index(path / "index.sqlite")

    def __str__(self) -> str:
        return f"directory {self._root}"

    def close(self) -> None:
        """Do nothing: nothing is kept open."""

    def now(self) -> datetime | None:
        """Return None: a directory has no clock of its own."""
        return None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object under `prefix`, as `ObjectStore.list` says."""
        with translated(self._root):
            found = self._listed(nfc(prefix))
        yield from found

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
        with translated(self._root, key):
            entry = self._find(key)
            content = self._files.read(entry.path) if entry else None
        if content is None:
            raise ObjectMissing(f"there is no {key!r} in {self}")
        return content

    def put(self, upload: Upload) -> StoredObject:
        """Store an object where there is none, as `ObjectStore.put` says."""
        encoded(upload.metadata)  # refuses what R2 would
        self._refuse_existing(upload.key)
        with self._files.received(upload) as (incoming, digest):
            if digest.md5 != upload.md5:
                raise WrongBytes(
                    f"cannot store {upload.key!r} in {self}: its bytes are not those that were named",
                    hint="The file changed while it was being stored. Lock it again, then plan again.",
                )
            with translated(self._root, upload.key), self._files.locked():
                self._refuse_existing(upload.key)
                self._admit(upload, incoming, digest)
        return StoredObject(upload.key, upload.size_bytes, digest.etag)

    def delete(self, key: str) -> None:
        """Remove an object. Removing what is not there is no error."""
        if not self._root.exists():
            return
        with translated(self._root, key), self._files.locked():
            entry = self._find(key)
            if entry is not None:
                self._files.remove(entry.path)
            self._index.drop(key)

    def _refuse_existing(self, key: str) -> None:
        if self.head(key) is not None:
            raise ObjectExists(f"cannot store {key!r} in {self}: something is there already")

    def _admit(self, upload: Upload, incoming: str, digest: ContentDigest) -> None:
        stamp = self._files.stamp(incoming)
        if stamp is None:
            raise FileNotFoundError(incoming)
        entry = Entry(
            key=upload.key,
            path=self._files.place_for(upload.key),
            size_bytes=stamp.size_bytes,
            mtime_ns=stamp.mtime_ns,
            etag=digest.etag,
            part_bytes=upload.part_bytes,
            media_type=upload.media_type,
            cache_control=upload.cache_control,
            metadata=json.dumps({name.lower(): value for name, value in upload.metadata.items()}),
        )
        self._index.save(entry)
        self._files.place(incoming, entry.path)

    def _find(self, key: str) -> Entry | None:
        entry = self._index.get(key)
        stamp = self._files.stamp(entry.path) if entry else None
        if entry is not None and stamp is not None:
            return self._checked(entry, stamp)
        return self._brought_by_hand(key)

    def _checked(self, entry: Entry, stamp: FileStamp) -> Entry | None:
        """Return the entry as the file is now; None when it was removed meanwhile."""
        if stamp == FileStamp(entry.size_bytes, entry.mtime_ns):
            return entry
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

    def _listed(self, folded_prefix: str) -> tuple[StoredObject, ...]:
        found = {nfc(entry.key): entry for entry in self._living(folded_prefix)}
        ordered = sorted(found.values(), key=lambda entry: entry.key)
        return tuple(StoredObject(entry.key, entry.size_bytes, entry.etag) for entry in ordered)

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


def _some(entry: Entry | None) -> tuple[Entry, ...]:
    return () if entry is None else (entry,)
