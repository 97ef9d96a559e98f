"""Unfinished multipart uploads of a directory bucket.

They outlive the process that begins them.

unfinished/<id>        the bytes so far: whole parts, and the beginning of the next part that
                       was written when the process ended
unfinished/<id>.json   the key they are for, and the time they were begun

The bytes exist before the upload counts as begun, and are removed before it counts as ended.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from uuid import uuid4

from providers.objects.directory_files import chunks_of, translated, write_all
from providers.objects.errors import Abandoned
from providers.objects.etag import ContentDigest, part_sizes
from providers.objects.multipart import Window
from reconciler.model.errors import ObjectExists, WrongBytes
from reconciler.model.ports import UnfinishedUpload, Upload
from reconciler.model.values import nfc

UNFINISHED = "unfinished"

_CHUNK_BYTES = 1024**2
_EXPIRES_AFTER = timedelta(days=7)  # as R2's do


class Parts:
    """Unfinished uploads under the root of a bucket.

    Each has only one writer, ensured by a lock on its bytes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / UNFINISHED

    def all(self) -> list[UnfinishedUpload]:
        """Return every unfinished upload, by key and then the oldest first."""
        return sorted(self._described(), key=lambda upload: (upload.key, upload.begun_at, upload.upload_id))

    def drop(self, upload_id: str) -> None:
        """Remove an upload and its bytes. No error when it is no longer there."""
        if upload_id.isalnum():  # as all of ours are: any other could name a file elsewhere
            (self._folder / upload_id).unlink(missing_ok=True)
            (self._folder / f"{upload_id}.json").unlink(missing_ok=True)

    @contextmanager
    def received(self, upload: Upload, part_bytes: int) -> Iterator[tuple[str, ContentDigest]]:
        """Write an upload to a file durably, resuming an earlier put.

        Continues from what an earlier put left in that file, which belongs to this upload alone. The file
        is kept when the block raises, unless it can never become the object.
        """
        start = upload.body.tell()
        with ExitStack() as opened:
            with translated(self._root, upload.key):
                self._folder.mkdir(parents=True, exist_ok=True)
                self._expire()
                upload_id, file = self._opened(upload.key, opened)
            try:
                with translated(self._root, upload.key):
                    held = _held_bytes(file, upload, part_bytes)
                upload.body.seek(start)
                yield f"{UNFINISHED}/{upload_id}", self._fill(file, upload, part_bytes, held)
            except (WrongBytes, ObjectExists):
                self.drop(upload_id)
                raise
            self.drop(upload_id)

    def _opened(self, key: str, opened: ExitStack) -> tuple[str, FileIO]:
        """Return the newest upload of the key that has no writer, else a new one.

        What its bytes were on their way to does not matter: only those that are the file's are kept.
        """
        begun = [upload for upload in self._described() if nfc(upload.key) == nfc(key)]
        for upload in sorted(begun, key=lambda each: each.begun_at, reverse=True):
            file = self._locked(upload.upload_id, opened)
            if file is not None:
                return upload.upload_id, file
        return self._begun(key, opened)

    def _begun(self, key: str, opened: ExitStack) -> tuple[str, FileIO]:
        upload_id = uuid4().hex
        file = opened.enter_context((self._folder / upload_id).open("x+b", buffering=0))
        fcntl.flock(file, fcntl.LOCK_EX)
        facts = {"key": key, "begun_at": datetime.now(UTC).isoformat()}
        draft = self._folder / f"{upload_id}.draft"
        draft.write_text(json.dumps(facts), encoding="utf-8")
        draft.rename(self._folder / f"{upload_id}.json")
        return upload_id, file

    def _locked(self, upload_id: str, opened: ExitStack) -> FileIO | None:
        """Open an upload's bytes for this writer.

        None when another writer has them, or had them and has placed them already.
        """
        path = self._folder / upload_id
        try:
            file = opened.enter_context(path.open("r+b", buffering=0))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file if path.stat().st_ino == os.fstat(file.fileno()).st_ino else None
        except (FileNotFoundError, BlockingIOError):
            return None

    def _fill(self, file: FileIO, upload: Upload, part_bytes: int, held: int) -> ContentDigest:
        """Write what follows the bytes that are held, and hash all of it."""
        digest, position = ContentDigest(part_bytes), 0
        with translated(self._root, upload.key):
            file.truncate(held)
            file.seek(held)
        for chunk in chunks_of(upload):
            digest.update(chunk)
            fresh = chunk[max(0, held - position) :]
            position += len(chunk)
            with translated(self._root, upload.key):
                write_all(file, fresh)
        with translated(self._root, upload.key):
            os.fsync(file.fileno())
        return digest

    def _described(self) -> Iterator[UnfinishedUpload]:
        """Yield every upload. One that ends meanwhile may be left out."""
        for path in self._folder.glob("*.json") if self._folder.exists() else ():
            facts = _read(path) if path.with_suffix("").exists() else None
            if facts is not None:
                begun_at = datetime.fromisoformat(facts["begun_at"])
                yield UnfinishedUpload(key=facts["key"], upload_id=path.stem, begun_at=begun_at)

    def _expire(self) -> None:
        """Remove what was left so long ago that R2 would have removed it."""
        earliest = datetime.now(UTC) - _EXPIRES_AFTER
        for left in os.scandir(self._folder):
            with suppress(FileNotFoundError):  # somebody else was faster
                if left.stat().st_mtime < earliest.timestamp():
                    Path(left).unlink()


def _read(path: Path) -> Mapping[str, str] | None:
    try:
        facts: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return facts


def _held_bytes(file: FileIO, upload: Upload, part_bytes: int) -> int:
    """Return how many bytes of the file can be reused.

    These are whole parts that hold the same bytes as the parts of the upload.
    """
    start, held = upload.body.tell(), 0
    for size in part_sizes(upload.size_bytes, part_bytes):
        window = Window(upload.body, start=start + held, size_bytes=size)
        if held + size > os.fstat(file.fileno()).st_size or not _equal(file, window):
            break
        held += size
    return held


def _equal(file: FileIO, window: Window) -> bool:
    try:
        while chunk := window.read(_CHUNK_BYTES):
            if file.read(len(chunk)) != chunk:
                return False
    except Abandoned as abandoned:
        raise abandoned.reason from abandoned.reason.__cause__
    return True
