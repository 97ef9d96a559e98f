"""Locking: hashing of the media that the catalog names.

As a result, the lockfile says which bytes each path means.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.concurrency import NEVER_CANCELLED, BoundedPool, CancellationToken
from reconciler.loading import media_codes as codes
from reconciler.loading.hashing import Stamp, StatCache, digest_file, now_ns
from reconciler.loading.media import MediaFolder, MediaRefused
from reconciler.loading.media_facts import Unfit, read_facts
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Diagnostic, Position, in_reading_order
from reconciler.model.errors import ObjectMissing
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import ignore_bytes
from reconciler.model.values import nfc

#: A file this large, when it alone is more than one processor's share, has its hashes split over threads.
SPLIT_FROM_BYTES = 16 * 1024**2


def ignore_file(_path: str) -> None:
    """Take a progress report and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """New content of the lockfile.

    `files` is keyed by the NFC of each path. `added`, `changed` and `removed` are sorted paths that
    differ from the previous lockfile. `absent` are paths whose line was kept because there is no
    file to look at. `hashed` counts the files that were read.
    """

    files: Mapping[str, MediaFile]
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    absent: tuple[str, ...]
    hashed: int
    hashed_bytes: int
    diagnostics: tuple[Diagnostic, ...]

    @property
    def differs(self) -> bool:
        """Return whether the lockfile would change."""
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Pending:
    """A file that has to be read."""

    path: str
    size_bytes: int


@dataclass(slots=True, kw_only=True)
class Survey:
    """Work that locking has to do.

    It is known from file status and the cache alone, before anything is read.
    """

    folder: MediaFolder
    references: Mapping[str, Position]
    previous: Mapping[str, MediaFile]
    cache: StatCache
    limits: TransferLimits
    pending: list[Pending] = field(default_factory=list)
    known: dict[str, MediaFile] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def pending_bytes(self) -> int:
        """Number of bytes that have to be read."""
        return sum(item.size_bytes for item in self.pending)


def survey(
    folder: MediaFolder,
    references: Mapping[str, Position],
    previous: Mapping[str, MediaFile],
    cache: StatCache,
    limits: TransferLimits,
    *,
    rehash: bool = False,
    cancel: CancellationToken = NEVER_CANCELLED,
) -> Survey:
    """Check the files that the catalog names, and decide which to read.

    Every file that the catalog names is checked; size and time decide which have to be read.
    `references` maps each path to the position where the catalog names it; `previous` is the lockfile
    by NFC. `rehash` reads all of the files. Raises `Interrupted` when cancelled.
    """
    found = Survey(folder=folder, references=references, previous=previous, cache=cache, limits=limits)
    for path, position in cancel.between(_first_spellings(references).items()):
        try:
            _look_at(found, path, rehash=rehash)
        except MediaRefused as refused:
            found.diagnostics.append(
                codes.media_diagnostic(refused.diagnosis, refused.detail, position, hint=refused.hint)
            )
    return found


def _first_spellings(references: Mapping[str, Position]) -> Mapping[str, Position]:
    """Keep one spelling of each path, in order.

    Two spellings that are equal by NFC mean one file.
    """
    first: dict[str, str] = {}
    for path in sorted(references):
        first.setdefault(nfc(path), path)
    return {path: references[path] for path in first.values()}


def _look_at(found: Survey, path: str, *, rehash: bool) -> None:
    status = found.folder.stat(path)
    if status is None:
        _look_at_absent(found, path)
        return
    cached = None if rehash else found.cache.get(path, status)
    if cached is not None and cached.part_bytes == _part_bytes(status.st_size, found.limits):
        found.known[nfc(path)] = cached
    else:
        found.pending.append(Pending(path, status.st_size))


def _look_at_absent(found: Survey, path: str) -> None:
    line = found.previous.get(nfc(path))
    if line is None:
        position = found.references[path]
        found.diagnostics.append(
            codes.media_diagnostic(codes.MEDIA_MISSING, f"{path} is not under the media root.", position)
        )
    else:
        found.absent.append(path)
        found.known[nfc(path)] = replace(line, path=path)


def _part_bytes(size_bytes: int, limits: TransferLimits) -> int | None:
    return limits.part_bytes if size_bytes > limits.single_put_bytes else None


