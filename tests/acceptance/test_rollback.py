"""Taking a run back at the terminal and in a workflow, with the installed command."""

import json

from tests.acceptance.projects import Project

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def a_deleted_favourite(project: Project) -> dict[str, object]:
    """Apply a library, let somebody favour its lecture, and delete that; the favourite."""
    project.lecture("cow", number=2, title="The Cow")
    project.apply()
    project.sql("insert into users (id, email) values (7, 'listener@example.org')")
    project.sql(
        "insert into favorites (user_id, lecture_id) select 7, id from lectures where title = 'The Cow'"
    )
    [favourite] = project.sql("select * from favorites")
    project.drop("cow")
    project.elmify(
        "apply", "--auto-approve", "--allow", "user-rows=1", env={"CI": "true", "GITHUB_SHA": COMMIT}
    )
    return favourite


def test_rollback_brings_a_favourite_back_and_says_what_to_do_in_git(project: Project) -> None:
    favourite = a_deleted_favourite(project)

    ran = project.elmify("rollback", "--auto-approve")

    assert project.sql("select * from favorites") == [favourite]
    assert f"git revert {COMMIT}" in ran.out.splitlines()[-1]
    again = project.elmify("rollback", "2", "--auto-approve", "--format", "json")
    assert again.events == [{"event": "complete", "changes": 0}]


def test_a_rollback_is_saved_shown_reviewed_and_applied_like_any_plan(project: Project) -> None:
    a_deleted_favourite(project)

    project.elmify("rollback", "2", "--out", "back.json")
    shown = project.elmify("show", "back.json", "--format", "markdown").out
    ran = project.elmify("apply", "back.json", "--format", "json")

    assert "ali/quran/cow" in shown
    saved = json.loads((project.root / "back.json").read_text(encoding="utf-8"))
    assert (saved["rolls_back"], saved["restored"]["rows"]) == (2, {"public.favorites": 1})
    done = ran.events[-1]
    assert (done["event"], done["rolls_back"], done["restored"]["users"]) == ("complete", 2, 1)
    assert [(run["kind"], run["subject"]) for run in project.runs()][-1] == ("rollback", ["2"])


def test_without_a_terminal_a_rollback_must_be_approved(project: Project) -> None:
    a_deleted_favourite(project)

    ran = project.elmify("rollback", status=64)

    assert "error[usage]" in ran.err
    assert "elmify rollback 2 --auto-approve" in ran.err
    assert project.sql("select 1 from favorites") == []


def test_without_a_terminal_what_does_not_exist_is_said_first(project: Project) -> None:
    project.apply()

    no_run = project.elmify("rollback", "99", status=64).err
    no_row = project.elmify("merge", "98", "99", status=64).err
    ready = project.elmify("rollback", "1", status=64).err

    assert "error[no-run]" in no_run
    assert "99" in no_run
    assert "error[no-row]" in no_row
    assert "98" in no_row
    commands = [line.strip() for line in ready.splitlines()[-2:]]
    assert commands == ["elmify rollback 1 --out plans/next.json", "elmify rollback 1 --auto-approve"]


def test_a_rollback_that_would_take_favourites_along_is_guarded(project: Project) -> None:
    a_deleted_favourite(project)
    project.elmify("rollback", "--auto-approve")

    ran = project.elmify("rollback", "--auto-approve", status=6)
    project.elmify("rollback", "--auto-approve", "--allow", "user-rows=1")

    assert "elmify rollback 3 --allow user-rows=1" in ran.err
    assert project.sql("select 1 from favorites") == []


def test_a_library_that_nobody_has_applied_has_nothing_to_take_back(project: Project) -> None:
    assert "error[no-run]" in project.elmify("rollback", "--auto-approve", status=64).err


def test_a_run_in_the_way_is_named(project: Project) -> None:
    project.apply()
    for title in ("Al-Fatiha", "Alfatiha"):
        project.lecture("opening", number=1, title=title)
        project.apply()

    ran = project.elmify("rollback", "2", "--auto-approve", status=1)

    assert "error[not-reversible]" in ran.err
    assert "ali/quran/opening" in ran.err
    assert "elmify rollback 3" in ran.err


def test_merge_takes_favourites_over_and_is_taken_back(project: Project) -> None:
    project.apply()
    project.sql("insert into users (id, email) values (7, 'listener@example.org')")
    project.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format)"
        " values ('The Opening', 0, 'o.mp3', 'o.mp3', 1, 'mp3')"
    )
    [old] = project.sql("select id from lectures where file_path = 'o.mp3'")
    project.sql("insert into favorites (user_id, lecture_id) values (7, %s)", old["id"])
    [favourite] = project.sql("select * from favorites")

    project.elmify("merge", str(old["id"]), "ali/quran/opening", "--out", "merge.json")
    done = project.elmify("apply", "merge.json", "--format", "json").events[-1]

    assert (done["event"], done["changes"]) == ("complete", 2)
    assert (done["merged"]["moved"], done["merged"]["users"]) == ({"public.favorites": 1}, 1)
    [moved] = project.sql("select * from favorites")
    assert moved == {**favourite, "lecture_id": moved["lecture_id"]} != favourite
    back = project.elmify("rollback", "--auto-approve", "--format", "json").events[-1]
    assert back["restored"]["rows"] == {"public.favorites": 1}
    assert project.sql("select * from favorites") == [favourite]


def test_a_merge_that_would_lose_the_catalogs_row_says_what_to_do(project: Project) -> None:
    project.apply()
    project.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format)"
        " values ('Twin', 0, 'o.mp3', 'o.mp3', 1, 'mp3')"
    )
    [old] = project.sql("select id from lectures where title = 'Twin'")

    ran = project.elmify("merge", "ali/quran/opening", str(old["id"]), "--auto-approve", status=64)

    assert f"elmify merge {old['id']} ali/quran/opening" in ran.err
