"""What other hands changed since the last apply: actual against recorded, column by column."""

import json
from collections.abc import Iterator, Mapping

from reconciler.model.actual import Row, Snapshot
from reconciler.model.plan import Drift
from reconciler.model.recorded import Recorded, ResourceRecord
from reconciler.model.values import Value, nfc, same


def baseline(record: ResourceRecord) -> Mapping[str, Value]:
    """Return the column values that the last apply left."""
    applied = json.loads(record.applied)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in applied.items()}


def drift_of(record: ResourceRecord, row: Row, recorded: Recorded, snapshot: Snapshot) -> Iterator[Drift]:
    """Yield what differs between a record and the row and objects it speaks of."""
    for name, value in baseline(record).items():
        if not same(value, row[name]):
            yield Drift(address=record.address, attribute=name, recorded=value, actual=row[name])
    for slot, key in sorted(record.keys.items()):
        known, stored = recorded.keys.get(nfc(key)), snapshot.objects.get(nfc(key))
        if stored is None:
            yield Drift(address=record.address, attribute=slot.value, recorded=key, actual=None)
        elif known is not None and known.etag is not None and known.etag != stored.etag:
            yield Drift(
                address=record.address,
                attribute=slot.value,
                recorded=f"{key} (ETag {known.etag})",
                actual=f"{key} (ETag {stored.etag})",
            )


def lost_row(record: ResourceRecord) -> Drift:
    """Return the drift of a record whose row is gone, or is another resource's row now."""
    return Drift(address=record.address, attribute="row", recorded=record.row, actual=None)
