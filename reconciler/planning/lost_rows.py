"""Lost rows: what is recorded of declared resources whose row is gone.

It says under which keys their bytes are, and what a row that is made again holds in the columns of
which the catalog and the lockfile say nothing.
"""

import json
from collections.abc import Iterable, Mapping

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.catalog import Resource
from reconciler.model.kinds import TABLES, Column, Kind, Origin, Slot
from reconciler.model.plan import Action, Change
from reconciler.model.recorded import NOTHING, ResourceRecord
from reconciler.model.values import Value, canonical_json, nfc
from reconciler.planning.drift import baseline
from reconciler.planning.identity import Identities, previous_addresses
from reconciler.planning.world import World

_CATEGORIES = "categories"


def lost_records(world: World, identities: Identities) -> Mapping[Address, ResourceRecord]:
    """Return the records of declared addresses that have no row any more.

    Each is the record of the address itself, or of the address that `previously:` names.
    """
    resources = world.recorded.resources
    lost = {address: resources[address] for address in identities.broken if address not in identities.bound}
    gone = {a for a, row in identities.vanished.items() if row is None and a not in identities.successors}
    if gone:
        for address, before in previous_addresses(world.catalog, resources).items():
            if before in gone and address not in identities.bound and address not in resources:
                lost[address] = resources[before]
    return {a: record for a, record in lost.items() if record.kind is world.catalog.resources[a].kind}


def unmanaged_values(row: Row, managed: Mapping[str, Value]) -> str:
    """Return what a row holds in the columns that are not managed.

    As canonical JSON; columns without a value are left out.
    """
    values = dict(zip(TABLES[row.kind].index, row.values, strict=True))
    return canonical_json(
        {name: value for name, value in values.items() if name not in managed and value not in (None, ())}
    )


def lacking_in_record(record: ResourceRecord, managed: Mapping[str, Value]) -> frozenset[str]:
    """Return the required columns without a value in catalog and record.

    A version that did not record them left the record, or they left the catalog since.
    """
    unsaid = TABLES[record.kind].required - managed.keys()
    return unsaid - _remembered(record).keys() if unsaid else unsaid


def _remembered(record: ResourceRecord) -> Mapping[str, Value]:
    """Return all that is recorded of a row's values."""
    return {**_values(record.unmanaged), **baseline(record)}


def _values(text: str) -> Mapping[str, Value]:
    if text == NOTHING:
        return {}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(text).items()}


def rows_made_again(world: World, changes: Iterable[Change]) -> Mapping[str, Row]:
    """Return the lost rows that changes make again, by address.

    Each is as it was last applied. Their parents are those that they had, under the ids that these had: among
    `with_lost_rows`, what apps found by their names can be told.
    """
    found: dict[str, Row] = {}
    for change in changes:
        record = world.recorded.resources.get(Address(change.address))
        if change.action is Action.CREATE and record is not None:
            found[change.address] = _whole(record)
    return found


def with_lost_rows(world: World) -> Mapping[Kind, Mapping[int, Row]]:
    """Return all rows, and beside them those that are recorded and gone."""
    rows = {kind: dict(found) for kind, found in world.snapshot.rows.items()}
    for record in world.recorded.resources.values():
        if record.row not in rows[record.kind]:
            rows[record.kind][record.row] = _whole(record)
    return rows


def _whole(record: ResourceRecord) -> Row:
    held = _remembered(record)
    names = TABLES[record.kind].index
    return Row(record.kind, record.row, tuple(held.get(n, () if n == _CATEGORIES else None) for n in names))


class LostRows:
    """Lost rows of one plan: each resource's values and row id.

    A row that is made again gets the id that it had where no other row has it by now: rows of users that
    come back from a backup refer to that id. It is safe: what referred to the lost row went with it, and
    an id that another row has is never taken.
    """

    def __init__(self, world: World, records: Mapping[Address, ResourceRecord]) -> None:
        self._world, self._records = world, records
        self._given: set[tuple[Kind, int]] = set()

    def row_id(self, resource: Resource) -> int | None:
        """Return the id that the row gets again; None where it needs a new one."""
        record = self._records.get(resource.address)
        if record is None or record.row in self._world.snapshot.rows[record.kind]:
            return None
        place = (record.kind, record.row)
        if place in self._given:
            return None
        self._given.add(place)
        return record.row

    def row(self, resource: Resource) -> Row | None:
        """Return the row as it was last applied, without its parents.

        None when nothing is recorded. Its spellings of keys and URLs, and the values that `as_is` puts up
        with, are kept like those of a row that is there. The rows of its parents may have other ids by now.
        """
        record = self._records.get(resource.address)
        if record is None:
            return None
        held, columns = _remembered(record), TABLES[record.kind].columns
        return Row(record.kind, record.row, tuple(_without_parent(held, column) for column in columns))

    def values(
        self,
        resource: Resource,
        managed: Mapping[str, Value],
        keys: Mapping[Slot, str],
        hashes: Mapping[Slot, str | None],
    ) -> Mapping[str, Value]:
        """Return the last applied values of the columns that are not managed.

        What was recorded of an object counts only while the slot has the same bytes: `keys` and `hashes`
        say which it will have.
        """
        record = self._records.get(resource.address)
        if record is None:
            return {}
        return {
            name: self._possible(value)
            for name, value in _remembered(record).items()
            if name in TABLES[record.kind].index
            and name not in managed
            and value is not None
            and self._holds(record, TABLES[record.kind].column(name), resource, keys, hashes)
        }

    def _possible(self, value: Value) -> Value:
        """Leave out the categories that the app has deleted since."""
        known = self._world.snapshot.categories or {}
        return tuple(slug for slug in value if slug in known) if isinstance(value, tuple) else value

    def _holds(
        self,
        record: ResourceRecord,
        column: Column,
        resource: Resource,
        keys: Mapping[Slot, str],
        hashes: Mapping[Slot, str | None],
    ) -> bool:
        slot = _slot_of(column)
        if slot is None or slot not in resource.media:
            return column.origin is not Origin.PARENT
        was, will_be = nfc(record.keys.get(slot, "")), nfc(keys.get(slot, ""))
        if was == will_be:
            return True
        known = self._world.recorded.keys.get(was)
        return known is not None and known.sha256 is not None and known.sha256 == hashes.get(slot)


def _without_parent(held: Mapping[str, Value], column: Column) -> Value:
    if column.origin is Origin.PARENT:
        return None
    return held.get(column.name, () if column.origin is Origin.CATEGORIES else None)


def _slot_of(column: Column) -> Slot | None:
    if column.origin is Origin.FACT:
        return Slot.LECTURE_AUDIO
    own = {Origin.FIELD, Origin.PARENT, Origin.CATEGORIES}
    return None if column.origin in own else Slot(column.source)
