"""Metrics: counts of both stores, read once, and of the runs in the records."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.applying.workspace import Workspace
from reconciler.model.actual import Snapshot
from reconciler.model.figures import Figures, LastUpload
from reconciler.model.history import Run
from reconciler.model.kinds import Kind
from reconciler.model.recorded import KeyState, Recorded
from reconciler.operations.drift import Inventory, take_inventory
from reconciler.planning.drift import drift_report
from reconciler.planning.references import key_in

#: The runs of three centuries, at one a day.
_RUNS = 100_000

_OURS = frozenset({KeyState.LIVE, KeyState.RETIRED, KeyState.CONDEMNED, KeyState.INTENDED})


def read_figures(workspace: Workspace) -> Figures:
    """Return the numbers of an environment. Writes nothing; raises as `read_drift` does."""
    found = take_inventory(workspace)
    with workspace.database.read() as session:
        runs = tuple(session.records.runs(_RUNS))
        commits = [json.loads(entry.payload) for entry in session.records.facts("commit")]
    size_bytes = workspace.database.facts().size_bytes
    return figures(workspace.policy.environment, found, runs, commits, size_bytes)


def figures(
    environment: str,
    found: Inventory,
    runs: Sequence[Run],
    commits: Sequence[Mapping[str, Any]],
    database_bytes: int,
) -> Figures:
    """Return the numbers. `commits` are what the audit log says of each commit, the newest first."""
    snapshot, recorded = found.snapshot, found.recorded
    managed = Counter(r.kind for r in recorded.resources.values() if r.row in snapshot.rows[r.kind])
    return Figures(
        environment=environment,
        taken_at=snapshot.taken_at,
        runs=tuple(runs),
        objects=_objects_by_state(snapshot, recorded),
        storage_bytes=sum(stored.size_bytes for stored in snapshot.objects.values()),
        rows={kind: len(snapshot.rows[kind]) for kind in Kind},
        managed={kind: managed[kind] for kind in Kind},
        playable_lectures=_playable(snapshot),
        drift=drift_report(environment, snapshot, recorded, found.last).count,
        uploaded_bytes=_sum(commits, "uploaded_bytes"),
        last_upload=_last_upload(runs, commits),
        user_rows_lost=_sum(commits, "user_rows_lost"),
        database_bytes=database_bytes,
    )


def _objects_by_state(snapshot: Snapshot, recorded: Recorded) -> Mapping[str, int]:
    counts = dict.fromkeys((*sorted(state.value for state in _OURS), "unmanaged"), 0)
    for key in snapshot.objects:
        known = recorded.keys.get(key)
        counts[known.state.value if known is not None and known.state in _OURS else "unmanaged"] += 1
    return counts


def _playable(snapshot: Snapshot) -> int:
    def plays(key: str | None) -> bool:
        stored = snapshot.objects.get(key or "")
        return stored is not None and stored.size_bytes > 0

    return sum(plays(key_in(row["file_path"])) for row in snapshot.rows[Kind.LECTURE].values())


def _sum(commits: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(_number(commit, name) for commit in commits)


def _number(commit: Mapping[str, Any], name: str) -> int:
    return int((commit.get("detail") or {}).get(name) or 0)


def _last_upload(runs: Iterable[Run], commits: Iterable[Mapping[str, Any]]) -> LastUpload | None:
    by_number = {run.id: run for run in runs}
    for commit in commits:
        run, size = by_number.get(commit.get("run") or 0), _number(commit, "uploaded_bytes")
        if size and run is not None and run.committed_at is not None:
            return LastUpload(size_bytes=size, took=run.committed_at - run.begun_at)
    return None
