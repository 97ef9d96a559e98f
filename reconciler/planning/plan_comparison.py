"""Comparison of reviewed plans with the plan that would run now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.errors import UsageError
from reconciler.model.plan import Action, Change, Plan, State
from reconciler.model.recorded import KeyState
from reconciler.model.values import canonical_json, first_few, nfc, same
from reconciler.planning.world import Request, World


class DiscrepancyKind(StrEnum):
    """Kinds of differences between what was reviewed and what is due."""

    NOT_REVIEWED = "not-reviewed"
    OTHER_ACTION = "other-action"
    STORES_CHANGED = "stores-changed"
    OTHER_OUTCOME = "other-outcome"
    NOT_DUE = "not-due"  # any more, and not done either


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """Address at which the reviewed plans and the present one differ.

    A side is None when it has no change. `why` says the kind in a clause.
    """

    address: str
    kind: DiscrepancyKind
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
        _not_as_reviewed(change, at_address.get(change.address))
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
                    kind=DiscrepancyKind.NOT_DUE,
                    why="it was reviewed, is not due any more, and is not done either",
                    reviewed=change,
                    now=now_at.get(change.address),
                )
            )
    return tuple(sorted(found, key=lambda d: d.address))


def _not_as_reviewed(now: Change, reviewed: Change | None) -> Discrepancy:
    """Return the discrepancy of a change that was reviewed otherwise."""
    if reviewed is None:
        kind, why = DiscrepancyKind.NOT_REVIEWED, "no reviewed plan has a change here"
    elif reviewed.action is not now.action:
        kind = DiscrepancyKind.OTHER_ACTION
        why = f"reviewed as {reviewed.action}, now it would be {now.action}"
    elif not _alike(reviewed.before, now.before):
        kind, why = DiscrepancyKind.STORES_CHANGED, "the stores have changed since the review"
    else:
        kind = DiscrepancyKind.OTHER_OUTCOME
        differing = ", ".join(_differing(reviewed.after, now.after))
        why = f"its outcome has changed since the review: {differing}"
    return Discrepancy(address=now.address, kind=kind, why=why, reviewed=reviewed, now=now)


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
    """Return whether the actual state shows the change's *after*.

    That the desired state shows it too follows from there being no change.
    """
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
    """Return the common purpose of the plans, as a request.

    The request names the run that the plans roll back, or the lectures that they merge; neither for
    plans of the catalog.

    Raise `UsageError` when the plans have several purposes, because each purpose is its own run.
    """
    purposes = {(plan.rolls_back, plan.merges) for plan in plans}
    if len(purposes) > 1:
        raise UsageError(
            "these plans are of several sorts: a rollback and a merge are each a run of their own",
            code="plans-of-several-sorts",
            hint="Apply them one after the other, each planned after the one before.",
        )
    rolls_back, merges = purposes.pop() if purposes else (None, None)
    return Request(rolls_back=rolls_back, merges=merges)


def merged_scope(plans: Iterable[Plan]) -> tuple[str, ...]:
    """Return the scope that covers every plan.

    The scope is everything as soon as one of the plans was not partial.
    """
    scopes = [plan.scope for plan in plans]
    return () if not all(scopes) else tuple(sorted({glob for scope in scopes for glob in scope}))


def summed_allowances(plans: Iterable[Plan]) -> Mapping[str, int]:
    """Return the allowances of several reviewed plans, added together.

    Each plan was reviewed for its own changes. The same plan given twice was still reviewed once.
    """
    total: dict[str, int] = {}
    for plan in {plan.fingerprint: plan for plan in plans}.values():
        for name, count in plan.allowances.items():
            total[name] = total.get(name, 0) + count
    return total


_MOST_ADDRESSES = 20  # told in full
_MOST_NAMES = 10  # values told of one address
_LONGEST = 80  # characters of a value that are shown
_CONTEXT = 24  # characters shown before the first difference of long values
_HASH_DIGITS = 8

_Pair = tuple[str | None, str | None]
_NEITHER: _Pair = (None, None)


def comparison_lines(found: Sequence[Discrepancy]) -> Iterator[str]:
    """Yield lines about each discrepancy, limited in number and length.

    The limits hold for any number of discrepancies.
    """
    for discrepancy in found[:_MOST_ADDRESSES]:
        yield from _told(discrepancy)
    if len(found) > _MOST_ADDRESSES:
        yield f"and {len(found) - _MOST_ADDRESSES:,} more"


def _told(found: Discrepancy) -> Iterator[str]:
    reviewed, now = _pairs(found.reviewed), _pairs(found.now)
    names = sorted(n for n in {*reviewed, *now} if reviewed.get(n, _NEITHER) != now.get(n, _NEITHER))
    shown = {name: _cut(reviewed.get(name, _NEITHER), now.get(name, _NEITHER)) for name in names}
    yield found.address
    yield f"    reviewed: {_brief(found.reviewed)}"
    yield from _lines(found.reviewed, {name: pairs[0] for name, pairs in shown.items()})
    yield f"    now:      {_brief(found.now)}"
    yield from _lines(found.now, {name: pairs[1] for name, pairs in shown.items()})
    yield f"    why:      {found.why}"


def _brief(change: Change | None) -> str:
    return f"{change.action.value} ({change.reason})" if change is not None else "no change"


def _lines(change: Change | None, pairs: Mapping[str, _Pair]) -> Iterator[str]:
    if change is None:
        return
    lines = [f"{name}: {_arrow(before, after)}" for name, (before, after) in pairs.items()]
    yield from (f"        {line}" for line in first_few(lines, _MOST_NAMES))


def _arrow(before: str | None, after: str | None) -> str:
    if before == after:
        return f"stays {before}" if before is not None else "left alone"
    return f"{before if before is not None else 'nothing'} -> {after if after is not None else 'nothing'}"


def _pairs(change: Change | None) -> Mapping[str, _Pair]:
    """Return each value before and after a change, as text.

    What neither side names is left out.
    """
    if change is None:
        return {}
    before, after = _texts(change.before), _texts(change.after)
    return {name: (before.get(name), after.get(name)) for name in {*before, *after}}


def _texts(state: State | None) -> Mapping[str, str]:
    if state is None:
        return {}
    values = {name: canonical_json(value) for name, value in state.values.items()}
    pending = {name: f"the row of {address}" for name, address in state.pending.items()}
    objects = {
        slot.value: f"{nfc(found.key)} (sha256 {(found.sha256 or 'unknown')[:_HASH_DIGITS]})"
        for slot, found in state.objects.items()
    }
    return {**values, **pending, **objects}


def _cut(reviewed: _Pair, now: _Pair) -> tuple[_Pair, _Pair]:
    """Cut long texts around the first place at which any two of the four part."""
    texts = [text for text in (*reviewed, *now) if text is not None]
    if max(map(len, texts)) <= _LONGEST:
        return reviewed, now
    start = max(0, _same_text(texts) - _CONTEXT)
    old, new, old_now, new_now = (_excerpt(text, start) for text in (*reviewed, *now))
    return (old, new), (old_now, new_now)


def _same_text(texts: Sequence[str]) -> int:
    """Return how many characters all of them begin with alike."""
    first, last = min(texts), max(texts)
    parting = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return next(parting, min(len(first), len(last)))


def _excerpt(text: str | None, start: int) -> str | None:
    if text is None:
        return None
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"
