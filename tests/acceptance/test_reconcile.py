"""`elmify reconcile` at a terminal: one finding at a time, then a plan, then a yes."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.acceptance.projects import COMMAND, PATIENCE_SECONDS, Project
from tests.acceptance.terminals import ASKED, REASON, YES_OR_NO, Terminal
from tests.verifying import OPENING


@pytest.fixture
def applied(project: Project) -> Project:
    project.apply()
    return project


def stray(project: Project, key: str) -> None:
    """Put an object beside elmify."""
    file = project.root / ".elmify" / "bucket" / "objects" / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"stray")


def imported(project: Project, title: str, key: str) -> int:
    """Insert a row as an import does, with its object; its id."""
    stray(project, key)
    rows = project.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format, speaker_id, "
        "collection_id) select %s, 9, %s, %s, 5, 'mp3', s.id, c.id from speakers s, collections c "
        "returning id",
        title,
        key.rpartition("/")[2],
        key,
    )
    return int(rows[0]["id"])


def settings_of(project: Project) -> dict[str, object]:
    settings: dict[str, object] = yaml.safe_load((project.root / "elmify.yaml").read_text("utf-8"))
    return settings


def answers(terminal: Terminal, *typed: str) -> None:
    """Answer each question as it comes."""
    for each in typed:
        terminal.read_until(ASKED)
        terminal.type(f"{each}\n")


def test_each_finding_is_asked_about_and_the_decisions_are_one_plan(applied: Project) -> None:
    applied.objects.delete(OPENING)
    row = imported(applied, "A Talk", "Ali/Quran/01 - A Talk.mp3")
    stray(applied, "old/a.mp3")
    (applied.root / "elmify.yaml").write_text(
        (applied.root / "elmify.yaml").read_text("utf-8") + "# the end\n", "utf-8"
    )

    terminal = Terminal(applied, "reconcile")
    terminal.read_until(ASKED)
    assert "1 of 3" in terminal.shown
    assert "error[row-without-object]" in terminal.shown
    terminal.type("m\n")
    answers(terminal, "d")
    terminal.read_until(ASKED)
    assert f"unmanaged.lectures[{row}]" in terminal.shown
    terminal.type("a\n")
    terminal.read_until(YES_OR_NO)
    assert terminal.answer("y\n") == 0

    assert applied.objects.read(OPENING) == b"opening"
    assert "A Talk" in (applied.root / "catalog" / "ali" / "quran.yaml").read_text("utf-8")
    assert "# the end" in (applied.root / "elmify.yaml").read_text("utf-8")
    assert applied.sql("select state from elmify.object where key = 'old/a.mp3'") == [{"state": "retired"}]
    assert applied.elmify("verify", "--format", "json").json["summary"]["warnings"] == 0
    assert applied.sql("select id from lectures where title = 'A Talk'") == [{"id": row}]


def test_what_is_let_be_is_kept_with_its_reason_in_elmify_yaml(applied: Project) -> None:
    stray(applied, "old/it's.mp3")

    terminal = Terminal(applied, "reconcile")
    answers(terminal, "i")
    terminal.read_until(REASON)

    assert terminal.answer("kept for the archive\n") == 0
    assert settings_of(applied)["ignore"] == [
        {"what": "=unmanaged.object[old/it's.mp3]", "reason": "kept for the archive"}
    ]
    assert applied.elmify("verify").status == 0


def test_one_answer_can_stand_for_all_of_a_state(applied: Project) -> None:
    for name in ("a", "b", "c"):
        stray(applied, f"old/{name}.mp3")

    terminal = Terminal(applied, "reconcile")
    answers(terminal, "x", "d!")
    terminal.read_until(YES_OR_NO)

    assert terminal.answer("y\n") == 0
    retired = applied.sql("select key from elmify.object where state = 'retired' order by key")
    assert [each["key"] for each in retired] == ["old/a.mp3", "old/b.mp3", "old/c.mp3"]


@pytest.mark.parametrize("typed", ["s", "q", ""])
def test_skipping_changes_nothing(applied: Project, typed: str) -> None:
    stray(applied, "old/a.mp3")
    before = (settings_of(applied), applied.contents())

    terminal = Terminal(applied, "reconcile")
    terminal.read_until(ASKED)

    assert terminal.answer(f"{typed}\n") == 0
    assert (settings_of(applied), applied.contents()) == before


def test_a_no_at_the_end_leaves_both_stores_as_they_are(applied: Project) -> None:
    stray(applied, "old/a.mp3")
    before = applied.contents()

    terminal = Terminal(applied, "reconcile")
    answers(terminal, "d")
    terminal.read_until(YES_OR_NO)

    assert terminal.answer("n\n") == 0
    assert applied.contents() == before


def test_what_cannot_be_adopted_is_said_and_the_rest_goes_on(applied: Project) -> None:
    lost = imported(applied, "Of nobody", "Ali/nobody.mp3")
    applied.sql("update lectures set speaker_id = null, collection_id = null where id = %s", lost)
    imported(applied, "A Talk", "Ali/Quran/01 - A Talk.mp3")

    terminal = Terminal(applied, "reconcile")
    answers(terminal, "a!")
    terminal.read_until(YES_OR_NO)

    assert terminal.answer("y\n") == 0
    assert f"unmanaged.lectures[{lost}]" in terminal.shown
    assert "A Talk" in (applied.root / "catalog" / "ali" / "quran.yaml").read_text("utf-8")
    assert len(applied.sql("select * from elmify.resource where kind = 'lecture'")) == 2


def test_ctrl_c_at_a_question_changes_nothing(applied: Project) -> None:
    stray(applied, "old/a.mp3")
    before = (settings_of(applied), applied.contents())

    terminal = Terminal(applied, "reconcile")
    terminal.read_until(ASKED)

    assert terminal.interrupt() == 130
    assert (settings_of(applied), applied.contents()) == before


def test_a_script_holds_the_same_decisions_and_changes_nothing_before_it_is_run(applied: Project) -> None:
    applied.objects.delete(OPENING)
    row = imported(applied, "A Talk", "Ali/Quran/01 - A Talk.mp3")
    stray(applied, "old/a b's.mp3")
    stray(applied, "old/notes.txt")
    before = (settings_of(applied), applied.contents())

    terminal = Terminal(applied, "reconcile", "--script", "repair.sh")
    answers(terminal, "m", "d", "i")
    terminal.read_until(REASON)
    terminal.type("the editors' own\n")
    terminal.read_until(ASKED)
    assert terminal.answer("a\n") == 0
    assert (settings_of(applied), applied.contents()) == before

    run_script(applied, applied.root / "repair.sh")

    assert applied.objects.read(OPENING) == b"opening"
    assert settings_of(applied)["ignore"]
    assert "A Talk" in (applied.root / "catalog" / "ali" / "quran.yaml").read_text("utf-8")
    states = applied.sql("select state from elmify.object where key like 'old/a%'")
    assert states == [{"state": "retired"}]
    assert applied.sql("select id from lectures where title = 'A Talk'") == [{"id": row}]


def run_script(project: Project, script: Path) -> None:
    """Run a script in the project's folder, with the installed command on its path."""
    path = f"{COMMAND.parent}:{project.environ['PATH']}"
    ran = subprocess.run(
        ["/bin/sh", script],
        cwd=project.root,
        env={**project.environ, "PATH": path},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


# Without questions.


def test_without_a_terminal_it_says_what_to_do_instead(applied: Project) -> None:
    assert "elmify verify --repair-plan" in applied.elmify("reconcile", status=64).err


def test_a_thing_is_let_be_without_a_question(applied: Project) -> None:
    stray(applied, "old/a.mp3")
    what = "unmanaged.object[old/a.mp3]"

    for _ in range(2):
        applied.elmify("reconcile", "--ignore", what, "--reason", "kept")

    assert settings_of(applied)["ignore"] == [{"what": f"={what}", "reason": "kept"}]
    applied.elmify("verify")


@pytest.mark.parametrize(
    "arguments", [("--reason", "x"), ("--ignore", "x"), ("--ignore", "x", "--reason", " ")]
)
def test_a_half_of_it_is_a_mistake_of_the_caller(applied: Project, arguments: tuple[str, ...]) -> None:
    assert "error[usage]" in applied.elmify("reconcile", *arguments, status=64).err
