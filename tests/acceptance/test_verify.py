"""`elmify verify` as it is installed: what it prints, what it saves, and how it exits."""

import json
import re
import shlex
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.projects import Project
from tests.verifying import OPENING, begin_upload


@pytest.fixture
def applied(project: Project) -> Project:
    project.apply()
    return project


def stray(project: Project, key: str = "old/it's.mp3") -> None:
    """Put an object beside elmify."""
    file = project.root / ".elmify" / "bucket" / "objects" / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"stray")


def without_minutes(text: str) -> str:
    """Return the text of a report without the minute it was made in."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", text)


def test_a_whole_library_exits_0_and_says_so_first(applied: Project) -> None:
    text = applied.elmify("verify").out
    document = applied.elmify("verify", "--format", "json").json

    assert re.findall(r"\d+", text.splitlines()[0])[:1] == ["1"]
    assert (document["summary"]["errors"], document["summary"]["warnings"]) == (0, 0)
    assert document["findings"] == []


def test_what_is_wrong_exits_2_in_every_format(applied: Project) -> None:
    applied.objects.delete(OPENING)

    text = applied.elmify("verify", status=2).out
    document = applied.elmify("verify", "--format", "json", status=2).json
    suites = ET.fromstring(applied.elmify("verify", "--format", "junit", status=2).out)

    assert "ali/quran/opening" in text
    assert document["summary"]["errors"] == 1
    assert document["findings"][0]["state"] == "row-without-object"
    assert suites.get("failures") == "1"


def test_verify_changes_nothing(applied: Project) -> None:
    stray(applied)
    before = applied.contents()

    applied.elmify("verify", "--deep", status=2)

    assert applied.contents() == before
    assert len(applied.runs()) == 1


def test_a_file_takes_the_format_and_the_log_gets_the_text(applied: Project) -> None:
    ran = applied.elmify("verify", "--format", "junit", "--out", "reports/verify.xml")

    assert without_minutes(ran.out) == without_minutes(applied.elmify("verify").out)
    assert ET.fromstring((applied.root / "reports" / "verify.xml").read_text("utf-8")).get("failures") == "0"


def test_hashing_is_told_in_the_json_and_progress_stays_off_stdout(applied: Project) -> None:
    whole = applied.elmify("verify", "--deep", "--format", "json").json
    part = applied.elmify("verify", "--sample", "1/1", "--format", "json").json

    assert whole["hashed"] == {"objects": 1, "size_bytes": len(b"opening"), "sample": None}
    assert part["hashed"]["sample"] == "1/1"


@pytest.mark.parametrize("arguments", [("--deep", "--sample", "1/2"), ("--sample", "2/1")])
def test_a_sample_that_makes_no_sense_is_a_mistake_of_the_caller(
    applied: Project, arguments: tuple[str, ...]
) -> None:
    assert "error[usage]" in applied.elmify("verify", *arguments, status=64).err


def test_a_failure_is_json_when_json_was_asked_for(applied: Project) -> None:
    (applied.root / "catalog" / "ali" / "speaker.yaml").write_text("speaker: ali\nnmae: Ali\n", "utf-8")

    assert applied.elmify("verify", "--format", "json", status=1).json["error"]["code"] == "invalid-input"


def test_the_repairs_are_a_plan_that_apply_carries_out_as_it_was_reviewed(applied: Project) -> None:
    applied.objects.delete(OPENING)
    applied.sql("update lectures set audio_url = null")
    applied.sql("insert into speakers (name) values ('Nobody')")
    stray(applied)

    ran = applied.elmify("verify", "--repair-plan", "plans/repair.json", status=2)
    shown = applied.elmify("show", "plans/repair.json", "--format", "json").json
    applied.elmify("apply", "plans/repair.json")

    assert f"unmanaged.speakers[{_nobody(applied)}]" in ran.out
    assert shown["allowances"] == {"deletes": 1}
    assert applied.objects.read(OPENING) == b"opening"
    assert "old/it's.mp3" in applied.object_keys()  # retired, for gc to delete
    left = applied.elmify("verify", "--format", "json", status=2).json
    wrong = [found["what"] for found in left["findings"] if found["severity"] != "info"]
    assert wrong == [f"unmanaged.speakers[{_nobody(applied)}]"]


def _nobody(project: Project) -> int:
    return int(project.sql("select id from speakers where name = 'Nobody'")[0]["id"])


def test_the_repair_plan_does_not_disturb_json_on_stdout(applied: Project) -> None:
    stray(applied)

    ran = applied.elmify("verify", "--format", "json", "--repair-plan", "repair.json", status=2)

    assert ran.json["summary"]["warnings"] == 1
    assert json.loads((applied.root / "repair.json").read_text("utf-8"))["scope"]


def test_where_no_plan_helps_none_is_saved(applied: Project) -> None:
    ran = applied.elmify("verify", "--repair-plan", "repair.json")

    assert ran.err
    assert not (applied.root / "repair.json").exists()


def test_the_commands_that_are_told_do_what_they_say(applied: Project) -> None:
    stray(applied)
    applied.objects.delete(OPENING)
    found = applied.elmify("verify", "--format", "json", status=2).json["findings"]
    told = [line for each in found for line in each["remedy"].splitlines() if line.startswith("    elmify")]

    for line in told:
        applied.elmify(*shlex.split(line)[1:], "--auto-approve")

    assert len(told) == 2
    assert applied.elmify("verify", "--format", "json").json["summary"]["warnings"] == 0


def test_a_settings_file_lets_things_be_for_a_reason(applied: Project) -> None:
    stray(applied)
    applied.settings += "ignore:\n  - what: unmanaged.object[old/*]\n    reason: kept for the archive\n"
    applied.write()

    verified, planned, drift = (applied.elmify(command) for command in ("verify", "plan", "drift"))

    assert "old/it's.mp3" not in verified.out + planned.out + drift.out
    assert [applied.elmify(command, "--format", "json").json["ignored"] for command in ("plan", "drift")] == [
        1,
        1,
    ]


def test_what_is_let_be_is_not_deleted_along_with_the_unmanaged(applied: Project) -> None:
    stray(applied)
    applied.settings += "ignore:\n  - what: unmanaged.object[old/*]\n    reason: kept for the archive\n"
    applied.write()

    applied.apply("--delete-unmanaged", "--allow", "deletes=5")

    assert applied.sql("select state from elmify.object where key like 'old/%'") == []


def test_an_entry_without_a_reason_is_a_mistake(applied: Project) -> None:
    applied.settings += "ignore:\n  - what: unmanaged.object[old/*]\n"
    applied.write()

    assert "elmify.yaml" in applied.elmify("verify", status=1).err


def test_on_an_s3_server_unfinished_uploads_are_told(team: Project, s3_url: str, bucket: str) -> None:
    team.apply()
    begin_upload(f"{s3_url}/{bucket}/big.mp3")

    found = team.elmify("verify", "--deep", "--format", "json").json["findings"]

    assert [each["state"] for each in found] == ["unfinished-upload"]
