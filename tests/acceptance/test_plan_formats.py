"""The ways a plan is shown and handed on, by the installed command."""

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.acceptance.projects import Project
from tests.servers import make_bucket
from tests.workflows.runner import read_outputs

OUTPUTS = ("changes", "fingerprint", "adds", "changes_count", "deletes", "user_rows_lost", "blocked")


def git(project: Project, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, "-C", str(project.root), *arguments], check=True, capture_output=True)


def test_a_workflow_gets_what_the_plan_and_the_apply_hold(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "outputs"

    project.elmify("plan", env={"GITHUB_OUTPUT": str(file)})
    planned = read_outputs(file.read_text())
    file.write_text("earlier=kept\n")
    project.elmify("apply", "--auto-approve", env={"GITHUB_OUTPUT": str(file)})
    applied = read_outputs(file.read_text())

    assert tuple(planned) == OUTPUTS
    assert (planned["changes"], planned["adds"], planned["changes_count"]) == ("true", "3", "3")
    assert (planned["deletes"], planned["user_rows_lost"], planned["blocked"]) == ("0", "0", "false")
    assert re.fullmatch("[0-9a-f]{64}", planned["fingerprint"])
    assert applied == {"earlier": "kept", **planned}


@pytest.mark.parametrize("format_", ["text", "markdown", "html", "json"])
def test_every_plan_names_its_stores_and_no_path_of_the_machine(project: Project, format_: str) -> None:
    new = project.elmify("plan", "--format", format_).out
    project.elmify("apply", "--auto-approve")
    nothing = project.elmify("plan", "--format", format_).out

    for plan in map(unescape, (new, nothing)):
        assert "directory .elmify/bucket" in plan
        assert str(project.root) not in plan


def test_a_comment_keeps_to_its_size(project: Project) -> None:
    for number in range(2, 40):
        project.lecture(f"lecture-{number}", number=number)

    long = project.elmify("plan", "--format", "markdown").out
    short = project.elmify("plan", "--format", "markdown", "--max-bytes", "1000").out

    assert len(short.encode()) <= 1000 < len(long.encode())
    assert "Plan: 41 to add" in short
    assert "<code>ali/quran/</code> 39 lectures" in short


@pytest.mark.parametrize("arguments", [("--max-bytes", "10"), ("--presign", "15m")])
def test_an_option_of_another_format_is_refused(project: Project, arguments: tuple[str, str]) -> None:
    refused = project.elmify("plan", *arguments, status=64)

    assert arguments[0] in refused.err


def test_a_page_shows_a_new_lecture_under_the_base_url(project: Project) -> None:
    page = project.elmify("plan", "--format", "html").out

    assert 'src="https://cdn.example.com/Ali/Quran/01%20-%20The%20Opening.mp3"' in page
    assert "media-src https://cdn.example.com;" in page


def test_a_saved_plan_is_shown_as_a_page_with_and_without_its_project(
    project: Project, tmp_path: Path
) -> None:
    project.elmify("plan", "--out", "plan.json")
    plan = str(project.root / "plan.json")

    here = project.elmify("show", plan, "--format", "html").out
    elsewhere = project.elmify("-C", str(tmp_path), "show", plan, "--format", "html").out

    assert "https://cdn.example.com/Ali" in here
    assert "<audio" not in elsewhere
    assert "The Opening" in elsewhere


def test_links_that_end_are_in_the_page_and_nowhere_else(team: Project, s3_url: str) -> None:
    team.environ["R2_STAGING_BUCKET"] = make_bucket(s3_url)
    team.elmify("stage")

    shown = team.elmify("plan", "--format", "html", "--presign", "15m", "--out", "plan.json")

    (link,) = re.findall(r'<audio [^>]*src="([^"]+)"', shown.out)
    assert link.startswith(s3_url)
    assert "X-Amz-Expires=900" in link
    assert f"media-src {s3_url};" in shown.out
    written = [path.read_text("utf-8", errors="replace") for path in team.root.rglob("*") if path.is_file()]
    assert not [text for text in (shown.err, *written) if "X-Amz" in text]


def test_only_what_changed_since_a_revision_is_planned(project: Project) -> None:
    project.lecture("women", number=2)
    project.apply()
    git(project, "init", "--quiet")
    git(project, "add", "elmify.yaml", "catalog")
    git(project, "commit", "--quiet", "-m", "x")
    project.sql("update lectures set title = 'By Hand' where lecture_number = 1")
    nothing = project.elmify("plan", "--changed-since", "HEAD", "--format", "json")
    project.lecture("women", number=2, title="The Women")

    plan = project.elmify("plan", "--changed-since", "HEAD", "--out", "plan.json", "--format", "json")
    outside = project.elmify(
        "plan", "--changed-since", "HEAD", "--only", "ali/quran/opening", "--format", "json"
    )
    project.elmify("apply", "plan.json")

    assert "HEAD" in nothing.err
    assert (plan.json["partial"], plan.json["scope"]) == (True, ["ali/quran/women"])
    assert [each["address"] for each in plan.json["resource_changes"]] == ["ali/quran/women"]
    assert "HEAD" in outside.err
    assert project.sql("select title from lectures order by lecture_number") == [
        {"title": "By Hand"},
        {"title": "The Women"},
    ]


def test_an_entry_that_came_and_went_unapplied_is_no_mistake(project: Project) -> None:
    project.apply()
    project.lecture("women", number=2)
    git(project, "init", "--quiet")
    git(project, "add", "elmify.yaml", "catalog")
    git(project, "commit", "--quiet", "-m", "x")
    project.drop("women")

    planned = project.elmify("plan", "--changed-since", "HEAD", "--format", "json").json
    assert planned["resource_changes"] == []


def test_a_folder_without_a_plan_allows_nothing(project: Project) -> None:
    folder = project.root / "reviewed"
    folder.mkdir()

    stopped = project.elmify("apply", "--reviewed", "reviewed", status=4)

    assert "error[plan-stale]" in stopped.err
    assert "ali/quran/opening" in stopped.err
    assert project.sql("select * from speakers") == []


def test_the_plans_of_a_folder_are_carried_out(project: Project) -> None:
    (project.root / "reviewed").mkdir()
    project.elmify("plan", "--out", "reviewed/0001-pull-7.json")

    applied = project.elmify("apply", "--reviewed", "reviewed", "--format", "json")
    again = project.elmify("apply", "--reviewed", "reviewed", "--format", "json")

    assert (applied.events[-1]["event"], applied.events[-1]["changes"]) == ("complete", 3)
    assert (again.events[-1]["event"], again.events[-1]["changes"]) == ("complete", 0)


def test_a_folder_of_plans_takes_no_more_options(project: Project) -> None:
    (project.root / "reviewed").mkdir()

    refused = project.elmify("apply", "--reviewed", "reviewed", "--allow", "deletes=1", status=64)

    assert "error[usage]" in refused.err
    assert "`elmify plan`" in refused.err
