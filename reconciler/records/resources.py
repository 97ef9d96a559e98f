"""Recorded resources: each as the last apply left it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model.address import Address
from reconciler.model.kinds import Kind, Slot
from reconciler.model.recorded import NOTHING, ResourceRecord
from reconciler.model.values import shared
from reconciler.records.bulk import refuse_unstorable, staged, streamed
from reconciler.records.schema import SchemaRecords

_COLUMNS = "address, kind, row_id, name, parent_row, keys, applied, protect"

_DEFINITION = """
address text, kind text, row_id bigint, name text, parent_row bigint, keys jsonb, applied text,
protect boolean
"""

_MERGE = """
insert into elmify.resource
    (address, kind, row_id, name, parent_row, keys, applied, protect, run, changed_at)
select address, kind, row_id, name, parent_row, keys, applied, protect, %s, clock_timestamp()
from pg_temp.elmify_staged
on conflict (address) do update
set kind = excluded.kind,
    row_id = excluded.row_id,
    name = excluded.name,
    parent_row = excluded.parent_row,
    keys = excluded.keys,
    applied = excluded.applied,
    protect = excluded.protect,
    run = excluded.run,
    changed_at = excluded.changed_at
"""

_READ = """
select address, kind, row_id, name, parent_row, keys::text, applied, protect
from elmify.resource
"""

#: The column `applied` holds the managed values and, on a second line, those of the other columns. A JSON
#: text of ours has no line break.
_LINE = "\n"


class ResourceRecords(SchemaRecords):
    """The resources in the records."""

    def save_resources(self, resources: Iterable[ResourceRecord], run: int) -> None:
        """Insert or replace resources.

        Of two resources with the same address, the later one is used.
        """
        rows = {resource.address: resource for resource in resources}
        if not rows:
            return
        with staged(self._connection, _DEFINITION, _COLUMNS, map(_cells, rows.values())):
            self._connection.execute(_MERGE, (run,))

    def drop_resources(self, addresses: Iterable[str]) -> None:
        """Forget resources; an address that is not recorded is no error."""
        dropped = list(addresses)
        if dropped:
            self._connection.execute("delete from elmify.resource where address = any(%s)", (dropped,))

    def _resources(self) -> Mapping[Address, ResourceRecord]:
        """Return every resource by address, in no order. One statement."""
        kinds = {kind.value: kind for kind in Kind}
        slots = {slot.value: slot for slot in Slot}
        decode = json.JSONDecoder().decode
        return {
            (own := Address(shared(address))): ResourceRecord(
                address=own,
                kind=kinds[kind],
                row=row,
                name=name,
                parent_row=parent_row,
                keys={slots[slot]: shared(key) for slot, key in decode(keys).items()},
                applied=applied,
                protect=protect,
                unmanaged=unmanaged or NOTHING,
            )
            for address, kind, row, name, parent_row, keys, values, protect in streamed(
                self._connection, _READ
            )
            for applied, _, unmanaged in (values.partition(_LINE),)
        }


def _cells(resource: ResourceRecord) -> tuple[Any, ...]:
    keys = {slot.value: key for slot, key in resource.keys.items()}
    for name in (resource.address, resource.name, resource.applied, resource.unmanaged, *keys.values()):
        refuse_unstorable(name, "text")
    return (
        resource.address,
        resource.kind.value,
        resource.row,
        resource.name,
        resource.parent_row,
        json.dumps(keys, ensure_ascii=False),
        resource.applied
        if resource.unmanaged == NOTHING
        else f"{resource.applied}{_LINE}{resource.unmanaged}",
        resource.protect,
    )
