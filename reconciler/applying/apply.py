"""Apply, from its first statement to its last.

The order is: T0, the lease, refresh and plan, puts, the commit, T3.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from reconciler.applying.commit import PLAN_AGAIN, Commit, plan_again
from reconciler.applying.environment import establish, put_small
from reconciler.applying.lease import LeaseHolder, end_stale, hold
from reconciler.applying.playback_copies import (
    copy_all,
    finish_aliases,
    finish_own_aliases,
    first_copies,
    intended,
    purge_filled,
)
from reconciler.applying.refresh import make_plan
from reconciler.applying.uploads import Copier, Task, Uploader
from reconciler.applying.workspace import Workspace
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import media_by_path
from reconciler.model.errors import (
    Guarded,
    Leased,
    ObjectExists,
    ProviderError,
    Stale,
    Unavailable,
    Unfinished,
)
from reconciler.model.history import AuditHead, RunState
from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Plan, Put
from reconciler.model.policy import AUDIT_PREFIX
from reconciler.model.ports import CommitUnknown, Database, ObjectStore
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import Apply, LiftGuard, Operation, Remedy
from reconciler.model.values import nfc
from reconciler.planning.advice import finishing, remedy_of
from reconciler.planning.byte_sources import origins_in
from reconciler.planning.guards import lifted
from reconciler.planning.plan_comparison import (
    Discrepancy,
    comparison_lines,
    discrepancies,
    merged_scope,
    sole_purpose,
    summed_allowances,
)
from reconciler.planning.world import Request, World

#: T2 is tried again as a whole when it met a lock, a deadlock or a lost connection.
_COMMIT_ATTEMPTS = 5


def request_of(reviewed: Sequence[Plan]) -> Request:
    """Return what reviewed plans were asked for, taken together.

    Raises `UsageError` for a rollback, or a merge, beside another plan: each is carried out alone.
    """
    purpose = sole_purpose(reviewed)
    return Request(
        scope=merged_scope(reviewed),
        options=frozenset(option for plan in reviewed for option in plan.options),
        allowances=summed_allowances(reviewed),
        rolls_back=purpose.rolls_back,
        merges=purpose.merges,
    )


def apply(
    workspace: Workspace,
    request: Request,
    reviewed: Sequence[Plan],
    *,
    wait: timedelta = timedelta(0),
    plan_file: str | None = None,
) -> Outcome:
    """Carry out what was reviewed, as one commit across both stores.

    Plans again under the lease; anything that was not reviewed stops it before the first write (`Stale`),
    and so does a guard (`Guarded`). `PutsFailed` means that nothing was committed; `Unfinished` that the
    commit stands and something after it does not, `Interrupted` that it was cancelled before the commit.
    Waits up to `wait` for another run's lease, then raises `Leased`.

    `plan_file` is the file of the one reviewed plan, for hints; None when there is none, or several. Only
    then does the run keep a fingerprint: it says that the same file goes on where the run was cut short.
    """
    for plan in reviewed:
        _refuse_other_environment(plan, workspace.policy.environment)
    establish(workspace.database, workspace.objects, workspace.policy.environment)
    kind, subject = request.run
    fingerprint = reviewed[0].fingerprint if plan_file is not None else None
    observer = workspace.observer
    cancel = workspace.cancel
    with hold(
        workspace.database, kind, workspace.actor, fingerprint, wait, observer, subject=subject, cancel=cancel
    ) as lease:
        purge = finish_aliases(workspace, lease).purge
        plan, world = make_plan(workspace, request)
        lease.check()
        observer.event("planned", changes=len(plan.changes), fingerprint=plan.fingerprint)
        _refuse_unreviewed(discrepancies(reviewed, plan, world), plan)
        refuse_blocked(plan, plan_file)
        if not plan.changes:
            finish_earlier(workspace.database, workspace.objects)
            return Outcome(plan=plan, run=lease.run, purge=purge)
        stored, copied = _store(workspace, lease, plan, world)
        objects = {**world.snapshot.objects, **stored}
        head, commit = _commit(workspace, lease, plan, world, objects, remedy_of(kind, subject))
        observer.event("committed", run=lease.run, changes=len(plan.changes))
        purge += purge_filled(workspace, plan)
        purge += finish_own_aliases(workspace, lease, finishing(kind, subject))
        _anchor(workspace.objects, head, finishing(kind, subject))
    puts = [put for change in plan.changes for put in change.puts]
    uploaded = [put.size_bytes for put in puts if put.key not in copied]
    return Outcome(
        plan=plan,
        run=lease.run,
        uploaded_files=len(uploaded),
        uploaded_bytes=sum(uploaded),
        copied_files=len(puts) - len(uploaded),
        copied_bytes=sum(put.size_bytes for put in puts) - sum(uploaded),
        restored=commit.restored,
        merged=commit.merged,
        purge=purge,
    )


def refuse_blocked(plan: Plan, plan_file: str | None = None) -> None:
    """Raise `Guarded` with the refusal of every guard, if there is any.

    `plan_file` is where the plan was saved.
    """
    if plan.blocked:
        raise Guarded(
            "a guard refused this plan",
            details=[f"{blocked.guard}: {blocked.summary}" for blocked in plan.blocked],
            hint="Nothing was written. To lift it:",
            remedies=_remedies(plan, plan_file),
        )


def _remedies(plan: Plan, plan_file: str | None) -> Sequence[Remedy]:
    """Return every remedy once.

    One plan with all allowances lifts several guards.
    """
    again = lifted(plan, plan_file)
    found: list[Remedy] = []
    for remedy in (remedy for blocked in plan.blocked for remedy in blocked.remedies):
        told = again if isinstance(remedy, LiftGuard) else remedy
        if told not in found:
            found.append(told)
    return found


def _refuse_other_environment(plan: Plan, environment: str) -> None:
    if plan.environment != environment:
        raise Stale(
            f"the plan was made for environment {plan.environment!r}, this is {environment!r}",
            hint="Nothing was written. Apply it where it was made for, or plan here.",
        )


def _refuse_unreviewed(found: Sequence[Discrepancy], plan: Plan) -> None:
    if found:
        raise Stale(
            "what would happen now is not what was reviewed",
            details=list(comparison_lines(found)),
            hint=PLAN_AGAIN,
            remedies=[plan_again(plan)],
        )


# Bytes first.


def _store(
    workspace: Workspace, lease: LeaseHolder, plan: Plan, world: World
) -> tuple[dict[str, StoredObject], frozenset[str]]:
    """Record the intended keys, store the bytes, make the first copies.

    Returns what the bucket answered, by NFC key, and the keys whose bytes did not come from disk.
    """
    tasks, copies = _tasks(plan, world), first_copies(plan)
    if not tasks and not copies:
        return {}, frozenset()
    with workspace.database.write() as work:
        work.records.check_lease(lease.token)
        work.records.save_keys(
            [
                *(
                    _intended(put, lease.run, change.address)
                    for change in plan.changes
                    for put in change.puts
                ),
                *intended(copies, lease.run),
            ]
        )
    copier = Copier(objects=workspace.objects, staging=workspace.staging, limits=workspace.policy.transfer)
    size_bytes = sum(task.put.size_bytes for task in tasks)
    with workspace.observer.meter("Uploading", files=len(tasks), size_bytes=size_bytes) as meter:
        uploader = Uploader(
            workspace.objects, workspace.media, workspace.policy.transfer, lease, meter, copier
        )
        stored = uploader.put_all(tasks)
    made = {nfc(key): found for key, found in stored.items()}
    return {**made, **copy_all(workspace, lease, copies)}, frozenset(uploader.copied)


def _tasks(plan: Plan, world: World) -> list[Task]:
    lines = media_by_path(world.catalog)
    origins = origins_in(world)
    wanted = [(put, lines[nfc(put.path)]) for change in plan.changes for put in change.puts]
    return [Task(put=put, media=media, sources=tuple(origins.all(media))) for put, media in wanted]


def _intended(put: Put, run: int, address: str) -> KeyRecord:
    return KeyRecord(
        key=put.key,
        state=KeyState.INTENDED,
        size_bytes=put.size_bytes,
        sha256=put.sha256,
        address=address,
        run=run,
    )


# Rows once.


def _commit(
    workspace: Workspace,
    lease: LeaseHolder,
    plan: Plan,
    world: World,
    objects: dict[str, StoredObject],
    again: Operation,
) -> tuple[AuditHead, Commit]:
    """Commit, and retry the whole transaction after transient failures.

    It is retried when it met a lock or lost its connection.
    """
    for attempt in range(1, _COMMIT_ATTEMPTS + 1):
        lease.check()
        try:
            with workspace.database.write() as work:
                limits, recorded = workspace.policy.guards, world.recorded.resources
                commit = Commit(
                    work,
                    plan,
                    lease.run,
                    workspace.actor,
                    limits,
                    objects,
                    recorded,
                    known=world.recorded.keys,
                    cancel=lease.cancel,
                )
                return commit.carry_out(lease.token), commit
        except CommitUnknown as unknown:
            if isinstance(unknown.__cause__, KeyboardInterrupt):
                raise unknown.__cause__ from unknown
            standing = _committed_head(workspace, lease, again)
            if standing is not None:
                return standing, commit
            failure: Exception = unknown
        except Unavailable as unavailable:
            failure = unavailable
        workspace.observer.event("commit-retried", attempt=attempt, message=str(failure))
    raise Unavailable(
        f"the commit did not get through in {_COMMIT_ATTEMPTS} attempts: {failure}",
        hint="Nothing was committed. What was uploaded is used by the next",
        remedies=[again],
    ) from failure


def _committed_head(workspace: Workspace, lease: LeaseHolder, again: Operation) -> AuditHead | None:
    """Return the audit head if the run's commit succeeded, else None.

    For use after the answer to a commit was lost. Locks the lease row first, so that no commit can
    still be in progress, then looks.
    """
    try:
        with workspace.database.write() as work:
            with suppress(Leased):  # whoever took it over has waited for the same lock
                work.records.check_lease(lease.token)
            run = work.records.run(lease.run)
            stands = run is not None and run.state is RunState.COMMITTED
            return work.records.audit_head() if stands else None
    except ProviderError as error:
        raise Unfinished(
            f"the answer to the commit was lost, and nobody can say whether it stands: {error.message}",
            code="outcome-unknown",
            hint="It stands as a whole or not at all. When the database answers again, run",
            remedies=[again],
        ) from error


# Afterwards.


def finish_earlier(database: Database, objects: ObjectStore) -> None:
    """Finish what an earlier run left undone.

    Stores the audit head in the bucket, and ends the lease that the run held.
    """
    with database.read() as session:
        head = session.records.audit_head()
    if head.seq:
        _anchor(objects, head)
    end_stale(database)


def _anchor(objects: ObjectStore, head: AuditHead, finish: Operation | None = None) -> None:
    """Store the audit head in the bucket too.

    So an audit log that was cut short in the database is detected.
    """
    key = f"{AUDIT_PREFIX}{head.seq:012d}-{head.hash}"
    try:
        put_small(objects, key, head.hash.encode(), "text/plain")
    except ObjectExists:
        return
    except ProviderError as error:
        raise Unfinished(
            f"the commit stands, but the audit head could not be kept in the bucket: {error.message}",
            hint="Nothing is lost. To finish, run",
            remedies=[finish or Apply()],
        ) from error
