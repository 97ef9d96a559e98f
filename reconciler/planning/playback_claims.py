"""Playback keys that lectures are about to get, and copies that are gone.

Both are asked before keys are allocated and rows are compared.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.catalog import Resource, lineage
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.recorded import KeyState
from reconciler.model.values import Value, same
from reconciler.planning.identity import Identities
from reconciler.planning.object_keys import extension_of
from reconciler.planning.playback import Library, arrives, canonical_key, rendered
from reconciler.planning.world import World


def broken_copies(world: World) -> frozenset[int]:
    """Return the lecture rows whose playback copy is gone or replaced."""
    broken = {key for key in world.recorded.keys if is_broken(world, key)}
    if not broken:
        return frozenset()
    library = world.library
    return frozenset(
        row.id
        for row in library.rows[Kind.LECTURE].values()
        for way, key in zip(library.ways, library.keys(row), strict=True)
        if not way.report and key in broken and not _leads_to_own(library, row, key)
    )


def is_broken(world: World, key: str) -> bool:
    """Return whether a recorded live key is gone or holds other bytes."""
    record, there = world.recorded.keys.get(key), world.snapshot.objects.get(key)
    if record is None or record.state is not KeyState.LIVE:
        return False
    return there is None or there.etag != record.etag


def _leads_to_own(library: Library, row: Row, key: str) -> bool:
    own, there = library.own(row), library.contents.get(key)
    return key == canonical_key(row) or (own is not None and there is not None and own.same(there))


def claimed_keys(world: World, identities: Identities) -> Mapping[str, frozenset[Address]]:
    """Return the playback keys that lectures will get, with addresses.

    Only lectures whose names or numbers change are asked: a recording that lies under such a key and
    belongs to another lecture has to make room.
    """
    resources = world.catalog.resources
    renamed = {a for a, r in resources.items() if r.kind is not Kind.LECTURE and _renames(r, identities)}
    claimed: defaultdict[str, set[Address]] = defaultdict(set)
    for address, resource in resources.items():
        if resource.kind is not Kind.LECTURE or not _moves(resource, identities, renamed):
            continue
        names = {
            kind: DeclaredFields(each, identities.row(each.address))
            for kind, each in lineage(world.catalog, resource).items()
        }
        extension = extension_of(resource.media.get(Slot.LECTURE_AUDIO) or "")
        for way in world.policy.playback:
            raw = rendered(way, names, extension) if way.key is not None and not way.report else None
            if raw is not None:
                claimed[arrives(way.request, raw)].add(address)
    return {key: frozenset(addresses) for key, addresses in claimed.items()}


class DeclaredFields:
    """Catalog fields of a resource with the values that its row will have."""

    __slots__ = ("_resource", "_row")

    def __init__(self, resource: Resource, row: Row | None) -> None:
        self._resource, self._row = resource, row

    def __getattr__(self, name: str) -> Value:
        column = _COLUMNS[self._resource.kind].get(name)
        if column is None:
            raise AttributeError(name)
        held = self._row[column] if self._row is not None else None
        accepted = self._resource.as_is.get(column)
        if self._row is not None and column in self._resource.as_is and same(held, accepted):
            return held
        return self._resource.fields.get(name, held)


#: The column of each catalog field, by kind.
_COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    kind: {column.source: column.name for column in table.columns if column.origin is Origin.FIELD}
    for kind, table in TABLES.items()
}


def _renames(resource: Resource, identities: Identities) -> bool:
    """Return whether a column that a key may be made of changes."""
    row = identities.row(resource.address)
    if row is None:
        return True
    columns = _COLUMNS[resource.kind]
    return any(
        (column := columns.get(name)) is not None
        and not same(value, row[column])
        and not (column in resource.as_is and same(row[column], resource.as_is[column]))
        for name, value in resource.fields.items()
    )


def _moves(resource: Resource, identities: Identities, renamed: Collection[Address]) -> bool:
    binding = identities.bound.get(resource.address)
    parts = resource.address.split("/")
    parents = (Address(parts[0]), Address("/".join(parts[:2])))
    moved = binding is not None and binding.previous is not None
    return moved or any(parent in renamed for parent in parents) or _renames(resource, identities)
