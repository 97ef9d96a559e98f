"""Whether what would happen now is what was reviewed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.errors import UsageError
from reconciler.model.plan import Action, Change, Plan, State
from reconciler.model.recorded import KeyState
from reconciler.model.values import nfc, same
from reconciler.planning.world import Request, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One address where the reviewed plans and the present one part. A side is None when it has no change."""

    address: str
    why: str
    reviewed: Change | None
    now: Change | None


def discrepancies(reviewed: Sequence[Plan], now: Plan, world: World) -> tuple[Discrepancy, ...]:
    """Compare the present plan with the reviewed ones, by change id.

    A change that was not reviewed is a discrepancy, and so is a reviewed one that is not due any more,
    unless it is done: the catalog wants its *after*, and both stores show it. What only elmify remembers
    needs no review. Of an address that several plans change, only the newest is asked for.
    """
    reviewed = sorted(reviewed, key=lambda plan: plan.made_at)
    approved = {change.change_id: change for plan in reviewed for change in plan.changes}
    at_address = {change.address: change for plan in reviewed for change in plan.changes if change.visible}
    due = {change.change_id for change in now.changes}
    found = [
        Discrepancy(
            address=change.address,
            why=_why_new(change, at_address.get(change.address)),
            reviewed=at_address.get(change.address),
            now=change,
        )
        for change in now.changes
        if change.visible and change.change_id not in approved
    ]
    if not now.changes and now.rolls_back is not None:
        return ()  # the run that was to be taken back has been
    said = {discrepancy.address for discrepancy in found}
    now_at = {change.address: change for change in now.changes if change.visible}
    for change in approved.values():
        if change.change_id in due or change.address in said or not change.visible:
            continue
        if change.change_id != at_address[change.address].change_id:
            continue  # the newest is looked at itself
        if change.address in now_at or not _is_done(change, world):
            found.append(
                Discrepancy(
                    address=change.address,
                    why="it was reviewed, is not due any more, and is not done either",
                    reviewed=change,
                    now=now_at.get(change.address),
                )
            )
    return tuple(sorted(found, key=lambda d: d.address))


def _why_new(now: Change, reviewed: Change | None) -> str:
    if reviewed is None:
        return "no reviewed plan has a change here"
    if reviewed.action is not now.action:
        return f"reviewed as {reviewed.action}, now it would be {now.action}"
    if not _alike(reviewed.before, now.before):
        return "the stores have changed since the review"
    return f"its outcome has changed since the review: {', '.join(_differing(reviewed.after, now.after))}"


def _differing(left: State | None, right: State | None) -> list[str]:
    if left is None or right is None:
        return []
    names = {*left.values, *right.values}
    differing = {name for name in names if left.values.get(name) != right.values.get(name)}
    if _keys(left) != _keys(right):
        differing.add("its objects")
    return sorted(differing)


def _alike(left: State | None, right: State | None) -> bool:
    if left is None or right is None:
        return left is right
    return left.values == right.values and _keys(left) == _keys(right)


def _keys(state: State) -> Mapping[object, tuple[str, str | None]]:
    return {slot: (nfc(found.key), found.sha256) for slot, found in state.objects.items()}


def _is_done(change: Change, world: World) -> bool:
    """Whether actual shows the change's *after*; that desired does too follows from there being no change."""
    record = world.recorded.resources.get(change.address)  # type: ignore[call-overload]
    if change.after is None:
        return record is None and _row_is_gone_or_free(change, world)
    row = world.snapshot.rows[change.kind].get(record.row) if record is not None and change.kind else None
    if row is None or change.address not in world.catalog.resources:
        return False
    values_done = all(same(value, row[name]) for name, value in change.after.values.items())
    return values_done and all(
        _stands(found.key, found.sha256, world) for found in change.after.objects.values()
    )


def _row_is_gone_or_free(change: Change, world: World) -> bool:
    if change.action is Action.FORGET or change.kind is None or change.row is None:
        return not any(_is_live(key, world) for key in change.retired)
    return change.row not in world.snapshot.rows[change.kind]


def _is_live(key: str, world: World) -> bool:
    record = world.recorded.keys.get(nfc(key))
    return record is None or record.state is KeyState.LIVE


def _stands(key: str, sha256: str | None, world: World) -> bool:
    known = world.recorded.keys.get(nfc(key))
    return nfc(key) in world.snapshot.objects and known is not None and known.sha256 == sha256


def sole_purpose(plans: Sequence[Plan]) -> Request:
    """Return which run the plans take back, or which lectures they merge: neither, for plans of the catalog.

    Raises `UsageError` when they are of several purposes, because each is its own run.
    """
    purposes = {(plan.rolls_back, plan.merges) for plan in plans}
    if len(purposes) > 1:
        raise UsageError(
            "these plans are of several sorts: a rollback and a merge are each a run of their own",
            hint="Apply them one after the other, each planned after the one before.",
        )
    rolls_back, merges = purposes.pop() if purposes else (None, None)
    return Request(rolls_back=rolls_back, merges=merges)


def merged_scope(plans: Iterable[Plan]) -> tuple[str, ...]:
    """Return the scope that covers every plan: everything, as soon as one of them was not partial."""
    scopes = [plan.scope for plan in plans]
    return () if not all(scopes) else tuple(sorted({glob for scope in scopes for glob in scope}))


def summed_allowances(plans: Iterable[Plan]) -> Mapping[str, int]:
    """Return the allowances of several reviewed plans together: each was reviewed for its own changes.

    The same plan given twice was still reviewed once.
    """
    total: dict[str, int] = {}
    for plan in {plan.fingerprint: plan for plan in plans}.values():
        for name, count in plan.allowances.items():
            total[name] = total.get(name, 0) + count
    return total