def lock(
    found: Survey,
    *,
    on_bytes: Callable[[int], None] = ignore_bytes,
    on_file: Callable[[str], None] = ignore_file,
    cancel: CancellationToken = NEVER_CANCELLED,
) -> Locked:
    """Read the pending files of the survey, and return the new lockfile.

    The files are read on all processors. The result is what the lockfile should contain.

    Memory use does not depend on the file sizes. Files that cannot be locked are in the diagnostics
    and keep no line. What was read is added to the survey's cache. `on_bytes` and `on_file` are
    called from several threads; an exception from them, an interrupt, or a cancelled token
    (`Interrupted`) stops the reading within one buffer.
    """
    files = dict(found.known)
    wrong = list(found.diagnostics)
    for path, outcome in _read_all(found, on_bytes, on_file, cancel):
        if isinstance(outcome, MediaFile):
            files[nfc(path)] = outcome
        else:
            wrong.append(codes.media_diagnostic(outcome.code, outcome.detail, found.references[path]))
    return _compared(found, files, wrong)


class _ReportFailed(Exception):
    """The progress report raised an `OSError`: all reading ends."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _read_all(
    found: Survey,
    on_bytes: Callable[[int], None],
    on_file: Callable[[str], None],
    cancel: CancellationToken,
) -> Sequence[tuple[str, MediaFile | Unfit]]:
    workers = processors()
    share = max(found.pending_bytes // workers, SPLIT_FROM_BYTES)

    def counted(count: int) -> None:
        pool.stop.raise_if_cancelled()
        try:
            on_bytes(count)
        except OSError as error:  # of a terminal that is gone: not to be taken for the file's own
            raise _ReportFailed(error) from error

    def one(item: Pending) -> tuple[str, MediaFile | Unfit]:
        outcome = _read_one(found, item, counted, split=item.size_bytes > share)
        on_file(item.path)
        return item.path, outcome

    largest_first = sorted(found.pending, key=lambda item: -item.size_bytes)  # so that none is left over last
    with BoundedPool(one, size=workers, name="elmify-lock", cancel=cancel) as pool:
        try:
            return [future.result() for _, future in pool.finished(largest_first)]
        except _ReportFailed as failed:
            raise failed.reason from None


def processors() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _read_one(
    found: Survey, item: Pending, on_bytes: Callable[[int], None], *, split: bool
) -> MediaFile | Unfit:
    began = now_ns()
    try:
        with found.folder.open_path(item.path) as handle:
            before = os.fstat(handle.fileno())
            facts = read_facts(handle, item.path, before.st_size)
            handle.seek(0)
            digests = digest_file(handle, before.st_size, found.limits, on_bytes=on_bytes, split=split)
            after = os.fstat(handle.fileno())
    except Unfit as unfit:
        return unfit
    except MediaRefused as refused:
        return Unfit(refused.diagnosis, refused.detail)
    except ObjectMissing:
        return Unfit(codes.MEDIA_UNSTABLE, f"{item.path} vanished.")
    except OSError as error:
        return Unfit(codes.MEDIA_UNREADABLE, f"{item.path}: {error.strerror}.")
    if Stamp.of(before) != Stamp.of(after) or digests.size_bytes != before.st_size:
        return Unfit(codes.MEDIA_UNSTABLE, f"{item.path} was written to meanwhile.")
    media = MediaFile(
        path=item.path,
        size_bytes=digests.size_bytes,
        media_type=facts.media_type,
        sha256=digests.sha256,
        md5=digests.md5,
        part_bytes=digests.part_bytes,
        parts_etag=digests.parts_etag,
        duration_seconds=facts.duration_seconds,
        bitrate=facts.bitrate,
        sample_rate=facts.sample_rate,
    )
    found.cache.put(media, before, hashed_at_ns=began)
    return media


def _compared(found: Survey, files: Mapping[str, MediaFile], wrong: Sequence[Diagnostic]) -> Locked:
    previous = found.previous
    both = files.keys() & previous.keys()
    return Locked(
        files=files,
        added=_paths(files[key] for key in files.keys() - previous.keys()),
        changed=_paths(files[key] for key in both if files[key] != previous[key]),
        removed=_paths(previous[key] for key in previous.keys() - files.keys()),
        absent=tuple(sorted(found.absent)),
        hashed=len(found.pending),
        hashed_bytes=found.pending_bytes,
        diagnostics=in_reading_order(wrong),
    )


def _paths(files: Iterable[MediaFile]) -> tuple[str, ...]:
    return tuple(sorted(media.path for media in files))
