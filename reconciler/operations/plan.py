"""Plan: the difference between the catalog and both stores.

It also gives links to the files that a plan brings.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.applying.refresh import make_plan
from reconciler.applying.workspace import Workspace
from reconciler.loading.revisions import catalog_at, changed_addresses
from reconciler.model.errors import UsageError
from reconciler.model.plan import Plan
from reconciler.model.remedies import ShowRuns
from reconciler.operations.presign import links_of
from reconciler.operations.project import Project
from reconciler.planning.planner import refuse_idle_globs
from reconciler.planning.world import Request


def plan(workspace: Workspace, request: Request, *, computed_scope: bool = False) -> Plan:
    """Plan what an apply would change.

    Writes nothing, and read-only rights are enough. Raises `UsageError` for a glob of the scope that
    names nothing (a typing mistake), unless the scope was computed, as by `changed_since`; otherwise
    what `make_plan` raises.
    """
    made, world = make_plan(workspace, request)
    if not computed_scope:
        refuse_idle_globs(world, made)
    return made


def changed_since(project: Project, request: Request, revision: str) -> Request | None:
    """Limit a request to what differs in the catalog since a git revision.

    None when nothing differs.
    """
    settings = project.settings
    then = catalog_at(
        revision,
        project.git,
        catalog_dir=settings.catalog_dir,
        lock_path=settings.lock_path,
        media_root=settings.media_root,
        layout=settings.policy.layout,
    )
    changed = [a for a in changed_addresses(then, project.catalog()) if request.covers(a)]
    return replace(request, scope=tuple(sorted(changed))) if changed else None


def rollback_request(workspace: Workspace, run: int | None, allowances: Mapping[str, int]) -> Request:
    """Return the request that rolls a run back.

    By default it is the last run that changed something.
    """
    if run is None:
        with workspace.database.read() as session:
            run = session.records.last_change()
    if run is None:
        raise UsageError(
            "no run has changed anything yet", hint="See what runs there are:", remedies=[ShowRuns()]
        )
    return Request(allowances=allowances, rolls_back=run)


def presigned_links(
    workspace: Workspace, made: Plan, lasts: timedelta
) -> tuple[Mapping[str, str], datetime | None]:
    """Return links by key to what a plan brings, and when they expire.

    Without links there is no expiry.
    """
    links = links_of(made, workspace.objects, workspace.staging, lasts)
    return links, datetime.now(UTC) + lasts if links else None
