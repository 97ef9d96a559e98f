"""What a team does to a library that elmify has reconciled: every row and everything of its users stays."""

from collections.abc import Iterable
from typing import Any

import pytest

from reconciler.model.errors import InvalidInput
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action, Plan
from reconciler.model.values import nfc
from reconciler.planning.object_keys import has_hash, is_form_of
from tests.live.project import LiveProject, ambiguous
from tests.live.reimport import reimport_everything, reimport_lectures
from tests.live.seen import Seen, look, same_recordings, stream_keys
from tests.live.system import Listing, lecture_ids, library_objects, query

pytest_plugins = ["tests.live.fixtures"]


def actions(plan: Plan) -> dict[Action, int]:
    return {action: count for action in Action if (count := plan.count(action))}


def nothing_was_lost(live: LiveProject, before: Seen) -> None:
    """Check that every row is there, that users and backend kept all that is theirs, and that all is well."""
    after = look(live)
    assert {table: rows.keys() for table, rows in after.content.items()} == {
        table: rows.keys() for table, rows in before.content.items()
    }
    assert after.users == before.users
    assert after.backend == before.backend
    replaced = set(library_objects(before.bucket)) - set(after.bucket)
    assert [found for found in replaced if not is_kept(*found, library_objects(after.bucket))] == []
    assert live.plan().changes == ()


def is_kept(key: str, size_bytes: int, etag: str, listing: Listing) -> bool:
    """Return whether replaced bytes stand under another key; a copy of parts has an ETag of its own."""
    return any(
        size == size_bytes and (other_etag == etag or (has_hash(other) and is_form_of(other, key, etag)))
        for other, size, other_etag in listing
    )


def titles(live: LiveProject, ids: Iterable[int]) -> list[Any]:
    rows = query(live.url, "select id, title from lectures")
    known = {row["id"]: row["title"] for row in rows}
    return [known[id_] for id_ in ids]


# Renames, moves, swaps, new recordings.


def test_a_speaker_gets_another_name_and_apps_find_every_recording_by_both(live: LiveProject) -> None:
    before = look(live)
    live.entry("yusuf-of-karim")["name"] = "Yusuf, Son of Karim"

    plan = live.plan()
    live.apply(plan)

    assert actions(plan) == {Action.UPDATE: 1}
    after = look(live)
    assert set(library_objects(before.bucket)) <= set(after.bucket)
    there = {nfc(key) for key, _, _ in before.bucket}
    old, new = stream_keys(before), stream_keys(after)
    rows = before.content["lectures"]
    renamed = {row: new[row] for row in rows if new[row] != old[row] and old[row] in there}
    assert len(renamed) > 200
    assert {nfc(key) for key, _, _ in library_objects(after.bucket)} - there == set(renamed.values())
    assert same_recordings(live.bucket, after, renamed)
    nothing_was_lost(live, before)


def test_a_speaker_gets_another_id_and_carries_everything_along(live: LiveProject) -> None:
    before, ids = look(live), lecture_ids(live.url)
    files = [name for name in live.files if name.startswith("yusuf-of-karim/")]
    for name in files:
        live.files[name.replace("yusuf-of-karim", "yusuf")] = live.files.pop(name)
    live.entry("yusuf").update(speaker="yusuf", name="Yusuf", previously="yusuf-of-karim")

    plan = live.plan()
    live.apply(plan)

    assert set(actions(plan)) == {Action.MOVE}
    assert lecture_ids(live.url) == {
        address.replace("yusuf-of-karim/", "yusuf/"): id_ for address, id_ in ids.items()
    }
    nothing_was_lost(live, before)


def test_thirty_lectures_move_to_other_collections_in_one_commit(live: LiveProject) -> None:
    before, ids = look(live), lecture_ids(live.url)
    moving = [a for a in live.addresses() if a.startswith("yusuf-of-karim/quran/")][40:60]
    moving += [a for a in live.addresses() if a.startswith("studio-voice/evening-talks/")][10:20]
    targets = ["the-reading-circle/tafsir"] * 15 + ["maryams-lessons/short-reminders"] * 15
    moved = {live.move(a, target): a for a, target in zip(moving, targets, strict=True)}

    plan = live.plan()
    live.apply(plan)

    assert actions(plan) == {Action.MOVE: 30}
    assert plan.impact.kept == users_rows_of(live, [ids[address] for address in moving])
    now = lecture_ids(live.url)
    assert {now[new] for new in moved} == {ids[old] for old in moving}
    for new, old in moved.items():
        assert now[new] == ids[old]
    nothing_was_lost(live, before)


def users_rows_of(live: LiveProject, ids: list[int]) -> int:
    tables = (
        "favorites",
        "playback_positions",
        "user_saved_lectures",
        "listening_stats",
        "lecture_play_credits",
    )
    counts = [
        query(live.url, f"select count(*) from {table} where lecture_id = any(%s)", ids) for table in tables
    ]
    return sum(rows[0]["count"] for rows in counts)


