"""Each status of the documented table, met by a situation in which a user meets it."""

import re
import signal

import pytest

from tests.acceptance.projects import Project


def test_0_all_is_well(project: Project) -> None:
    project.elmify("plan", status=0)


def test_1_the_catalog_has_mistakes(project: Project) -> None:
    (project.root / "catalog" / "ali" / "speaker.yaml").write_text("speaker: ali\nnmae: Ali\n", "utf-8")

    refused = project.elmify("plan", status=1)

    assert "catalog/ali/speaker.yaml:2:1" in refused.err
    assert "name" in refused.err
    assert refused.out == ""


def test_1_a_file_cannot_be_stored_and_nothing_is_committed(project: Project) -> None:
    (project.root / "media" / "opening.mp3").write_bytes(b"other bytes than were locked")

    failed = project.apply(status=1)

    assert "opening.mp3" in failed.err
    assert project.sql("select * from speakers") == []


def test_1_the_database_does_not_answer(project: Project) -> None:
    failed = project.elmify(
        "plan", env={"DATABASE_URL": "postgresql://tester:planted-word@127.0.0.1:1/app"}, status=1
    )

    assert "error[store-unavailable]" in failed.err
    assert "127.0.0.1:1" in failed.err
    assert "planted-word" not in failed.err


def test_2_there_are_differences_and_the_caller_asked(project: Project) -> None:
    project.elmify("plan", "--detailed-exitcode", status=2)


def test_3_the_commit_stands_but_its_audit_head_is_not_in_the_bucket(project: Project) -> None:
    project.apply()
    block_puts(project)
    project.lecture(
        "opening", title="The Opening", number=1, genre="Recitation"
    )  # no object is copied for that

    unfinished = project.apply(status=3)

    assert "error[unfinished]" in unfinished.err
    assert project.sql("select genre from lectures") == [{"genre": "Recitation"}]
    assert project.sql("select run from elmify.lease") == [{"run": None}]
    let_puts_through(project)
    assert project.apply("--format", "json").events[-1]["changes"] == 0
    project.elmify("audit", "--verify")


def block_puts(project: Project) -> None:
    """Put a file where the bucket's uploads arrive."""
    incoming = project.root / ".elmify" / "bucket" / "incoming"
    incoming.rmdir()
    incoming.write_bytes(b"")


def let_puts_through(project: Project) -> None:
    (project.root / ".elmify" / "bucket" / "incoming").unlink()


def test_4_what_would_happen_is_not_what_was_reviewed(project: Project) -> None:
    project.elmify("plan", "--out", "plan.json")
    project.lecture("cow", title="The Cow", number=2)

    stale = project.elmify("apply", "plan.json", status=4)

    assert "ali/quran/cow" in stale.err
    assert "error[plan-stale]" in stale.err
    assert "elmify plan --out" in stale.err
    assert project.sql("select * from speakers") == []


def test_5_another_run_holds_the_lease(project: Project) -> None:
    project.apply()
    run = hold_the_lease(project)
    project.lecture("opening", title="Al-Fatiha", number=1)

    refused = project.apply(status=5)

    assert {str(run), "somebody-else"} <= set(re.findall(r"[\w-]+", refused.err))
    assert f"elmify unlock {run} --force" in refused.err
    assert project.sql("select title from lectures") == [{"title": "The Opening"}]


def hold_the_lease(project: Project) -> int:
    """Let another run hold the lease, with its heartbeat just now."""
    [row] = project.sql("insert into elmify.run (kind, actor) values ('apply', 'somebody-else') returning id")
    project.sql(
        "update elmify.lease set run = %s, holder = 'somebody-else', token = token + 1, acquired_at = now(), "
        "heartbeat_at = now(), expires_at = now() + interval '10 minutes'",
        row["id"],
    )
    return int(row["id"])


def test_6_a_guard_says_no(project: Project) -> None:
    project.apply()
    [row] = project.sql("select id from lectures")
    project.sql("insert into users (id, email) values (7, 'seven@example.com')")
    project.sql("insert into favorites (user_id, lecture_id) values (7, %s)", row["id"])
    project.drop("opening")

    planned = project.elmify("plan", "--out", "plan.json", status=0)
    refused = project.apply(status=6)
    refused_file = project.elmify("apply", "plan.json", status=6)

    assert "elmify plan --allow user-rows=1 --out plan.json" in planned.out
    assert "`elmify apply plan.json`" in planned.err
    assert "user-rows=1" in refused.err
    assert "elmify plan --allow user-rows=1 --out plan.json" in refused_file.err
    assert len(project.sql("select * from favorites")) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("aply",),
        ("plan", "--fromat", "json"),
        ("plan", "--format", "yaml"),
        ("plan", "surplus"),
        ("plan", "--allow", "everything=1"),
        ("apply", "--auto-approve", "--lock-timeout", "soon"),
        ("unlock", "zero"),
        ("gc", "--older-than", "1h"),
        (),
    ],
)
def test_64_the_command_was_called_wrongly(project: Project, arguments: tuple[str, ...]) -> None:
    refused = project.elmify(*arguments, status=64)

    assert refused.out == ""
    assert refused.err


def test_64_names_the_command_that_was_meant(project: Project) -> None:
    assert "`elmify apply`" in project.elmify("aply", status=64).err
    assert "--format" in project.elmify("plan", "--fromat", "json", status=64).err


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_130_and_143_a_signal_ends_a_run_that_waits(
    project: Project, number: signal.Signals, status: int
) -> None:
    project.apply()
    run = hold_the_lease(project)
    project.lecture("opening", title="Al-Fatiha", number=1)
    running = project.start("apply", "--auto-approve", "--format", "json", "--lock-timeout", "10m")
    running.wait_for("waiting-for-lease")

    running.interrupt(number)
    ended = running.end()

    assert ended.status == status
    assert ended.events[-1]["error"]["exit"] == status
    assert ended.events[-1]["error"]["code"] == {130: "interrupted", 143: "terminated"}[status]
    [*_, last] = project.runs()
    assert (last["state"], last["outcome"]) == ("failed", "interrupted")
    assert project.sql("select run from elmify.lease") == [{"run": run}]
