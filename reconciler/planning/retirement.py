"""Which keys nothing at all will name once a plan is carried out."""

from dataclasses import replace

from reconciler.model.plan import Action, Change
from reconciler.model.values import nfc
from reconciler.planning.references import keys_named
from reconciler.planning.world import World


def with_retired(world: World, changes: list[Change]) -> list[Change]:
    """Add to each change the keys that no row at all, managed or not, will name once all are carried out.

    A change that is nothing but the retirement of such a key falls away when something still names it.
    """
    leaving = {c.address: _keys_left(c) for c in changes}
    candidates = {nfc(key) for keys in leaving.values() for key in keys}
    if not candidates:
        return changes
    changed_rows = {(c.kind, c.row): c for c in changes if c.row is not None}
    still_named = {nfc(o.key) for c in changes if c.after is not None for o in c.after.objects.values()}
    for rows in world.snapshot.rows.values():
        for row in rows.values():
            change = changed_rows.get((row.kind, row.id))
            named = keys_named(row) & candidates
            if named and change is not None:
                named -= {nfc(key) for key in leaving[change.address]}
            still_named |= named
    decided = [
        replace(c, retired=tuple(key for key in leaving[c.address] if nfc(key) not in still_named))
        for c in changes
    ]
    return [c for c in decided if c.kind is not None or c.retired]


def _keys_left(change: Change) -> tuple[str, ...]:
    """Return the keys a change's resource named before and does not name after."""
    if change.kind is None:
        return change.retired
    if change.before is None or change.action in {Action.FORGET, Action.NO_OP}:
        return ()
    stays = {nfc(found.key) for found in change.after.objects.values()} if change.after is not None else set()
    return tuple(sorted({o.key for o in change.before.objects.values() if nfc(o.key) not in stays}))
