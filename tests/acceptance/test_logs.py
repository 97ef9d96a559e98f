"""What goes to stderr for a machine: lines of JSON, each with its run, none with a secret."""

import json
from typing import Any

from tests.acceptance.conftest import SECRET
from tests.acceptance.projects import Project

JSON = ("--log-format", "json")


def logged(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines()]


def test_every_line_of_a_run_carries_its_number(project: Project) -> None:
    lines = logged(project.elmify(*JSON, "-v", "apply", "--auto-approve").err)

    assert [line["event"] for line in lines] == ["run-begun", "lease-acquired", "planned", "committed"]
    assert {line["run"] for line in lines} == {1}
    assert lines[-1]["changes"] == 3


def test_nothing_of_a_run_shows_a_secret(team: Project) -> None:
    team.environ["ELMIFY_NOTIFY_URLS"] = "json://reader:planted-mail-password@127.0.0.1:1/"
    team.elmify(*JSON, "-vv", "apply", "--auto-approve")
    team.lecture("cow", title="The Cow", number=2)
    (team.root / "media" / "cow.mp3").unlink()

    failed = team.elmify(*JSON, "-vv", "apply", "--auto-approve", status=1)

    assert "not-notified" in [line["event"] for line in logged(failed.err)]
    for secret in (SECRET, "planted-mail-password"):
        assert secret not in failed.err + failed.out
