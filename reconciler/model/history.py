"""History of elmify: runs, the lease, steps and the audit log.

elmify keeps it about its own work.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reconciler.model.values import canonical_json


class RunKind(StrEnum):
    """Kinds of runs."""

    APPLY = "apply"
    ROLLBACK = "rollback"
    MERGE = "merge"
    GC = "gc"
    OTHER = "other"  # recorded by an earlier version in words that say no more


class RunResult(StrEnum):
    """Results of runs, for counting them."""

    OK = "ok"
    FAILED = "failed"  # nothing was committed
    UNFINISHED = "unfinished"  # committed, and something after the commit was not done, or not yet
    BEGUN = "begun"  # at work, or killed


class RunState(StrEnum):
    """Progress of a run.

    A run that is neither committed nor finished was interrupted.
    """

    BEGUN = "begun"
    COMMITTED = "committed"  # T2 stands; T3 does not yet
    DONE = "done"
    FAILED = "failed"  # nothing was committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Actor: who runs elmify.

    Either a person at a terminal, or a CI job with its commit and page.
    """

    name: str
    commit: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. Times are the database's, in UTC.

    `subject` is the number of the run that a rollback takes back, or the two lectures of a merge as they were
    named, the one that goes first; of `OTHER` it is the recorded text, else it is empty. `changes` counts the
    committed steps that changed something. `uploaded_files` is None for runs of a version that did not count
    them; all counts are 0 before the commit.
    """

    id: int
    kind: RunKind
    subject: tuple[str, ...] = ()
    actor: Actor
    state: RunState
    fingerprint: str | None
    begun_at: datetime
    committed_at: datetime | None
    finished_at: datetime | None
    outcome: str | None
    changes: int = 0
    uploaded_files: int | None = 0
    uploaded_bytes: int = 0
    user_rows_lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitCounts:
    """Counts of a commit, kept with its run.

    `entry` is the number of the commit's entry in the audit log.
    """

    entry: int
    uploaded_files: int = 0
    uploaded_bytes: int = 0
    user_rows_lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotal:
    """Sums over all runs of one kind and result.

    `ended` is the number of these runs that have ended; `duration` is the total time that those took.
    """

    kind: RunKind
    result: RunResult
    runs: int
    ended: int
    duration: timedelta
    uploaded_bytes: int
    user_rows_lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Lease: the right to apply, held by one run.

    `token` grows with every holder (a fencing token): a commit that carries an older one is refused.
    `stale` says that the lease had expired by the database's clock when it was read, so any run may
    take it. `took_over` is the run that had let it expire, None when the lease was free.
    """

    run: int
    holder: str
    url: str | None
    token: int
    acquired_at: datetime
    heartbeat_at: datetime
    expires_at: datetime
    stale: bool
    took_over: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """Record of what a run did to one address, and what undoes it.

    `before` and `after` are JSON objects, None for what did not or will not exist. Their members are
    `kind`, `row`, `values`, `objects`, `address` where it was another, and in `before` also `record`,
    what elmify remembered of the resource, and `retired`, the keys that the run retired. `captured`
    maps a table to the complete rows that a delete also removed through foreign keys.
    """

    address: str
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    captured: Mapping[str, list[Mapping[str, Any]]] | None = None


#: The address of steps about the run as a whole: the rows it captured, and the run that it took back.
WHOLE_RUN = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Step of a committed run, as a later rollback sees it.

    It tells which address, which row, and what was done. `previous_address` is set for a move.
    `rolled_back` is set for the step that says which run was rolled back by this run; its address is
    `WHOLE_RUN`.
    """

    run: int
    address: str
    action: str
    previous_address: str | None = None
    kind: str | None = None
    row: int | None = None
    rolled_back: int | None = None


#: The hash before the first entry.
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFact:
    """Fact for the audit log, kept for ever.

    It says what happened, to what, and from what state to what state.
    """

    event: str
    address: str | None = None
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Audit fact in its place in the hash chain.

    `payload` is canonical JSON; `hash` covers it and `previous`.
    """

    seq: int
    previous: str
    payload: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Number and hash of the last audit entry.

    They are 0 and `GENESIS` while the log is empty.
    """

    seq: int = 0
    hash: str = GENESIS


def chain_hash(previous: str, seq: int, payload: str) -> str:
    """Return the hash of an audit entry.

    It is the SHA-256 over the hash of the previous entry, the number of the entry and its payload.
    """
    return hashlib.sha256(f"{previous}\n{seq}\n{payload}".encode()).hexdigest()


def chained(head: AuditHead, payloads: Iterable[Mapping[str, Any]]) -> tuple[AuditEntry, ...]:
    """Return the payloads as the entries that follow `head`, in order."""
    entries: list[AuditEntry] = []
    seq, previous = head.seq, head.hash
    for payload in payloads:
        seq += 1
        text = canonical_json(payload)
        entries.append(
            AuditEntry(seq=seq, previous=previous, payload=text, hash=chain_hash(previous, seq, text))
        )
        previous = entries[-1].hash
    return tuple(entries)


class BreakKind(StrEnum):
    """Kinds of breaks of a hash chain."""

    MISSING = "missing"
    REORDERED = "reordered"  # or replaced
    ALTERED = "altered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainBreak:
    """First break of a hash chain: kind, entry that shows it, sentence."""

    kind: BreakKind
    entry: int
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def first_break(entries: Iterable[AuditEntry]) -> ChainBreak | None:
    """Return what is wrong with a hash chain; None when it is whole.

    The chain should begin at the first entry. Finds an altered, a dropped and a reordered entry. When
    an entry is cut off at the end, the rest is still a whole chain: that is found by comparing with
    the heads kept in the bucket.
    """
    seq, previous = 0, GENESIS
    for entry in entries:
        if entry.seq != seq + 1:
            said = f"entry {seq + 1} is missing: entry {entry.seq} follows entry {seq}"
            return ChainBreak(kind=BreakKind.MISSING, entry=seq + 1, sentence=said)
        if entry.previous != previous:
            said = f"entry {entry.seq} does not follow the one before it: replaced or reordered"
            return ChainBreak(kind=BreakKind.REORDERED, entry=entry.seq, sentence=said)
        if chain_hash(entry.previous, entry.seq, entry.payload) != entry.hash:
            said = f"entry {entry.seq} was altered after it was written"
            return ChainBreak(kind=BreakKind.ALTERED, entry=entry.seq, sentence=said)
        seq, previous = entry.seq, entry.hash
    return None
