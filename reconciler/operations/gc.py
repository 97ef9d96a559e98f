"""Garbage collection: what had its time is deleted, and takedowns at once."""

from collections.abc import Sequence
from datetime import timedelta

from reconciler.applying.gc import GcScope, collect
from reconciler.applying.workspace import Workspace
from reconciler.model.outcomes import Collected


def collect_garbage(
    workspace: Workspace,
    *,
    older_than: timedelta | None = None,
    now: Sequence[str] = (),
    dry_run: bool = False,
    wait: timedelta = timedelta(0),
) -> Collected:
    """Delete expired retired objects and what interrupted runs left over.

    A retired object is deleted once its retention has passed. `older_than` is the retention to use,
    at least 24 hours; by default the policy's. `now` are addresses to take down at once. See
    `applying.gc.collect` for what is never deleted and what is raised.
    """
    policy = workspace.policy
    scope = GcScope(
        older_than=policy.retention if older_than is None else older_than,
        staged_older_than=policy.staged_retention if older_than is None else older_than,
        now=tuple(now),
    )
    return collect(workspace, scope, dry_run=dry_run, wait=wait)
