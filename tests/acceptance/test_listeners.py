"""Whatever is done to the team's library, what played before plays: heard as the apps do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.backends import BackendProject, backend_project
from tests.listener.urls import Way

STATES = pytest.mark.parametrize("healthy", [False, True], ids=["today", "healthy"])

#: A change of the catalog; it returns what other SHA-256 rows should play afterwards, by row.
Edit = Callable[[BackendProject], dict[int, str]]


@pytest.fixture(params=[False, True], ids=["today", "healthy"])
def live(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Iterator[BackendProject]:
    """The small library, live, and nothing imported."""
    with backend_project(tmp_path, database_url, healthy=request.param, small=True) as project:
        yield project


@pytest.fixture
def applied(live: BackendProject) -> BackendProject:
    """The same after its import and the first apply."""
    live.imported()
    live.listen()
    return live


# The first day.


def test_an_import_and_its_plan_stop_nothing(live: BackendProject) -> None:
    live.elmify("import", "live")
    assert live.keeps_playing() == []

    live.elmify("plan", "--out", "plan.json")
    assert live.keeps_playing() == []


def test_after_the_first_apply_every_lecture_plays_by_every_way(live: BackendProject) -> None:
    live.imported()

    assert live.keeps_playing() == []
    assert live.counts() == dict.fromkeys(live.counts(), len(live.recordings))


def test_after_the_first_apply_nothing_is_left_to_do(applied: BackendProject) -> None:
    assert applied.left_to_do() == []


def test_the_first_run_taken_back_leaves_what_played_before_it(live: BackendProject) -> None:
    before = live.heard
    live.imported()
    live.elmify("rollback", "--auto-approve", *ANYTHING)

    live.heard = before
    assert live.keeps_playing() == []


# Every sort of change.

#: A rollback of the first run takes back what it made playable, and nobody else's plan needs an allowance.
ANYTHING = ("--allow", "deletes=99", "--allow", "user-rows=9999")


def rename_a_speaker(project: BackendProject) -> dict[int, str]:
    with project.entry("noor-evening") as entry:
        entry["name"] = "Noor, the Reader"
    return {}


def rename_a_speaker_to_arabic(project: BackendProject) -> dict[int, str]:
    with project.entry("yusuf-of-karim") as entry:
        entry["name"] = "يوسف + ﷺ & 100%"
    return {}


def rename_a_collection(project: BackendProject) -> dict[int, str]:
    with project.entry("yusuf-of-karim/quran-hafs") as entry:
        entry["title"] = "Quran, by Hafs"
    return {}


def rename_a_collection_from_its_exception(project: BackendProject) -> dict[int, str]:
    with project.entry("maryams-lessons/legends-of-islam") as entry:
        entry["title"] = "Legends"
    return {}


def rename_a_collection_to_the_exception(project: BackendProject) -> dict[int, str]:
    with project.entry("studio-voice/talks-more") as entry:
        entry["title"] = "Legends of Islam"
    return {}


def renumber(project: BackendProject) -> dict[int, str]:
    with project.entry("yusuf-of-karim/quran-hafs") as entry:
        for lecture in entry["lectures"]:
            lecture["number"] += 100
    return {}


def exchange_two_numbers(project: BackendProject) -> dict[int, str]:
    with project.entry("maryams-lessons/seerah-lessons") as entry:
        one, other = entry["lectures"][:2]
        one["number"], other["number"] = other["number"], one["number"]
    return {}


def retitle(project: BackendProject) -> dict[int, str]:
    with project.entry("oneill-reader/duas") as entry:
        entry["lectures"][0]["title"] = "What? #1 of 100% + %41 ﷺ"
    return {}


def exchange_two_titles(project: BackendProject) -> dict[int, str]:
    with project.entry("maryams-lessons/seerah-lessons") as entry:
        one, other = entry["lectures"][:2]
        one["title"], other["title"] = other["title"], one["title"]
    return {}


def exchange_two_lectures(project: BackendProject) -> dict[int, str]:
    """Exchange number and title: each stands under the names of the other, and both keys hold other bytes."""
    with project.entry("maryams-lessons/seerah-lessons") as entry:
        one, other = entry["lectures"][:2]
        for field in ("title", "number"):
            one[field], other[field] = other[field], one[field]
    return {}


def replace_a_recording(project: BackendProject) -> dict[int, str]:
    row, *_ = project.rows_of("oneill-reader/duas")
    return {row: project.record_again(row)}


def replace_a_recording_that_is_m4a(project: BackendProject) -> dict[int, str]:
    [row] = project.sql("select id from lectures where file_path like '%/17 - %.m4a'")
    return {row["id"]: project.record_again(row["id"])}


def replace_and_retitle(project: BackendProject) -> dict[int, str]:
    row, *_ = project.rows_of("oneill-reader/duas")
    sha256 = project.record_again(row)
    with project.lecture_entry(row) as entry:
        entry["title"] = "Another Title"
    return {row: sha256}


EDITS: tuple[Edit, ...] = (
    rename_a_speaker,
    rename_a_speaker_to_arabic,
    rename_a_collection,
    rename_a_collection_from_its_exception,
    rename_a_collection_to_the_exception,
    renumber,
    exchange_two_numbers,
    retitle,
    exchange_two_titles,
    exchange_two_lectures,
    replace_a_recording,
    replace_a_recording_that_is_m4a,
    replace_and_retitle,
)
each_edit = pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)


@each_edit
def test_what_played_plays_and_is_what_the_catalog_says(applied: BackendProject, edit: Edit) -> None:
    was = {row: applied.hashes(row) for row in applied.recordings}
    replaced = edit(applied)

    applied.reviewed()

    assert applied.keeps_playing() == []
    wanted = {row: {replaced[row]} if row in replaced else hashes for row, hashes in was.items()}
    assert {row: applied.hashes(row) for row in was} == wanted
    assert applied.left_to_do() == []


@each_edit
def test_after_the_retention_what_played_plays(applied: BackendProject, edit: Edit) -> None:
    edit(applied)
    applied.reviewed()
    applied.listen()

    applied.two_months_later()

    assert applied.keeps_playing() == []


@each_edit
def test_taken_back_it_plays_what_it_played_before(applied: BackendProject, edit: Edit) -> None:
    was = {row: applied.hashes(row) for row in applied.recordings}
    with applied.catalog_kept():
        edit(applied)
        applied.reviewed()
        applied.listen()
        applied.elmify("rollback", "--auto-approve")

    assert applied.keeps_playing() == []
    assert {row: applied.hashes(row) for row in was} == was
    assert applied.left_to_do() == []
    applied.two_months_later()
    assert applied.keeps_playing() == []


# What goes, and comes back.


def test_a_deleted_lecture_was_announced_and_plays_again_when_it_is_taken_back(
    applied: BackendProject,
) -> None:
    [row] = applied.rows_of("oneill-reader/duas")
    drop_the_lecture_of_duas(applied)
    applied.reviewed(*ANYTHING)
    before = applied.heard
    assert applied.keeps_playing(announced=[row]) == []
    assert (row, Way.STREAM) not in applied.heard

    applied.elmify("rollback", "--auto-approve")

    applied.heard = before
    assert applied.keeps_playing() == []


def test_a_deleted_lecture_that_is_declared_again_plays(applied: BackendProject) -> None:
    [row] = applied.rows_of("oneill-reader/duas")
    sha256 = applied.record_again(row)
    applied.reviewed()
    applied.listen()
    with applied.catalog_kept():
        drop_the_lecture_of_duas(applied)
        applied.reviewed(*ANYTHING)
        assert applied.keeps_playing(announced=[row]) == []

    applied.reviewed()

    [again] = applied.rows_of("oneill-reader/duas")
    applied.recordings[again] = {sha256}
    assert applied.keeps_playing() == []
    assert applied.hashes(again) == {sha256}


def drop_the_lecture_of_duas(project: BackendProject) -> None:
    with project.entry("oneill-reader/duas") as entry:
        del entry["lectures"]


@pytest.mark.parametrize("tables", ["speakers, collections, lectures", "lectures", "collections, lectures"])
def test_after_a_wipe_an_apply_makes_everything_play_again(applied: BackendProject, tables: str) -> None:
    lectures = len(applied.recordings)

    wipe(applied, tables)

    assert applied.counts() == dict.fromkeys(applied.counts(), lectures)
    applied.two_months_later()
    assert applied.keeps_playing() == []


def wipe(project: BackendProject, tables: str) -> None:
    """Let somebody empty tables, then apply, and listen under whatever row ids there are now."""
    known = {address: project.recordings[row] for address, row in project.rows_by_address().items()}
    project.sql(f"truncate {tables} restart identity cascade")
    project.reviewed()
    project.recordings = {row: known[address] for address, row in project.rows_by_address().items()}
    project.listen()


def test_a_row_that_vanished_is_made_again_and_plays(applied: BackendProject) -> None:
    [row] = applied.rows_of("oneill-reader/duas")
    applied.sql("delete from lectures where id = %s", row)

    applied.reviewed()

    [again] = applied.rows_of("oneill-reader/duas")
    applied.listen()
    assert applied.hashes(again) == applied.recordings[row]


# The whole library, one thing after the other.

JOURNEY: tuple[tuple[Edit, ...], ...] = (
    (rename_a_speaker, rename_a_collection, exchange_two_numbers, retitle),
    (exchange_two_titles, replace_a_recording, replace_a_recording_that_is_m4a),
)


@STATES
@pytest.mark.slow
@pytest.mark.timeout(0)
def test_467_lectures_play_through_everything(tmp_path: Path, database_url: str, *, healthy: bool) -> None:
    with backend_project(tmp_path, database_url, healthy=healthy) as project:
        found = project.counts()
        assert found == {Way.STREAM: 467 if healthy else 155, Way.PLAYLIST: 467, Way.OBJECT: 467}
        project.imported()
        assert project.keeps_playing() == []
        assert project.counts() == dict.fromkeys(found, 467)
        for edits in JOURNEY:
            for edit in edits:
                edit(project)
            project.reviewed()
            assert project.keeps_playing() == []
        project.elmify("rollback", "--auto-approve")
        assert project.keeps_playing() == []
        project.reviewed()
        assert project.keeps_playing() == []
        project.two_months_later()
        assert project.keeps_playing() == []
        wipe(project, "speakers, collections, lectures")
        assert project.counts() == dict.fromkeys(found, 467)
        assert project.left_to_do() == []
