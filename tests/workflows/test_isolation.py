"""Nothing that a branch brings is run beside the secrets: tried with a real Python, pip and checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.loading.workflows import workflow_texts
from tests.failures import named_in
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

#: What a checkout can hold at once: a module would be hidden by the package of its name.
_TOGETHER = (("modules", "programs", "configuration"), ("packages",))


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    (tmp_path / "marks").mkdir()
    return tmp_path / "marks"


def results(*runs: dict[str, JobRan]) -> dict[str, str]:
    return {name: job.result for done in runs for name, job in done.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kinds", _TOGETHER, ids="+".join)
def test_no_job_runs_what_a_branch_brings(
    kinds: tuple[str, ...], team: Team, package: Package, marks: Path, tmp_path: Path
) -> None:
    team.runner.installs, team.runner.left_behind = package, tmp_path / "left"
    team.desk.lecture("opening", number=1, title="The Beginning")
    for kind in kinds:
        write_hostile(kind, tmp_path / "left", marks)
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
    assert named_in(comment, "0 to add", "1 to change", "0 to delete")
    assert "The Beginning" in comment
    assert team.titles() == ["The Beginning"]


def test_without_a_package_every_job_stops_before_it_uses_a_secret(team: Team) -> None:
    for name, text in workflow_texts(branch="main", package=None).items():
        (team.desk.root / name).write_text(text, "utf-8")
    commit = team.hub.push(team.desk.root, "main", "workflows")
    pull = team.propose("titles")

    planned, applied, looked = team.runner.pull_request(pull), team.runner.merged(commit), team.runner.night()

    assert results(planned, applied, looked) == {
        "validate": "failure",
        "plan": "skipped",
        "apply": "failure",
        "drift": "failure",
    }
    for job in (planned["validate"], applied["apply"], looked["drift"]):
        assert job.out.strip().startswith("::error title=elmify::")
        assert named_in(job.out, "PACKAGE")
        ran = [step.name for step in job.steps if step.outcome != "skipped"]
        assert ran == ["actions/setup-python", "Install elmify"]


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
