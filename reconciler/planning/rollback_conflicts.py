"""Rollback conflicts: later runs, missing objects, names and parents."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.address import Address, parent_of
from reconciler.model.history import WHOLE_RUN, Touch
from reconciler.model.kinds import TABLES, Kind, Origin
from reconciler.model.plan import Action, Change
from reconciler.model.recorded import KeyState
from reconciler.model.values import Value, listed, nfc
from reconciler.planning.steps import Done
from reconciler.planning.world import World

_GONE = frozenset({KeyState.CONDEMNED, KeyState.DELETED})
_MOST_NAMED = 3  # addresses by which a run in the way is told


class ConflictReason(StrEnum):
    """Reasons why one step of a run cannot be taken back."""

    ROW_GONE = "row-gone"
    ROW_REPLACED = "row-replaced"
    NAME_TAKEN = "name-taken"
    PARENT_GONE = "parent-gone"
    OBJECT_COLLECTED = "object-collected"  # by gc
    OBJECT_GONE = "object-gone"
    OBJECT_REPLACED = "object-replaced"


@dataclass(frozen=True, slots=True, order=True)
class Conflict:
    """Conflict of one step: a sentence that names its address, and the reason."""

    detail: str
    reason: ConflictReason


def taken_back_by(run: int, later: Iterable[Touch]) -> int | None:
    """Return the run that rolled `run` back and is itself in effect.

    None when `run` is in effect.
    """
    return _takers(later).get(run)


def _takers(later: Iterable[Touch]) -> Mapping[int, int]:
    """Map each rolled-back run to the rollback of it that is in effect.

    A rollback that was rolled back is no longer in effect, so the newest is looked at first.
    """
    rollbacks = {touch.run: touch.rolled_back for touch in later if touch.rolled_back is not None}
    takers: dict[int, int] = {}
    for number in sorted(rollbacks, reverse=True):
        if number not in takers:
            takers[rollbacks[number]] = number
    return takers


def still_felt(run: int, later: Sequence[Touch]) -> Sequence[Touch]:
    """Return the later steps that still have an effect.

    Left out are the steps of runs after `run` that were rolled back, and the steps of the runs that
    rolled them back. Such a run and its rollback cancel out: together they have left everything as it
    was.
    """
    pairs = [(taken, taker) for taken, taker in _takers(later).items() if taken > run]
    cancelled = {number for pair in pairs for number in pair}
    return [touch for touch in later if touch.run not in cancelled]


def runs_in_the_way(done: Sequence[Done], later: Iterable[Touch]) -> Mapping[int, Sequence[str]]:
    """Return the later runs that conflict with a rollback.

    Maps each run to the addresses that it touched of what would be brought back. That is: the same
    address or row; something under what the rolled-back run created, which would be deleted; and the
    end of a parent of what would come back. Runs that conflict with the rollback of those runs are
    included too, so that all of them can be rolled back one after the other, the newest first.
    """
    steps: defaultdict[int, list[Touch]] = defaultdict(list)
    for touch in later:
        if touch.address != WHOLE_RUN:
            steps[touch.run].append(touch)
    met = [_Ours(done)]
    found: dict[int, Sequence[str]] = {}
    for run in sorted(steps):
        addresses = [touch.address for touch in steps[run] if any(ours.met_by(touch) for ours in met)]
        if addresses:
            found[run] = addresses
            met.append(_Ours(steps[run]))
    return found


class _Ours:
    """Items that a run touched, in the forms in which a later run meets them."""

    def __init__(self, steps: Sequence[Done | Touch]) -> None:
        self._addresses = {step.address for step in steps}
        self._addresses |= {step.previous_address for step in steps if step.previous_address is not None}
        self._rows = {(step.kind, step.row) for step in steps if step.kind is not None}
        self._created = {step.address for step in steps if step.action in {Action.CREATE, Action.MOVE}}
        returning = [step.previous_address or step.address for step in steps if step.action != Action.CREATE]
        self._parents = {above for address in returning for above in _above(address)}

    def met_by(self, touch: Touch) -> bool:
        """Return whether a later step touched the same items."""
        if not self._addresses.isdisjoint({touch.address, touch.previous_address}):
            return True
        if touch.kind is not None and touch.row is not None and (touch.kind, touch.row) in self._rows:
            return True
        if not self._created.isdisjoint(_above(touch.address)):
            return True
        ended = touch.previous_address if touch.action == Action.MOVE else touch.address
        return touch.action in {Action.DELETE, Action.FORGET, Action.MOVE} and ended in self._parents


def _above(address: str) -> Iterator[str]:
    parent = parent_of(Address(address))
    while parent is not None:
        yield parent
        parent = parent_of(parent)


def conflict_line(run: int, addresses: Sequence[str]) -> str:
    """Return one line about a run in the way."""
    return f"run {run} has touched {listed(addresses, _MOST_NAMED)} since"


def objects_gone(world: World, done: Iterable[Done], changes: Iterable[Change]) -> Iterator[Conflict]:
    """Yield a conflict for each object that cannot become live again.

    The object would become live again, and is not there as it was.
    """
    revived = {nfc(key) for change in changes for key in change.reused}
    for step in done:
        for then in step.before.objects.values() if step.before is not None else ():
            if nfc(then.key) in revived and (why := _why_gone(world, then.key, then.size_bytes)):
                yield Conflict(f"{step.address} needs {then.key}: {why.detail}", why.reason)
        for key in step.retired if step.kind is None else ():
            if why := _why_gone(world, key, None):
                yield Conflict(f"{step.address}: {why.detail}", why.reason)


def _why_gone(world: World, key: str, size_bytes: int | None) -> Conflict | None:
    stored, known = world.snapshot.objects.get(nfc(key)), world.recorded.keys.get(nfc(key))
    if known is not None and known.state in _GONE:
        return Conflict(f"gc has {known.state.value} it", ConflictReason.OBJECT_COLLECTED)
    if stored is None:
        return Conflict("it is not in the bucket any more", ConflictReason.OBJECT_GONE)
    replaced = known is not None and known.etag is not None and known.etag != stored.etag
    resized = size_bytes is not None and stored.size_bytes != size_bytes
    if replaced or resized:
        return Conflict("there are other bytes under it now", ConflictReason.OBJECT_REPLACED)
    return None


def names_taken(world: World, changes: Sequence[Change]) -> Iterator[Conflict]:
    """Yield a conflict for each change whose unique name is taken.

    A row that the plan leaves alone has that name.
    """
    for table in TABLES.values():
        ours = [c for c in changes if c.kind is table.kind and c.row is not None]
        rows = world.snapshot.rows[table.kind]
        if not table.unique or not any(change.after for change in ours):
            continue
        touched = {change.row for change in ours}
        held = {
            tuple(row[name] for name in table.unique): row.id
            for row in rows.values()
            if row.id not in touched
        }
        for change in ours:
            if change.after is not None and change.row is not None:
                holder = held.get(_name(world, table.unique, change))
                if holder is not None:
                    detail = f"{change.address}: row {holder} of {table.name} has its name now"
                    yield Conflict(detail, ConflictReason.NAME_TAKEN)


def _name(world: World, unique: Sequence[str], change: Change) -> tuple[Value, ...]:
    assert change.kind is not None
    assert change.after is not None
    row = world.snapshot.rows[change.kind].get(change.row) if change.row is not None else None
    values = change.after.values
    return tuple(values[name] if name in values or row is None else row[name] for name in unique)


def parents_gone(world: World, changes: Sequence[Change]) -> Iterator[Conflict]:
    """Yield a conflict for each change whose parent row will not exist.

    The change would put a row under that parent.
    """
    there = {kind: _afterwards(world, kind, changes) for kind in Kind}
    for change in changes:
        if change.kind is None or change.after is None:
            continue
        for column in TABLES[change.kind].columns:
            parent = change.after.values.get(column.name) if column.origin is Origin.PARENT else None
            if parent is not None and parent not in there[Kind(column.source)]:
                detail = f"{change.address}: its {column.source}, row {parent}, is gone"
                yield Conflict(detail, ConflictReason.PARENT_GONE)


def _afterwards(world: World, kind: Kind, changes: Iterable[Change]) -> Collection[object]:
    """Return the ids of the rows of a kind that will exist.

    Rows that the run created, and that will be deleted, need no exclusion: they were no row's parent
    before the run.
    """
    returning = {change.row for change in changes if change.kind is kind and change.action is Action.CREATE}
    return world.snapshot.rows[kind].keys() | returning
