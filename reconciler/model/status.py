"""Status and metrics of an environment, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.model.actual import StoredObject
from reconciler.model.history import AuditHead, Lease, Run, RunKind, RunResult
from reconciler.model.kinds import Kind
from reconciler.model.playback import PendingAlias, WayCount
from reconciler.model.ports import UnfinishedUpload
from reconciler.model.recorded import Identity, KeyRecord
from reconciler.model.remedies import Operation


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
    the rows of each kind, `managed` those that a resource is recorded to be. `playing` counts the
    lectures that play by each way, `pending_aliases` the playback copies that a commit left to be replaced.
    `user_rows_lost` and `uploaded_bytes` are sums over all
    commits. `runs` has the kinds of which there are runs, by name.
    """

    environment: str
    taken_at: datetime
    runs: tuple[RunFigures, ...]
    objects: Mapping[str, int]
    storage_bytes: int
    rows: Mapping[Kind, int]
    managed: Mapping[Kind, int]
    playing: tuple[WayCount, ...]
    pending_aliases: int
    drift: int
    uploaded_bytes: int
    last_upload: LastUpload | None
    user_rows_lost: int
    database_bytes: int


class Found(StrEnum):
    """State of a key that a run intended to put, as the bucket shows it."""

    STORED = "stored"  # an object of the intended size
    ABSENT = "absent"
    OTHER = "other"  # an object of another size


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A key that a run intended and did not commit."""

    record: KeyRecord
    found: Found


class Why(StrEnum):
    """A reason for what to do next."""

    ALL_DONE = "all-done"
    NOT_A_PAIR = "not-a-pair"  # bucket, database and elmify.yaml do not belong together: `problem`
    RUN_AT_WORK = "run-at-work"  # `run` of `holder` has the lease until `ends_at`
    INTERRUPTED_AFTER_COMMIT = "interrupted-after-commit"  # `run`
    INTERRUPTED_BEFORE_COMMIT = "interrupted-before-commit"  # `run`
    FAILED_BEFORE_COMMIT = "failed-before-commit"  # `run`
    LEASE_ENDED = "lease-ended"  # of `run`, by a person
    NEVER_APPLIED = "never-applied"
    FIRST_APPLY_INTERRUPTED = "first-apply-interrupted"
    ALIASES_PENDING = "aliases-pending"  # `count` playback copies that `run` committed
    AUDIT_HEAD_NOT_KEPT = "audit-head-not-kept"
    GC_INTERRUPTED = "gc-interrupted"  # `count` objects
    UPLOADS_GIVEN_UP = "uploads-given-up"  # `count` multipart uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Next step for the user, and the reason for it.

    `remedy` is None when there is nothing to continue. The other fields are the facts that `why`
    refers to; `problem` is the message and hint of a failure.
    """

    why: Why
    remedy: Operation | None = None
    run: int | None = None
    holder: str | None = None
    ends_at: datetime | None = None
    count: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything `elmify status` looks at.

    `trouble` says why the stores are not taken for a pair, None when they are. `runs` are the last ones,
    newest first, `holder` the run that holds the lease. `unfinished` are elmify's own multipart uploads, and
    `foreign` those of others, None when this key may not list them; `given_up` counts the own ones that
    nobody has gone on with for a day. `condemned` counts keys that gc has committed to deleting and not yet
    noted as deleted. `aliases` are the playback copies that a commit left to be replaced, by key.
    `unanchored` is the end of the audit log when the bucket does not keep it yet.
    """

    environment: str
    objects: str
    database: str
    identity: Identity | None
    marker: str | None
    trouble: Advice | None
    lease: Lease | None
    holder: Run | None
    runs: tuple[Run, ...]
    leftovers: tuple[Leftover, ...]
    unfinished: tuple[UnfinishedUpload, ...] | None
    given_up: int
    foreign: tuple[UnfinishedUpload, ...] | None
    staged: Mapping[str, StoredObject]
    condemned: int
    unanchored: AuditHead | None
    aliases: tuple[PendingAlias, ...] = ()
