"""Import of both stores as they are; hashing of live objects on request.

Nothing live is changed. What was learnt about bytes is kept as soon as it is known.
"""

import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from reconciler.applying.refresh import check_identity, read_bucket, read_database
from reconciler.concurrency import NEVER_CANCELLED, BoundedPool, CancellationToken
from reconciler.importing.adopt import Workbench, columns_of
from reconciler.importing.declare import Folder, MergedEntries, merge
from reconciler.importing.describe import Remembered
from reconciler.importing.library import library_of
from reconciler.importing.matching import CountUserRows, no_user_rows
from reconciler.importing.styles import settle_styles
from reconciler.importing.tidying import untidy_findings, write_numbers, write_tidy_names
from reconciler.importing.ways import settle_ways
from reconciler.loading.hashing import digest_file
from reconciler.loading.lockfile import format_line, parse_line
from reconciler.loading.media_facts import Facts, Unfit, read_facts
from reconciler.model.actual import Snapshot, StoredObject
from reconciler.model.address import Address, kind_of, parent_of
from reconciler.model.catalog import MediaFile
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.outcomes import Imported, ImportFinding, Reason, Tidied
from reconciler.model.plan import Change
from reconciler.model.policy import Policy, TransferLimits
from reconciler.model.ports import Database, Meter, ObjectStore
from reconciler.model.recorded import Recorded
from reconciler.model.values import Value, nfc, sharing_texts

#: Learns the bytes behind lines whose hash is unknown, by NFC path; returns the lines it could complete.
Learn = Callable[[Mapping[str, MediaFile], Mapping[str, StoredObject]], Mapping[str, MediaFile]]


def learn_nothing(
    _lines: Mapping[str, MediaFile], _objects: Mapping[str, StoredObject]
) -> Mapping[str, MediaFile]:
    """Leave every hash unknown."""
    return {}


def read_world(
    objects: ObjectStore,
    database: Database,
    environment: str,
    *,
    cancel: CancellationToken = NEVER_CANCELLED,
) -> tuple[Snapshot, Recorded]:
    """Read both stores; writes nothing.

    `IdentityMismatch` when they do not belong together or to that environment, `Interrupted` when cancelled;
    else whatever they raise.
    """
    with sharing_texts():
        listing = read_bucket(objects, cancel)
        with database.read() as session:
            snapshot, recorded = read_database(session)
    check_identity(recorded.identity, listing.marker, environment)
    return replace(snapshot, objects=listing.objects, marker=listing.marker), recorded


def count_user_rows(database: Database, rows: Collection[int]) -> Mapping[int, int]:
    """Return how many rows of users hang off each of some lecture rows."""
    with database.read() as session:
        counted = session.library.dependents({Kind.LECTURE: rows}).user_rows
    return {row: sum(tables.values()) for (_, row), tables in counted.items()}


def import_live(
    folder: Folder,
    policy: Policy,
    world: tuple[Snapshot, Recorded],
    *,
    as_is: bool = False,
    learn: Learn = learn_nothing,
    clean: Collection[Tidied] = (),
    user_rows: CountUserRows = no_user_rows,
) -> Imported:
    """Declare what is live and not declared yet.

    What existing entries say stays as it is written; what they leave out is added. Names are declared as
    the rows have them; those of the sorts in `clean` are tidied, declared ones too. `user_rows` counts what
    listeners keep of lectures, to choose among rows of which only one can be declared. A row that elmify's
    records still know keeps its address, the fields that were managed of it, its hashes and its protection.
    A row whose entry the planner would not find by itself gets its `row:`. With `as_is`, every column that
    the plan would correct is accepted as it is instead. Raises `InvalidInput` for a catalog with mistakes.
    """
    styles = settle_styles(folder.root, world[0], policy.layout)
    ways = settle_ways(folder.root, styles.text, world, policy.playback)
    bench = Workbench(folder, replace(policy, layout=styles.layout, playback=ways.ways), *world)
    known = bench.known()
    records = Remembered(bench.snapshot, bench.recorded)
    sure = {*known, *records.addresses}
    library = library_of(
        bench.snapshot,
        known=sure,
        loosely=not as_is,
        user_rows=user_rows,
        ways=ways.ways,
        told_numbers=Tidied.NUMBERS in clean,
    )
    found = records.with_records(library.speakers)
    merged = merge(bench.editor, found, known, fill=True, remembered=records.addresses)
    bench.add_lines(records.lines(library.media))
    unknown = {path: line for path, line in bench.lines.items() if line.sha256 is None}
    bench.lines |= learn(unknown, bench.snapshot.objects)
    bench.pin(merged)
    if Tidied.NUMBERS in clean:
        write_numbers(bench.editor, bench.known(), library.speakers)
    _tidy(bench, clean)
    left = tuple(_with_accepted_values(bench, merged)) if as_is else ()
    findings = (
        *library.findings,
        *ways.findings,
        *styles.findings,
        *untidy_findings(bench.editor),
        *left,
    )
    return bench.save(merged, findings, ways.text, ways.counts)


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


def _tidy(bench: Workbench, clean: Collection[Tidied]) -> None:
    """Write tidy names; the entries stay the rows that they are."""
    if not clean:
        return
    rows = {address: row for (_, row), address in bench.known().items()}
    tidied = set(write_tidy_names(bench.editor, clean))
    touched = {a for a in rows if a in tidied or parent_of(a) in tidied}
    bench.pin_rows({address: rows[address] for address in touched})


def _with_accepted_values(bench: Workbench, merged: MergedEntries) -> Iterator[ImportFinding]:
    """Write what the rows hold now into the new entries.

    The values are accepted with `as_is`. Yields a finding for what would still be changed.
    """
    for change in bench.differences():
        columns = _new_columns(change, merged)
        if columns:
            before = bench.editor.fields(Address(change.address)).get("as_is")
            accepted = {**(before if isinstance(before, dict) else {}), **columns}
            bench.editor.set(Address(change.address), {"as_is": accepted})
    for change in bench.differences():
        columns, is_added = _new_columns(change, merged), Address(change.address) in merged.added
        if columns or (is_added and change.before is None):
            detail = ", ".join(columns) or "it is no row yet"
            yield ImportFinding(reason=Reason.NOT_AS_IS, subject=change.address, detail=detail)


def _new_columns(change: Change, merged: MergedEntries) -> Mapping[str, Value]:
    """Return the columns that what the import has written would correct."""
    address, columns = Address(change.address), columns_of(change)
    if address in merged.added:
        return columns
    filled, table = merged.filled.get(address, ()), TABLES[kind_of(address)]
    return {name: value for name, value in columns.items() if table.column(name).source in filled}
