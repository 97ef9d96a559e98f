"""Removals: deletes, forgets, unmanaged content and retired keys.

These are in the stores and are not declared, or not any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.plan import Action, Change, ObjectState, State, Unmanaged
from reconciler.model.recorded import KeyState, ResourceRecord
from reconciler.model.values import nfc
from reconciler.planning.byte_sources import object_at
from reconciler.planning.drift import baseline
from reconciler.planning.fingerprint import change_id
from reconciler.planning.identity import Identities
from reconciler.planning.playback_plan import PlaybackPlan
from reconciler.planning.references import KeySearch, key_in
from reconciler.planning.world import ACCOUNTED, World


def vanished(world: World, identities: Identities, used: set[str]) -> list[Change]:
    """Return the changes for recorded addresses removed from the catalog.

    Each one is a delete or a forget. `used` are the NFC keys that declared resources name: their
    objects are not forgotten with the address.
    """
    bound = {(b.row.kind, b.row.id) for b in identities.bound.values()}
    changes = []
    for address, row in identities.vanished.items():
        record = world.recorded.resources[address]
        if world.catalog.forgets(address):
            reason = "let go by `forget:`; row and objects stay as they are"
            changes.append(_forget(world, record, row, used, reason))
        elif row is None:
            taken = (record.kind, record.row) in bound
            lost = "its row is another address now" if taken else "its row is gone already"
            changes.append(_forget(world, record, row, used, f"it left the catalog, and {lost}"))
        else:
            changes.append(_delete(world, record, row))
    return changes


def _forget(world: World, record: ResourceRecord, row: Row | None, used: set[str], reason: str) -> Change:
    before = _recorded_state(world, record, row)
    let_go = {slot: found for slot, found in before.objects.items() if nfc(found.key) not in used}
    before = replace(before, objects=let_go)
    return Change(
        address=record.address,
        kind=record.kind,
        action=Action.FORGET,
        reason=reason,
        change_id=change_id(world.policy.environment, record.address, Action.FORGET, None, before, None),
        row=row.id if row is not None else None,
        before=before,
        protect=record.protect,
    )


def _delete(world: World, record: ResourceRecord, row: Row) -> Change:
    before = _recorded_state(world, record, row)
    return Change(
        address=record.address,
        kind=record.kind,
        action=Action.DELETE,
        reason="it left the catalog",
        change_id=change_id(world.policy.environment, record.address, Action.DELETE, None, before, None),
        row=row.id,
        before=before,
        protect=record.protect,
    )


def _recorded_state(world: World, record: ResourceRecord, row: Row | None) -> State:
    values = baseline(record)
    if row is not None:
        values = {column.name: row[column.name] for column in TABLES[record.kind].columns}
    return State(values=values, objects=_objects_under(world, record.keys))


def _objects_under(world: World, keys: Mapping[Slot, str]) -> dict[Slot, ObjectState]:
    return {slot: found for slot, key in keys.items() if (found := object_at(world, key)) is not None}


def unmanaged_in(world: World, identities: Identities, used: set[str]) -> Unmanaged:
    """Return the rows and objects that exist and are not declared.

    `used` are the NFC keys that declared resources name. What this plan forgets is unmanaged from the
    next plan on.
    """
    known = {(b.row.kind, b.row.id) for b in identities.bound.values()}
    known |= {(row.kind, row.id) for row in identities.vanished.values() if row is not None}
    rows = {
        kind: tuple(sorted(row_id for row_id in rows if (kind, row_id) not in known))
        for kind, rows in world.snapshot.rows.items()
    }
    accounted = {key for key, record in world.recorded.keys.items() if record.state in ACCOUNTED}
    accounted = (accounted - world.forsaken_keys) | used
    objects = {
        stored.key: stored.size_bytes
        for key, stored in sorted(world.snapshot.objects.items())
        if key not in accounted
    }
    return Unmanaged(rows={kind: ids for kind, ids in rows.items() if ids}, objects=objects)


def delete_unmanaged(world: World, unmanaged: Unmanaged) -> list[Change]:
    """Return the changes that delete everything unmanaged.

    This happens only when it is asked for.
    """
    changes = []
    for kind, ids in unmanaged.rows.items():
        for row_id in ids:
            state = row_state(world, world.snapshot.rows[kind][row_id])
            changes.append(
                _delete_one(world, f"unmanaged.{TABLES[kind].name}[{row_id}]", kind, row_id, state)
            )
    for key in unmanaged.objects:
        change = _delete_one(world, f"unmanaged.object[{key}]", None, None, State(values={}))
        changes.append(replace(change, retired=(key,)))
    return changes


def _delete_one(world: World, address: str, kind: Kind | None, row: int | None, before: State) -> Change:
    return Change(
        address=address,
        kind=kind,
        action=Action.DELETE,
        reason="it is not declared, and --delete-unmanaged was given",
        change_id=change_id(world.policy.environment, address, Action.DELETE, None, before, None),
        row=row,
        before=before,
    )


def row_state(world: World, row: Row) -> State:
    """Return the managed columns of a row and the objects that it names.

    Only objects that exist are included.
    """
    keys: dict[Slot, str] = {}
    for column in TABLES[row.kind].columns:
        key = key_in(row[column.name]) if column.origin in {Origin.KEY, Origin.REFERENCE} else None
        if key is not None:
            keys[Slot(column.source)] = key
    values = {column.name: row[column.name] for column in TABLES[row.kind].columns}
    return State(values=values, objects=_objects_under(world, keys))


def with_retired(world: World, playback: PlaybackPlan) -> list[Change]:
    """Return the changes, each with the keys that it retires.

    A key is retired when no row at all, managed or not, will name it or be found by it once all changes are
    carried out.

    A key that several changes leave is retired by one of them. A change that does nothing but retire
    a key is dropped when something still names the key, or when a change of a resource retires it.
    """
    changes = playback.changes
    leaving = {
        change.address: tuple(
            dict.fromkeys((*_keys_left(world, change), *playback.left.get(change.address, ())))
        )
        for change in changes
    }
    candidates = {nfc(key) for keys in leaving.values() for key in keys}
    if not candidates:
        return list(changes)
    settled = candidates & {*_kept_by_resources(world, changes), *_held_by_others(world, changes)}
    settled |= KeySearch(candidates).in_references(playback.after.names())
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


def _held_by_others(world: World, changes: Sequence[Change]) -> Iterator[str]:
    """Yield the NFC keys recorded of resources that are not changed.

    The row of one may be gone, and made again by a later plan: it is out of the scope of this one.
    """
    changed = {address for change in changes for address in (change.address, change.previous_address)}
    for address, record in world.recorded.resources.items():
        if address not in changed:
            yield from map(nfc, record.keys.values())


def _keys_left(world: World, change: Change) -> tuple[str, ...]:
    """Return the keys that a change's resource stops naming.

    The resource named them before the change and does not name them after it.
    """
    if change.kind is None:
        return change.retired
    if world.catalog.forgets(change.address):
        return ()
    stays = {nfc(found.key) for found in change.after.objects.values()} if change.after is not None else set()
    held = {o.key for o in change.before.objects.values()} if change.before is not None else set()
    if change.after is not None:
        held.update(_recorded_live(world, change))
    else:
        held.update(world.live_keys_of.get(change.address, ()))
    return tuple(sorted(key for key in held if nfc(key) not in stays))


def _recorded_live(world: World, change: Change) -> Iterator[str]:
    """Yield the live keys that are recorded of a change's resource.

    A row that was made again, or that was found under another id, does not name them any more.
    """
    for address in filter(None, (change.address, change.previous_address)):
        record = world.recorded.resources.get(Address(address))
        for key in record.keys.values() if record is not None else ():
            known, stored = world.recorded.keys.get(nfc(key)), world.snapshot.objects.get(nfc(key))
            if known is not None and known.state is KeyState.LIVE and stored is not None:
                yield key
