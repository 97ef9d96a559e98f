"""Both stores as they are → catalog and lockfile. Nothing live is changed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from reconciler.applying.refresh import check_identity, read_bucket, read_database
from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.importing.adopt import Workbench, columns_of
from reconciler.importing.declare import Folder, MergedEntries, merge
from reconciler.importing.describe import Remembered
from reconciler.importing.library import library_of
from reconciler.model.actual import Snapshot, StoredObject
from reconciler.model.address import Address
from reconciler.model.catalog import MediaFile
from reconciler.model.outcomes import Imported, ImportFinding, Reason
from reconciler.model.policy import Policy
from reconciler.model.ports import Database, ObjectStore
from reconciler.model.recorded import Recorded
from reconciler.model.values import sharing_texts

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


def import_live(
    folder: Folder,
    policy: Policy,
    world: tuple[Snapshot, Recorded],
    *,
    as_is: bool = False,
    learn: Learn = learn_nothing,
) -> Imported:
    """Declare what is live and not declared yet.

    Existing entries stay as they are written. A row that elmify's records still know keeps its
    address, the fields that were managed of it, its hashes and its protection. A row whose entry the
    planner would not find by itself gets its `row:`. With `as_is`, every column that the plan would
    correct is accepted as it is instead. Raises `InvalidInput` for a catalog with mistakes.
    """
    return _import(Workbench(folder, policy, *world), as_is, learn)


def _import(bench: Workbench, as_is: bool, learn: Learn) -> Imported:
    known = bench.known()
    records = Remembered(bench.snapshot, bench.recorded)
    sure = {*known, *records.addresses}
    library = library_of(bench.snapshot, bench.policy.layout, known=sure, loosely=not as_is)
    found = records.told(library.speakers)
    merged = merge(bench.editor, found, known, fill=False, remembered=records.addresses)
    bench.add_lines(records.lines(library.media))
    unknown = {path: line for path, line in bench.lines.items() if line.sha256 is None}
    bench.lines |= learn(unknown, bench.snapshot.objects)
    bench.pin(merged)
    left = list(_with_accepted_values(bench, merged)) if as_is else []
    return bench.save(merged, (*library.findings, *left))


def _with_accepted_values(bench: Workbench, merged: MergedEntries) -> Iterator[ImportFinding]:
    """Write what the rows hold now into the new entries.

    The values are accepted with `as_is`. Yields a finding for what would still be changed.
    """
    for change in bench.differences():
        columns = columns_of(change)
        if columns and Address(change.address) in merged.added:
            bench.editor.set(Address(change.address), {"as_is": columns})
    for change in bench.differences():
        if Address(change.address) in merged.added and (change.before is None or columns_of(change)):
            detail = ", ".join(columns_of(change)) or "it is no row yet"
            yield ImportFinding(reason=Reason.NOT_AS_IS, subject=change.address, detail=detail)
