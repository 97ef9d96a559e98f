"""Verification of catalog, bucket and database. Nothing is written.

It streams, works in parallel, and uses constant memory.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from reconciler.applying.refresh import (
    Listing,
    arrange,
    check_identity,
    make_plan,
    read_database,
    read_marker,
    read_staging,
)
from reconciler.applying.workspace import Workspace
from reconciler.concurrency import NEVER_CANCELLED, Background, BoundedPool, CancellationToken
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied, ObjectMissing
from reconciler.model.plan import Plan
from reconciler.model.policy import OWN_PREFIX
from reconciler.model.ports import MediaFiles, Meter, ObjectStore, Observer, ReadSession, UnfinishedUpload
from reconciler.model.values import nfc, sharing_texts
from reconciler.operations.audit import anchored, chain_problem
from reconciler.planning.verification.byte_checks import (
    Expected,
    Sample,
    expected,
    gone,
    other_bytes,
    other_type,
)
from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.findings import Depth, Verification, VerifyFinding
from reconciler.planning.verification.repair import repair_request
from reconciler.planning.verification.verify import verified
from reconciler.planning.world import World


def verify(workspace: Workspace) -> Verification:
    """Verify by one listing and the database alone. Writes nothing.

    Raises what `make_plan` raises, but no question: what only a person can settle is a finding.
    """
    return verified(_context(workspace))


def verify_deep(workspace: Workspace, sample: Sample | None = None) -> Verification:
    """Verify, and also download and hash the live objects.

    With a sample only today's part of them is hashed; today is the database's date, in UTC.
    """
    context = _context(workspace)
    hashing = LiveHasher(
        objects=workspace.objects,
        observer=workspace.observer,
        concurrency=workspace.policy.transfer.concurrency,
        cancel=workspace.cancel,
    )
    day = context.world.snapshot.taken_at.toordinal()
    return hashing.verified(context, sample, day)


def repair_plan(workspace: Workspace, found: Verification) -> Plan | None:
    """Plan every repair that is safe, as an ordinary plan.

    None when no plan can repair anything.
    """
    request = repair_request(found.findings)
    return None if request is None else make_plan(workspace, request)[0]


@dataclass
class LiveHasher:
    """Hasher of objects, which also asks for each content type.

    It hashes `concurrency` objects at a time.
    """

    objects: ObjectStore
    observer: Observer
    concurrency: int
    cancel: CancellationToken = NEVER_CANCELLED
    _stop: CancellationToken = NEVER_CANCELLED

    def verified(self, context: VerifyContext, sample: Sample | None, day: int) -> Verification:
        """Verify `context` and the bytes of the objects in the day's sample.

        Without a sample the bytes of all objects are verified.
        """
        chosen = [each for each in expected(context) if sample is None or sample.covers(nfc(each.key), day)]
        read = [each for each in chosen if each.sha256 is not None]
        size_bytes = sum(each.size_bytes for each in read)
        with self.observer.meter("Hashing", files=len(chosen), size_bytes=size_bytes) as meter:
            findings = [finding for found in self._all(chosen, meter) for finding in found]
        hashed = frozenset(nfc(each.key) for each in read)
        depth = Depth(objects=len(read), size_bytes=size_bytes, part=None if sample is None else str(sample))
        return verified(context, findings, depth, hashed)

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


def _context(workspace: Workspace) -> VerifyContext:
    staging = workspace.staging
    with sharing_texts(), Background(size=2, name="elmify-list", cancel=workspace.cancel) as background:
        listing = background.begin(partial(_list, workspace.objects, background.stop))
        waiting = (
            background.begin(partial(read_staging, staging, background.stop)) if staging.separate else None
        )
        catalog = workspace.load_catalog()
        with workspace.database.read() as session:
            snapshot, recorded = read_database(session)
            listed = listing()
            found = listed.listing
            check_identity(recorded.identity, found.marker, workspace.policy.environment)
            beside = _surroundings(session, listed, workspace.media, begun=recorded.identity is not None)
            staged = found.staged if waiting is None else waiting()
            snapshot = replace(snapshot, objects=found.objects, staged=staged, marker=found.marker)
            world = World(catalog=catalog, snapshot=snapshot, recorded=recorded, policy=workspace.policy)
            if free := world.objects_without_row:
                beside = replace(beside, named_elsewhere=session.library.named_elsewhere(free))
    return VerifyContext(world, beside)


def _surroundings(session: ReadSession, listed: "_Listed", media: MediaFiles, *, begun: bool) -> Surroundings:
    """Collect what surrounds the objects in the stores.

    Only a system that was begun has some of it; the rest is found next to the objects.
    """
    problem, run = None, None
    if begun:
        _, problem = chain_problem(session.records.audit(), anchored(listed.own))
        lease = session.records.lease()
        run = lease.run if lease is not None and not lease.stale else None
    return Surroundings(
        nfc_duplicates=listed.nfc_duplicates,
        unfinished=listed.unfinished,
        broken_chain=problem,
        run=run,
        has_file=media.has,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    listing: Listing
    own: tuple[StoredObject, ...]
    nfc_duplicates: tuple[tuple[str, str], ...]
    unfinished: tuple[UnfinishedUpload, ...] | None


def _list(objects: ObjectStore, cancel: CancellationToken) -> _Listed:
    """List the bucket once, and what was begun beside it."""
    everything = list(cancel.between(objects.list()))
    return _Listed(
        listing=arrange(everything, lambda: read_marker(objects)),
        own=tuple(stored for stored in everything if stored.key.startswith(OWN_PREFIX)),
        nfc_duplicates=() if objects.capabilities.folds_nfc else tuple(_nfc_duplicates(everything)),
        unfinished=_unfinished(objects),
    )


def _nfc_duplicates(listed: list[StoredObject]) -> Iterator[tuple[str, str]]:
    """Yield the keys that are equal by NFC.

    A store that does not fold keys lists both of them.
    """
    first: dict[str, str] = {}
    for stored in listed:
        other = first.setdefault(nfc(stored.key), stored.key)
        if other != stored.key:
            yield other, stored.key


def _unfinished(objects: ObjectStore) -> tuple[UnfinishedUpload, ...] | None:
    """Return the unfinished uploads.

    None when the key may read objects but not list uploads.
    """
    try:
        return tuple(objects.unfinished())
    except Denied:
        return None
