"""Nothing that a branch brings is run beside the secrets: tried with a real Python, pip and checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.conftest import Team
from tests.workflows.hostile import HOSTILE, write_hostile
from tests.workflows.package import Package
from tests.workflows.runner import JobRan

#: For each kind of file, a script with which a careless job would run it.
_CARELESS = {
    "modules": "{python} -m pip --version",
    "packages": "{python} -m pip --version",
    "programs": "PATH=.:$PATH elmify plan",
    "configuration": "{python} -m pip install --no-index --no-deps --no-build-isolation --target out .",
}


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def results(*runs: dict[str, JobRan]) -> dict[str, str]:
    return {name: job.result for done in runs for name, job in done.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_job_runs_what_a_branch_brings(
    kind: str, team: Team, package: Package, marks: Path, tmp_path: Path
) -> None:
    write_hostile(kind, tmp_path / "left", marks)
    team.runner.installs, team.runner.left_behind = package, tmp_path / "left"
    team.desk.lecture("opening", number=1, title="The Beginning")
    write_hostile(kind, team.desk.root, marks)
    pull = team.propose("hostile")

    planned = team.runner.pull_request(pull)
    applied = team.runner.merged(team.hub.merge(pull))
    looked = team.runner.night()

    out = "\n".join(job.out for done in (planned, applied, looked) for job in done.values())
    assert list(marks.iterdir()) == [], out
    expected = dict.fromkeys(("validate", "plan", "apply", "drift"), "success")
    assert results(planned, applied, looked) == expected, out
    (comment,) = team.hub.comments_on(pull)
    assert "Plan: 0 to add, 1 to change, 0 to delete." in comment
    assert "The Beginning" in comment
    assert team.titles() == ["The Beginning"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_each_kind_of_file_is_run_by_a_careless_job(kind: str, marks: Path, tmp_path: Path) -> None:
    write_hostile(kind, tmp_path / "workspace", marks)

    subprocess.run(
        ["bash", "-c", _CARELESS[kind].format(python=sys.executable)],
        cwd=tmp_path / "workspace",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
    )

    assert list(marks.iterdir()) != []
