"""Staging: store bytes before the merge, where an apply finds them.

These are the bytes that the lockfile names and the library lacks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.applying.checksums import HASH_METADATA, foretold_etags, part_bytes_of
from reconciler.applying.uploads import md5_of
from reconciler.concurrency import NEVER_CANCELLED, BoundedPool, CancellationToken
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import ObjectExists, ProviderError
from reconciler.model.plan import PutOrigin
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import MediaFiles, Meter, Observer, Upload
from reconciler.model.staging import Located, Staging, Whereabouts
from reconciler.planning.byte_sources import Origins

#: A staged copy is read by an apply alone.
_CACHE_CONTROL = "private, no-store"

_Work = Callable[[MediaFile, Meter], Whereabouts]


def distinct(lines: Iterable[MediaFile]) -> list[MediaFile]:
    """Return one lockfile line for each hash, sorted by path.

    Lines of unknown hash are left out: they declare content that is already live.
    """
    by_hash: dict[str, MediaFile] = {}
    for line in sorted(lines, key=lambda line: line.path):
        if line.sha256 is not None:
            by_hash.setdefault(line.sha256, line)
    return list(by_hash.values())


@dataclass
class Stager:
    """Staging of lockfile lines, and lookup of where their bytes are.

    `origins` tells what the buckets hold.
    """

    staging: Staging
    media: MediaFiles
    limits: TransferLimits
    origins: Origins
    observer: Observer
    cancel: CancellationToken = NEVER_CANCELLED
    _stop: CancellationToken = NEVER_CANCELLED

    def stage(self, lines: Iterable[MediaFile]) -> tuple[Located, ...]:
        """Stage every line that is neither live nor staged.

        Returns where each line is afterwards. The bytes are stored under their hash. A line that cannot
        be staged is missing, and the others are staged all the same. What is already staged, with the
        right size and ETag, is not sent again.
        """
        known, lacking = self._split(lines)
        return (*known, *self._all(lacking, self._staged, "Staging"))

    def locate(self, lines: Iterable[MediaFile]) -> tuple[Located, ...]:
        """Return where the bytes of each line are, in no order.

        Writes nothing. Files that only this disk may have are hashed.
        """
        known, lacking = self._split(lines)
        return (*known, *self._all(lacking, self._on_disk, "Looking"))

    def _split(self, lines: Iterable[MediaFile]) -> tuple[list[Located], list[MediaFile]]:
        known, lacking = list[Located](), list[MediaFile]()
        for line in distinct(lines):
            source = self.origins.first(line)
            if source is None:
                lacking.append(line)
            else:
                is_staged = source.origin is PutOrigin.STAGED
                where = Whereabouts.STAGED if is_staged else Whereabouts.LIVE
                known.append(Located(media=line, where=where))
        return known, lacking

    def _all(self, lines: Sequence[MediaFile], work: _Work, label: str) -> Iterator[Located]:
        size_bytes = sum(line.size_bytes for line in lines)
        with (
            self.observer.meter(label, files=len(lines), size_bytes=size_bytes) as meter,
            BoundedPool[MediaFile, Whereabouts](
                lambda line: work(line, meter),
                size=self.limits.concurrency,
                name="elmify-stage",
                cancel=self.cancel,
            ) as pool,
        ):
            self._stop = pool.stop
            for line, future in pool.finished(lines):
                try:
                    where = future.result()
                except ProviderError as error:
                    yield Located(media=line, where=Whereabouts.MISSING, problem=error.message)
                else:
                    yield Located(media=line, where=where)

    def _staged(self, line: MediaFile, meter: Meter) -> Whereabouts:
        self._stop.raise_if_cancelled()
        assert line.sha256 is not None
        upload = self._upload(line, line.sha256, meter)
        with upload.body:
            try:
                self.staging.store.put(upload)
            except ObjectExists:
                if not self._is_staged(upload.key, line):
                    self.staging.store.delete(upload.key)  # junk: its name promises other bytes
                    upload.body.seek(0)
                    self.staging.store.put(upload)
        meter.file_done(line.path)
        return Whereabouts.NEWLY_STAGED

    def _upload(self, line: MediaFile, sha256: str, meter: Meter) -> Upload:
        def on_bytes(count: int) -> None:
            self._stop.raise_if_cancelled()
            meter.bytes_done(count)

        body = self.media.open(line)
        return Upload(
            key=self.staging.key_of(sha256),
            body=body,
            size_bytes=line.size_bytes,
            md5=line.md5 or md5_of(body),
            media_type=line.media_type,
            cache_control=_CACHE_CONTROL,
            metadata={HASH_METADATA: sha256},
            part_bytes=part_bytes_of(line, self.limits),
            on_bytes=on_bytes,
        )

    def _is_staged(self, key: str, line: MediaFile) -> bool:
        found = self.staging.store.head(key)
        return (
            found is not None and found.size_bytes == line.size_bytes and found.etag in foretold_etags(line)
        )

    def _on_disk(self, line: MediaFile, meter: Meter) -> Whereabouts:
        self._stop.raise_if_cancelled()
        with self.media.open(line):
            meter.bytes_done(line.size_bytes)
        meter.file_done(line.path)
        return Whereabouts.ON_DISK
