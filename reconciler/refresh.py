"""Reading the world: the bucket by listing, the database by a fixed number of queries, both at once."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from reconciler.model.actual import Snapshot, StoredObject
from reconciler.model.catalog import Catalog
from reconciler.model.errors import IdentityMismatch, ObjectMissing
from reconciler.model.kinds import Kind
from reconciler.model.memory import uncollected
from reconciler.model.plan import Plan
from reconciler.model.policy import OWN_PREFIX, Policy
from reconciler.model.ports import Beyond, Database, Dependents, LibraryReader, ObjectStore, ReadSession
from reconciler.model.recorded import Identity, IdentityState, Recorded
from reconciler.model.values import nfc
from reconciler.planning.planner import Draft, draft, finish
from reconciler.planning.world import Request, World

#: The object that says which environment a bucket belongs to.
MARKER_KEY = f"{OWN_PREFIX}identity.json"

_Bucket = tuple[dict[str, StoredObject], str | None]


def make_plan(
    read_catalog: Callable[[], Catalog],
    policy: Policy,
    objects: ObjectStore,
    database: Database,
    request: Request,
) -> tuple[Plan, World]:
    """Read both stores and the catalog, and plan the difference. Writes nothing.

    Everything of the database is of one moment: refresh and counts share one read-only transaction. Raises
    `InvalidInput` for questions that only a person can answer, `IdentityMismatch` when the stores do not
    belong together, and whatever the stores raise.
    """
    with uncollected(), _beside() as pool:
        listing = pool.submit(read_bucket, objects)
        catalog = read_catalog()
        with database.read() as session:
            snapshot, recorded = _read_database(session)
            listed, marker = listing.result()
            check_identity(recorded.identity, marker, policy.environment)
            snapshot = replace(snapshot, objects=listed, marker=marker)
            world = World(catalog=catalog, snapshot=snapshot, recorded=recorded, policy=policy)
            rough = draft(world, request)
            doomed, moved = _dependents(session.library, rough)
            beyond = session.library.beyond(rough.ends) if rough.ends else Beyond()
    return finish(world, rough, doomed, moved, beyond), world


@contextmanager
def _beside() -> Iterator[ThreadPoolExecutor]:
    """Yield a thread to list in. It is not waited for: who pressed Ctrl-C does not want the listing's end."""
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read_bucket(objects: ObjectStore) -> _Bucket:
    """Return every object outside elmify's own prefix by NFC key, and the identity the bucket carries."""
    listed = {nfc(stored.key): stored for stored in objects.list() if not stored.key.startswith(OWN_PREFIX)}
    return listed, read_marker(objects)


def read_marker(objects: ObjectStore) -> str | None:
    """Return the id of the environment that the bucket says it belongs to; None when it says nothing."""
    try:
        marker = json.loads(objects.read(MARKER_KEY))
        return str(marker["id"])
    except ObjectMissing:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise IdentityMismatch(
            f"{MARKER_KEY} in the bucket is not readable as elmify's marker",
            hint="Look at it, and put it right with\n    elmify identity --rebind",
        ) from error


def check_identity(identity: Identity | None, marker: str | None, environment: str) -> None:
    """Refuse to go on unless bucket, database and elmify.yaml name one environment, or none has begun."""
    if identity is None and marker is None:
        return
    if identity is None:
        raise IdentityMismatch(
            f"the bucket belongs to environment {marker}, and this database has no records of it",
            hint="Check that DATABASE_URL and the bucket are a pair. If the records are lost, start anew:\n"
            "    elmify identity --rebind",
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
            hint="Check that DATABASE_URL and the bucket are a pair. If they are, mark the bucket:\n"
            "    elmify identity --rebind",
        )


def _read_database(session: ReadSession) -> tuple[Snapshot, Recorded]:
    snapshot = Snapshot(
        objects={},
        rows={kind: {row.id: row for row in session.library.rows(kind)} for kind in Kind},
        categories=session.library.categories(),
        marker=None,
        taken_at=session.now(),
    )
    return snapshot, session.records.load()


def _dependents(library: LibraryReader, rough: Draft) -> tuple[Dependents, Dependents]:
    doomed = library.dependents(rough.doomed, leaving=rough.leaving) if rough.doomed else Dependents()
    moved = library.dependents(rough.moved) if rough.moved else Dependents()
    return doomed, moved
