"""What a team reads afterwards: runs, the audit log, the lease, doctor's findings, the identity."""

import json
import re
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.acceptance.projects import Project
from tests.acceptance.test_exit_statuses import hold_the_lease
from tests.uploads import upload

CI = {
    "CI": "true",
    "GITHUB_ACTOR": "octo-reader",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_SERVER_URL": "https://git.example.com",
    "GITHUB_REPOSITORY": "team/library",
    "GITHUB_RUN_ID": "77",
}
PAGE = "https://git.example.com/team/library/actions/runs/77"


def audited(project: Project) -> list[dict[str, Any]]:
    lines = project.elmify("audit", "--format", "jsonl").out.splitlines()
    return [json.loads(line)["fact"] for line in lines]


def test_the_log_says_who_did_what_from_what_to_what(project: Project) -> None:
    project.apply()
    project.lecture("opening", title="Al-Fatiha", number=1)
    project.elmify("apply", "--auto-approve", env=CI)

    *_, update, commit = audited(project)

    assert (update["actor"], update["commit"], update["url"]) == ("octo-reader", CI["GITHUB_SHA"], PAGE)
    assert (update["event"], update["address"]) == ("update", "ali/quran/opening")
    assert update["detail"]["from"] == {"title": "The Opening"}
    assert update["detail"]["to"] == {"title": "Al-Fatiha"}
    assert commit["event"] == "commit"
    text = project.elmify("audit").out.splitlines()
    assert len(text) == 6
    assert "octo-reader" in text[-1]


def test_runs_are_listed_newest_first_with_their_outcome(project: Project) -> None:
    project.elmify("apply", "--auto-approve", env=CI)
    (project.root / "media" / "opening.mp3").write_bytes(b"other bytes")
    project.lecture("cow", title="The Cow", number=2)
    (project.root / "media" / "cow.mp3").unlink()
    project.apply(status=1)

    listed = project.elmify("runs", "--format", "json").json

    assert [(run["id"], run["state"]) for run in listed] == [(2, "failed"), (1, "done")]
    assert listed[0]["outcome"] != listed[1]["outcome"] == "ok"
    assert listed[1]["actor"] == {"name": "octo-reader", "commit": CI["GITHUB_SHA"], "url": PAGE}
    assert len(project.elmify("runs", "--limit", "1").out.splitlines()) == 2


@pytest.mark.parametrize("command", [("runs",), ("audit",), ("lease",), ("gc",), ("identity",), ("doctor",)])
def test_before_the_first_apply_there_is_no_history_and_no_failure(
    project: Project, command: tuple[str, ...]
) -> None:
    asked = project.elmify(*command)

    assert asked.out
    assert asked.err == ""


def test_unlocking_before_the_first_apply_is_a_failure(project: Project) -> None:
    assert "error[not-leased]" in project.elmify("unlock", "1", status=1).err


