"""Truth table: presence of every file in catalog, bucket and database."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product

from reconciler.model.actual import Row
from reconciler.model.kinds import Kind
from reconciler.model.recorded import KeyState
from reconciler.model.values import nfc
from reconciler.planning.diff import Placed
from reconciler.planning.key_allocation import How
from reconciler.planning.references import split_reference
from reconciler.planning.verification.context import VerifyContext, named_in, slots_of, value_in
from reconciler.planning.verification.findings import Presence, Sides


def truth_table(ground: VerifyContext) -> Mapping[Presence, int]:
    """Count files by presence in catalog, bucket and database.

    The result has all eight combinations, absent ones with 0.

    A file is what a declared slot, a slot of an undeclared row, or an object that nothing names
    refers to. The bucket has the file when there is an object under the key that the row names, or,
    without such a key, where the catalog would have it. A file that only elmify's records remember as
    live is in none of the three.
    """
    counts = Counter(_presences(ground))
    return {presence: counts[presence] for presence in _ALL}


_EITHER = (True, False)
_ALL: tuple[Presence, ...] = tuple(product(_EITHER, _EITHER, _EITHER))


def sides(ground: VerifyContext) -> Sides:
    """Count what each side has."""
    snapshot = ground.world.snapshot
    declared = Counter(resource.kind for resource in ground.world.catalog.resources.values())
    return Sides(
        declared={kind: declared[kind] for kind in Kind},
        rows={kind: len(snapshot.rows[kind]) for kind in Kind},
        objects=len(snapshot.objects),
        object_bytes=sum(stored.size_bytes for stored in snapshot.objects.values()),
    )


def _presences(ground: VerifyContext) -> Iterator[Presence]:
    for placed in ground.placed:
        yield from _of_declared(ground, placed)
    for row in _undeclared_rows(ground):
        yield from _of_row(ground, row)
    for key in ground.unmanaged.objects:
        if nfc(key) in ground.world.objects_without_row:
            yield False, True, False
    lost = {
        key
        for key, record in ground.world.recorded.keys.items()
        if record.state is KeyState.LIVE and key not in ground.used and ground.stored(key) is None
    }
    for _ in lost - ground.world.named_among(lost):
        yield False, False, False


def _of_declared(ground: VerifyContext, placed: Placed) -> Iterator[Presence]:
    for slot, placement in placed.placements.items():
        if placement is None:
            continue
        named = named_in(placed.row, slot) if placed.row is not None else None
        stands = (
            placement.how in {How.KEPT, How.REUSED} if named is None else ground.stored(named) is not None
        )
        yield True, stands, named is not None


def _undeclared_rows(ground: VerifyContext) -> Iterator[Row]:
    for kind, ids in ground.unmanaged.rows.items():
        yield from (ground.world.snapshot.rows[kind][row_id] for row_id in ids)
    yield from (row for row in ground.identities.vanished.values() if row is not None)


def _of_row(ground: VerifyContext, row: Row) -> Iterator[Presence]:
    for slot in slots_of(row.kind):
        named, value = named_in(row, slot), value_in(row, slot)
        if named is None or value is None:
            continue
        base, _ = split_reference(value)
        stands = ground.stored(named) is not None
        if stands or base is None or base == ground.world.policy.layout.base_url:
            yield False, stands, True
