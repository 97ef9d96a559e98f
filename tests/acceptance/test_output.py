"""What goes to stdout and what to stderr, as text, as JSON, in colour, and from a terminal."""

import json
import os
import subprocess

import pytest

from tests.acceptance.projects import COMMAND, PATIENCE_SECONDS, Project
from tests.acceptance.terminals import YES_OR_NO, Terminal

ESCAPE = "\x1b["


def only_line(text: str) -> dict[str, object]:
    """Return the one JSON document that a text is."""
    document: dict[str, object] = json.loads(text)
    return document


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("plan", "--format", "json"), 1, "invalid-input"),
        (("apply", "--format=json", "--auto-approve"), 1, "invalid-input"),
        (("apply", "--format", "json"), 64, "usage"),
        (("plan", "--format", "json", "--surplus"), 64, "usage"),
        (("show", "absent.json", "--format", "json"), 1, "error"),
    ],
)
def test_a_failure_is_json_on_stdout_when_json_was_asked_for(
    project: Project, arguments: tuple[str, ...], status: int, code: str
) -> None:
    (project.root / "catalog" / "ali" / "speaker.yaml").write_text("speaker: ali\nnmae: Ali\n", "utf-8")

    failed = project.elmify(*arguments, status=status)

    assert failed.json["error"]["code"] == code
    assert failed.json["error"]["exit"] == status


def test_mistakes_of_the_catalog_are_in_the_json_with_their_places(project: Project) -> None:
    (project.root / "catalog" / "ali" / "speaker.yaml").write_text("speaker: ali\nnmae: Ali\n", "utf-8")

    failed = project.elmify("plan", env={"ELMIFY_PLAN_FORMAT": "json"}, status=1)

    positions = [found["position"] for found in failed.json["error"]["diagnostics"]]
    assert {"file": "catalog/ali/speaker.yaml", "line": 2, "column": 1} in positions


def test_the_result_is_on_stdout_and_warnings_are_on_stderr(project: Project) -> None:
    project.lecture("third", title="The Third", number=3)  # there is no number 2

    planned = project.elmify("plan", "--format", "json")

    assert len(planned.json["resource_changes"]) == 4
    assert "warning[" in planned.err


def test_apply_tells_its_events_as_json_lines(project: Project) -> None:
    events = project.apply("--format", "json").events

    names = [event["event"] for event in events]
    assert names == ["lease-acquired", "planned", "file", "committed", "complete"]
    assert events[-1] == {"event": "complete", "run": 1, "changes": 3, "uploaded_bytes": len(b"opening")}


def test_an_apply_with_nothing_to_do_says_so_as_json(project: Project) -> None:
    project.apply()

    assert project.apply("--format", "json").events == [{"event": "complete", "changes": 0}]


def test_colours_are_for_those_who_ask(project: Project) -> None:
    plain = project.elmify("plan").out
    forced = project.elmify("plan", env={"FORCE_COLOR": "1"}).out
    refused = project.elmify("plan", env={"FORCE_COLOR": "", "NO_COLOR": "1"}).out

    assert ESCAPE not in plain
    assert ESCAPE in forced
    assert refused == plain


def test_failures_are_coloured_likewise(project: Project) -> None:
    forced = project.elmify("apply", env={"FORCE_COLOR": "1"}, status=64)
    plain = project.elmify("apply", status=64)

    assert ESCAPE in forced.err
    assert ESCAPE not in plain.err


def test_every_option_has_a_variable(project: Project) -> None:
    project.lecture("cow", title="The Cow", number=2)
    variables = {
        "ELMIFY_PLAN_FORMAT": "json",
        "ELMIFY_PLAN_ONLY": "ali/quran/cow ali/quran",
        "ELMIFY_PLAN_ALLOW": "user-rows=3",
        "ELMIFY_PLAN_OUT": "saved.json",
        "ELMIFY_PLAN_DETAILED_EXITCODE": "1",
    }

    planned = project.elmify("plan", env=variables, status=2)

    assert planned.json["scope"] == ["ali/quran", "ali/quran/cow"]
    assert planned.json["allowances"] == {"user-rows": 3}
    assert (project.root / "saved.json").read_text("utf-8") == planned.out


