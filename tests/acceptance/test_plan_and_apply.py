import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.projects import Project

AUDIO_KEY = "Ali/Quran/01 - The Opening.mp3"


def without_timestamp(plan: str) -> str:
    return json.dumps({name: value for name, value in json.loads(plan).items() if name != "timestamp"})


def actions(plan: dict[str, Any]) -> list[str]:
    return [action for change in plan["resource_changes"] for action in change["change"]["actions"]]


def test_plan_apply_plan_ends_with_nothing_to_change(project: Project) -> None:
    first = project.elmify("plan", "--format", "json")
    applied = project.apply("--format", "json")

    assert actions(first.json) == ["create"] * 3
    assert (applied.events[-1]["event"], applied.events[-1]["changes"]) == ("complete", 3)
    assert project.nothing_to_do()
    assert project.object_keys() == [AUDIO_KEY]


def test_a_plan_writes_to_neither_store(project: Project) -> None:
    project.elmify("plan")

    assert project.sql("select 1 from pg_namespace where nspname = 'elmify'") == []
    assert list(project.objects.list()) == []


def test_a_second_apply_writes_nothing(project: Project) -> None:
    project.apply()
    before = project.contents()
    runs = project.runs()

    second = project.apply("--format", "json")

    assert second.events == [{"event": "complete", "changes": 0}]
    assert project.contents() == before
    assert project.runs() == runs


def test_a_saved_plan_is_what_apply_carries_out(project: Project) -> None:
    planned = project.elmify("plan", "--out", "plans/first.json")

    applied = project.elmify("apply", "plans/first.json", "--format", "json")

    assert "elmify apply plans/first.json" in planned.err
    assert (applied.events[-1]["event"], applied.events[-1]["changes"]) == ("complete", 3)
    assert project.nothing_to_do()


def test_applying_a_saved_plan_twice_is_no_error_and_writes_nothing(project: Project) -> None:
    project.elmify("plan", "--out", "plan.json")
    project.elmify("apply", "plan.json")
    before = project.contents()

    second = project.elmify("apply", "plan.json", "--format", "json")

    assert (second.events[-1]["event"], second.events[-1]["changes"]) == ("complete", 0)
    assert project.contents() == before


@pytest.mark.parametrize("format_", ["text", "json", "markdown"])
def test_show_prints_a_saved_plan_as_plan_printed_it(project: Project, format_: str) -> None:
    planned = project.elmify("plan", "--out", "plan.json", "--format", format_)

    shown = project.elmify("show", "plan.json", "--format", format_)

    assert shown.out == planned.out
    assert "ali/quran/opening" in shown.out


def test_show_needs_neither_project_nor_store(project: Project, tmp_path: Path) -> None:
    project.elmify("plan", "--out", str(tmp_path / "plan.json"))
    (project.root / "elmify.yaml").unlink()

    shown = project.elmify("show", str(tmp_path / "plan.json"), env={"DATABASE_URL": ""})

    assert "ali/quran/opening" in shown.out


def test_json_into_writes_the_plan_beside_the_text(project: Project) -> None:
    planned = project.elmify("plan", "--json-into", "out/plan.json")

    written = (project.root / "out" / "plan.json").read_text("utf-8")
    assert "ali/quran/opening" in planned.out
    assert [change["address"] for change in json.loads(written)["resource_changes"]] == [
        "ali",
        "ali/quran",
        "ali/quran/opening",
    ]


def test_the_same_world_gives_the_same_plan_but_for_its_timestamp(project: Project) -> None:
    project.apply()
    project.lecture("opening", title="Al-Fatiha", number=1)
    project.lecture("cow", title="The Cow", number=2)

    first = project.elmify("plan", "--format", "json").out
    second = project.elmify("plan", "--format", "json").out

    assert json.loads(first)["timestamp"] != json.loads(second)["timestamp"]
    assert without_timestamp(first) == without_timestamp(second)


def test_detailed_exit_codes_tell_changes_from_none(project: Project) -> None:
    project.elmify("plan", "--detailed-exitcode", status=2)
    project.apply()

    project.elmify("plan", "--detailed-exitcode", status=0)


def test_without_a_terminal_an_unreviewed_apply_is_refused(project: Project) -> None:
    refused = project.elmify("apply", status=64)

    assert "error[usage]" in refused.err
    assert "elmify apply PLANFILE" in refused.err
    assert refused.out == ""
    assert project.sql("select * from speakers") == []


def test_a_plan_file_takes_no_further_options(project: Project) -> None:
    project.elmify("plan", "--out", "plan.json")

    project.elmify("apply", "plan.json", "--allow", "user-rows=1", status=64)

    assert project.sql("select * from speakers") == []


def test_a_partial_plan_touches_what_it_names_and_nothing_else(project: Project) -> None:
    project.lecture("cow", title="The Cow", number=2)

    project.apply("--only", "ali/quran/cow")

    assert project.sql("select title from lectures") == [{"title": "The Cow"}]
    assert actions(project.elmify("plan", "--format", "json").json) == ["create"]


def test_a_new_title_keeps_the_row_and_its_favourites(project: Project) -> None:
    project.apply()
    [row] = project.sql("select id from lectures")
    project.sql("insert into users (id, email) values (7, 'seven@example.com')")
    project.sql("insert into favorites (user_id, lecture_id) values (7, %s)", row["id"])
    project.lecture("opening", title="Al-Fatiha", number=1)

    applied = project.apply("--format", "json")

    assert applied.events[-1]["changes"] == 1
    assert project.sql("select id, title, file_path from lectures") == [
        {"id": row["id"], "title": "Al-Fatiha", "file_path": AUDIO_KEY}
    ]
    assert len(project.sql("select * from favorites")) == 1


def test_the_project_is_found_from_a_folder_below_and_by_an_option(project: Project, tmp_path: Path) -> None:
    by_option = project.elmify("-C", str(project.root / "catalog" / "ali"), "plan")
    by_variable = project.elmify("plan", env={"ELMIFY_PROJECT": str(project.root)})

    assert "ali/quran/opening" in by_option.out
    assert by_option.out == by_variable.out


def test_what_protects_a_lecture_is_remembered_without_touching_a_row(project: Project) -> None:
    project.apply()
    rows = project.sql("select * from lectures")
    project.lecture("opening", title="The Opening", number=1, protect=True)

    planned = project.elmify("plan", "--detailed-exitcode")
    applied = project.apply()

    assert planned.status == 0
    assert applied.out.count("ali/quran/opening") == 1
    assert project.sql("select * from lectures") == rows
    assert project.object_keys() == [AUDIO_KEY]
    assert project.sql("select address from elmify.resource where protect") == [
        {"address": "ali/quran/opening"}
    ]
