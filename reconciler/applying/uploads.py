"""Bytes first: storing every new object, in parallel, where no row refers to it yet."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from typing import BinaryIO

from reconciler.applying.tenure import Tenure
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import Interrupted, ObjectExists, ProviderError, PutsFailed
from reconciler.model.plan import Put
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import MediaFiles, Meter, ObjectStore, Upload

#: Metadata key under which every object carries the SHA-256 of its bytes.
HASH_METADATA = "sha256"

#: A person who pressed Ctrl-C has the terminal back in under eight seconds.
GIVE_UP_AFTER = timedelta(seconds=4)

_BLOCK_BYTES = 1024 * 1024


@dataclass
class Uploader:
    """Stores the objects of one run. A put that is already done, with the right bytes, counts as done."""

    objects: ObjectStore
    media: MediaFiles
    limits: TransferLimits
    tenure: Tenure
    meter: Meter
    stop: threading.Event = field(default_factory=threading.Event)
    _running: "dict[Future[StoredObject], Put]" = field(default_factory=dict)

    def put_all(self, puts: Sequence[tuple[Put, MediaFile]]) -> dict[str, StoredObject]:
        """Store every object and return what the bucket answered, by key.

        Raises `PutsFailed` naming every file that failed for good; what was stored stays, for the next
        apply to use. Interrupted, it gives up the parts in flight and lets the interruption through.
        """
        stored: dict[str, StoredObject] = {}
        failures: list[str] = []
        pool = ThreadPoolExecutor(max_workers=self.limits.concurrency, thread_name_prefix="elmify-put")
        try:
            for put, future in self._finished(pool, puts):
                try:
                    stored[put.key] = future.result()
                except ProviderError as error:
                    failures.append(f"{put.path} -> {put.key}: {error.message}")
        except BaseException:
            self._give_up(pool)
            raise
        pool.shutdown()
        self.tenure.check()
        if failures:
            raise PutsFailed(
                f"{len(failures):,} of {len(puts):,} files could not be stored, so nothing was committed",
                details=sorted(failures),
                hint="The files that were stored are used by the next apply. Mend the others, then run\n"
                "    elmify apply",
            )
        return stored

    def _give_up(self, pool: ThreadPoolExecutor) -> None:
        """Tell the puts in flight to stop, and wait for them a little: one may hang in a dead connection."""
        self.stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        wait([put for put in self._running if not put.cancelled()], timeout=GIVE_UP_AFTER.total_seconds())

    def _finished(
        self, pool: ThreadPoolExecutor, puts: Sequence[tuple[Put, MediaFile]]
    ) -> Iterator[tuple[Put, "Future[StoredObject]"]]:
        """Yield puts as they finish, keeping only a few more submitted than are running."""
        waiting = self._running
        todo = iter(puts)
        exhausted = False
        while waiting or not exhausted:
            while not exhausted and len(waiting) < 2 * self.limits.concurrency:
                following = next(todo, None)
                if following is None:
                    exhausted = True
                else:
                    put, media = following
                    waiting[pool.submit(self._put, put, media)] = put
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), future

    def _put(self, put: Put, media: MediaFile) -> StoredObject:
        self._go_on()
        with self.media.open(media) as body:
            upload = Upload(
                key=put.key,
                body=body,
                size_bytes=media.size_bytes,
                md5=media.md5 or _md5_of(body),
                media_type=media.media_type,
                cache_control=self.limits.cache_control,
                metadata={HASH_METADATA: put.sha256},
                part_bytes=self.limits.part_bytes if put.multipart else None,
                on_bytes=self._on_bytes,
            )
            try:
                stored = self.objects.put(upload)
            except ObjectExists:
                stored = self._already_there(put, media)
        self.meter.file_done(put.path)
        return stored

    def _already_there(self, put: Put, media: MediaFile) -> StoredObject:
        """Accept what is under the key if it is these very bytes; else let the conflict through."""
        facts = self.objects.head(put.key)
        right_bytes = facts is not None and (
            facts.etag in {media.md5, media.parts_etag}
            or ("-" in facts.etag and facts.metadata.get(HASH_METADATA) == put.sha256)
        )
        if facts is None or facts.size_bytes != media.size_bytes or not right_bytes:
            raise ObjectExists(f"there are other bytes under this key already: {put.key}")
        self.meter.bytes_done(media.size_bytes)
        return StoredObject(facts.key, facts.size_bytes, facts.etag)

    def _on_bytes(self, count: int) -> None:
        self._go_on()
        self.meter.bytes_done(count)

    def _go_on(self) -> None:
        self.tenure.check()
        if self.stop.is_set():
            raise Interrupted("the run was interrupted")


def _md5_of(body: BinaryIO) -> str:
    """Hash a file whose MD5 the lockfile does not know (it was declared from what is live)."""
    digest = hashlib.md5(usedforsecurity=False)
    while block := body.read(_BLOCK_BYTES):
        digest.update(block)
    body.seek(0)
    return digest.hexdigest()
