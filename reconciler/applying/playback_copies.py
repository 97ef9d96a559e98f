"""Playback copies: those before the commit, and the aliases after it.

A copy before the commit never overwrites anything. An alias overwrites one object, and only while that
is the one that the plan saw. The commit records the aliases as pending; whoever holds the lease makes
them before anything else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from reconciler.applying.checksums import HASH_METADATA, cache_control_of, is_copy
from reconciler.applying.lease import LeaseHolder
from reconciler.applying.workspace import Workspace
from reconciler.concurrency import BoundedPool
from reconciler.model.actual import StoredObject
from reconciler.model.errors import (
    ElmifyError,
    ObjectChanged,
    ObjectExists,
    ProviderError,
    PutsFailed,
    Unfinished,
)
from reconciler.model.outcomes import Purge
from reconciler.model.plan import Plan
from reconciler.model.playback import CopyStep, PendingAlias, PlaybackCopy
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import Copy, ObjectStore
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import Apply, MakePlan, Operation
from reconciler.model.values import counted, nfc
from reconciler.planning.references import purge_urls

#: So many are made in one transaction: a takeover of the lease waits no longer than these take.
_AT_ONCE = 50


def first_copies(plan: Plan) -> Sequence[PlaybackCopy]:
    """Return the copies that have to stand before the commit."""
    return [c for change in plan.changes for c in change.copies if c.step is not CopyStep.ALIAS]


def intended(copies: Iterable[PlaybackCopy], run: int) -> Sequence[KeyRecord]:
    """Return the records of the keys that copies are about to use."""
    return [
        KeyRecord(
            key=copy.key,
            state=KeyState.INTENDED,
            size_bytes=copy.size_bytes,
            sha256=copy.sha256,
            verified=copy.sha256 is not None,
            address=copy.address,
            run=run,
        )
        for copy in copies
    ]


def copy_all(
    workspace: Workspace, lease: LeaseHolder, copies: Sequence[PlaybackCopy]
) -> dict[str, StoredObject]:
    """Make the copies before the commit; what stands under each NFC key.

    One that an earlier run made already counts as made. Raises `PutsFailed` when one cannot be made: nothing
    is committed then.
    """
    if not copies:
        return {}
    stored: dict[str, StoredObject] = {}
    failures: list[str] = []
    occupied: list[PlaybackCopy] = []
    size_bytes = sum(copy.size_bytes for copy in copies)
    maker = _Maker(workspace.objects, workspace.policy.transfer)
    with (
        workspace.observer.meter("Copying", files=len(copies), size_bytes=size_bytes) as meter,
        BoundedPool[PlaybackCopy, StoredObject](
            lambda copy: _checked(lease, maker, copy),
            size=workspace.policy.transfer.concurrency,
            name="elmify-copy",
            cancel=lease.cancel,
        ) as pool,
    ):
        for copy, future in pool.finished(copies):
            try:
                stored[nfc(copy.key)] = future.result()
            except ProviderError as error:
                failures.append(f"{copy.source} -> {copy.key}: {error.message}")
                occupied += [copy] if isinstance(error, ObjectExists) else []
                continue
            meter.bytes_done(copy.size_bytes)
            meter.file_done(copy.key)
    lease.check()
    if occupied:
        _give_up(workspace, lease, occupied)
    if failures:
        raise PutsFailed(
            f"{counted(len(failures), 'playback copy', 'playback copies')} could not be made, so nothing was "
            "committed",
            details=sorted(failures),
            hint="What was copied is used by the next apply. If objects were replaced meanwhile, plan again:",
            remedies=[MakePlan(), Apply()],
        )
    return stored


def _give_up(workspace: Workspace, lease: LeaseHolder, occupied: Sequence[PlaybackCopy]) -> None:
    """Give up keys that hold what nobody expected.

    The next plan keeps those bytes aside.
    """
    with workspace.database.write() as work:
        work.records.check_lease(lease.token)
        work.records.save_keys(
            [replace(record, state=KeyState.RELEASED) for record in intended(occupied, lease.run)]
        )


def _checked(lease: LeaseHolder, maker: "_Maker", copy: PlaybackCopy) -> StoredObject:
    lease.check()
    return maker.fill(copy.key, copy.source, copy.size_bytes, copy.sha256, copy.source_etag, copy.media_type)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes copies within the library's bucket."""

    objects: ObjectStore
    limits: TransferLimits

    def fill(
        self,
        key: str,
        source: str,
        size_bytes: int,
        sha256: str | None,
        source_etag: str | None,
        media_type: str | None,
    ) -> StoredObject:
        """Copy to a key that is free, or that holds this copy already."""
        try:
            return self.copy(key, source, size_bytes, sha256, source_etag, media_type, replaces=None)
        except ObjectExists:
            there = self.objects.head(key)
            origin = self.objects.head(source)
            if there is None or origin is None or not is_copy(self.objects, there, origin, sha256):
                raise
            return StoredObject(there.key, there.size_bytes, there.etag)

    def copy(
        self,
        key: str,
        source: str,
        size_bytes: int,
        sha256: str | None,
        source_etag: str | None,
        media_type: str | None,
        *,
        replaces: str | None,
    ) -> StoredObject:
        """Copy an object, with the type and the hash that it has."""
        origin = self.objects.head(source) if media_type is None or sha256 is None else None
        known = sha256 or (origin.metadata.get(HASH_METADATA) if origin is not None else None)
        return self.objects.copy(
            Copy(
                source=source,
                key=key,
                size_bytes=size_bytes,
                media_type=media_type or (origin.media_type if origin is not None else "audio/mpeg"),
                cache_control=cache_control_of(key, self.limits),
                metadata={HASH_METADATA: known} if known is not None else {},
                etag=source_etag,
                replaces=replaces,
            )
        )


