"""A row that is gone is made again as it was last applied, under its id and with the bytes that are live."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.catalog import MediaFile
from reconciler.model.kinds import LECTURES
from reconciler.model.plan import Action, Plan
from reconciler.model.recorded import NOTHING, KeyState
from reconciler.model.remedies import ImportLive, Lock
from reconciler.planning.world import DELETE_UNMANAGED, World
from tests.unit.planning.worlds import (
    after_of,
    applied,
    catalog,
    change_at,
    declaring,
    diagnostics,
    key,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    questions,
    row_of,
    speaker,
    state_of,
    stored,
    wiped,
    with_keys,
    with_objects,
    with_rows,
    without_objects,
    without_rows,
    world,
)

L = "s/c/l"
UNHASHED = media("l.mp3", sha256=None, md5=None, etag="abc-2", duration_seconds=None, bitrate=None)
HASHED = media("l.mp3", duration_seconds=None, bitrate=None, sample_rate=None)
FOUND = lecture_row(
    412,
    "L",
    "l.mp3",
    file_name="l.mp3",
    file_size=5,
    file_format="mp3",
    duration=0,
    description="As it was found.",
    genre="Talk",
    categories=("tafsir",),
)


def adopted(line: MediaFile, etag: str | None = None) -> World:
    """Return the world in which a live row, of which the catalog says little, was adopted."""
    return live(
        catalog(lecture(L, audio="l.mp3"), lock=[line]), rows=[FOUND], objects=[stored("l.mp3", etag=etag)]
    )


def created() -> World:
    return live(catalog(lecture(L, description="Declared.")))


def forgotten_and_declared_again() -> World:
    known = adopted(UNHASHED, "abc-2")
    forgotten = declaring(known, speaker("s"), forget=[L, "s/c"])
    after = applied(forgotten, planned(forgotten))
    again = declaring(after, lecture(L, audio="l.mp3"), lock=[UNHASHED])
    return applied(again, planned(again))


def with_a_fact_that_left_the_lockfile() -> World:
    known = live(catalog(lecture(L, audio="l.mp3", genre="Talk"), lock=[media("l.mp3")]))
    released = declaring(known, lecture(L, audio="l.mp3"), lock=[HASHED])
    return applied(released, planned(released))


def recorded_by_an_older_version() -> World:
    known = adopted(UNHASHED, "abc-2")
    old = {a: replace(record, unmanaged=NOTHING) for a, record in known.recorded.resources.items()}
    upgraded = replace(known, recorded=replace(known.recorded, resources=old))
    plan = planned(upgraded)
    assert [(c.address, c.action) for c in plan.changes] == [(L, Action.NO_OP)]
    return applied(upgraded, plan)


ORIGINS: dict[str, Callable[[], World]] = {
    "adopted without a hash": lambda: adopted(UNHASHED, "abc-2"),
    "adopted with a hash": lambda: adopted(HASHED),
    "created": created,
    "forgotten and declared again": forgotten_and_declared_again,
    "a fact left the lockfile": with_a_fact_that_left_the_lockfile,
    "recorded by an older version": recorded_by_an_older_version,
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_lost_row_comes_back_under_its_id_with_every_value_that_it_had(origin: str) -> None:
    known = ORIGINS[origin]()
    was = row_of(known, L)

    lost = wiped(known)
    after = applied(lost, planned(lost))

    assert row_of(after, L) == was
    assert {was[name] for name in LECTURES.required} & {None} == set()
    assert planned(after).changes == ()


@pytest.mark.parametrize("origin", ORIGINS)
def test_live_bytes_are_used_where_they_are(origin: str) -> None:
    known = ORIGINS[origin]()
    lost = wiped(known)

    plan = planned(lost)
    after = applied(lost, plan)

    assert [put for change in plan.changes for put in change.puts] == []
    assert [key for change in plan.changes for key in change.retired] == []
    assert after.recorded.keys == known.recorded.keys
    assert after.recorded.resources == known.recorded.resources


def test_what_the_catalog_says_by_now_comes_before_what_was_applied() -> None:
    known = live(catalog(lecture(L, description="Old.", genre="Talk")))
    lost = wiped(declaring(known, lecture(L, description="New.")))

    after = after_of(planned(lost), L)

    assert (after.values["description"], after.values["genre"]) == ("New.", "Talk")
    assert change_at(planned(lost), L).remembered == ("genre",)


def test_what_was_recorded_of_other_bytes_does_not_count() -> None:
    known = live(catalog(lecture(L)))
    lost = wiped(declaring(known, lecture(L), lock=[media(f"{L}.mp3", "new", bitrate=None)]))

    values = after_of(planned(lost), L).values

    assert "bitrate" not in values
    assert values["file_hash"] != row_of(known, L)["file_hash"]


def test_the_old_bytes_of_a_row_that_is_made_again_with_new_ones_are_retired_and_stay_known() -> None:
    known = live(catalog(lecture(L)))
    lost = wiped(declaring(known, lecture(L), lock=[media(f"{L}.mp3", "new")]))

    after = applied(lost, planned(lost))

    [kept] = [key for key, record in after.recorded.keys.items() if record.state is KeyState.RETIRED]
    assert after.snapshot.objects[kept].etag == known.snapshot.objects["S/C/L.mp3"].etag
    assert state_of(after, "S/C/L.mp3") is KeyState.LIVE


def test_categories_that_the_app_deleted_are_left_out() -> None:
    known = adopted(UNHASHED, "abc-2")
    lost = wiped(replace(known, snapshot=replace(known.snapshot, categories={"fiqh": 1})))

    assert after_of(planned(lost), L).values["categories"] == ()


def test_an_object_that_is_gone_too_is_put_under_its_old_key() -> None:
    known = live(catalog(lecture(L)))
    lost = without_objects(wiped(known), "S/C/L.mp3")

    (put,) = change_at(planned(lost), L).puts

    assert put.key == "S/C/L.mp3"


def test_an_object_that_was_replaced_since_is_not_used() -> None:
    known = live(catalog(lecture(L)))
    lost = with_objects(wiped(known), stored("S/C/L.mp3", "tampered"))

    (put,) = change_at(planned(lost), L).puts

    assert put.key != "S/C/L.mp3"


def test_an_address_that_was_renamed_while_its_row_was_lost_takes_all_along() -> None:
    known = adopted(UNHASHED, "abc-2")
    renamed = declaring(known, lecture("s/c/new", title="L", audio="l.mp3", previously=L), lock=[UNHASHED])
    lost = wiped(renamed)

    after = applied(lost, planned(lost))

    assert row_of(after, "s/c/new") == row_of(known, L)
    assert planned(after).changes == ()


# Row ids.


def test_an_id_that_another_row_has_by_now_is_not_taken() -> None:
    known = live(catalog(lecture(L)))
    lost = wiped(known)
    taken = with_rows(lost, lecture_row(101, "Another", "another.mp3", file_format="mp3"))

    plan = planned(taken)

    assert change_at(plan, L).row is None
    assert change_at(plan, "s/c").row == 11


def test_a_number_in_the_catalog_that_names_a_lost_row_stays_right() -> None:
    known = live(catalog(lecture(L)))
    pinned = declaring(known, lecture(L, row=101))

    assert change_at(planned(wiped(pinned)), L).row == 101


def test_a_number_that_names_a_lost_row_is_asked_about_when_another_row_looks_like_it() -> None:
    known = live(catalog(lecture(L)))
    was = row_of(known, L)
    pinned = without_rows(declaring(known, lecture(L, row=101)), was)
    imported = with_rows(pinned, replace(was, id=900))

    assert questions(imported) == {L: "EL501"}


def test_which_row_it_is_has_to_be_answered_before_what_a_new_one_would_lack() -> None:
    start = a_new_lecture(UNHASHED)
    twins = with_rows(start, replace(FOUND, id=1), replace(FOUND, id=2))

    assert questions(twins) == {L: "EL504"}


# What cannot be carried out is said by the plan.


def a_new_lecture(line: MediaFile) -> World:
    return world(catalog(lecture(L, audio="l.mp3"), lock=[line]), objects=[stored("l.mp3", etag=line.etag)])


def a_lost_lecture_of_an_older_version() -> World:
    known = adopted(UNHASHED, "abc-2")
    old = {a: replace(record, unmanaged=NOTHING) for a, record in known.recorded.resources.items()}
    return wiped(replace(known, recorded=replace(known.recorded, resources=old)))


def a_forgotten_and_lost_lecture() -> World:
    forgotten = declaring(adopted(UNHASHED, "abc-2"), speaker("s"), forget=[L, "s/c"])
    return wiped(
        declaring(applied(forgotten, planned(forgotten)), lecture(L, audio="l.mp3"), lock=[UNHASHED])
    )


def a_lost_lecture_with_new_bytes() -> World:
    return wiped(
        declaring(live(catalog(lecture(L))), lecture(L), lock=[media(f"{L}.mp3", "n", duration_seconds=None)])
    )


@pytest.mark.parametrize(
    "start",
    [
        lambda: a_new_lecture(UNHASHED),
        lambda: a_new_lecture(HASHED),
        a_lost_lecture_of_an_older_version,
        a_forgotten_and_lost_lecture,
        a_lost_lecture_with_new_bytes,
    ],
)
def test_a_required_column_that_nobody_knows_is_an_error_of_the_plan(start: Callable[[], World]) -> None:
    (found,) = diagnostics(start())

    assert (found.code, found.position.file) == ("EL515", f"{L}.yaml")
    assert "duration" in found.detail
    assert found.remedies == (ImportLive(hash_bytes=True), Lock())


@pytest.mark.parametrize("column", sorted(LECTURES.required - {"title"}))
def test_each_required_column_is_filled_from_the_records(column: str) -> None:
    known = adopted(UNHASHED, "abc-2")

    assert after_of(planned(wiped(known)), L).values[column] == row_of(known, L)[column]


# Live objects that nothing names.


@pytest.mark.parametrize("state", KeyState)
@pytest.mark.parametrize("named", ["row", "record", "nothing"])
def test_every_object_is_named_waits_for_gc_or_is_unmanaged(state: KeyState, named: str) -> None:
    """No state of a key hides an object that nothing names."""
    known = live(catalog(lecture(L)))
    if named == "record":
        with_key = with_keys(known, replace(key("S/C/L.mp3", state, L + ".mp3")))
        name = "S/C/L.mp3"
    else:
        name = "other.mp3"
        with_key = with_objects(with_keys(known, key(name, state)), stored(name))
        if named == "row":
            with_key = with_rows(with_key, lecture_row(900, "Other", name, file_format="mp3"))

    listed = name in planned_or_not(with_key).unmanaged.objects

    waits = state in {KeyState.INTENDED, KeyState.RETIRED, KeyState.CONDEMNED}
    is_accounted = waits or named == "record" or (state is KeyState.LIVE and named == "row")
    assert listed is not is_accounted


def planned_or_not(known: World) -> Plan:
    return planned(known, only=["s"])


def test_a_live_object_that_nothing_names_can_be_retired() -> None:
    known = with_objects(with_keys(live(catalog(lecture(L))), key("lost.mp3")), stored("lost.mp3"))

    plan = planned(known, options=[DELETE_UNMANAGED])
    after = applied(known, plan)

    assert [change.retired for change in plan.changes] == [("lost.mp3",)]
    assert state_of(after, "lost.mp3") is KeyState.RETIRED
    assert planned(after).unmanaged.objects == {}


def test_a_live_object_of_a_resource_whose_row_is_gone_waits_for_the_row() -> None:
    """A copy under a playback key is recorded, and in no slot of its resource."""
    known = live(catalog(lecture(L)))
    copied = with_objects(with_keys(known, key("copy.mp3", address=L)), stored("copy.mp3"))

    assert set(planned(copied).unmanaged.objects) == {"copy.mp3"}
    assert planned(wiped(copied)).unmanaged.objects == {}


# What apps find by names.


def test_a_way_that_was_broken_before_a_row_was_lost_is_not_filled_when_it_is_made_again() -> None:
    known = adopted(UNHASHED, "abc-2")

    plan = planned(wiped(known))

    assert [change.copies for change in plan.changes if change.copies] == []


def test_a_lost_row_that_is_made_again_under_another_name_is_found_by_it() -> None:
    known = adopted(UNHASHED, "abc-2")
    renamed = declaring(known, lecture(L, audio="l.mp3", title="Another"), lock=[UNHASHED])

    (copy,) = change_at(planned(wiped(renamed)), L).copies

    assert (copy.key, copy.source) == ("S/C/Another.mp3", "l.mp3")
