"""A listener complains, and somebody types `elmify why`."""

import json
from pathlib import Path

import pytest

from tests.acceptance.backends import BackendProject, backend_project
from tests.acceptance.projects import Project
from tests.buckets import bucket_at
from tests.listener.cdn import cdn
from tests.listener.urls import Way

ADDRESS = "ali/quran/opening"
KEY = "Ali/Quran/01 - The Opening.mp3"


def test_why_follows_a_lecture_from_its_first_apply_to_a_lost_object(project: Project) -> None:
    project.elmify("why", ADDRESS, status=2)  # declared, and in no store
    project.apply()

    told = project.elmify("why", ADDRESS, "--format", "json").json
    (lecture,) = told["lectures"]
    assert (told["plays"], lecture["name"], lecture["remedies"]) == (True, ADDRESS, [])
    assert {way["key"] for way in lecture["ways"]} == {KEY}
    assert {way["object"]["cache_control"] for way in lecture["ways"]} == {"public, max-age=300"}
    assert {change["address"]: change["run"]["id"] for change in lecture["changes"]} == {
        "ali": 1,
        "ali/quran": 1,
        ADDRESS: 1,
    }
    row = lecture["row"]["id"]
    for asked in (str(row), f"unmanaged.lectures[{row}]", KEY, f"https://cdn.example.com/{KEY}"):
        assert [
            each["name"] for each in project.elmify("why", asked, "--format", "json").json["lectures"]
        ] == [ADDRESS]
    offline = project.elmify("why", ADDRESS, "--online", "--format", "json").json
    assert offline["online"] == "not-public"

    project.objects.delete(KEY)

    ran = project.elmify("why", ADDRESS, "--format", "json", status=2).json
    assert [way["fault"] for way in ran["lectures"][0]["ways"]] == ["missing"] * 3
    assert ran["lectures"][0]["commands"]
    project.apply()
    project.elmify("why", ADDRESS)


def test_a_rename_above_a_lecture_is_told_as_its_last_change(project: Project) -> None:
    project.apply()
    project.name = "Ali the Reader"
    project.write()
    project.apply()

    (lecture,) = project.elmify("why", ADDRESS, "--format", "json").json["lectures"]

    stream, playlist, _ = lecture["ways"]
    assert (stream["key"], playlist["key"]) == ("Ali the Reader/Quran/01 - The Opening.mp3", KEY)
    assert (stream["bytes"], playlist["bytes"]) == ("own", "own")
    changed = {change["address"]: (change["action"], change["run"]["id"]) for change in lecture["changes"]}
    assert changed["ali"] == ("update", 2)
    old = project.elmify("why", KEY, "--format", "json").json
    assert old["key"]["named_by"][0]["by"] == [
        "way playlist",
        "way link",
        "column file_path",
        "column audio_url",
    ]


def test_a_name_that_nothing_has_is_a_mistake_of_usage(project: Project) -> None:
    project.apply()

    ran = project.elmify("why", "ali/quran/openning", "--format", "json", status=64)

    assert ran.json["error"]["code"] == "unknown-name"
    assert ADDRESS in ran.json["error"]["hint"]


def test_online_tells_what_the_cdn_answers(team: Project, s3_url: str, bucket: str) -> None:
    store = bucket_at(s3_url, bucket)
    with cdn(store) as url:
        team.settings = (
            "playback:\n"
            f"  - {{way: apps, column: file_path, request: encode-uri, base_url: '{url}'}}\n"
            "  - {way: link, column: audio_url, report: true, base_url: 'http://127.0.0.1:1'}\n"
        )
        team.write()
        team.apply()
        team.sql("update lectures set audio_url = file_path")

        apps, link = team.elmify("why", ADDRESS, "--online", "--format", "json").json["lectures"][0]["ways"]

    assert apps["url"] == f"{url}/Ali/Quran/01%20-%20The%20Opening.mp3"
    assert (apps["cdn"]["status"], apps["cdn"]["size_bytes"], apps["cdn"]["stale"]) == (200, 7, False)
    assert (link["plays"], link["cdn"]["status"]) == (False, None)
    store.close()


@pytest.mark.parametrize("healthy", [False, True], ids=["today", "healthy"])
def test_why_agrees_with_what_listeners_hear(tmp_path: Path, database_url: str, healthy: bool) -> None:
    with backend_project(tmp_path, database_url, healthy=healthy, small=True) as team:
        team.elmify("import", "live")
        assert _disagreements(team) == []

        team.reviewed()
        team.listen()
        assert _disagreements(team) == []


def _disagreements(team: BackendProject) -> list[tuple[int, str]]:
    """Return the rows and ways of which `elmify why` says otherwise than the apps."""
    found = []
    for row, recordings in team.recordings.items():
        told = json.loads(team.ended("why", str(row), "--format", "json").out)["lectures"][0]
        for way in told["ways"]:
            if not way["report"] and way["plays"] is not team.heard[row, Way(way["way"])].plays(recordings):
                found.append((row, way["way"]))
        assert told["plays"] or told["remedies"], f"row {row} does not play, and nothing says what to do"
    return found
