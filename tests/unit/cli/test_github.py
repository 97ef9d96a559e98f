"""What commands tell a workflow."""

import json
import shutil
from pathlib import Path

import pytest

from reconciler.cli import run
from reconciler.cli.github import folder_in_repository
from reconciler.model.errors import Exit

SAMPLE = Path(__file__).parents[3]


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample in a folder of a checkout, which is the working directory."""
    project = tmp_path / "checkout" / "library"
    monkeypatch.setenv("ELMIFY_CACHE", "off")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    for name in ("CI", "DATABASE_URL", "R2_ENDPOINT", "R2_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(SAMPLE / "catalog", project / "catalog", ignore=shutil.ignore_patterns("media"))
    shutil.copy(SAMPLE / "elmify.yaml", project)
    monkeypatch.chdir(project)
    return project


def misspell(project: Path) -> None:
    path = project / "catalog/studio-voice/speaker.yaml"
    path.write_text(path.read_text("utf-8").replace("premium:", "premum:"), "utf-8")


def test_a_mistake_is_annotated_and_told(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    misspell(sample)

    assert run(["validate", "--format", "github"]) == Exit.ERROR

    out, err = capsys.readouterr()
    assert out.startswith(
        "::error file=library/catalog/studio-voice/speaker.yaml,line=3,col=1,title=EL103%3A "
    )
    assert out.count("\n") == 1
    assert "catalog/studio-voice/speaker.yaml:3:1: error[EL103]" in err


def test_a_valid_catalog_is_no_annotation(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--format", "github"]) == Exit.OK
    assert "::" not in capsys.readouterr().out


def test_a_mistake_in_the_settings_is_annotated_too(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sample / "elmify.yaml").write_text("environment: Demo!\n", "utf-8")

    assert run(["validate", "--format", "github"]) == Exit.ERROR
    assert "::error file=library/elmify.yaml,line=1," in capsys.readouterr().out


@pytest.mark.parametrize("valid", [True, False])
def test_sarif_is_printed_for_good_and_bad(
    sample: Path, capsys: pytest.CaptureFixture[str], valid: bool
) -> None:
    if not valid:
        misspell(sample)

    status = run(["validate", "--format", "sarif"])

    (log,) = json.loads(capsys.readouterr().out)["runs"]
    assert status == (Exit.OK if valid else Exit.ERROR)
    assert [found["ruleId"] for found in log["results"]] == ([] if valid else ["EL103"])


def test_outside_every_project_there_is_still_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["validate", "--format", "sarif"]) == Exit.ERROR
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["ruleId"] == "EL001"


def test_a_project_outside_the_checkout_is_named_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "checkout"))
    assert folder_in_repository(tmp_path) == ""
    assert folder_in_repository(tmp_path / "checkout") == ""
    assert folder_in_repository(tmp_path / "checkout" / "a" / "b") == "a/b"
    monkeypatch.delenv("GITHUB_WORKSPACE")
    assert folder_in_repository(tmp_path) == ""
