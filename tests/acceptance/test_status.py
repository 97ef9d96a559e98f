"""A person who has never seen the tool and finds a killed run needs only `elmify status`."""

import shlex
from collections.abc import Iterator

import pytest

from tests.acceptance.gates import Gate, gate
from tests.acceptance.projects import Project

LECTURES = 6
STORED = 2

#: The person says yes to what `elmify apply` shows.
YES = {"ELMIFY_APPLY_AUTO_APPROVE": "1"}


@pytest.fixture
def entrance(s3_url: str) -> Iterator[Gate]:
    with gate(s3_url) as entrance:
        yield entrance


@pytest.fixture
def killed(team: Project, entrance: Gate) -> Project:
    """A project whose first apply was killed when it had stored two files of six."""
    return kill_amid(team, entrance, "apply", "--auto-approve")


def kill_amid(team: Project, entrance: Gate, *arguments: str, plan: str | None = None) -> Project:
    """Kill an apply when it had stored two files of six; `plan` is a file to save its plan to first."""
    team.environ["R2_ENDPOINT"] = entrance.url
    for number in range(2, LECTURES + 1):
        team.lecture(f"lecture-{number}", number=number, content=bytes([number]) * 1_000)
    if plan is not None:
        team.elmify("plan", "--out", plan)
    let_through: set[str] = set()

    def wanted(method: str, path: str) -> bool:
        if method != "PUT" or not path.endswith(".mp3"):
            return False
        if len(let_through) < STORED:
            let_through.add(path)
        return path not in let_through

    entrance.hold(wanted)
    running = team.start(*arguments, "--format", "json")
    for _ in range(STORED):
        running.wait_for("file")
    running.process.kill()
    running.end()
    entrance.release()
    return team


def expire_lease(project: Project) -> None:
    """Let a minute pass since the last heartbeat."""
    project.sql(
        "update elmify.lease set expires_at = clock_timestamp() - interval '1 second' where run is not null"
    )


def prolong_lease(project: Project) -> None:
    """Let the last heartbeat count for longer than any machine takes to come to the next line."""
    project.sql("update elmify.lease set expires_at = clock_timestamp() + interval '1 hour'")


def follow(project: Project) -> str:
    """Do what `elmify status` says, and nothing else; return the command."""
    command = project.elmify("status").out.splitlines()[-1].strip()
    program, *arguments = shlex.split(command)
    assert program == "elmify"
    project.elmify(*arguments, env=YES)
    return command


def test_after_a_kill_the_command_that_status_prints_makes_the_library_whole(killed: Project) -> None:
    expire_lease(killed)

    assert follow(killed) == "elmify apply"

    assert len(killed.sql("select * from lectures")) == LECTURES
    assert killed.nothing_to_do()
    assert killed.elmify("status", "--format", "json").json["next"]["command"] is None


def test_after_a_kill_of_a_reviewed_plan_its_file_goes_on(team: Project, entrance: Gate) -> None:
    killed = kill_amid(team, entrance, "apply", "plan.json", plan="plan.json")
    prolong_lease(killed)
    [run] = killed.sql("select id, fingerprint from elmify.run")

    status = killed.elmify("status").out
    unlocked = killed.elmify("unlock", str(run["id"]), "--force").out
    killed.elmify("apply", "plan.json")

    assert status.splitlines()[-1].strip() == "elmify apply PLANFILE --lock-timeout 2m"
    assert run["fingerprint"][:12] in status
    assert unlocked.splitlines()[-1].strip() == "elmify apply PLANFILE"
    assert len(killed.sql("select * from lectures")) == LECTURES


def test_status_says_what_the_killed_run_left(killed: Project) -> None:
    expire_lease(killed)

    ran = killed.elmify("status", "--format", "json")

    found = sorted(leftover["found"] for leftover in ran.json["leftovers"])
    assert found == ["absent"] * (LECTURES - STORED) + ["stored"] * STORED
    assert ran.json["lease"]["stale"] is True
    assert [run["state"] for run in ran.json["runs"]] == ["begun"]
    assert ran.json["next"]["code"] == "interrupted-before-commit"


def test_while_the_lease_lasts_the_command_waits_for_it(killed: Project) -> None:
    prolong_lease(killed)
    command = killed.elmify("status").out.splitlines()[-1].strip()
    assert command == "elmify apply --lock-timeout 2m"

    waiting = killed.start(*shlex.split(command)[1:], "--format", "json", env=YES)
    waiting.wait_for("waiting-for-lease")
    expire_lease(killed)

    assert waiting.end().status == 0
    assert killed.nothing_to_do()


def test_status_shows_a_project_that_has_not_begun(project: Project) -> None:
    ran = project.elmify("status")

    assert project.elmify("status", "--format", "json").json["next"]["code"] == "never-applied"
    assert ran.out.splitlines()[-1].strip() == "elmify plan"
