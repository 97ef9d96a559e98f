"""Planner: a plan from the catalog, the snapshot and the records.

Planning has two pure steps. `draft` finds the changes; what depends on the rows that it would
delete or move has to be counted in the database; `finish` adds those counts, the guards and the
fingerprint.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.model.address import EXACTLY, Address, matches_any
from reconciler.model.diagnostics import Diagnostic, in_reading_order
from reconciler.model.drift import DriftFinding
from reconciler.model.errors import InvalidInput, UsageError
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.plan import (
    Action,
    Blocked,
    Change,
    Impact,
    Merged,
    NamedBy,
    NotRekeyed,
    Plan,
    Restored,
    Unmanaged,
)
from reconciler.model.playback import WayCount
from reconciler.model.ports import Dependents, PositionsPastEnd
from reconciler.model.values import nfc
from reconciler.planning.ambiguities import taken_names
from reconciler.planning.analysis import analyse
from reconciler.planning.drift import drift_of, lost_row
from reconciler.planning.fingerprint import fingerprint
from reconciler.planning.guards import blocked_by
from reconciler.planning.identity import Identities
from reconciler.planning.ignore_rules import drift_without_ignored, without_ignored
from reconciler.planning.playback import Library
from reconciler.planning.playback_plan import plan_playback
from reconciler.planning.removals import delete_unmanaged, vanished, with_retired
from reconciler.planning.world import DELETE_UNMANAGED, REKEY, Request, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan without the counts that only the database can give.

    `to_delete` are the rows it deletes, `moved` those it keeps under another address or parent, `leaving` the
    content rows that will hang under other parents before anything is deleted. `ends` are the new durations,
    in seconds, of the lecture rows whose audio becomes shorter.
    """

    request: Request
    changes: tuple[Change, ...]
    drift: tuple[DriftFinding, ...]
    unmanaged: Unmanaged
    unchanged: int
    unverified: int
    to_delete: Mapping[Kind, Collection[int]]
    moved: Mapping[Kind, Collection[int]]
    leaving: Mapping[Kind, Collection[int]]
    ends: Mapping[int, int]
    identities: Identities
    restored: Restored = field(default_factory=Restored)
    merged: Merged = field(default_factory=Merged)
    ignored: int = 0
    kept: Mapping[str, NamedBy] = field(default_factory=dict)
    playback: tuple[WayCount, ...] = ()
    unheard: tuple[Blocked, ...] = ()
    not_rekeyed: tuple[NotRekeyed, ...] = ()

    @property
    def retired(self) -> frozenset[str]:
        """The NFC keys that it retires."""
        return frozenset(nfc(key) for change in self.changes for key in change.retired)

    def keeping(self, named: Mapping[str, NamedBy]) -> "Draft":
        """Return the draft without the retirement of the keys in `named`.

        These are keys that something else was found to name.
        """
        changes = [
            replace(change, retired=tuple(key for key in change.retired if nfc(key) not in named))
            for change in self.changes
        ]
        left = tuple(change for change in changes if change.kind or change.retired or change.reused)
        return replace(self, changes=left, kept=named)


def draft(world: World, request: Request) -> Draft:
    """Return the draft of the changes within the request's scope.

    Raise `InvalidInput` with every question that the changes raise.
    """
    found = analyse(world, rekey=REKEY in request.options)
    identities, differences = found.identities, found.differences
    unmanaged, ignored = without_ignored(world.policy, found.unmanaged)
    changes = [*differences.changes, *vanished(world, identities, differences.used)]
    if DELETE_UNMANAGED in request.options:
        changes += delete_unmanaged(world, unmanaged)
    selected = _in_scope(changes, request)
    problems = [*identities.problems, *differences.problems]
    asked = {address for address, _ in problems}
    problems += [(address, found) for address, found in taken_names(world, selected) if address not in asked]
    _refuse(problems, request, {c.address for c in selected})
    drift = sorted(_drift(world, identities, differences.drift), key=lambda d: (d.address, d.attribute))
    drift, more = drift_without_ignored(world.policy, drift)
    rough = draft_of(world, request, identities, changes=selected, drift=drift, unmanaged=unmanaged)
    return replace(
        rough,
        unchanged=differences.unchanged,
        unverified=differences.unverified,
        ignored=ignored + more,
        not_rekeyed=tuple(each for each in found.not_rekeyed if request.covers(each.address)),
    )


