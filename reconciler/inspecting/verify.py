"""Reading all that verify needs: one listing, a fixed number of queries, and nothing written."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from reconciler.applying.refresh import (
    Listing,
    arrange,
    check_identity,
    read_database,
    read_marker,
    read_staging,
)
from reconciler.inspecting.audit import anchored, chain_problem
from reconciler.inspecting.verify_bytes import Hashing
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import Catalog
from reconciler.model.errors import Denied
from reconciler.model.memory import uncollected
from reconciler.model.policy import OWN_PREFIX, Policy
from reconciler.model.ports import Database, ObjectStore, Observer, ReadSession, UnfinishedUpload
from reconciler.model.staging import Staging
from reconciler.model.values import nfc
from reconciler.planning.verification.byte_checks import Sample
from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.findings import Verification
from reconciler.planning.verification.verify import verified
from reconciler.planning.world import World


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What verify looks at. `has_file` says whether a path under the media root is on this machine."""

    policy: Policy
    objects: ObjectStore
    database: Database
    read_catalog: Callable[[], Catalog]
    has_file: Callable[[str], bool]
    observer: Observer
    staging: Staging | None = None

    def shallow(self) -> Verification:
        """Verify by one listing and the database alone. Raises what `make_plan` raises, but no question."""
        return verified(self._ground())

    def deep(self, sample: Sample | None = None) -> Verification:
        """Also download and hash what is live, or today's part of it; today is the database's, in UTC."""
        ground = self._ground()
        hashing = Hashing(
            objects=self.objects,
            observer=self.observer,
            concurrency=self.policy.transfer.concurrency,
        )
        day = ground.world.snapshot.taken_at.toordinal()
        return hashing.verified(ground, sample, day)

    def _ground(self) -> VerifyContext:
        with uncollected(), _beside() as pool:
            listing = pool.submit(_list, self.objects)
            waiting = pool.submit(read_staging, self.staging) if self.staging and self.staging.apart else None
            catalog = self.read_catalog()
            with self.database.read() as session:
                snapshot, recorded = read_database(session)
                listed = listing.result()
                found = listed.listing
                check_identity(recorded.identity, found.marker, self.policy.environment)
                beside = self._surroundings(session, listed, begun=recorded.identity is not None)
            staged = found.staged if waiting is None else waiting.result()
        snapshot = replace(snapshot, objects=found.objects, staged=staged, marker=found.marker)
        world = World(catalog=catalog, snapshot=snapshot, recorded=recorded, policy=self.policy)
        with uncollected():
            return VerifyContext(world, beside)

    def _surroundings(self, session: ReadSession, listed: "_Listed", *, begun: bool) -> Surroundings:
        """Look at what only a system that was begun has, and at what lies beside the objects."""
        problem, run = None, None
        if begun:
            _, problem = chain_problem(session.records.audit(), anchored(listed.own))
            lease = session.records.lease()
            run = lease.run if lease is not None and not lease.stale else None
        return Surroundings(
            twins=listed.twins,
            unfinished=listed.unfinished,
            broken_chain=problem,
            run=run,
            has_file=self.has_file,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    listing: Listing
    own: tuple[StoredObject, ...]
    twins: tuple[tuple[str, str], ...]
    unfinished: tuple[UnfinishedUpload, ...] | None


def _list(objects: ObjectStore) -> _Listed:
    """List the bucket once, and what was begun beside it."""
    everything = list(objects.list())
    return _Listed(
        listing=arrange(everything, lambda: read_marker(objects)),
        own=tuple(stored for stored in everything if stored.key.startswith(OWN_PREFIX)),
        twins=tuple(_twins(everything)),
        unfinished=_unfinished(objects),
    )


def _twins(listed: list[StoredObject]) -> Iterator[tuple[str, str]]:
    """Yield the keys that are equal by NFC: a store that does not fold them lists both."""
    first: dict[str, str] = {}
    for stored in listed:
        other = first.setdefault(nfc(stored.key), stored.key)
        if other != stored.key:
            yield other, stored.key


def _unfinished(objects: ObjectStore) -> tuple[UnfinishedUpload, ...] | None:
    """Return the unfinished uploads; None when the key may read objects and not list uploads."""
    try:
        return tuple(objects.unfinished())
    except Denied:
        return None


@contextmanager
def _beside() -> Iterator[ThreadPoolExecutor]:
    """Yield threads to list in, which are not waited for when something else fails."""
    pool = ThreadPoolExecutor(max_workers=2)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