@dataclass(slots=True)
class Finished:
    """Outcome of pending aliases: keys overwritten, and keys given up.

    `purge` are the URLs of what was overwritten.
    """

    made: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    purge: Purge = field(default_factory=Purge)


def finish_aliases(workspace: Workspace, lease: LeaseHolder) -> Finished:
    """Make every pending alias, and return what became of them.

    For a holder of the lease, before anything else and right after a commit. Each one overwrites only the
    object that the commit saw. One whose key holds something else by now is given up: the next plan decides
    anew. Raises what the store raises; what was made until then is recorded.
    """
    with workspace.database.read() as session:
        pending = list(session.records.aliases().values())
    finished = Finished()
    try:
        for start in range(0, len(pending), _AT_ONCE):
            _finish_some(workspace, lease, pending[start : start + _AT_ONCE], finished)
    finally:
        finished.purge = purge(workspace, finished.made)
    if pending:
        workspace.observer.event("aliases", made=len(finished.made), given_up=len(finished.given_up))
    return finished


def _finish_some(
    workspace: Workspace, lease: LeaseHolder, pending: Sequence[PendingAlias], finished: Finished
) -> None:
    """Make some aliases under a lock of the lease row.

    A takeover waits until they are made.
    """
    failure: ProviderError | None = None
    with workspace.database.write() as work:
        work.records.check_lease(lease.token)
        done: list[tuple[PendingAlias, StoredObject]] = []
        with BoundedPool[PendingAlias, StoredObject | None](
            lambda alias: _overwrite(workspace, lease, alias),
            size=workspace.policy.transfer.concurrency,
            name="elmify-alias",
            cancel=lease.cancel,
        ) as pool:
            for alias, future in pool.finished(pending):
                try:
                    stored = future.result()
                except ProviderError as error:
                    failure = error
                    continue
                if stored is None:
                    finished.given_up.append(alias.key)
                else:
                    done.append((alias, stored))
                    finished.made.append(alias.key)
        work.records.save_keys([_record(alias, stored) for alias, stored in done])
        given_up = set(finished.given_up)
        work.records.drop_aliases(
            [*(alias.key for alias, _ in done), *(a.key for a in pending if a.key in given_up)]
        )
    if failure is not None:
        raise failure


def _overwrite(workspace: Workspace, lease: LeaseHolder, alias: PendingAlias) -> StoredObject | None:
    """Make one alias; None when its key holds what nobody expected."""
    lease.check()
    objects, maker = workspace.objects, _Maker(workspace.objects, workspace.policy.transfer)
    there, origin = objects.head(alias.key), objects.head(alias.source)
    if there is not None and origin is not None and is_copy(objects, there, origin, alias.sha256):
        return StoredObject(there.key, there.size_bytes, there.etag)  # the answer was lost, or a kill came
    if origin is None or (there is not None and there.etag != alias.replaces):
        return None
    replaces = there.etag if there is not None else None
    try:
        return maker.copy(
            alias.key,
            alias.source,
            alias.size_bytes,
            alias.sha256,
            origin.etag,
            alias.media_type or origin.media_type,
            replaces=replaces,
        )
    except (ObjectChanged, ObjectExists):
        return None


def _record(alias: PendingAlias, stored: StoredObject) -> KeyRecord:
    return KeyRecord(
        key=alias.key,
        state=KeyState.LIVE,
        size_bytes=stored.size_bytes,
        sha256=alias.sha256,
        etag=stored.etag,
        verified=alias.sha256 is not None,
        address=alias.address,
        run=alias.run,
    )


def purge_filled(workspace: Workspace, plan: Plan) -> Purge:
    """Purge the keys that a commit has filled.

    A CDN may keep that nothing was there.
    """
    return purge(workspace, [copy.key for copy in first_copies(plan) if copy.step is CopyStep.FILL])


def purge(workspace: Workspace, keys: Sequence[str]) -> Purge:
    """Purge the URLs of keys from the CDN, where one is configured.

    Never raises for the CDN's sake: what stands in both stores is right already.
    """
    policy = workspace.policy
    bases = (policy.layout.base_url, *(way.base_url for way in policy.playback))
    urls = purge_urls([base for base in bases if base], keys)
    if not urls:
        return Purge()
    if workspace.cdn is None:
        return Purge(urls=urls, left=urls)
    try:
        workspace.cdn.purge(urls)
    except ElmifyError as error:
        found = Purge(urls=urls, left=tuple(error.details) or urls, problem=error.message)
    else:
        found = Purge(urls=urls)
    workspace.observer.event("purged", urls=len(urls), left=len(found.left), problem=found.problem)
    return found


def finish_own_aliases(workspace: Workspace, lease: LeaseHolder, again: Operation) -> Purge:
    """Make the aliases of the last commit; return what it purged.

    Raises `Unfinished` when one could not be made: listeners hear the old recording until it is.
    """
    try:
        finished = finish_aliases(workspace, lease)
    except ProviderError as error:
        raise Unfinished(
            f"the commit stands, but not every playback copy could be replaced: {error.message}",
            code="aliases-pending",
            hint="Until then listeners hear the recording from before. To finish, run",
            remedies=[again],
        ) from error
    if finished.given_up:
        raise Unfinished(
            f"the commit stands, but {counted(len(finished.given_up), 'playback copy', 'playback copies')} "
            "changed meanwhile, and were left alone",
            code="aliases-given-up",
            details=finished.given_up,
            hint="Plan again, and apply that:",
            remedies=[MakePlan(), Apply()],
        )
    return finished.purge
