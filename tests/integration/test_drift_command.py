"""`elmify drift`: what it prints, what it remembers, and what a workflow makes of it."""

import itertools
import json
from pathlib import Path

import pytest

from tests.failures import named_in
from tests.inside import InsideProject, inside_project


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> InsideProject:
    return inside_project(tmp_path, database_url)


@pytest.fixture
def drifted(project: InsideProject) -> InsideProject:
    """A project that was applied, and whose one lecture somebody has renamed since."""
    project.lecture("cow", title="The Cow", number=2)
    project.apply()
    project.sql("update lectures set title = 'By hand' where title = 'The Cow'")
    return project


def test_drift_is_told_with_what_to_do_and_exits_2(drifted: InsideProject) -> None:
    found = drifted.elmify("drift", status=2)

    headline, *lines = found.out.splitlines()
    assert named_in(headline, "test", "run 1", "tester", 1)
    assert any(named_in(line, "~ ali/quran/cow", "lectures") for line in lines)
    assert any(named_in(line, "title", '"The Cow"', '"By hand"') for line in lines)
    assert {"elmify apply", "elmify adopt ali/quran/cow"} <= {line.strip() for line in lines}
    assert found.err == ""


def test_after_the_apply_that_undoes_it_there_is_none(drifted: InsideProject) -> None:
    drifted.apply()

    found = drifted.elmify("drift", "--format", "json")

    assert (found.json["count"], found.json["findings"], found.json["since"]["run"]) == (0, [], 2)


def test_a_project_that_was_never_applied_cannot_have_drifted(project: InsideProject) -> None:
    found = project.elmify("drift", "--format", "json")

    assert (found.json["count"], found.json["since"]) == (0, None)


def test_it_needs_no_catalog(drifted: InsideProject) -> None:
    (drifted.root / "catalog" / "ali" / "speaker.yaml").write_text("nmae: Ali\n", "utf-8")

    drifted.elmify("drift", status=2)


def test_exit_zero_is_for_those_who_read_the_output(drifted: InsideProject) -> None:
    found = drifted.elmify("drift", "--exit-zero", "--format", "json")

    assert found.json["count"] == found.json["new"] == 2  # the edit, and the way that it broke
    assert found.json["since"]["run"] == 1
    finding, _ = sorted(found.json["findings"], key=lambda each: each["what"] != "row-edited")
    assert [each["what"] for each in found.json["findings"]].count("way-broken") == 1
    assert finding["what"] == "row-edited"
    assert (finding["recorded"], finding["actual"], finding["new"]) == ("The Cow", "By hand", True)


def test_what_was_told_is_not_told_again(drifted: InsideProject) -> None:
    drifted.elmify("drift", "--new-only", status=2)
    again = drifted.elmify("drift", "--new-only")
    drifted.sql("update lectures set genre = 'x', lecture_number = 9 where title = 'By hand'")
    more = drifted.elmify("drift", "--new-only", status=2)
    all_of_it = drifted.elmify("drift", status=2)

    assert named_in(again.out, "test", 2)
    assert "title" not in again.out
    assert any(named_in(line, "lecture_number", 2, 9) for line in more.out.splitlines())
    assert "title" not in more.out
    assert "title" in all_of_it.out
    assert "lecture_number" in all_of_it.out


def test_what_comes_back_is_told_again(drifted: InsideProject) -> None:
    drifted.elmify("drift", "--new-only", status=2)
    drifted.apply()
    drifted.elmify("drift", "--new-only")
    drifted.sql("update lectures set title = 'By hand' where title = 'The Cow'")

    drifted.elmify("drift", "--new-only", status=2)


def test_a_file_of_ones_own_remembers_as_well(drifted: InsideProject) -> None:
    drifted.elmify("drift", "--new-only", "--memory", "told/memory.json", status=2)

    drifted.elmify("drift", "--new-only", "--memory", "told/memory.json")
    drifted.elmify("drift", "--new-only", status=2)  # nothing was told here


def test_a_memory_that_cannot_be_written_fails_only_who_asked_for_it(drifted: InsideProject) -> None:
    (drifted.root / ".elmify" / "drift.json").mkdir()

    found = drifted.elmify("drift", status=2)
    failed = drifted.elmify("drift", "--memory", "elmify.yaml/memory.json", status=1)

    assert ".elmify/drift.json" in found.err
    assert "elmify.yaml/memory.json" in failed.err


def test_an_issue_is_its_own_memory(drifted: InsideProject) -> None:
    body = drifted.root / "issue.md"
    drifted.elmify("drift", "--new-only", "--issue-body", "issue.md", status=2)
    first = body.read_text("utf-8")
    drifted.elmify("drift", "--new-only", "--issue-body", "issue.md")

    assert first.startswith("<!-- elmify-drift:test ids=")
    assert "<code>ali/quran/cow</code>" in first
    assert body.read_text("utf-8").splitlines()[0] == first.splitlines()[0]
    assert not (drifted.root / ".elmify" / "drift.json").exists()


def test_an_issue_says_when_it_can_be_closed(drifted: InsideProject) -> None:
    outputs = drifted.root / "outputs"
    told = {"GITHUB_OUTPUT": str(outputs)}
    drifted.elmify("drift", "--issue-body", "issue.md", status=2, env=told)
    drifted.apply()
    drifted.elmify("drift", "--issue-body", "issue.md", env=told)

    assert "This issue can be closed." in (drifted.root / "issue.md").read_text("utf-8")
    assert output_values(outputs) == [("drift", "2"), ("drift_new", "2"), ("drift", "0"), ("drift_new", "0")]


def output_values(file: Path) -> list[tuple[str, str]]:
    """Read what steps wrote to GITHUB_OUTPUT: a name, and a value between it and a closing line."""
    lines = file.read_text("utf-8").splitlines()
    return [(head.partition("<<")[0], value) for head, value in itertools.pairwise(lines) if "<<" in head]


def test_json_on_failure_too(project: InsideProject) -> None:
    project.apply()
    (project.root / ".elmify" / "bucket" / "objects" / ".elmify" / "identity.json").unlink()

    failed = project.elmify("drift", "--format", "json", status=1)

    assert json.loads(failed.out)["error"]["code"] == "identity"