def draft_of(
    world: World,
    request: Request,
    identities: Identities,
    *,
    changes: Iterable[Change],
    drift: Iterable[DriftFinding],
    unmanaged: Unmanaged,
) -> Draft:
    """Return the draft of changes that are already decided.

    They get the copies that keep every way playing, and the keys that they retire. Nothing is counted as
    unchanged. Raise `InvalidInput` where two lectures would be found by one key.
    """
    playback = plan_playback(world, sorted(changes, key=lambda change: change.address))
    if playback.problems:
        raise InvalidInput(in_reading_order([found for _, found in playback.problems]))
    selected = tuple(sorted(with_retired(world, playback), key=lambda change: change.address))
    return Draft(
        request=request,
        changes=selected,
        drift=tuple(drift),
        unmanaged=_without_heard(unmanaged, playback.after, identities),
        unchanged=0,
        unverified=0,
        to_delete=_rows_of(c for c in selected if c.action is Action.DELETE),
        moved=_rows_of(c for c in selected if c.action is Action.MOVE),
        leaving=_rows_of(c for c in selected if c.after is not None),
        ends=dict(_shortened(selected)),
        identities=identities,
        playback=playback.counts,
        unheard=playback.blocked,
    )


def _without_heard(unmanaged: Unmanaged, after: Library, identities: Identities) -> Unmanaged:
    """Leave out the objects by which apps will find a declared lecture."""
    if not unmanaged.objects:
        return unmanaged
    lectures = after.rows[Kind.LECTURE]
    bound = (b.row.id for b in identities.bound.values() if b.row.kind is Kind.LECTURE)
    heard = {key for row in bound if row in lectures for key in after.keys(lectures[row])}
    objects = {key: size for key, size in unmanaged.objects.items() if nfc(key) not in heard}
    return Unmanaged(rows=unmanaged.rows, objects=objects)


def finish(
    world: World, rough: Draft, to_delete: Dependents, moved: Dependents, past_end: PositionsPastEnd
) -> Plan:
    """Add impact, guards and fingerprint to a draft."""
    changes = tuple(_with_impact(change, to_delete, moved, past_end) for change in rough.changes)
    request = rough.request
    kept = sum(sum(tables.values()) for tables in moved.user_rows.values())
    return Plan(
        environment=world.policy.environment,
        made_at=world.snapshot.taken_at,
        changes=changes,
        fingerprint=fingerprint(
            (change.change_id for change in changes),
            request.scope,
            request.allowances,
            request.options,
            rolls_back=request.rolls_back,
            merges=request.merges,
        ),
        scope=tuple(sorted(request.scope)),
        options=tuple(sorted(request.options)),
        allowances=dict(request.allowances),
        unchanged=rough.unchanged,
        drift=rough.drift,
        impact=Impact(
            lost=dict(to_delete.lost_rows),
            users=to_delete.users,
            users_of=dict(to_delete.users_of),
            kept=kept,
            beyond=sum(past_end.rows.values()),
            beyond_users=past_end.users,
        ),
        blocked=tuple(
            blocked_by(
                changes,
                world.catalog if request.follows_catalog else None,
                world.recorded,
                world.policy.guards,
                request.allowances,
                to_delete,
                successors=rough.identities.successors,
            )
        )
        + rough.unheard,
        unmanaged=_without_retired(rough.unmanaged, changes),
        unverified=rough.unverified,
        ignored=rough.ignored,
        listed=len(world.snapshot.objects),
        rolls_back=request.rolls_back,
        restored=rough.restored,
        merges=request.merges,
        merged=rough.merged,
        kept=rough.kept,
        playback=rough.playback,
        not_rekeyed=rough.not_rekeyed,
    )


