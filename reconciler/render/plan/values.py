"""The parts of a saved plan as values of the model."""

from collections.abc import Mapping
from datetime import UTC

from reconciler.model.diagnostics import Position
from reconciler.model.drift import DriftFinding
from reconciler.model.plan import (
    Blocked,
    Change,
    Impact,
    Merged,
    NamedBy,
    NotRekeyed,
    ObjectState,
    Plan,
    Put,
    Restored,
    State,
    Stores,
    Unmanaged,
)
from reconciler.model.playback import PlaybackCopy, WayCount
from reconciler.model.remedies import LiftGuard, Remedy, Sentence
from reconciler.render.plan import schema


def plan_value(part: schema.PlanFile) -> Plan:
    """Return the plan that a file holds.

    What is derived from the rest (steps, summary) is not read.
    """
    return Plan(
        environment=part.environment,
        made_at=part.timestamp.astimezone(UTC),
        changes=tuple(map(_change, part.resource_changes)),
        fingerprint=part.fingerprint,
        scope=tuple(part.scope),
        options=tuple(part.options),
        allowances=dict(part.allowances),
        unchanged=part.unchanged,
        drift=tuple(map(_drift, part.resource_drift)),
        impact=_impact(part.impact),
        blocked=tuple(map(_blocked, part.guards)),
        unmanaged=_unmanaged(part.unmanaged),
        unverified=part.unverified,
        ignored=part.ignored,
        listed=part.listed,
        rolls_back=part.rolls_back,
        restored=_restored(part.restored),
        merges=part.merges,
        merged=_merged(part.merged),
        not_rekeyed=tuple(map(_not_rekeyed, part.not_rekeyed)),
        stores=None if part.stores is None else Stores(**dict(part.stores)),
        playback=tuple(WayCount(**dict(one)) for one in part.playback),
        kept={one.key: NamedBy(column=one.column, readable=one.readable) for one in part.kept},
    )


def _not_rekeyed(part: schema.NotRekeyedPart) -> NotRekeyed:
    return NotRekeyed(
        address=part.address, slot=part.slot, key=part.key, wished=part.wished, reason=part.reason
    )


def _change(part: schema.ResourceChange) -> Change:
    sides = part.change
    return Change(
        address=part.address,
        kind=part.kind,
        action=sides.actions[0],
        reason=part.action_reason,
        change_id=part.change_id,
        row=part.row,
        previous_address=part.previous_address,
        before=None if sides.before is None else _state(sides.before, {}),
        after=None if sides.after is None else _state(sides.after, sides.waits_for),
        puts=tuple(map(_put, part.puts)),
        copies=tuple(PlaybackCopy(**dict(copy)) for copy in part.copies),
        reused=tuple(part.reused),
        retired=tuple(part.retired),
        released=tuple(part.released),
        remembered=tuple(part.remembered),
        protect=part.protect,
        impact=None if part.impact is None else _impact(part.impact),
        position=None if part.position is None else _position(part.position),
    )


def _state(part: schema.StatePart, pending: Mapping[str, str]) -> State:
    objects = {slot: ObjectState(**dict(found)) for slot, found in part.objects.items()}
    return State(values=dict(part.__pydantic_extra__), objects=objects, pending=dict(pending))


def _put(part: schema.PutPart) -> Put:
    return Put(**dict(part))


def _impact(part: schema.ImpactPart) -> Impact:
    return Impact(
        lost=dict(part.lost),
        users=part.users,
        users_of=dict(part.users_of),
        kept=part.kept,
        beyond=part.beyond,
        beyond_users=part.beyond_users,
    )


def _restored(part: schema.RestoredPart) -> Restored:
    return Restored(
        rows=dict(part.rows),
        users=part.users,
        orphaned=dict(part.orphaned),
        present=dict(part.present),
    )


def _merged(part: schema.MergedPart) -> Merged:
    return Merged(moved=dict(part.moved), combined=dict(part.combined), users=part.users)


def _position(part: schema.PositionPart) -> Position:
    return Position(part.file, part.line, part.column)


def _drift(part: schema.ResourceDrift) -> DriftFinding:
    sides, name = part.change, part.attribute
    return DriftFinding(
        what=part.kind,
        kind=part.type,
        row=part.row,
        also=part.also,
        address=part.address,
        attribute=name,
        recorded=sides.before.get(name),
        actual=sides.after.get(name),
    )


def _blocked(part: schema.Guard) -> Blocked:
    return Blocked(
        guard=part.guard,
        summary=part.summary,
        addresses=tuple(part.addresses),
        remedies=tuple(map(_remedy, part.remedies)),
    )


def _remedy(part: schema.SentencePart | schema.LiftGuardPart) -> Remedy:
    if isinstance(part, schema.SentencePart):
        return Sentence(text=part.text)
    return LiftGuard(guard=part.guard, number=part.number)


def _unmanaged(part: schema.UnmanagedPart) -> Unmanaged:
    rows = {kind: tuple(row.row for row in found) for kind, found in part.rows.items()}
    return Unmanaged(rows=rows, objects={found.key: found.size_bytes for found in part.objects})
