"""Operations alone, without any door: plan, approve and apply, twice at the same time."""

import json
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.logs import LogFormat, start
from reconciler.model.ports import Silence
from reconciler.operations.apply import apply_now, apply_reviewed
from reconciler.operations.plan import plan
from reconciler.operations.project import open_project
from reconciler.operations.workspace import open_workspace
from reconciler.planning.world import Request

SAMPLE = Path(__file__).parents[2]


class Logging(Silence):
    """Observer that logs what it is told, also from the threads of an upload."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(f"elmify.{name}")

    def event(self, name: str, **facts: object) -> None:
        self._log.info(name)

    def file_done(self, name: str) -> None:
        self._log.info("stored")


def applied_sample(folder: Path, only: str | None = None) -> int | None:
    """Plan, approve and apply the sample through operations only; return the run."""
    with open_workspace(open_project(folder, {}, Logging(folder.name))) as workspace:
        request = Request(scope=(only,) if only is not None else ())
        reviewed = plan(workspace, request)
        applied = apply_reviewed(workspace, [reviewed])
        again = apply_now(workspace, request, show=lambda _: None, approve=lambda _: True)
    assert applied.outcome is not None
    assert again.plan.changes == ()
    return applied.outcome.run


def test_two_projects_are_applied_at_once_and_each_logs_under_its_own_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        shutil.copytree(SAMPLE / "catalog", folder / "catalog")
        shutil.copy(SAMPLE / "elmify.yaml", folder)
    applied_sample(folders[1], only="studio-voice")
    start(LogFormat.JSON, verbosity=1)

    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(applied_sample, folders))

    assert runs == [1, 2]
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for folder, run in zip(folders, runs, strict=True):
        own = [line for line in said if line["logger"] == f"elmify.{folder.name}"]
        assert {"committed", "stored"} <= {line["event"] for line in own}
        assert {line["run"] for line in own} == {run}
