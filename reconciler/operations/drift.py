"""Drift: both stores read and compared with what the last apply left.

It needs no catalog and no right to write: one dated listing and a fixed number of statements.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from reconciler.applying.refresh import check_identity, read_marker
from reconciler.applying.workspace import Workspace
from reconciler.concurrency import Background, CancellationToken
from reconciler.model.actual import Snapshot, StoredObject
from reconciler.model.drift import DriftReport
from reconciler.model.history import Run
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.policy import AUDIT_PREFIX, OWN_PREFIX
from reconciler.model.ports import ObjectStore, RecordsReader
from reconciler.model.recorded import Recorded
from reconciler.model.values import nfc, sharing_texts
from reconciler.planning.drift import LastApply, drift_report
from reconciler.planning.ignore_rules import report_without_ignored


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Inventory: both stores and the records at one moment.

    It also tells what there was when the last apply committed.
    """

    snapshot: Snapshot
    recorded: Recorded
    last: LastApply


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """Dated listing of the bucket.

    `anchors` are the times at which the heads of the audit log were put, by their number.
    """

    objects: Mapping[str, StoredObject]
    modified: Mapping[str, datetime]
    anchors: Mapping[int, datetime]
    marker: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _LastCommit:
    """Last commit according to the audit log; empty before the first one."""

    seq: int = 0
    run: Run | None = None
    highest_rows: Mapping[Kind, int] | None = None


def read_drift(workspace: Workspace) -> DriftReport:
    """Return what was changed outside elmify since the last apply, without what is ignored. Writes nothing.

    Raises `IdentityMismatch` when the stores do not belong together, `Interrupted` when cancelled, and
    whatever the stores raise.
    """
    found = take_inventory(workspace)
    environment = workspace.policy.environment
    report = drift_report(environment, found.snapshot, found.recorded, found.last)
    return report_without_ignored(workspace.policy, report)


def take_inventory(workspace: Workspace) -> Inventory:
    """Read both stores and the records in parallel.

    Raises as `read_drift` does.
    """
    with sharing_texts(), Background(size=1, name="elmify-list", cancel=workspace.cancel) as background:
        listing = background.begin(partial(_read_bucket, workspace.objects, background.stop))
        with workspace.database.read() as session:
            rows = {kind: {row.id: row for row in session.library.rows(kind)} for kind in Kind}
            recorded = session.records.load()
            commit = _last_commit(session.records)
            taken_at = session.now()
        bucket = listing()
    check_identity(recorded.identity, bucket.marker, workspace.policy.environment)
    snapshot = Snapshot(
        objects=bucket.objects, rows=rows, categories=None, marker=bucket.marker, taken_at=taken_at
    )
    last = LastApply(run=commit.run, highest_rows=commit.highest_rows, fresh_objects=_fresh(bucket, commit))
    return Inventory(snapshot=snapshot, recorded=recorded, last=last)


def _read_bucket(objects: ObjectStore, cancel: CancellationToken) -> _Bucket:
    listed: dict[str, StoredObject] = {}
    modified: dict[str, datetime] = {}
    anchors: dict[int, datetime] = {}
    for stored, at in cancel.between(objects.dated()):
        if not stored.key.startswith(OWN_PREFIX):
            listed[nfc(stored.key)], modified[nfc(stored.key)] = stored, at
        elif stored.key.startswith(AUDIT_PREFIX):
            number = stored.key.removeprefix(AUDIT_PREFIX).partition("-")[0]
            if number.isdecimal():
                anchors[int(number)] = at
    return _Bucket(objects=listed, modified=modified, anchors=anchors, marker=read_marker(objects))


def _fresh(bucket: _Bucket, commit: _LastCommit) -> frozenset[str]:
    """Return the keys modified since the last commit.

    Both times are the bucket's own, where the commit's audit head is there; else the database's time of the
    commit has to do.
    """
    after = min((seq for seq in bucket.anchors if seq >= commit.seq), default=None)
    if after is not None:
        since: datetime | None = bucket.anchors[after]
    else:
        since = commit.run.committed_at if commit.run is not None else None
    return frozenset(key for key, at in bucket.modified.items() if since is not None and at > since)


def _last_commit(records: RecordsReader) -> _LastCommit:
    entry = records.last_commit()
    if entry is None:
        return _LastCommit()
    fact: dict[str, Any] = json.loads(entry.payload)
    run, noted = fact.get("run"), (fact.get("detail") or {}).get("highest_rows")
    highest = {table.kind: int(noted.get(table.name, 0)) for table in TABLES.values()} if noted else None
    return _LastCommit(
        seq=entry.seq, run=records.run(run) if isinstance(run, int) else None, highest_rows=highest
    )
