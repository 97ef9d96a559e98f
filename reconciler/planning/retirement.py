"""Key retirement: keys that nothing names once a plan is carried out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.actual import Row
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Change
from reconciler.model.values import Value, nfc
from reconciler.planning.references import KeySearch, references_in
from reconciler.planning.world import World


def with_retired(world: World, changes: Sequence[Change]) -> list[Change]:
    """Return the changes, each with the keys that it retires.

    A key is retired when no row at all, managed or not, will name it once all changes are carried
    out.

    A key that several changes leave is retired by one of them. A change that does nothing but retire
    a key is dropped when something still names the key, or when a change of a resource retires it.
    """
    leaving = {change.address: _keys_left(world, change) for change in changes}
    candidates = {nfc(key) for keys in leaving.values() for key in keys}
    if not candidates:
        return list(changes)
    settled = candidates & set(_kept_by_resources(world, changes))
    settled |= KeySearch(candidates).in_references(references_in(_rows_afterwards(world, changes)))
    decided = []
    for change in sorted(changes, key=lambda c: (c.kind is None, c.address)):
        retired = tuple(key for key in leaving[change.address] if nfc(key) not in settled)
        settled.update(map(nfc, retired))
        if change.kind is not None or retired or change.reused:
            decided.append(replace(change, retired=retired))
    return decided


def _kept_by_resources(world: World, changes: Sequence[Change]) -> Iterator[str]:
    """Yield the NFC keys that changed resources keep.

    These are the keys that each resource has after its change, or is forgotten with.
    """
    for change in changes:
        side = change.before if world.catalog.forgets(change.address) else change.after
        if side is not None:
            yield from (nfc(found.key) for found in side.objects.values())


def _rows_afterwards(world: World, changes: Sequence[Change]) -> Iterator[Row]:
    """Yield every row that there will be, with the values that it will have."""
    left: dict[tuple[Kind | None, int], dict[str, Value]] = {}  # a row may change hands: two changes of one
    doomed = {(change.kind, change.row) for change in changes if change.action is Action.DELETE}
    for change in changes:
        if change.row is not None and change.after is not None:
            left.setdefault((change.kind, change.row), {}).update(change.after.values)
    for rows in world.snapshot.rows.values():
        for row in rows.values():
            if (row.kind, row.id) not in doomed:
                values = left.get((row.kind, row.id))
                yield row if values is None else _after(row, values)


def _after(row: Row, values: Mapping[str, Value]) -> Row:
    names = TABLES[row.kind].index
    merged = (values.get(name, present) for name, present in zip(names, row.values, strict=True))
    return Row(row.kind, row.id, tuple(merged))


def _keys_left(world: World, change: Change) -> tuple[str, ...]:
    """Return the keys that a change's resource stops naming.

    The resource named them before the change and does not name them after it.
    """
    if change.kind is None:
        return change.retired
    if change.before is None or world.catalog.forgets(change.address):
        return ()
    stays = {nfc(found.key) for found in change.after.objects.values()} if change.after is not None else set()
    return tuple(sorted({o.key for o in change.before.objects.values() if nfc(o.key) not in stays}))
