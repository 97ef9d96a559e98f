"""The one operation that goes on from the status of an environment."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reconciler.model.history import Run, RunKind, RunState
from reconciler.model.recorded import IdentityState
from reconciler.model.remedies import Apply, CollectGarbage, MakePlan, Merge, Rollback
from reconciler.model.status import Advice, Status, Why

#: A lease runs out a minute after its last heartbeat: who waits for this long gets it, or its holder lives.
_WAIT_SECONDS = 120

#: What a run can be done again by.
Resumption = Apply | Rollback | Merge | CollectGarbage


def advise(status: Status) -> Advice:
    """Return the next step, for the first problem that blocks all others."""
    return (
        status.trouble
        or _of_the_lease(status)
        or _of_a_beginning(status)
        or _of_aliases(status)
        or _of_a_failure(status)
        or _of_the_audit_log(status)
        or _of_what_gc_does(status)
        or Advice(why=Why.ALL_DONE)
    )


def remedy_of_run(run: Run | None) -> Resumption:
    """Return the operation that repeats the work of a run.

    If the run had a reviewed plan, the operation applies that plan.
    """
    if run is None:
        return Apply()
    if run.fingerprint is not None and run.kind is not RunKind.MERGE:
        return Apply(fingerprint=run.fingerprint)
    return remedy_of(run.kind, run.subject)


def remedy_of(kind: RunKind, subject: Sequence[str]) -> Resumption:
    """Return the operation that repeats a run of that kind.

    `subject` is the run, or the two lectures, that the run is about.
    """
    match kind, [*subject]:
        case RunKind.GC, _:
            return CollectGarbage()
        case RunKind.ROLLBACK, [run] if run.isdecimal():
            return Rollback(run=int(run))
        case RunKind.MERGE, [row, into]:
            return Merge(row=row, into=into)
        case _:
            return Apply()


def finishing(kind: RunKind, subject: Sequence[str]) -> Resumption:
    """Return what does what such a run has left undone after its commit.

    That is the run's own operation, which finds its work done; but what was merged cannot be named any more.
    """
    return Apply() if kind is RunKind.MERGE else remedy_of(kind, subject)


def _of_the_lease(status: Status) -> Advice | None:
    lease, run = status.lease, status.holder
    if lease is None:
        return None
    if not lease.stale:
        return Advice(
            why=Why.RUN_AT_WORK,
            remedy=replace(remedy_of_run(run), wait_seconds=_WAIT_SECONDS),
            run=lease.run,
            holder=lease.holder,
            ends_at=lease.expires_at,
        )
    committed = run is not None and run.state is RunState.COMMITTED
    why = Why.INTERRUPTED_AFTER_COMMIT if committed else Why.INTERRUPTED_BEFORE_COMMIT
    return Advice(why=why, remedy=remedy_of_run(run), run=lease.run)


def _of_a_beginning(status: Status) -> Advice | None:
    if status.identity is None:
        return Advice(why=Why.NEVER_APPLIED, remedy=MakePlan())
    if status.identity.state is IdentityState.PENDING:
        return Advice(why=Why.FIRST_APPLY_INTERRUPTED, remedy=Apply())
    return None


def _of_aliases(status: Status) -> Advice | None:
    """Return the advice to finish a commit.

    Whoever holds the lease next does that first.
    """
    if not status.aliases:
        return None
    first = min((alias.run for alias in status.aliases if alias.run is not None), default=None)
    return Advice(why=Why.ALIASES_PENDING, remedy=Apply(), run=first, count=len(status.aliases))


def _of_a_failure(status: Status) -> Advice | None:
    for run in _since_the_last_success(status):
        if any(leftover.record.run == run.id for leftover in status.leftovers):
            return Advice(why=Why.FAILED_BEFORE_COMMIT, remedy=remedy_of_run(run), run=run.id)
    return None


def _since_the_last_success(status: Status) -> Iterator[Run]:
    """Yield the last runs, newest first, up to the last that succeeded.

    The first run that came to its end stops the sequence and is not yielded. A gc does not count as
    such a run.
    """
    for run in status.runs:
        if run.state in {RunState.DONE, RunState.COMMITTED} and run.kind is not RunKind.GC:
            return
        yield run


def _of_the_audit_log(status: Status) -> Advice | None:
    return Advice(why=Why.AUDIT_HEAD_NOT_KEPT, remedy=Apply()) if status.unanchored is not None else None


def _of_what_gc_does(status: Status) -> Advice | None:
    if status.condemned:
        return Advice(why=Why.GC_INTERRUPTED, remedy=CollectGarbage(), count=status.condemned)
    if status.given_up:
        return Advice(why=Why.UPLOADS_GIVEN_UP, remedy=CollectGarbage(), count=status.given_up)
    return None
