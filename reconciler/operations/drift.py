"""Drift: both stores read and compared with what the last apply left.

It needs no catalog and no right to write: one dated listing and a fixed number of statements.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.applying.refresh import check_identity, read_marker
from reconciler.applying.workspace import Workspace
from reconciler.concurrency import Background, CancellationToken
from reconciler.model.actual import Snapshot, StoredObject
from reconciler.model.drift import DriftReport
from reconciler.model.errors import ElmifyError
from reconciler.model.history import Run
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.policy import AUDIT_PREFIX, OWN_PREFIX
from reconciler.model.ports import ObjectStore, RecordsReader
from reconciler.model.recorded import Recorded
from reconciler.model.values import nfc, sharing_texts
from reconciler.notifications.messages import drift_memory, remembered_drift
from reconciler.operations.catalog import write_output
from reconciler.operations.project import Project
from reconciler.planning.drift import LastApply, drift_report
from reconciler.planning.ignore_rules import report_without_ignored
from reconciler.render.drift.formats import drift_markdown, remembered

_MEMORY_NAME = "drift.json"


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Inventory: both stores and the records at one moment.

    It also tells what there was when the last apply committed.
    """

    snapshot: Snapshot
    recorded: Recorded
    last: LastApply
    user_rows: Mapping[str, int]


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
    user_rows: Mapping[str, int] | None = None


def read_drift(workspace: Workspace) -> DriftReport:
    """Return what was changed outside elmify since the last apply.

    Differences that are ignored are left out. Writes nothing.

    Raises `IdentityMismatch` when the stores do not belong together, `Interrupted` when cancelled,
    and whatever the stores raise.
    """
    found = take_inventory(workspace)
    environment = workspace.policy.environment
    report = drift_report(
        environment,
        found.snapshot,
        found.recorded,
        found.last,
        found.user_rows,
        ways=workspace.policy.playback,
    )
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
            since = commit.run.committed_at if commit.run is not None else None
            younger = session.library.created_after(since) if since is not None else {}
            user_rows = session.library.user_rows()
            taken_at = session.now()
        bucket = listing()
    check_identity(recorded.identity, bucket.marker, workspace.policy.environment)
    snapshot = Snapshot(
        objects=bucket.objects, rows=rows, categories=None, marker=bucket.marker, taken_at=taken_at
    )
    last = LastApply(
        run=commit.run,
        highest_rows=commit.highest_rows,
        fresh_objects=_fresh(bucket, commit),
        younger_rows=younger,
        user_rows=commit.user_rows,
    )
    return Inventory(snapshot=snapshot, recorded=recorded, last=last, user_rows=user_rows)


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
    run, detail = fact.get("run"), fact.get("detail") or {}
    noted = detail.get("highest_rows")
    highest = {table.kind: int(noted.get(table.name, 0)) for table in TABLES.values()} if noted else None
    return _LastCommit(
        seq=entry.seq,
        run=records.run(run) if isinstance(run, int) else None,
        highest_rows=highest,
        user_rows=detail.get("user_rows"),
    )


class MemoryNotWritten(ElmifyError):
    """Failure to write the default file that remembers reported drift.

    No option named this file, so the report itself does not fail.
    """


def reported_before(project: Project, issue_body: Path | None, memory: Path | None) -> frozenset[str] | None:
    """Return the ids of the differences that an earlier report had.

    None when no earlier report is known.

    They are read from `memory`, else from the body of the issue, else from the project's own file.
    """
    environment = project.settings.policy.environment
    if memory is None and issue_body is not None:
        return remembered(_text_of(issue_body), environment)
    return remembered_drift(memory or project.settings.state_dir / _MEMORY_NAME, environment)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def remember_reported(
    project: Project,
    report: DriftReport,
    fresh: frozenset[str],
    issue_body: Path | None,
    memory: Path | None,
) -> None:
    """Save the ids of all differences, and the body of the issue.

    All that exist now are saved, so that a difference that disappears and comes back is reported again.
    `ElmifyError` for a file that was named and cannot be written, `MemoryNotWritten` for the project's own.
    """
    if issue_body is not None:
        write_output(issue_body, drift_markdown(report, fresh=fresh), "the body of the issue")
    if memory is not None or issue_body is None:
        file = memory or project.settings.state_dir / _MEMORY_NAME
        text = drift_memory(file, project.settings.policy.environment, report.ids)
        try:
            write_output(file, text, "the memory of reported drift")
        except ElmifyError as error:
            if memory is not None:
                raise
            raise MemoryNotWritten(error.message) from error
