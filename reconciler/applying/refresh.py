"""Refresh: read the bucket and the database at the same time.

The bucket is read by listing, the database by a fixed number of queries.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from reconciler.applying.workspace import Workspace
from reconciler.concurrency import NEVER_CANCELLED, Background, CancellationToken
from reconciler.model.actual import Snapshot, StoredObject
from reconciler.model.catalog import Catalog
from reconciler.model.errors import IdentityMismatch, ObjectMissing
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action, Plan
from reconciler.model.playback import PendingAlias
from reconciler.model.policy import OWN_PREFIX, STAGED_PREFIX
from reconciler.model.ports import (
    Dependents,
    LibraryReader,
    ObjectStore,
    PositionsPastEnd,
    ReadSession,
    RecordsReader,
)
from reconciler.model.recorded import Identity, IdentityState, Recorded
from reconciler.model.remedies import Rebind
from reconciler.model.staging import Staging, hash_under
from reconciler.model.values import nfc, sharing_texts
from reconciler.planning.planner import Draft, draft, finish
from reconciler.planning.rollback import Past, draft_rollback
from reconciler.planning.row_merge import draft_merge, rows_of
from reconciler.planning.steps import captured_in, edits_in, with_edits
from reconciler.planning.world import Request, World

#: The object that says which environment a bucket belongs to.
MARKER_KEY = f"{OWN_PREFIX}identity.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Bucket contents: library objects, staged copies and identity.

    The library's objects are by NFC key, staged copies by SHA-256.
    """

    objects: Mapping[str, StoredObject]
    staged: Mapping[str, StoredObject]
    marker: str | None


def make_plan(workspace: Workspace, request: Request) -> tuple[Plan, World]:
    """Read both stores and the catalog, and plan the difference.

    Writes nothing.

    Everything from the database is of one moment: refresh and counts share one read-only transaction.
    Raises `InvalidInput` for questions that only a person can answer, `IdentityMismatch` when the
    stores do not belong together, `Interrupted` when cancelled, and whatever the stores raise. A
    listing that is in progress then ends with its current page.
    """
    staging = workspace.staging
    with sharing_texts(), Background(size=2, name="elmify-list", cancel=workspace.cancel) as background:
        listing = background.begin(partial(read_bucket, workspace.objects, background.stop))
        waiting = (
            background.begin(partial(read_staging, staging, background.stop)) if staging.separate else None
        )
        catalog = workspace.load_catalog() if request.rolls_back is None else Catalog(resources={})
        with workspace.database.read() as session:
            snapshot, recorded = read_database(session)
            listed = listing()
            check_identity(recorded.identity, listed.marker, workspace.policy.environment)
            staged = listed.staged if waiting is None else waiting()
            objects = with_aliases(listed.objects, recorded.aliases) if recorded.aliases else listed.objects
            snapshot = replace(snapshot, objects=objects, staged=staged, marker=listed.marker)
            world = World(catalog=catalog, snapshot=snapshot, recorded=recorded, policy=workspace.policy)
            rough = _kept(session.library, _draft(session, world, request))
            to_delete, moved = _dependents(session.library, rough)
            past_end = session.library.positions_past_end(rough.ends) if rough.ends else PositionsPastEnd()
    plan = finish(world, rough, to_delete, moved, past_end)
    return replace(plan, stores=workspace.stores), world


def read_bucket(objects: ObjectStore, cancel: CancellationToken = NEVER_CANCELLED) -> Listing:
    """Return the content of the bucket, with one listing and one read.

    Of elmify's own prefix, only the marker and the staged copies are included. Raises `Interrupted`
    when cancelled, before the next page is requested.
    """
    return arrange(cancel.between(objects.list()), lambda: read_marker(objects))


def arrange(listed: Iterable[StoredObject], marker: Callable[[], str | None]) -> Listing:
    """Sort listed objects into library objects and staged copies.

    `marker` is called when the listing has ended.
    """
    library: dict[str, StoredObject] = {}
    staged: dict[str, StoredObject] = {}
    for stored in listed:
        if not stored.key.startswith(OWN_PREFIX):
            library[nfc(stored.key)] = stored
        elif (sha256 := hash_under(STAGED_PREFIX, stored.key)) is not None:
            staged[sha256] = stored
    return Listing(objects=library, staged=staged, marker=marker())


