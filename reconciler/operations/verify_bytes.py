"""Download and hash the live objects.

It streams, works in parallel, and uses constant memory.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.concurrency import NEVER_CANCELLED, BoundedPool, CancellationToken
from reconciler.model.errors import ObjectMissing
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
    """Hasher of objects, which also asks for each content type.

    It hashes `concurrency` objects at a time.
    """

    objects: ObjectStore
    observer: Observer
    concurrency: int
    cancel: CancellationToken = NEVER_CANCELLED
    _stop: CancellationToken = NEVER_CANCELLED

    def verified(self, ground: VerifyContext, sample: Sample | None, day: int) -> Verification:
        """Verify `ground` and the bytes of the objects in the day's sample.

        Without a sample the bytes of all objects are verified.
        """
        chosen = [each for each in expected(ground) if sample is None or sample.covers(nfc(each.key), day)]
        read = [each for each in chosen if each.sha256 is not None]
        size_bytes = sum(each.size_bytes for each in read)
        with self.observer.meter("Hashing", files=len(chosen), size_bytes=size_bytes) as meter:
            findings = [finding for found in self._all(chosen, meter) for finding in found]
        hashed = frozenset(nfc(each.key) for each in read)
        depth = Depth(objects=len(read), size_bytes=size_bytes, part=None if sample is None else str(sample))
        return verified(ground, findings, depth, hashed)

    def _all(self, chosen: Sequence[Expected], meter: Meter) -> Iterator[Sequence[VerifyFinding]]:
        """Yield the findings of each object as it is done."""
        with BoundedPool[Expected, Sequence[VerifyFinding]](
            lambda each: self._one(each, meter),
            size=self.concurrency,
            name="elmify-hash",
            cancel=self.cancel,
        ) as pool:
            self._stop = pool.stop
            yield from (future.result() for _, future in pool.finished(chosen))

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
            for block in self._stop.between(blocks):
                digest.update(block)
                size_bytes += len(block)
                meter.bytes_done(len(block))
        return other_bytes(each, digest.hexdigest(), size_bytes)
