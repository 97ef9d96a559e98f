"""Cleanup of expired uploads: staged copies and unfinished uploads.

No row ever named them. The staged copies are older than their retention; the unfinished uploads
are those that no run continues.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from reconciler.applying.lease import LeaseHolder
from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied, ProviderError
from reconciler.model.outcomes import ExpiredUploads
from reconciler.model.ports import Database, ObjectStore, Observer, UnfinishedUpload
from reconciler.model.recorded import KeyRecord
from reconciler.model.staging import Staging
from reconciler.planning.orphans import is_given_up, is_ours

#: So many are cleared in one transaction: a takeover of the lease waits no longer than these take.
_AT_ONCE = 50

Item = TypeVar("Item")


def find_expired(
    objects: ObjectStore,
    staging: Staging,
    keys: Mapping[str, KeyRecord],
    *,
    staged_before: datetime,
    wanted: Collection[str],
    to_delete: Collection[str],
    now: datetime,
    cancel: CancellationToken = NEVER_CANCELLED,
) -> ExpiredUploads:
    """Find the expired uploads in both buckets.

    Writes nothing. `keys` are the recorded keys by NFC.

    A staged copy has expired when it was put before `staged_before` and its hash is not in `wanted`,
    or when its hash is in `to_delete`. Raises `Interrupted` when cancelled.
    """
    staged = tuple(_staged(staging, staged_before, wanted, to_delete, cancel))
    given_up = list[tuple[ObjectStore, UnfinishedUpload]]()
    foreign, unseen = list[UnfinishedUpload](), list[str]()
    for store in (objects, staging.store) if staging.separate else (objects,):
        try:
            uploads = list(cancel.between(store.unfinished()))
        except Denied:
            unseen.append(str(store))
            continue
        ours = [upload for upload in uploads if is_ours(upload, staging, keys)]
        given_up += [(store, upload) for upload in ours if is_given_up(upload, now)]
        foreign += [upload for upload in uploads if upload not in ours]
    return ExpiredUploads(
        staged=staged, given_up=tuple(given_up), foreign=tuple(foreign), unseen=tuple(unseen)
    )


def _staged(
    staging: Staging,
    before: datetime,
    wanted: Collection[str],
    to_delete: Collection[str],
    cancel: CancellationToken,
) -> Iterator[StoredObject]:
    for stored, put_at in cancel.between(staging.store.dated(staging.prefix)):
        sha256 = staging.hash_in(stored.key)
        had_its_time = put_at < before and sha256 not in wanted
        if sha256 is not None and (had_its_time or sha256 in to_delete):
            yield stored


def clear(
    expired: ExpiredUploads, staging: Staging, database: Database, lease: LeaseHolder, observer: Observer
) -> list[str]:
    """Delete and abort it all; what failed, as sentences.

    Under a lock of the lease row: whoever takes the lease over waits, and then no copy that its plan counts
    on goes away any more. `Leased` when it was taken over before, `Interrupted` when the run is cancelled.
    """
    size_bytes = sum(stored.size_bytes for stored in expired.staged)
    with observer.meter("Clearing", files=len(expired.staged), size_bytes=size_bytes) as meter:

        def delete(stored: StoredObject) -> None:
            staging.store.delete(stored.key)
            meter.bytes_done(stored.size_bytes)
            meter.file_done(stored.key)

        failures = _fenced(expired.staged, delete, lambda stored: stored.key, database, lease)
    return failures + _fenced(
        expired.given_up,
        lambda found: found[0].abort(found[1]),
        lambda found: found[1].key,
        database,
        lease,
    )


def _fenced(
    items: Sequence[Item],
    work: Callable[[Item], None],
    name: Callable[[Item], str],
    database: Database,
    lease: LeaseHolder,
) -> list[str]:
    failures = list[str]()
    for start in range(0, len(items), _AT_ONCE):
        with database.write() as transaction:
            transaction.records.check_lease(lease.token)
            for item in lease.cancel.between(items[start : start + _AT_ONCE]):
                try:
                    work(item)
                except ProviderError as error:
                    failures.append(f"{name(item)}: {error.message}")
    return failures
