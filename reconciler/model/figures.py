"""Figures of an environment, for dashboards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model.history import RunKind, RunResult
from reconciler.model.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUpload:
    """Last apply that put bytes in the bucket.

    `took` is the time from its begin to its commit.
    """

    size_bytes: int
    took: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """Numbers of all runs of one kind.

    `ended` counts those that have ended, and `duration` is what they took together. `last_success` is when
    the last one that did all it should ended, `last_duration` what the newest of the ended took.
    """

    kind: RunKind
    counts: Mapping[RunResult, int]
    ended: int
    duration: timedelta
    last_success: datetime | None
    last_duration: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Numbers of both stores and of what elmify did, at one moment.

    `objects` and `storage_bytes` count the objects of the bucket outside elmify's own prefix, the former by
    what elmify knows of each: `live`, `retired`, `condemned`, `intended`, or `unmanaged`. `rows` counts
    the rows of each kind, `managed` those that a resource is recorded to be. A lecture is playable when its
    row names an object that is there and not empty. `user_rows_lost` and `uploaded_bytes` are sums over all
    commits. `runs` has the kinds of which there are runs, by name.
    """

    environment: str
    taken_at: datetime
    runs: tuple[RunFigures, ...]
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
