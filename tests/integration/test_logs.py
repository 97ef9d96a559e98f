"""What goes to stderr for a machine: lines of JSON, each with its run, none with a secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.inside import InsideProject, inside_project

JSON = ("--log-format", "json")


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> InsideProject:
    return inside_project(tmp_path, database_url)


def logged(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines()]


def test_by_default_a_good_apply_logs_nothing(project: InsideProject) -> None:
    assert project.elmify(*JSON, "apply", "--auto-approve").err == ""


def test_a_variable_asks_for_the_same(project: InsideProject) -> None:
    lines = logged(
        project.elmify(
            "apply", "--auto-approve", env={"ELMIFY_LOG_FORMAT": "json", "ELMIFY_VERBOSE": "1"}
        ).err
    )

    assert len(lines) == 4


def test_a_failure_is_a_line_too_and_the_only_one(project: InsideProject) -> None:
    project.lecture("cow", title="The Cow", number=2)
    (project.root / "media" / "cow.mp3").unlink()

    (line,) = logged(project.elmify(*JSON, "apply", "--auto-approve", status=1).err)

    assert (line["level"], line["event"], line["code"], line["exit"]) == ("error", "failed", "puts-failed", 1)
    assert line["run"] == 1
    assert "cow.mp3" in line["details"][0]


def test_warnings_of_the_catalog_are_lines_as_well(project: InsideProject) -> None:
    project.lecture("third", title="The Third", number=3)  # there is no number 2

    (line,) = logged(project.elmify(*JSON, "plan").err)

    assert line["severity"] == "warning"
    assert line["position"].startswith("catalog/ali/quran.yaml:")


def test_mistakes_of_the_catalog_are_in_the_line_of_the_failure(project: InsideProject) -> None:
    (project.root / "catalog" / "ali" / "speaker.yaml").write_text("speaker: ali\nnmae: Ali\n", "utf-8")

    (line,) = logged(project.elmify(*JSON, "plan", status=1).err)

    assert line["code"] == "invalid-input"
    assert line["diagnostics"][0]["position"].startswith("catalog/ali/speaker.yaml:")


def test_a_person_who_asks_sees_the_same_as_text(project: InsideProject) -> None:
    told = project.elmify("-v", "apply", "--auto-approve").err.splitlines()

    assert [line.split()[3] for line in told] == ["run-begun", "lease-acquired", "planned", "committed"]
    assert all(" run=1 " in line for line in told)
