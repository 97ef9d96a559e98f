"""Actual state: one consistent snapshot of the bucket and content tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.kinds import TABLES, Kind
from reconciler.model.values import Value


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Object as a listing shows it.

    `key` is spelled as the store spells it; `etag` has no quotes.
    """

    key: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class Row:
    """Row of a content table.

    `values` are those of the table's managed columns, in their order.
    """

    kind: Kind
    id: int
    values: tuple[Value, ...]

    def __getitem__(self, column: str) -> Value:
        return self.values[TABLES[self.kind].index[column]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The actual world.

    `objects` is keyed by the NFC spelling of each key, elmify's own prefix left out. `rows` holds every row
    of every content table by id. `categories` maps slug to row id, None when this deployment has no
    category tables. `marker` is the identity that the bucket carries; None when it carries none. `staged`
    holds the copies that wait for their merge, by the SHA-256 they are kept under: a claim, to be held
    against size and ETag.
    """

    objects: Mapping[str, StoredObject]
    rows: Mapping[Kind, Mapping[int, Row]]
    categories: Mapping[str, int] | None
    marker: str | None
    taken_at: datetime
    staged: Mapping[str, StoredObject] = field(default_factory=dict)