def with_aliases(
    objects: Mapping[str, StoredObject], pending: Mapping[str, PendingAlias]
) -> Mapping[str, StoredObject]:
    """Return the objects as they will be once every pending alias is made.

    A plan counts on that: whoever applies it makes them first.
    """
    made = dict(objects)
    for key, alias in pending.items():
        there, source = objects.get(key), objects.get(nfc(alias.source))
        if there is not None and source is not None and there.etag == alias.replaces:
            made[key] = StoredObject(there.key, source.size_bytes, source.etag)
    return made


def read_staging(staging: Staging, cancel: CancellationToken = NEVER_CANCELLED) -> Mapping[str, StoredObject]:
    """Return the staged copies by SHA-256, with one listing.

    Each copy is stored under its SHA-256. Raises `Interrupted` when cancelled, before the next page
    is requested.
    """
    listed = cancel.between(staging.store.list(staging.prefix))
    found = ((staging.hash_in(stored.key), stored) for stored in listed)
    return {sha256: stored for sha256, stored in found if sha256 is not None}


def read_marker(objects: ObjectStore) -> str | None:
    """Return the id of the environment that the bucket belongs to.

    This is what the bucket says; None when it says nothing.
    """
    try:
        marker = json.loads(objects.read(MARKER_KEY))
        return str(marker["id"])
    except ObjectMissing:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IdentityMismatch(
            f"{MARKER_KEY} in the bucket is not readable as elmify's marker",
            hint="Look at it, and put it right with",
            remedies=[Rebind()],
        ) from error


def check_identity(identity: Identity | None, marker: str | None, environment: str) -> None:
    """Raise unless bucket, database and elmify.yaml name one environment.

    It is also accepted that no environment has begun yet.
    """
    if identity is None and marker is None:
        return
    if identity is None:
        raise IdentityMismatch(
            f"the bucket belongs to environment {marker}, and this database has no records of it",
            hint="Check that DATABASE_URL and the bucket are a pair. If the records are lost, start anew:",
            remedies=[Rebind()],
        )
    if identity.environment != environment:
        raise IdentityMismatch(
            f"elmify.yaml says environment {environment!r}, the database says {identity.environment!r}",
            hint="Check DATABASE_URL, or correct `environment:` in elmify.yaml.",
        )
    if marker is None and identity.state is IdentityState.PENDING:
        return
    if marker != identity.id:
        found = "carries no marker" if marker is None else f"belongs to environment {marker}"
        raise IdentityMismatch(
            f"the database belongs to environment {identity.id}, but the bucket {found}",
            hint="Check that DATABASE_URL and the bucket are a pair. If they are, mark the bucket:",
            remedies=[Rebind()],
        )


def read_database(session: ReadSession) -> tuple[Snapshot, Recorded]:
    """Return the rows and the records, all of one moment.

    The objects of the snapshot are not filled in yet.
    """
    snapshot = Snapshot(
        objects={},
        rows={kind: {row.id: row for row in session.library.rows(kind)} for kind in Kind},
        categories=session.library.categories(),
        marker=None,
        taken_at=session.now(),
    )
    return snapshot, session.records.load()


def _draft(session: ReadSession, world: World, request: Request) -> Draft:
    if request.merges is not None:
        rough = draft_merge(world, request)
        return replace(rough, merged=session.library.mergeable(*rows_of(rough)))
    if request.rolls_back is None:
        return draft(world, request)
    past = read_past(session.records, request.rolls_back)
    rough = draft_rollback(world, past, request)
    if not any(change.action is Action.CREATE for change in rough.changes):
        return rough
    restored = session.library.restorable(captured_in(past.steps))
    return replace(rough, restored=with_edits(restored, edits_in(past.steps)))


def read_past(records: RecordsReader, number: int) -> Past:
    """Return what the records say of a run, and of what came after it."""
    return Past(
        number=number,
        run=records.run(number),
        steps=records.steps(number),
        later=tuple(records.touched_since(number)),
    )


def _kept(library: LibraryReader, rough: Draft) -> Draft:
    """Keep objects that another table names, instead of retiring them.

    Sends no query for a plan that retires nothing.
    """
    named = library.named_elsewhere(rough.retired, leaving=rough.to_delete) if rough.retired else {}
    return rough.keeping(named) if named else rough


def _dependents(library: LibraryReader, rough: Draft) -> tuple[Dependents, Dependents]:
    to_delete = (
        library.dependents(rough.to_delete, leaving=rough.leaving) if rough.to_delete else Dependents()
    )
    moved = library.dependents(rough.moved) if rough.moved else Dependents()
    return to_delete, moved
