"""Garbage collection: condemn long-retired objects, then delete them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.applying.apply import finish_earlier
from reconciler.applying.cleanup import clear, find_expired
from reconciler.applying.lease import LeaseHolder, hold
from reconciler.applying.playback_copies import finish_aliases
from reconciler.applying.refresh import check_identity, read_marker
from reconciler.applying.workspace import Workspace
from reconciler.model.actual import Row
from reconciler.model.address import matches_any
from reconciler.model.errors import ProviderError, Unfinished, UsageError
from reconciler.model.history import AuditFact, RunKind, RunState
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.outcomes import Collected, ExpiredUploads, RetiredObject
from reconciler.model.plan import NamedBy
from reconciler.model.playback import Way
from reconciler.model.policy import RETENTION_MIN
from reconciler.model.ports import LibraryReader
from reconciler.model.recorded import KeyRecord, KeyState, Recorded
from reconciler.model.remedies import Apply, CollectGarbage, MakePlan, Sentence, ShowAudit, TakeDown
from reconciler.model.values import counted, listed, nfc
from reconciler.planning.orphans import wanted_hashes
from reconciler.planning.playback import Library
from reconciler.planning.references import KeySearch, naming_columns

_MOST_NAMED = 5  # addresses in one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class GcScope:
    """Request of a garbage collection: retention times and takedowns.

    It says how long things are kept, and names the addresses that must be deleted at once.
    """

    older_than: timedelta
    staged_older_than: timedelta
    now: Sequence[str] = ()


def collect(
    workspace: Workspace, wanted: GcScope, *, dry_run: bool, wait: timedelta = timedelta(0)
) -> Collected:
    """Delete expired objects, and everything that taken-down addresses had.

    A takedown is an address that must be deleted at once: everything that it ever had is deleted.

    Under the lease, the keys are committed as *condemned* before the first one is deleted: from then
    on, no row may name them. A key that any row or any other text of the database names, in any
    spelling, is left alone. This is checked before the keys are condemned, and again before the first
    one is deleted. Staged copies are deleted by age, unless an interrupted run needs them. Of the
    unfinished uploads, only elmify's own are aborted.

    Raises `UsageError` for a takedown of something that is still live, or that is not recorded.
    Raises `Unfinished` when some deletes failed, or when it was cancelled between two deletes: the
    next gc does the remaining ones.
    """
    if min(wanted.older_than, wanted.staged_older_than) < RETENTION_MIN:
        raise UsageError(
            "retired objects and staged copies are kept for at least 24 hours",
            hint="For a takedown, name what must go at once:",
            remedies=[TakeDown()],
        )
    marker = read_marker(workspace.objects)
    with workspace.database.read() as session:
        recorded = session.records.load()
        check_identity(recorded.identity, marker, workspace.policy.environment)
        _refuse_unknown(recorded, wanted.now)
        _refuse_live(recorded, wanted.now)
        if dry_run or recorded.identity is None:
            found, kept = _find(
                workspace, recorded, session.library, session.now() - wanted.older_than, wanted.now
            )
            expired = _expired(workspace, recorded, found, wanted, session.now())
            return Collected(objects=found, expired=expired, run=None, kept=kept)
    cancel, observer = workspace.cancel, workspace.observer
    with hold(workspace.database, RunKind.GC, workspace.actor, None, wait, observer, cancel=cancel) as lease:
        finish_aliases(workspace, lease)
        found, kept, recorded, now = _condemn(workspace, lease, wanted)
        if found:
            finish_earlier(workspace.database, workspace.objects)
            found, named = _but_named(workspace, found)
            kept = {**kept, **named}
        failures = _delete(workspace, lease, found)
        expired = _expired(workspace, recorded, found, wanted, now)
        failures += clear(expired, workspace.staging, workspace.database, lease, observer)
        _refuse_failures(failures)
    return Collected(objects=found, expired=expired, run=lease.run, kept=kept)


def _expired(
    workspace: Workspace, recorded: Recorded, found: Sequence[RetiredObject], wanted: GcScope, now: datetime
) -> ExpiredUploads:
    going = {nfc(item.record.key) for item in found}
    staying = {key: record for key, record in recorded.keys.items() if key not in going}
    return find_expired(
        workspace.objects,
        workspace.staging,
        recorded.keys,
        staged_before=now - wanted.staged_older_than,
        wanted=wanted_hashes(staying),
        to_delete=_taken_down(recorded, wanted.now),
        now=now,
        cancel=workspace.cancel,
    )


def _taken_down(recorded: Recorded, now: Sequence[str]) -> frozenset[str]:
    """Return the hashes of everything that addresses to take down had.

    Includes the hashes of objects that are deleted already.
    """
    return frozenset(
        record.sha256
        for record in recorded.keys.values()
        if record.sha256 is not None
        and record.address is not None
        and record.state is not KeyState.LIVE
        and matches_any(record.address, now)
    )


def _condemn(
    workspace: Workspace, lease: LeaseHolder, wanted: GcScope
) -> tuple[tuple[RetiredObject, ...], Mapping[str, NamedBy], Recorded, datetime]:
    """Commit the condemned keys, and return what is to be deleted.

    Returns the objects to delete, the objects to keep, what was recorded before, and the time by the
    database's clock.
    """
    marker = read_marker(workspace.objects)
    with workspace.database.write() as work:
        work.records.check_lease(lease.token)
        recorded = work.records.load()
        check_identity(recorded.identity, marker, workspace.policy.environment)
        _refuse_live(recorded, wanted.now)
        now = work.now()
        found, kept = _find(workspace, recorded, work.library, now - wanted.older_than, wanted.now)
        work.records.save_keys(_moved(found, KeyState.CONDEMNED, lease.run))
        facts = [
            AuditFact(
                event="condemn", address=item.record.address, detail={"key": item.record.key, "why": item.why}
            )
            for item in found
        ]
        if facts:
            work.records.append_audit(lease.run, workspace.actor, facts)
            work.records.set_run(lease.run, RunState.COMMITTED)
    return found, kept, recorded, now


def _but_named(
    workspace: Workspace, found: Sequence[RetiredObject]
) -> tuple[tuple[RetiredObject, ...], Mapping[str, NamedBy]]:
    """Leave out condemned objects that are named again.

    These are objects that something in the database has named since they were condemned. The next gc
    checks them again.
    """
    with workspace.database.read() as session:
        named = _named(session.library, workspace.policy.playback, [item.record.key for item in found])
    return tuple(item for item in found if nfc(item.record.key) not in named), named


def _refuse_unknown(recorded: Recorded, now: Sequence[str]) -> None:
    """Raise if a takedown matches nothing that is recorded.

    Otherwise somebody would believe that it removed something.
    """
    known = {record.address for record in recorded.keys.values() if record.address is not None}
    unknown = [glob for glob in now if not any(matches_any(address, (glob,)) for address in known)]
    if unknown:
        raise UsageError(
            f"nothing recorded was ever called {', '.join(unknown)}",
            hint="Check the address. The audit log shows what each address had:",
            remedies=[ShowAudit()],
        )


def _refuse_live(recorded: Recorded, now: Sequence[str]) -> None:
    """Raise if a takedown matches something that is still live.

    Only its earlier bytes would be deleted.
    """
    live = sorted(
        {
            record.address
            for record in recorded.keys.values()
            if record.state is KeyState.LIVE
            and record.address is not None
            and matches_any(record.address, now)
        }
    )
    if live:
        raise UsageError(
            f"{counted(len(live), 'address', 'addresses')} of this takedown "
            f"{'is' if len(live) == 1 else 'are'} still live: {listed(live, _MOST_NAMED)}",
            code="still-live",
            hint="Nothing was deleted. Remove it from the catalog first, then",
            remedies=[
                MakePlan(),
                Apply(),
                TakeDown(addresses=tuple(now)),
                Sentence(text="Earlier versions of what stays go once their retention is over, with"),
                CollectGarbage(),
            ],
        )


def _find(
    workspace: Workspace, recorded: Recorded, library: LibraryReader, before: datetime, now: Sequence[str]
) -> tuple[tuple[RetiredObject, ...], Mapping[str, NamedBy]]:
    """Return what may go, and what else had its time and is named."""
    candidates = {nfc(item.record.key): item for item in _candidates(recorded.keys, before, now)}
    let_go = {
        key
        for key, record in recorded.keys.items()
        if record.state is KeyState.RELEASED and now and matches_any(record.address or "", now)
    }
    named = _named(library, workspace.policy.playback, candidates.keys() | let_go)
    return tuple(item for key, item in candidates.items() if key not in named), named


def _named(library: LibraryReader, ways: Sequence[Way], keys: Collection[str]) -> Mapping[str, NamedBy]:
    """Return the keys that the database names or is found by, and by what.

    The keys are in NFC.
    """
    named: dict[str, NamedBy] = {}
    if not keys:
        return named
    search = KeySearch(keys)
    content = Library(ways, {kind: {row.id: row for row in library.rows(kind)} for kind in Kind})
    for row in (row for rows in content.rows.values() for row in rows.values()):
        for key in search.in_references(content.names_of(row)) - named.keys():
            named[key] = NamedBy(column=_naming(search, content, row, key))
    free = [key for key in search.keys if key not in named]
    return {**named, **library.named_elsewhere(free)} if free else named


def _naming(search: KeySearch, content: Library, row: Row, key: str) -> str:
    """Return the column that names a key, else the way that leads to it."""
    table = TABLES[row.kind]
    for column in naming_columns(table):
        if key in search.in_reference(str(row[column.name] or "")):
            return f"public.{table.name}.{column.name}"
    routes = zip(content.ways, content.routes(row), strict=True)
    found = next(way.name for way, route in routes if key in search.in_references(route.texts))
    return f"public.{table.name}, by way {found},"


def _candidates(
    keys: Mapping[str, KeyRecord], before: datetime, now: Sequence[str]
) -> Iterator[RetiredObject]:
    for record in keys.values():
        old = record.changed_at is not None and record.changed_at < before
        taken_down = bool(now) and record.address is not None and matches_any(record.address, now)
        match record.state:
            case KeyState.CONDEMNED:
                yield RetiredObject(record=record, why="condemned by an earlier gc")
            case KeyState.RETIRED if taken_down:
                yield RetiredObject(record=record, why="taken down")
            case KeyState.RETIRED if old:
                yield RetiredObject(record=record, why=f"retired {record.changed_at:%Y-%m-%d}")
            case KeyState.INTENDED if old or taken_down:
                yield RetiredObject(
                    record=record, why=f"left over from run {record.run}, which did not commit"
                )
            case _:
                continue


def _delete(workspace: Workspace, lease: LeaseHolder, found: Sequence[RetiredObject]) -> list[str]:
    """Delete condemned objects; what failed, as sentences.

    No request outlives the lease: a key may be used again later, and a delete that was held up on its way
    must not reach what stands there then.
    """
    gone: list[RetiredObject] = []
    failures: list[str] = []
    size_bytes = sum(item.record.size_bytes for item in found)
    with workspace.observer.meter("Deleting", files=len(found), size_bytes=size_bytes) as meter:
        for item in found:
            within = lease.left()
            try:
                workspace.objects.delete(item.record.key, within=within)
            except ProviderError as error:
                failures.append(f"{item.record.key}: {error.message}")
                continue
            gone.append(item)
            meter.bytes_done(item.record.size_bytes)
            meter.file_done(item.record.key)
    if gone:
        with workspace.database.write() as work:
            work.records.check_lease(lease.token)
            work.records.save_keys(_moved(gone, KeyState.DELETED, lease.run))
    return failures


def _refuse_failures(failures: Sequence[str]) -> None:
    if failures:
        raise Unfinished(
            f"{counted(len(failures), 'object')} could not be deleted",
            details=failures,
            hint="No row can name them any more. Delete them with",
            remedies=[CollectGarbage()],
        )


def _moved(found: Iterable[RetiredObject], state: KeyState, run: int) -> list[KeyRecord]:
    return [replace(item.record, state=state, run=run) for item in found]