def test_titles_and_numbers_swap_in_pairs(live: LiveProject) -> None:
    before, ids = look(live), lecture_ids(live.url)
    shared = {address for address, _ in live.mess.twins}
    quran = [a for a in live.addresses() if a.startswith("yusuf-of-karim/quran/") and a not in shared]
    addresses = [a for a in quran if not set("?#") & set(live.entry(a)["title"])][:40]
    pairs = list(zip(addresses[::2], addresses[1::2], strict=True))
    expected = [titles(live, (ids[right], ids[left])) for left, right in pairs]
    for left, right in pairs:
        one, other = live.entry(left), live.entry(right)
        for name in ("title", "number"):
            one[name], other[name] = other[name], one[name]

    plan = live.plan()
    live.apply(plan)

    assert actions(plan) == {Action.UPDATE: 40}
    assert [titles(live, (ids[left], ids[right])) for left, right in pairs] == expected
    nothing_was_lost(live, before)


def test_titles_of_collections_swap_although_they_are_unique(live: LiveProject) -> None:
    before = look(live)
    one, other = live.entry("studio-voice/tafsir"), live.entry("studio-voice/evening-talks")
    one["title"], other["title"] = other["title"], one["title"]

    plan = live.plan()
    live.apply(plan)

    left, right = ({(e["number"], e["title"]): e["audio"] for e in each["lectures"]} for each in (one, other))
    exchanged = sum(left[name] != right[name] for name in left.keys() & right.keys())  # their keys are too
    assert exchanged
    assert actions(plan) == {Action.UPDATE: 2 + 2 * exchanged}
    nothing_was_lost(live, before)


def test_ten_lectures_are_recorded_again_under_keys_of_their_own(live: LiveProject) -> None:
    before, ids = look(live), lecture_ids(live.url)
    addresses = live.addresses()[3:53:5]
    for address in addresses:
        live.record(live.entry(address)["audio"], f"{address} recorded again".encode(), duration_seconds=7.0)

    plan = live.plan()
    outcome = live.apply(plan)

    assert actions(plan) == {Action.UPDATE: 10}
    assert outcome.uploaded_files == 10
    rows = look(live).content["lectures"]
    for address in addresses:
        line = live.lock[live.entry(address)["audio"]]
        row = rows[ids[address]]
        assert (row["file_hash"], row["file_size"], row["duration"]) == (line.sha256, line.size_bytes, 7)
        assert f"~{str(line.sha256)[:8]}." in row["file_path"]
    nothing_was_lost(live, before)


def test_everything_at_once_is_one_commit(live: LiveProject) -> None:
    before = look(live)
    live.entry("studio-voice")["name"] = "The Studio’s Voice"
    quran = [a for a in live.addresses() if a.startswith("yusuf-of-karim/quran/")]
    for address in quran[50:55]:
        live.record(live.entry(address)["audio"], f"{address} again".encode(), duration_seconds=9.0)
        live.move(address, "the-reading-circle/duas")
    one, other = live.entry(quran[0]), live.entry(quran[1])
    one["title"], other["title"] = other["title"], one["title"]

    plan = live.plan()
    live.apply(plan)

    assert actions(plan) == {Action.UPDATE: 3, Action.MOVE: 5}
    nothing_was_lost(live, before)


# The table wiped and imported again.


@pytest.fixture(params=[reimport_lectures, reimport_everything])
def wiped(live: LiveProject, request: pytest.FixtureRequest) -> LiveProject:
    """The reconciled system after the team's script; the catalog names no rows by number any more."""
    for address in ambiguous(live):
        del live.entry(address)["row"]
    assert live.plan().changes == ()
    request.param(live.url)
    return live


def test_after_a_wipe_the_new_rows_are_adopted_and_the_loss_is_said(wiped: LiveProject) -> None:
    recorded = lecture_ids(wiped.url)
    name_the_twins(wiped)

    plan = wiped.plan()
    wiped.apply(plan)

    assert set(actions(plan)) == {Action.ADOPT}
    assert not any(change.puts for change in plan.changes)
    assert recorded.keys() <= {drift.address for drift in plan.drift if drift.attribute == "row"}
    assert all("of another row now" in c.reason for c in plan.changes if c.kind is Kind.LECTURE)
    says_truth(wiped)
    assert wiped.plan().changes == ()


def name_the_twins(live: LiveProject) -> None:
    """Answer the question which of two equal rows is meant, as a person would: the older one."""
    for address in ambiguous(live):
        path = live.entry(address)["audio"]
        [row] = query(live.url, "select min(id) as id from lectures where normalize(file_path) = %s", path)
        live.entry(address)["row"] = row["id"]


def says_truth(live: LiveProject) -> None:
    rows = look(live).content["lectures"]
    for address, id_ in lecture_ids(live.url).items():
        entry = live.entry(address)
        assert nfc(rows[id_]["file_path"]) == entry["audio"]
        assert (rows[id_]["title"], rows[id_]["lecture_number"]) == (entry["title"], entry["number"])


def test_after_a_wipe_rows_that_nothing_tells_apart_are_asked_about_again(wiped: LiveProject) -> None:
    with pytest.raises(InvalidInput) as caught:
        wiped.plan()

    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["EL504"] * len(ambiguous(wiped))


def test_after_a_wipe_a_row_that_is_still_named_by_its_old_number_is_asked_about(live: LiveProject) -> None:
    reimport_lectures(live.url)

    with pytest.raises(InvalidInput) as caught:
        live.plan()

    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["EL507"] * len(ambiguous(live))
