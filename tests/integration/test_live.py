"""The first day with elmify: a live system that nobody reconciled, declared without a byte on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from reconciler.cli import run
from reconciler.model.errors import Exit, InvalidInput
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from reconciler.model.values import nfc
from reconciler.planning.corrections import corrections
from reconciler.render.plan.json import load_plan
from tests.failures import named_in
from tests.live.mess import BASE_URL
from tests.live.project import Entry, LiveProject, ambiguous
from tests.live.seen import FirstDay, look, same_recordings, stream_keys
from tests.live.system import library_objects, query
from tests.live.truth import FULL
from tests.stand import Quiet

pytest_plugins = ["tests.live.fixtures"]

RESOURCES = 8 + 12 + sum(FULL)


# The plan.


def test_a_catalog_that_declares_a_live_library_creates_deletes_and_uploads_nothing(
    first_day: FirstDay,
) -> None:
    plan = first_day.plan

    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert len(plan.changes) == RESOURCES
    assert not any(change.puts for change in plan.changes)
    assert plan.blocked == ()
    assert plan.impact.lost_rows == 0


def test_a_plan_writes_to_neither_store(first_day: FirstDay) -> None:
    assert first_day.planned == first_day.found


def test_what_nobody_declares_is_counted_in_every_plan(first_day: FirstDay) -> None:
    project = first_day.project
    rows = {Kind.LECTURE: tuple(sorted((*project.rows.twins, *project.rows.orphans)))}
    for plan in (first_day.plan, first_day.next_plan):
        assert plan.unmanaged.rows == rows
    retired = {key for change in first_day.plan.changes for key in change.retired}
    assert set(first_day.plan.unmanaged.objects) == set(project.mess.strays) - retired


def test_objects_whose_bytes_nobody_hashed_are_counted_as_unverified(first_day: FirstDay) -> None:
    lock = first_day.project.lock
    paths = [path for document in first_day.project.files.values() for path in media_of(document)]
    parts = {nfc(stored.key) for stored in first_day.project.mess.objects if stored.part_bytes is not None}
    unverified = [path for path in paths if lock[path].sha256 is None or path in parts]

    assert first_day.plan.unverified == first_day.next_plan.unverified == len(unverified)


def media_of(document: Entry) -> list[str]:
    slots = ("image", "image_small", "cover", "cover_small", "audio", "thumbnail")
    entries = [document, *document.get("lectures", ())]
    return [entry[slot] for entry in entries for slot in slots if slot in entry]


def test_a_recording_that_stands_in_two_rows_is_asked_about(untouched: LiveProject) -> None:
    for address in ambiguous(untouched):
        del untouched.entry(address)["row"]

    with pytest.raises(InvalidInput) as caught:
        untouched.plan()

    asked = {diagnostic.code: diagnostic for diagnostic in caught.value.diagnostics}
    assert set(asked) == {"EL504"}
    assert len(caught.value.diagnostics) == len(ambiguous(untouched))
    for address, twin in zip(ambiguous(untouched), untouched.rows.twins, strict=False):
        assert any(
            named_in(diagnostic.detail, untouched.rows.lectures[address], twin)
            for diagnostic in caught.value.diagnostics
        )


def test_a_declared_recording_whose_object_is_gone_is_an_error_that_names_the_file(
    untouched: LiveProject,
) -> None:
    [address] = [
        a for a in untouched.addresses() if untouched.lock[untouched.entry(a)["audio"]].sha256 is None
    ][:1]
    path = untouched.entry(address)["audio"]
    untouched.bucket.delete(path)

    with pytest.raises(InvalidInput) as caught:
        untouched.plan()

    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "EL511"
    assert path in diagnostic.detail


# The apply.


def test_every_lecture_says_afterwards_what_the_catalog_says(first_day: FirstDay) -> None:
    project, rows = first_day.project, first_day.applied.content
    for speaker in project.truth:
        for collection in speaker.collections:
            for lecture in collection.lectures:
                row = rows["lectures"][first_day.recorded[f"{speaker.id}/{collection.id}/{lecture.id}"]]
                assert row["title"] == lecture.title
                assert row["lecture_number"] == lecture.number
                assert row["genre"] == collection.genre
                assert row["is_public"] is True
                assert rows["speakers"][row["speaker_id"]]["name"] == speaker.name
                assert rows["collections"][row["collection_id"]]["title"] == collection.title
                says_its_file(row, lecture.path, project)


def says_its_file(row: Mapping[str, Any], path: str, project: LiveProject) -> None:
    line = project.lock[path]
    assert nfc(row["file_path"]) == path
    assert nfc(row["file_name"]) == path.rpartition("/")[2]
    assert row["audio_url"].startswith(f"{BASE_URL}/")
    assert nfc(unquote(row["audio_url"].removeprefix(f"{BASE_URL}/"))) == path
    assert row["file_size"] == line.size_bytes
    assert row["file_format"] == path.rpartition(".")[2]
    assert row["file_hash"] == line.sha256
    assert row["duration"] == int(line.duration_seconds or 0)
    assert row["bitrate"] == line.bitrate


def test_every_speaker_and_collection_says_afterwards_what_the_catalog_says(first_day: FirstDay) -> None:
    rows = first_day.applied.content
    speakers = {row["name"]: row for row in rows["speakers"].values()}
    titles = {(row["speaker_id"], row["title"]): row for row in rows["collections"].values()}
    for speaker in first_day.project.truth:
        row = speakers.pop(speaker.name)
        assert (nfc(row["image_url"]), row["image_small_url"]) == (speaker.image, speaker.image_small)
        assert row["is_premium"] is speaker.premium
        assert row["bio"] == f"A few words about {speaker.name}."
        for collection in speaker.collections:
            found = titles.pop((row["id"], collection.title))
            assert unquote(found["cover_image_url"]) == f"{BASE_URL}/{collection.cover}"
            assert found["year"] == collection.year
            assert found["description"] == f"All of {collection.title}."
    assert speakers == titles == {}


def test_categories_are_corrected_where_they_are_declared_and_kept_where_not(first_day: FirstDay) -> None:
    slugs = query(
        first_day.project.url,
        "select lecture_id, array_agg(slug order by is_primary desc, slug) as slugs from lecture_categories "
        "join categories c on c.id = category_id group by lecture_id",
    )
    found = {row["lecture_id"]: row["slugs"] for row in slugs}
    for address, row in first_day.project.mess.lectures.items():
        declared = first_day.project.entry(address).get("categories", list(row.categories))
        assert found.get(first_day.recorded[address], []) == declared


def test_every_row_is_the_row_it_was(first_day: FirstDay) -> None:
    assert first_day.recorded == first_day.project.rows.lectures
    for table, rows in first_day.found.content.items():
        assert first_day.applied.content[table].keys() == rows.keys()


def test_every_favourite_position_and_statistic_is_byte_for_byte_what_it_was(first_day: FirstDay) -> None:
    assert len(first_day.found.users["public.favorites"]) > 500
    assert first_day.applied.users == first_day.found.users


def test_what_the_backend_owns_is_untouched(first_day: FirstDay) -> None:
    assert first_day.applied.backend == first_day.found.backend


def test_rows_that_nobody_declares_are_untouched(first_day: FirstDay) -> None:
    for id_ in (*first_day.project.rows.twins, *first_day.project.rows.orphans):
        assert first_day.applied.content["lectures"][id_] == first_day.found.content["lectures"][id_]


def test_no_object_of_the_library_is_replaced_or_deleted(first_day: FirstDay) -> None:
    assert set(first_day.found.bucket) < set(library_objects(first_day.applied.bucket))


def test_recordings_are_copied_to_the_corrected_names_that_apps_ask_for_and_nowhere_else(
    first_day: FirstDay,
) -> None:
    there = {nfc(key) for key, _, _ in first_day.found.bucket}
    added = {nfc(key) for key, _, _ in library_objects(first_day.applied.bucket)} - there
    before, now = stream_keys(first_day.found), stream_keys(first_day.applied)
    corrected = {row: key for row, key in now.items() if key != before[row] and key not in there}

    assert added == set(corrected.values())
    assert same_recordings(first_day.project.bucket, first_day.applied, corrected)


def test_the_next_plan_is_empty_and_knows_of_no_drift(first_day: FirstDay) -> None:
    plan = first_day.next_plan

    assert plan.changes == ()
    assert plan.drift == ()
    assert plan.unchanged == RESOURCES


def test_an_image_whose_format_was_corrected_leaves_the_other_one_retired(first_day: FirstDay) -> None:
    retired = {key for change in first_day.plan.changes for key in change.retired}

    assert retired == {"Idris & Sons/speaker.jpg"}
    assert set(first_day.next_plan.unmanaged.objects) == set(first_day.project.mess.strays) - retired


# What happens around it.


def test_applying_again_writes_nothing_to_either_store(live: LiveProject) -> None:
    before = look(live)

    outcome = live.apply()

    after = look(live)
    assert outcome.plan.changes == ()
    assert after.bucket == before.bucket
    assert after.content == before.content
    assert after.users == before.users


def test_what_listeners_do_during_an_apply_survives_it(untouched: LiveProject) -> None:
    lecture = next(iter(untouched.rows.lectures.values()))
    observer = Listening(untouched, lecture)

    untouched.apply(observer=observer)

    [favourite] = query(untouched.url, "select * from favorites where id = %s", observer.favourite)
    assert favourite["lecture_id"] == lecture
    [row] = query(untouched.url, "select play_count from lectures where id = %s", lecture)
    assert row["play_count"] == 1_000_000
    assert untouched.plan().changes == ()


class Listening(Quiet):
    """A listener who plays a lecture, and likes it, between the plan and the commit."""

    def __init__(self, project: LiveProject, lecture: int) -> None:
        super().__init__()
        self.project, self.lecture, self.favourite = project, lecture, 0

    def event(self, name: str, **facts: object) -> None:
        super().event(name, **facts)
        if name != "planned":
            return
        url = self.project.url
        query(url, "insert into users (id, email) values (900, 'late@example.com')")
        query(url, "update lectures set play_count = 1000000 where id = %s", self.lecture)
        [row] = query(
            url, "insert into favorites (user_id, lecture_id) values (900, %s) returning id", self.lecture
        )
        self.favourite = row["id"]


def test_a_row_that_was_named_by_hand_needs_no_name_after_its_adoption(live: LiveProject) -> None:
    for address in ambiguous(live):
        del live.entry(address)["row"]

    assert live.plan().changes == ()


def test_the_command_line_says_what_it_imports_and_then_that_all_is_well(
    untouched: LiveProject,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    untouched.write()
    monkeypatch.setenv("DATABASE_URL", untouched.url)
    monkeypatch.chdir(tmp_path)
    resources = 8 + 12 + len(untouched.mess.lectures)

    assert run(["plan", "--out", "plans/first.json", "--detailed-exitcode"]) == Exit.DIFFERENCES
    planned = capsys.readouterr().out
    assert run(["apply", "plans/first.json"]) == Exit.OK
    applied = capsys.readouterr().out
    assert run(["plan", "--detailed-exitcode"]) == Exit.OK
    again = capsys.readouterr().out

    rows = corrections(load_plan(Path("plans/first.json").read_text(), "first.json"), Action.ADOPT).rows
    assert rows >= len(untouched.mess.lectures)
    assert f"Plan: {resources} to import, of which {rows} are corrected: " in planned
    assert f"; 0 to add, {rows} to change, 0 to delete." in planned
    assert f"Apply complete! Resources: {resources} imported, of which {rows} were corrected: " in applied
    assert f"; 0 added, {rows} changed, 0 deleted." in applied
    assert "No changes. The library matches the catalog." in again
