"""How it stands, in numbers: what a dashboard shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.history import Run
from reconciler.model.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUpload:
    """The last apply that put bytes in the bucket. `took` is from its begin to its commit."""

    size_bytes: int
    took: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Numbers of both stores and of what elmify did, at one moment.

    `objects` and `storage_bytes` count the objects of the bucket outside elmify's own prefix, the former by
    what elmify knows of each: `live`, `retired`, `condemned`, `intended`, or `unmanaged`. `rows` counts
    the rows of each kind, `managed` those that a resource is recorded to be. A lecture is playable when its
    row names an object that is there and not empty. `user_rows_lost` and `uploaded_bytes` are sums over all
    commits that the audit log tells of. `runs` are the newest first.
    """

    environment: str
    taken_at: datetime
    runs: tuple[Run, ...]
    objects: Mapping[str, int]
    storage_bytes: int
    rows: Mapping[Kind, int]
    managed: Mapping[Kind, int]
    playable_lectures: int
    drift: int
    uploaded_bytes: int
    last_upload: LastUpload | None
    user_rows_lost: int
    database_bytes: int
