"""Planning, and expiring links to what a plan brings.

They lead to pictures and sound, for the person who reviews the plan.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.applying.refresh import make_plan
from reconciler.applying.workspace import Workspace
from reconciler.loading.revisions import catalog_at, changed_addresses
from reconciler.model.errors import UsageError
from reconciler.model.plan import Change, Plan, PutOrigin, State
from reconciler.model.ports import ObjectStore
from reconciler.model.remedies import ShowRuns
from reconciler.model.staging import Staging
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
            "no run has changed anything yet",
            code="no-run",
            hint="See what runs there are:",
            remedies=[ShowRuns()],
        )
    return Request(allowances=allowances, rolls_back=run)


def merge_request(row: str, into: str, allowances: Mapping[str, int]) -> Request:
    """Return the request that merges a lecture into another one.

    Each is a row id, `unmanaged.lectures[412]` or an address.
    """
    return Request(allowances=allowances, merges=(row, into))


def presigned_links(
    workspace: Workspace, made: Plan, lasts: timedelta
) -> tuple[Mapping[str, str], datetime | None]:
    """Return links by key to what a plan brings, and when they expire.

    Without links there is no expiry.
    """
    links = links_of(made, workspace.objects, workspace.staging, lasts)
    return links, datetime.now(UTC) + lasts if links else None


def links_of(
    plan: Plan, objects: ObjectStore, staging: Staging | None, lasts: timedelta
) -> Mapping[str, str]:
    """Return a link by key for each object that a change brings.

    Only objects whose bytes are already in a bucket have a link. Anyone with a link can get the
    object for that long, so the links belong on the page alone, never in a log. Bytes that are only
    on somebody's disk have no link, and a store that makes no links gives none. No request is made.
    """
    found = ((key, store.presign(where, lasts)) for key, store, where in _places(plan, objects, staging))
    return {key: link for key, link in found if link is not None}


def _places(
    plan: Plan, objects: ObjectStore, staging: Staging | None
) -> Iterator[tuple[str, ObjectStore, str]]:
    """Yield each key that is new to a resource, with its present location.

    The location is the store and the key that hold its bytes now.
    """
    for change in plan.changes:
        puts = {put.key: put for put in change.puts}
        for key in _new_keys(change):
            put = puts.get(key)
            if put is None:
                yield key, objects, key
            elif put.origin is PutOrigin.COPY and put.copied_from is not None:
                yield key, objects, put.copied_from
            elif put.origin is PutOrigin.STAGED and staging is not None:
                yield key, staging.store, staging.key_of(put.sha256)


def _new_keys(change: Change) -> list[str]:
    if change.after is None:
        return []
    before = change.before or State(values={})
    return [
        found.key
        for slot, found in change.after.objects.items()
        if not found.is_same(before.objects.get(slot))
    ]
