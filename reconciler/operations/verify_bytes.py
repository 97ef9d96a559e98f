"""Downloading and hashing what is live: streaming, in parallel, in constant memory."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from reconciler.model.errors import Interrupted, ObjectMissing
from reconciler.model.ports import Meter, ObjectStore, Observer
from reconciler.model.values import nfc
from reconciler.planning.verification.byte_checks import (
    Expected,
    Sample,
    expected,
    gone,
    other_bytes,
    other_type,
)
from reconciler.planning.verification.context import VerifyContext
from reconciler.planning.verification.findings import Depth, Verification, VerifyFinding
from reconciler.planning.verification.verify import verified


@dataclass
class Hashing:
    """Hashes objects, `concurrency` of them at a time, and asks for the content type of each."""

    objects: ObjectStore
    observer: Observer
    concurrency: int
    _stop: threading.Event = field(default_factory=threading.Event)

    def verified(self, ground: VerifyContext, sample: Sample | None, day: int) -> Verification:
        """Verify `ground` together with the bytes of everything in the sample of that day; of all without."""
        chosen = [each for each in expected(ground) if sample is None or sample.covers(nfc(each.key), day)]
        read = [each for each in chosen if each.sha256 is not None]
        size_bytes = sum(each.size_bytes for each in read)
        with self.observer.meter("Hashing", files=len(chosen), size_bytes=size_bytes) as meter:
            findings = [finding for found in self._all(chosen, meter) for finding in found]
        hashed = frozenset(nfc(each.key) for each in read)
        depth = Depth(objects=len(read), size_bytes=size_bytes, part=None if sample is None else str(sample))
        return verified(ground, findings, depth, hashed)

    def _all(self, chosen: Sequence[Expected], meter: Meter) -> Iterator[Sequence[VerifyFinding]]:
        """Yield the findings of each object as it is done, keeping few more submitted than are running."""
        running: set[Future[Sequence[VerifyFinding]]] = set()
        todo = iter(chosen)
        pool = ThreadPoolExecutor(max_workers=self.concurrency, thread_name_prefix="elmify-hash")
        try:
            for each in todo:
                running.add(pool.submit(self._one, each, meter))
                if len(running) >= 2 * self.concurrency:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in running)
        finally:
            self._stop.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, each: Expected, meter: Meter) -> Sequence[VerifyFinding]:
        try:
            facts = self.objects.head(each.key)
            if facts is None:
                return [gone(each)]
            found = [other_type(each, facts.media_type)]
            if each.sha256 is not None:
                found.append(self._hash(each, meter))
        except ObjectMissing:
            return [gone(each)]
        meter.file_done(each.key)
        return [finding for finding in found if finding is not None]

    def _hash(self, each: Expected, meter: Meter) -> VerifyFinding | None:
        digest, size_bytes = hashlib.sha256(), 0
        with self.objects.stream(each.key) as blocks:
            for block in blocks:
                if self._stop.is_set():
                    raise Interrupted("the hashing was given up")
                digest.update(block)
                size_bytes += len(block)
                meter.bytes_done(len(block))
        return other_bytes(each, digest.hexdigest(), size_bytes)