TAMPERINGS = {
    "altered": "update elmify.audit set payload = replace(payload, 'The Opening', 'The Closing')",
    "dropped": "delete from elmify.audit where seq = 2",
    "reordered": "update elmify.audit set seq = case seq when 2 then 1003 when 3 then 1002 else seq end; "
    "update elmify.audit set seq = seq - 1000 where seq > 1000",
    "cut off": "delete from elmify.audit where seq >= 3; update elmify.audit_head set seq = 2, hash = "
    "(select hash from elmify.audit where seq = 2)",
    "emptied": "delete from elmify.audit; update elmify.audit_head set seq = 0, hash = repeat('0', 64)",
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_verify_finds_a_log_that_was(project: Project, tampering: str) -> None:
    project.apply()
    whole = project.elmify("audit", "--verify").out
    with psycopg.connect(project.database_url) as owner:
        owner.execute("alter table elmify.audit disable trigger append_only")
        owner.execute(TAMPERINGS[tampering].encode())

    broken = project.elmify("audit", "--verify", status=1)

    assert re.findall(r"\d+", whole)[0] == "4"
    assert "error[audit-broken]" in broken.err
    assert broken.out == ""


def test_the_log_cannot_be_rewritten_by_a_statement(project: Project) -> None:
    project.apply()

    for statement in (
        "update elmify.audit set payload = ''",
        "delete from elmify.audit",
        "truncate elmify.audit",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            project.sql(statement)


def test_a_takedown_is_in_the_log_and_its_head_in_the_bucket(project: Project) -> None:
    project.apply()
    project.drop("opening")
    project.apply()

    collected = project.elmify("gc", "--now", "ali/quran/opening")

    assert "Ali/Quran/01 - The Opening.mp3" in collected.out
    assert project.object_keys() == []
    [*_, last] = audited(project)
    assert (last["event"], last["address"]) == ("condemn", "ali/quran/opening")
    heads = [stored.key for stored in project.objects.list(".elmify/audit/")]
    [head] = project.sql("select seq, hash from elmify.audit_head")
    assert heads[-1] == f".elmify/audit/{head['seq']:012d}-{head['hash']}"


def test_the_lease_is_shown_and_ended_with_force_only(project: Project) -> None:
    project.apply()
    run = hold_the_lease(project)

    held = project.elmify("lease", "--format", "json").json
    assert (held["run"], held["holder"]) == (run, "somebody-else")
    assert "--force" in project.elmify("unlock", str(run), status=5).err
    assert str(run) in project.elmify("unlock", str(run), "--force").out
    assert project.elmify("lease", "--format", "json").json is None
    [*_, last] = audited(project)
    assert (last["event"], last["detail"]) == ("unlock", {"force": True, "run": run})
    project.elmify("audit", "--verify")


def test_a_stale_lease_is_ended_without_force(project: Project) -> None:
    project.apply()
    run = hold_the_lease(project)
    project.sql("update elmify.lease set expires_at = acquired_at")

    assert project.elmify("lease", "--format", "json").json["stale"] is True
    project.elmify("unlock", str(run))

    assert project.elmify("lease", "--format", "json").json is None


def findings(project: Project, *options: str, status: int) -> dict[str, tuple[str, str]]:
    """Return what doctor found: health and message by check, the worst of each."""
    found = project.elmify("doctor", "--format", "json", *options, status=status).json
    order = ["ok", "warning", "failed"]
    ranked = sorted(found, key=lambda finding: order.index(finding["health"]))
    return {finding["check"]: (finding["health"], finding["message"]) for finding in ranked}


@pytest.fixture
def private(team: Project) -> Project:
    """A project whose public domain is not asked, applied once."""
    (team.root / "elmify.yaml").write_text("environment: test\n", encoding="utf-8")
    return team


def test_doctor_finds_all_well(private: Project) -> None:
    private.apply()

    found = findings(private, status=0)

    assert {check for check, (health, _) in found.items() if health != "ok"} == {"bucket copies"}  # no R2
    assert found["bucket copies"][0] == "warning"
    assert {"bucket", "bucket clock", "bucket rights", "database", "identity", "lease"} <= found.keys()
    assert findings(private, "--read-only", status=0)["bucket rights"][0] == "ok"


def test_doctor_leaves_nothing_behind(project: Project) -> None:
    project.apply()
    before = project.contents()

    project.elmify("doctor", status=0)

    assert project.contents() == before


def test_doctor_tells_what_is_wrong_with_each_store(private: Project) -> None:
    private.environ["DATABASE_URL"] = "postgresql://tester:planted-word@127.0.0.1:1/app"
    private.environ["R2_BUCKET_NAME"] = "there-is-none-of-this-name"

    failed = private.elmify("doctor", status=1)
    found = findings(private, status=1)

    for check, name in (
        ("bucket", "there-is-none-of-this-name"),
        ("database", "postgresql://tester@127.0.0.1:1/app"),
    ):
        assert found[check][0] == "failed"
        assert name in found[check][1]
        assert name in failed.out
    assert "planted-word" not in failed.out + failed.err


def test_doctor_names_the_grants_that_a_role_lacks(private: Project) -> None:
    private.apply()
    reads_only = (
        "grant usage on schema elmify to {role}; grant select on all tables in schema public to {role}; "
        "grant select on all tables in schema elmify to {role};"
    )
    with postgres.role(private.database_url, reads_only) as theirs:
        private.environ["DATABASE_URL"] = theirs
        writing = private.elmify("doctor", status=1)
        rights = findings(private, status=1)["database rights"]
        reading = findings(private, "--read-only", status=0)
        planned = private.elmify("plan", "--format", "json")

    assert rights[0] == "failed"
    assert "database rights" in writing.out
    assert "grant " in writing.out
    assert "database rights" not in reading
    assert (planned.json["resource_changes"], planned.json["resource_drift"]) == ([], [])


def test_another_environment_is_refused_everywhere(project: Project) -> None:
    project.apply()
    settings = project.root / "elmify.yaml"
    settings.write_text(
        settings.read_text("utf-8").replace("environment: test", "environment: staging"), "utf-8"
    )

    refused = project.elmify("plan", status=1).err
    assert "error[identity]" in refused
    assert re.findall("'(staging|test)'", refused)[:2] == ["staging", "test"]
    assert findings(project, status=1)["identity"][0] == "failed"
    project.apply(status=1)


def test_a_bucket_that_lost_its_marker_is_refused_until_it_is_bound_again(project: Project) -> None:
    project.apply()
    project.objects.delete(".elmify/identity.json")

    refused = project.elmify("plan", status=1)
    project.elmify("identity", "--rebind", status=64)
    bound = project.elmify("identity", "--rebind", "--auto-approve")

    assert "elmify identity --rebind" in refused.err
    assert "confirmed" in bound.out
    assert project.nothing_to_do()


def test_a_marker_that_cannot_be_read_is_shown_with_what_mends_it(project: Project) -> None:
    project.apply()
    project.objects.delete(".elmify/identity.json")
    project.objects.put(upload(".elmify/identity.json", b"{"))

    shown = project.elmify("identity", status=1)
    project.elmify("identity", "--rebind", "--auto-approve")

    assert "error[identity]" in shown.err
    assert "elmify identity --rebind" in shown.err
    assert project.nothing_to_do()


def test_records_that_lack_a_table_are_said_to_be_damaged_and_can_be_given_up(project: Project) -> None:
    project.apply()
    project.sql("drop table elmify.lease")

    refused = project.elmify("lease", status=1)
    project.sql("drop schema elmify cascade")
    project.elmify("identity", "--rebind", "--auto-approve")
    project.apply()

    assert "error[records-damaged]" in refused.err
    assert "    drop schema elmify cascade;" in refused.err
    assert project.nothing_to_do()


def test_records_that_are_lost_are_not_read_as_nothing(project: Project) -> None:
    project.apply()
    rows = project.sql("select * from lectures")
    project.sql("drop schema elmify cascade")

    refused = project.elmify("plan", status=1)
    project.elmify("identity", "--rebind", "--auto-approve")
    project.apply()

    assert "error[identity]" in refused.err
    assert project.sql("select * from lectures") == rows
    assert project.sql("select keys_lost from elmify.identity") == [{"keys_lost": True}]
    assert project.nothing_to_do()
    project.elmify("audit", "--verify")
