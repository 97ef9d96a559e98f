"""The one command that goes on from where an environment stands."""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from reconciler.model.history import Lease, Run, RunKind, RunState
from reconciler.model.recorded import IdentityState
from reconciler.model.status import Advice, Status
from reconciler.model.values import counted

_APPLY = "elmify apply"
_GC = "elmify gc"

#: A lease runs out a minute after its last heartbeat: who waits for this long gets it, or its holder lives.
_WAIT = "--lock-timeout 2m"

_SHORT_HASH = 12  # hex digits: what `elmify runs` and a plan's page show of a fingerprint

_NOT_VISIBLE = "Nothing of it is visible, and what it stored is used by"


def advise(status: Status) -> Advice:
    """Return what to do next: about the first thing that stands in the way of everything else."""
    return (
        status.trouble
        or _of_the_lease(status)
        or _of_a_beginning(status)
        or _of_a_failure(status)
        or _of_the_audit_log(status)
        or _of_what_gc_does(status)
        or Advice(why="Nothing was cut short: there is nothing to go on with.")
    )


def _of_the_lease(status: Status) -> Advice | None:
    lease, run = status.lease, status.holder
    if lease is None:
        return None
    if not lease.stale:
        again = going_on(run, _at_work(lease))
        return replace(again, command=f"{again.command} {_WAIT}")
    if run is not None and run.state is RunState.COMMITTED:
        why = f"Run {lease.run} committed everything and was interrupted after that. It is finished by"
    else:
        why = f"Run {lease.run} was interrupted before its commit. {_NOT_VISIBLE}"
    return going_on(run, why)


def _at_work(lease: Lease) -> str:
    return (
        f"Run {lease.run} of {lease.holder} is at work, or was killed a moment ago: its lease ends at "
        f"{lease.expires_at:%Y-%m-%d %H:%M:%S} UTC without another sign of life. This waits and goes on:"
    )


def going_on(run: Run | None, why: str) -> Advice:
    """Return what does again what a run was to do: by the plan file that was reviewed, if it had one."""
    if run is None or run.fingerprint is None or run.kind is RunKind.MERGE:
        return Advice(why=why, command=_again(run))
    return Advice(
        why=f"PLANFILE is the plan file with fingerprint {run.fingerprint[:_SHORT_HASH]}: it was reviewed, "
        f"and applying it again goes on with nothing else. {why}",
        command=f"{_APPLY} PLANFILE",
    )


def _again(run: Run | None) -> str:
    """Return the command that does a run again, quoted: what is printed here gets pasted."""
    if run is None or run.kind is RunKind.OTHER:
        return _APPLY
    return shlex.join(["elmify", run.kind, *run.subject])


def _of_a_beginning(status: Status) -> Advice | None:
    if status.identity is None:
        why = "Nothing was ever applied here. What the first apply would do is shown by"
        return Advice(why=why, command="elmify plan")
    if status.identity.state is IdentityState.PENDING:
        why = "The first apply was interrupted before both stores knew each other. It is taken up by"
        return Advice(why=why, command=_APPLY)
    return None


def _of_a_failure(status: Status) -> Advice | None:
    for run in _since_the_last_success(status):
        if any(leftover.record.run == run.id for leftover in status.leftovers):
            why = f"Run {run.id} ended before its commit. {_NOT_VISIBLE}"
            return going_on(run, why)
    return None


def _since_the_last_success(status: Status) -> Iterator[Run]:
    """Yield the last runs, newest first, up to the first that came to its end; gc is beside the point."""
    for run in status.runs:
        if run.state in {RunState.DONE, RunState.COMMITTED} and run.kind is not RunKind.GC:
            return
        yield run


def _of_the_audit_log(status: Status) -> Advice | None:
    if status.unanchored is None:
        return None
    why = (
        "Everything is committed, but the bucket does not keep the end of the audit log yet. That is done by"
    )
    return Advice(why=why, command=_APPLY)


def _of_what_gc_does(status: Status) -> Advice | None:
    if status.condemned:
        what = counted(status.condemned, "object")
        return Advice(
            why=f"A gc was interrupted, and {what} may still be there. It is finished by", command=_GC
        )
    if status.given_up:
        what = counted(status.given_up, "multipart upload")
        why = (
            f"Nobody has gone on with {what} for a day, and the store bills their parts. They are cleared by"
        )
        return Advice(why=why, command=_GC)
    return None
