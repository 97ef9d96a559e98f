"""Apply: a plan approved now, or plans that were reviewed earlier.

A plan is shown before it is approved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reconciler.applying import apply as applying
from reconciler.applying.apply import refuse_blocked, request_of
from reconciler.applying.workspace import Workspace
from reconciler.model.history import Run
from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Plan
from reconciler.operations.plan import plan
from reconciler.planning.world import Request

_NO_WAIT = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Result of an apply.

    `outcome` is None when nothing was carried out: the plan was empty, or `declined`. `rolled_back`
    is the run that was rolled back, as the records know it: its commit of the catalog is the one that
    git is to revert.
    """

    plan: Plan
    outcome: Outcome | None = None
    declined: bool = False
    rolled_back: Run | None = None


def apply_now(
    workspace: Workspace,
    request: Request,
    *,
    show: Callable[[Plan], None],
    approve: Callable[[Plan], bool],
    wait: timedelta = _NO_WAIT,
) -> Applied:
    """Plan, show the plan, and carry out exactly it once it is approved.

    A blocked plan is shown and then refused (`Guarded`). A plan without changes is not asked about; what an
    earlier run left unfinished is finished then.
    """
    made = plan(workspace, request)
    show(made)
    refuse_blocked(made)
    if not made.changes and has_pending_aliases(workspace):
        return _carry_out(workspace, request, [made], None, wait)
    if not made.changes:
        finish_interrupted_runs(workspace)
        return Applied(plan=made)
    if not made.empty and not approve(made):
        return Applied(plan=made, declined=True)
    return _carry_out(workspace, request, [made], None, wait)


def apply_reviewed(
    workspace: Workspace,
    reviewed: Sequence[Plan],
    *,
    plan_file: str | None = None,
    wait: timedelta = _NO_WAIT,
) -> Applied:
    """Carry out what was reviewed in plans, and nothing else.

    When none was reviewed, nothing may change. `plan_file` is the file of the one plan, when there is
    one.
    """
    return _carry_out(workspace, request_of(reviewed), reviewed, plan_file, wait)


def _carry_out(
    workspace: Workspace, request: Request, reviewed: Sequence[Plan], plan_file: str | None, wait: timedelta
) -> Applied:
    run = _run(workspace, request.rolls_back)
    outcome = applying.apply(workspace, request, reviewed, wait=wait, plan_file=plan_file)
    return Applied(plan=outcome.plan, outcome=outcome, rolled_back=run)


def _run(workspace: Workspace, number: int | None) -> Run | None:
    """Return the record of a run, read before the commit.

    After the commit nothing that may fail should delay the answer.
    """
    if number is None:
        return None
    with workspace.database.read() as session:
        return session.records.run(number)


def has_pending_aliases(workspace: Workspace) -> bool:
    """Return whether a commit left playback copies to be replaced."""
    with workspace.database.read() as session:
        return bool(session.records.aliases())


def finish_interrupted_runs(workspace: Workspace) -> None:
    """Finish what an earlier run left undone after its commit.

    Also end the lease of a run that is gone.
    """
    applying.finish_earlier(workspace.database, workspace.objects)