def test_a_plan_that_cannot_be_saved_is_a_failure_with_a_sentence(project: Project) -> None:
    failed = project.elmify("plan", "--out", "elmify.yaml/plan.json", status=1)

    assert "error[not-written]" in failed.err
    assert "elmify.yaml/plan.json" in failed.err
    assert "Traceback" not in failed.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "plan-file"),
        ('{"format_version": "99.0"}', "99"),
        ("\x00", "plan-file"),
    ],
)
def test_a_plan_file_that_is_none_is_refused(project: Project, text: str, said: str) -> None:
    (project.root / "plan.json").write_text(text, "utf-8")

    assert said in project.elmify("show", "plan.json", status=1).err
    assert said in project.elmify("apply", "plan.json", status=1).err


def test_an_edited_plan_is_refused(project: Project) -> None:
    planned = project.elmify("plan", "--format", "json").out
    (project.root / "plan.json").write_text(planned.replace("The Opening", "The Closing"), "utf-8")

    refused = project.elmify("apply", "plan.json", status=1)

    assert "error[plan-file]" in refused.err
    assert project.sql("select * from speakers") == []


def without_a_reader(project: Project, *arguments: str) -> tuple[int, bytes]:
    """Run a command whose stdout is a pipe that its reader has closed; status and stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [COMMAND, *arguments],
        cwd=project.root,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    os.close(writing)
    return ended.returncode, ended.stderr


def test_a_reader_that_went_away_is_no_traceback_and_no_success(project: Project) -> None:
    assert without_a_reader(project, "apply", "--auto-approve") == (1, b"")
    assert project.sql("select * from speakers") == []


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("plan", "--format", "json", "--allow", "foo=1"), 64),
        (("plan", "--format", "json", "--no-such-option"), 64),
        (("apply", "--format", "json", "absent.json"), 1),
    ],
    ids=["an option", "no option", "no file"],
)
def test_a_failure_that_nothing_reads_keeps_its_status(
    project: Project, arguments: tuple[str, ...], status: int
) -> None:
    returned, told = without_a_reader(project, *arguments)

    assert returned == status
    assert b"Traceback" not in told


def test_a_person_is_shown_the_plan_and_asked(project: Project) -> None:
    terminal = Terminal(project, "apply")
    terminal.read_until(YES_OR_NO)

    assert "ali/quran/opening" in terminal.shown
    assert terminal.answer("y\n") == 0
    assert len(project.sql("select * from lectures")) == 1


@pytest.mark.parametrize(("typed", "status"), [("n\n", 0), ("\n", 0), ("\x04", 130)])
def test_whatever_is_not_a_yes_applies_nothing(project: Project, typed: str, status: int) -> None:
    terminal = Terminal(project, "apply")
    terminal.read_until(YES_OR_NO)

    assert terminal.answer(typed) == status
    assert project.sql("select * from lectures") == []


def test_ctrl_c_at_the_question_applies_nothing(project: Project) -> None:
    terminal = Terminal(project, "apply")
    terminal.read_until(YES_OR_NO)

    assert terminal.interrupt() == 130
    assert project.sql("select * from lectures") == []


def test_what_changed_while_the_person_was_thinking_stops_it(project: Project) -> None:
    project.apply()
    project.lecture("opening", title="Al-Fatiha", number=1)
    terminal = Terminal(project, "apply")
    terminal.read_until(YES_OR_NO)
    project.sql("update lectures set title = 'Somebody else was here'")

    assert terminal.answer("y\n") == 4
    assert "error[plan-stale]" in terminal.shown
    assert project.sql("select title from lectures") == [{"title": "Somebody else was here"}]


def test_nothing_to_change_asks_nobody(project: Project) -> None:
    project.apply()
    terminal = Terminal(project, "apply")

    assert terminal.answer("") == 0
    assert YES_OR_NO not in terminal.shown