def refuse_idle_globs(world: World, plan: Plan) -> None:
    """Raise `UsageError` for a scope glob that names nothing at all.

    A typo must not read as 'nothing to do'.
    """
    known: list[str] = [*world.catalog.resources, *world.recorded.resources]
    known += [change.address for change in plan.changes]
    if any(glob.removeprefix(EXACTLY).startswith("unmanaged") for glob in plan.scope):
        rows = plan.unmanaged.rows.items()
        known += [f"unmanaged.{TABLES[kind].name}[{row}]" for kind, ids in rows for row in ids]
        known += [f"unmanaged.object[{key}]" for key in plan.unmanaged.objects]
    alone = {f"{EXACTLY}{address}" for address in known}
    for glob in plan.scope:
        if glob not in alone and not any(matches_any(address, (glob,)) for address in known):
            raise UsageError(
                f"--only {glob} names nothing, neither declared nor recorded",
                hint="Check the address; `*` stands for any part of it.",
            )


def _refuse(
    problems: Iterable[tuple[Address, Diagnostic]], request: Request, selected: Collection[str]
) -> None:
    """Raise `InvalidInput` with every question that concerns the scope.

    Such a question is about what the scope covers, or about a parent that the scope would have to
    create.
    """
    asked = [found for address, found in problems if address in selected or request.covers(address)]
    if asked:
        raise InvalidInput(in_reading_order(asked))


def _in_scope(changes: list[Change], request: Request) -> list[Change]:
    """Return the changes in scope and the parents that their creation needs."""
    chosen = {c.address: c for c in changes if request.covers(c.address, c.previous_address)}
    by_address = {c.address: c for c in changes}
    waiting = list(chosen.values())
    while waiting:
        change = waiting.pop()
        for parent in change.after.pending.values() if change.after is not None else ():
            if parent not in chosen and parent in by_address:
                chosen[parent] = by_address[parent]
                waiting.append(by_address[parent])
    return list(chosen.values())


def _without_retired(unmanaged: Unmanaged, changes: Iterable[Change]) -> Unmanaged:
    """Leave out the objects that the plan itself takes charge of."""
    retired = {nfc(key) for change in changes if change.kind is not None for key in change.retired}
    objects = {key: size for key, size in unmanaged.objects.items() if nfc(key) not in retired}
    return Unmanaged(rows=unmanaged.rows, objects=objects)


def _rows_of(changes: Iterable[Change]) -> Mapping[Kind, Collection[int]]:
    rows: defaultdict[Kind, list[int]] = defaultdict(list)
    for change in changes:
        if change.kind is not None and change.row is not None:
            rows[change.kind].append(change.row)
    return dict(rows)


def _drift(world: World, identities: Identities, found: list[DriftFinding]) -> Iterable[DriftFinding]:
    yield from found
    for address in identities.broken:
        yield lost_row(world.recorded.resources[address])
    for address, row in identities.vanished.items():
        record = world.recorded.resources[address]
        if row is None and address not in identities.successors:
            yield lost_row(record)
        elif row is not None:
            yield from drift_of(record, row, world.recorded, world.snapshot)


def _shortened(changes: Iterable[Change]) -> Iterator[tuple[int, int]]:
    """Yield the lecture rows that get shorter audio, with the new duration.

    The audio is a different object. The duration is in seconds.
    """
    for change in changes:
        if change.kind is not Kind.LECTURE or change.row is None or not change.before or not change.after:
            continue
        old, new = change.before.values.get("duration"), change.after.values.get("duration")
        audio = [side.objects.get(Slot.LECTURE_AUDIO) for side in (change.before, change.after)]
        if isinstance(old, int) and isinstance(new, int) and new < old and audio[0] != audio[1]:
            yield change.row, new


def _with_impact(
    change: Change, to_delete: Dependents, moved: Dependents, past_end: PositionsPastEnd
) -> Change:
    if change.kind is None or change.row is None:
        return change
    key = (change.kind, change.row)
    lost = {table: count for table, count in to_delete.user_rows.get(key, {}).items() if count}
    impact = Impact(
        lost=lost,
        users=to_delete.people.get(key, 0) if lost else 0,
        kept=sum(moved.user_rows.get(key, {}).values()),
        beyond=past_end.rows.get(change.row, 0) if change.kind is Kind.LECTURE else 0,
    )
    return change if impact == Impact() else replace(change, impact=impact)
