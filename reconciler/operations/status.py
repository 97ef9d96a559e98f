"""Status of an environment: lease, runs and leftovers.

It can also end an abandoned lease.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.applying.lease import close_run
from reconciler.applying.refresh import check_identity, read_marker, read_staging
from reconciler.applying.workspace import Workspace
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied, ElmifyError, IdentityMismatch
from reconciler.model.history import AuditFact, AuditHead, Lease, Run
from reconciler.model.policy import AUDIT_PREFIX, OWN_PREFIX
from reconciler.model.ports import ObjectStore, UnfinishedUpload
from reconciler.model.recorded import KeyRecord, KeyState, Recorded
from reconciler.model.remedies import Rebind
from reconciler.model.staging import Staging
from reconciler.model.status import Advice, Found, Leftover, Status, Why
from reconciler.model.values import nfc
from reconciler.operations.audit import anchored
from reconciler.planning.orphans import is_given_up, is_ours

_RUNS = 5


def read_status(workspace: Workspace) -> Status:
    """Return the status of an environment, as both stores tell it.

    Read rights are enough. The bucket is listed as a whole only while some run's keys are in doubt.
    """
    environment, staging = workspace.policy.environment, workspace.staging
    objects, database = workspace.objects, workspace.database
    with database.read() as session:
        records = session.records
        recorded, lease, runs = records.load(), records.lease(), tuple(records.runs(_RUNS))
        holder = records.run(lease.run) if lease is not None else None
        head, now = records.audit_head(), session.now()
    marker, trouble = _marker(environment, objects, recorded)
    in_doubt = any(record.state is KeyState.INTENDED for record in recorded.keys.values())
    listed = {nfc(stored.key): stored for stored in objects.list("" if in_doubt else OWN_PREFIX)}
    uploads = _uploads(objects, staging)
    ours = None if uploads is None else tuple(u for u in uploads if is_ours(u, staging, recorded.keys))
    return Status(
        environment=environment,
        objects=str(objects),
        database=str(database),
        identity=recorded.identity,
        marker=marker,
        trouble=trouble,
        lease=lease,
        holder=holder,
        runs=runs,
        leftovers=tuple(_leftovers(recorded.keys, listed)),
        unfinished=ours,
        given_up=sum(is_given_up(upload, now) for upload in ours or ()),
        foreign=None if uploads is None or ours is None else tuple(u for u in uploads if u not in ours),
        staged=read_staging(staging),
        condemned=len(list(_of(KeyState.CONDEMNED, recorded.keys))),
        unanchored=_unanchored(head, listed.values()),
        aliases=tuple(recorded.aliases[key] for key in sorted(recorded.aliases)),
    )


def _marker(environment: str, objects: ObjectStore, recorded: Recorded) -> tuple[str | None, Advice | None]:
    """Return the identity that the bucket carries.

    Also return what keeps the stores from being a pair, as advice.
    """
    try:
        marker = read_marker(objects)
    except IdentityMismatch as unreadable:
        return None, _not_a_pair(unreadable)
    try:
        check_identity(recorded.identity, marker, environment)
    except IdentityMismatch as mismatch:
        return marker, _not_a_pair(mismatch)
    return marker, None


def _not_a_pair(mismatch: IdentityMismatch) -> Advice:
    rebind = next((remedy for remedy in mismatch.remedies if isinstance(remedy, Rebind)), None)
    return Advice(why=Why.NOT_A_PAIR, remedy=rebind, problem=f"{mismatch.message}. {mismatch.hint}")


def _uploads(objects: ObjectStore, staging: Staging) -> tuple[UnfinishedUpload, ...] | None:
    """Return the unfinished uploads in both buckets.

    None when a key may not list them.
    """
    stores = (objects, staging.store) if staging.separate else (objects,)
    try:
        return tuple(upload for store in stores for upload in store.unfinished())
    except Denied:
        return None


def _leftovers(keys: Mapping[str, KeyRecord], listed: Mapping[str, StoredObject]) -> Iterator[Leftover]:
    for key, record in _of(KeyState.INTENDED, keys):
        stored = listed.get(key)
        if stored is None:
            yield Leftover(record=record, found=Found.ABSENT)
        else:
            as_meant = stored.size_bytes == record.size_bytes
            yield Leftover(record=record, found=Found.STORED if as_meant else Found.OTHER)


def _of(state: KeyState, keys: Mapping[str, KeyRecord]) -> Iterator[tuple[str, KeyRecord]]:
    return ((key, keys[key]) for key in sorted(keys) if keys[key].state is state)


def _unanchored(head: AuditHead, listed: Iterable[StoredObject]) -> AuditHead | None:
    """Return the end of the audit log unless the bucket keeps it."""
    kept = anchored(stored for stored in listed if stored.key.startswith(AUDIT_PREFIX))
    return head if head.seq and kept.get(head.seq) != head.hash else None


def end_lease(workspace: Workspace, run: int, *, force: bool) -> Run | None:
    """End the lease of a run whose holder is gone; return the run.

    An entry is added to the audit log. Raises `Leased` when the holder still seems to be alive and
    `force` is not given, or when another run holds the lease. A holder that is still alive can no
    longer commit.
    """
    with workspace.database.write() as work:
        if work.records.lease() is None:
            raise ElmifyError("nobody holds the lease", code="not-leased", hint="There is nothing to unlock.")
        work.records.break_lease(run, force=force)
        ended = work.records.run(run)
        close_run(work.records, run, f"interrupted; unlocked by {workspace.actor.name}")
        detail = {"run": run, "force": force}
        work.records.append_audit(None, workspace.actor, [AuditFact(event="unlock", detail=detail)])
    return ended


def read_lease(workspace: Workspace) -> Lease | None:
    """Return the lease as the records have it; None when no run holds it."""
    with workspace.database.read() as session:
        return session.records.lease()


def last_runs(workspace: Workspace, limit: int) -> Sequence[Run]:
    """Return the last runs, newest first."""
    with workspace.database.read() as session:
        return session.records.runs(limit)
