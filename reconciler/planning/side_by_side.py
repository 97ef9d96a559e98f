"""What was reviewed and what would happen now, side by side, with the values in which they part."""

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.plan import Change, State
from reconciler.model.values import canonical_json, nfc
from reconciler.planning.review import Discrepancy

_MOST_ADDRESSES = 20  # told in full
_MOST_NAMES = 10  # values told of one address
_LONGEST = 80  # characters of a value that are shown
_CONTEXT = 24  # characters shown before the first difference of long values
_HASH_DIGITS = 8

_Pair = tuple[str | None, str | None]
_NEITHER: _Pair = (None, None)


def side_by_side(found: Sequence[Discrepancy]) -> Iterator[str]:
    """Yield lines about each discrepancy, bounded in number and length however many there are."""
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
    for name, (before, after) in list(pairs.items())[:_MOST_NAMES]:
        yield f"        {name}: {_arrow(before, after)}"
    if len(pairs) > _MOST_NAMES:
        yield f"        and {len(pairs) - _MOST_NAMES:,} more"


def _arrow(before: str | None, after: str | None) -> str:
    if before == after:
        return f"stays {before}" if before is not None else "left alone"
    return f"{before if before is not None else 'nothing'} -> {after if after is not None else 'nothing'}"


def _pairs(change: Change | None) -> Mapping[str, _Pair]:
    """Return each value before and after, as text; what neither side names is left out."""
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
    start = max(0, _alike(texts) - _CONTEXT)
    old, new, old_now, new_now = (_excerpt(text, start) for text in (*reviewed, *now))
    return (old, new), (old_now, new_now)


def _alike(texts: Sequence[str]) -> int:
    """Return how many characters all of them begin with alike."""
    first, last = min(texts), max(texts)
    parting = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return next(parting, min(len(first), len(last)))


def _excerpt(text: str | None, start: int) -> str | None:
    if text is None:
        return None
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"
