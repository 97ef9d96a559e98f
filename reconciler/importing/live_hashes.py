"""Hashing of live objects by streaming, once for each object.

What was learnt about the bytes is kept as soon as it is known.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from reconciler.concurrency import NEVER_CANCELLED, BoundedPool, CancellationToken
from reconciler.loading.hashing import digest_file
from reconciler.loading.lockfile import format_line, parse_line
from reconciler.loading.media_facts import Facts, Unfit, read_facts
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import Meter, ObjectStore
from reconciler.model.values import nfc

#: Opens a meter for that many files and bytes.
OpenMeter = Callable[[int, int], AbstractContextManager[Meter]]


@dataclass(slots=True)
class Learnt:
    """A file of what was learnt about live objects, one line per object.

    A line is added as soon as its object is done, so a kill loses nothing of it. An entry is valid as
    long as the bucket lists the object with the same size and ETag. Lines that cannot be read are
    skipped.
    """

    path: Path
    _known: dict[tuple[str, int, str], MediaFile] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.path.exists():
            for text in self.path.read_text("utf-8", "replace").splitlines():
                self._take(text)

    def _take(self, text: str) -> None:
        try:
            entry = json.loads(text)
            line, etag = parse_line(entry["line"]), entry["etag"]
        except (ValueError, KeyError, TypeError):
            return  # a line that a kill cut off
        if line is not None and isinstance(etag, str):
            self._known[nfc(line.path), line.size_bytes, etag] = line

    def get(self, path: str, stored: StoredObject) -> MediaFile | None:
        """Return what is known of an object as it is listed."""
        return self._known.get((nfc(path), stored.size_bytes, stored.etag))

    def add(self, line: MediaFile, etag: str) -> None:
        """Keep what was learnt about an object that has that ETag.

        Safe to call from several threads.
        """
        with self._lock:
            self._known[nfc(line.path), line.size_bytes, etag] = line
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps({"etag": etag, "line": format_line(line)}, ensure_ascii=False) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """Parallel streaming of objects whose hash is unknown.

    Objects in `learnt` are not read again.
    """

    objects: ObjectStore
    learnt: Learnt
    limits: TransferLimits
    meter: OpenMeter
    cancel: CancellationToken = NEVER_CANCELLED

    def __call__(
        self, lines: Mapping[str, MediaFile], listed: Mapping[str, StoredObject]
    ) -> Mapping[str, MediaFile]:
        """Return the lines with hashes and, for audio, facts.

        Includes every object that still matches its line. Raises what the store raises, and `Interrupted`
        when cancelled; what was learnt until then is kept.
        """
        there = {
            path: stored
            for path, line in lines.items()
            if (stored := listed.get(path)) is not None
            and (stored.size_bytes, stored.etag) == (line.size_bytes, line.etag)
        }
        known = {path: line for path, each in there.items() if (line := self.learnt.get(path, each))}
        return {**known, **self._learn({path: lines[path] for path in there if path not in known}, there)}

    def _learn(
        self, lines: Mapping[str, MediaFile], listed: Mapping[str, StoredObject]
    ) -> Mapping[str, MediaFile]:
        if not lines:
            return {}
        size_bytes = sum(line.size_bytes for line in lines.values())
        with (
            self.meter(len(lines), size_bytes) as meter,
            BoundedPool[str, tuple[str, MediaFile]](
                lambda path: self._one(path, lines[path], listed[path], meter, pool.stop),
                size=self.limits.concurrency,
                name="elmify-learn",
                cancel=self.cancel,
            ) as pool,
        ):
            return dict(future.result() for _, future in pool.finished(lines))

    def _one(
        self, path: str, line: MediaFile, stored: StoredObject, meter: Meter, stop: CancellationToken
    ) -> tuple[str, MediaFile]:
        with TemporaryFile() as handle, self.objects.stream(stored.key) as blocks:
            for block in stop.between(blocks):
                handle.write(block)
                meter.bytes_done(len(block))
            learnt = self._described(handle, line)
        self.learnt.add(learnt, stored.etag)
        meter.file_done(path)
        return path, learnt

    def _described(self, handle: BinaryIO, line: MediaFile) -> MediaFile:
        handle.seek(0)
        digests = digest_file(handle, line.size_bytes, self.limits)
        facts = _facts(handle, line)
        told = line.etag in {digests.md5, digests.parts_etag}
        return replace(
            line,
            sha256=digests.sha256,
            md5=digests.md5,
            etag=None if told else line.etag,
            part_bytes=digests.part_bytes,
            parts_etag=digests.parts_etag,
            duration_seconds=facts.duration_seconds or line.duration_seconds,
            bitrate=facts.bitrate or line.bitrate,
            sample_rate=facts.sample_rate or line.sample_rate,
        )


def _facts(handle: BinaryIO, line: MediaFile) -> Facts:
    """Return the media facts that the bytes give.

    Bytes that are not what their name promises give none.
    """
    try:
        return read_facts(handle, line.path, line.size_bytes)
    except Unfit:
        return Facts(media_type=line.media_type)
