"""Verification of catalog, bucket and database.

They are read and checked, and never written.
"""

from collections.abc import Iterator
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
from reconciler.concurrency import Background, CancellationToken
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied
from reconciler.model.plan import Plan
from reconciler.model.policy import OWN_PREFIX
from reconciler.model.ports import MediaFiles, ObjectStore, ReadSession, UnfinishedUpload
from reconciler.model.values import nfc, sharing_texts
from reconciler.operations.audit import anchored, chain_problem
from reconciler.operations.verify_bytes import Hashing
from reconciler.planning.verification.byte_checks import Sample
from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.findings import Verification
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
    hashing = Hashing(
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


def _context(workspace: Workspace) -> VerifyContext:
    staging = workspace.staging
    with sharing_texts(), Background(size=2, name="elmify-list", cancel=workspace.cancel) as background:
        listing = background.begin(partial(_list, workspace.objects, background.stop))
        waiting = background.begin(partial(read_staging, staging, background.stop)) if staging.apart else None
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
        twins=listed.twins,
        unfinished=listed.unfinished,
        broken_chain=problem,
        run=run,
        has_file=media.has,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    listing: Listing
    own: tuple[StoredObject, ...]
    twins: tuple[tuple[str, str], ...]
    unfinished: tuple[UnfinishedUpload, ...] | None


def _list(objects: ObjectStore, cancel: CancellationToken) -> _Listed:
    """List the bucket once, and what was begun beside it."""
    everything = list(cancel.between(objects.list()))
    return _Listed(
        listing=arrange(everything, lambda: read_marker(objects)),
        own=tuple(stored for stored in everything if stored.key.startswith(OWN_PREFIX)),
        twins=() if objects.capabilities.folds_nfc else tuple(_twins(everything)),
        unfinished=_unfinished(objects),
    )


def _twins(listed: list[StoredObject]) -> Iterator[tuple[str, str]]:
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
