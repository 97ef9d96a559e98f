"""Metrics: counts of both stores, and of the runs in the records.

The stores are read once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from reconciler.applying.workspace import Workspace
from reconciler.model.actual import Snapshot
from reconciler.model.history import Run, RunKind, RunResult, RunTotal
from reconciler.model.kinds import Kind
from reconciler.model.policy import Policy
from reconciler.model.ports import RecordsReader
from reconciler.model.recorded import KeyState, Recorded
from reconciler.model.status import Figures, LastUpload, RunFigures
from reconciler.operations.drift import Inventory, take_inventory
from reconciler.planning.drift import drift_report
from reconciler.planning.playback import library_of

_OURS = frozenset({KeyState.LIVE, KeyState.RETIRED, KeyState.CONDEMNED, KeyState.INTENDED})


def read_figures(workspace: Workspace) -> Figures:
    """Return the numbers of an environment.

    Writes nothing; raises as `read_drift` does.
    """
    found = take_inventory(workspace)
    with workspace.database.read() as session:
        totals = session.records.run_totals()
        runs = tuple(_runs_of(kind, totals, session.records) for kind in sorted({t.kind for t in totals}))
        upload = session.records.last_upload()
    size_bytes = workspace.database.facts().size_bytes
    return figures(workspace.policy, found, runs, totals, upload, size_bytes)


def figures(
    policy: Policy,
    found: Inventory,
    runs: tuple[RunFigures, ...],
    totals: Sequence[RunTotal],
    upload: Run | None,
    database_bytes: int,
) -> Figures:
    """Return the figures of an environment.

    `totals` are those of `runs`; `upload` is the last run that uploaded anything.
    """
    snapshot, recorded = found.snapshot, found.recorded
    managed = Counter(r.kind for r in recorded.resources.values() if r.row in snapshot.rows[r.kind])
    return Figures(
        environment=policy.environment,
        taken_at=snapshot.taken_at,
        runs=runs,
        objects=_objects_by_state(snapshot, recorded),
        storage_bytes=sum(stored.size_bytes for stored in snapshot.objects.values()),
        rows={kind: len(snapshot.rows[kind]) for kind in Kind},
        managed={kind: managed[kind] for kind in Kind},
        playing=library_of(policy.playback, snapshot, recorded).count(),
        pending_aliases=len(recorded.aliases),
        drift=drift_report(policy.environment, snapshot, recorded, found.last, ways=policy.playback).count,
        uploaded_bytes=sum(total.uploaded_bytes for total in totals),
        last_upload=_last_upload(upload),
        user_rows_lost=sum(total.user_rows_lost for total in totals),
        database_bytes=database_bytes,
    )


def _objects_by_state(snapshot: Snapshot, recorded: Recorded) -> Mapping[str, int]:
    counts = dict.fromkeys((*sorted(state.value for state in _OURS), "unmanaged"), 0)
    for key in snapshot.objects:
        known = recorded.keys.get(key)
        counts[known.state.value if known is not None and known.state in _OURS else "unmanaged"] += 1
    return counts


def _runs_of(kind: RunKind, totals: Sequence[RunTotal], records: RecordsReader) -> RunFigures:
    of_kind = [total for total in totals if total.kind is kind]
    success = next(iter(records.ended_runs(kind, result=RunResult.OK)), None)
    last = next(iter(records.ended_runs(kind)), None)
    return RunFigures(
        kind=kind,
        counts={total.result: total.runs for total in of_kind},
        ended=sum(total.ended for total in of_kind),
        duration=sum((total.duration for total in of_kind), timedelta(0)),
        last_success=success.finished_at if success is not None else None,
        last_duration=last.finished_at - last.begun_at if last is not None and last.finished_at else None,
    )


def _last_upload(run: Run | None) -> LastUpload | None:
    if run is None or run.committed_at is None:
        return None
    return LastUpload(size_bytes=run.uploaded_bytes, took=run.committed_at - run.begun_at)
