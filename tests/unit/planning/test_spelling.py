"""Keys in two spellings of Unicode: one object, wherever a key is looked up."""

from dataclasses import replace

import pytest

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.catalog import Resource
from reconciler.model.plan import Action
from reconciler.model.recorded import KeyState
from reconciler.planning.world import REKEY, World
from tests.unit.planning.worlds import (
    actions,
    applied,
    before_of,
    catalog,
    change_at,
    collection,
    collection_row,
    declaring,
    edited,
    key_of,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    questions,
    row_of,
    speaker,
    speaker_row,
    state_of,
    stored,
    with_rows,
    world,
)

COMPOSED, DECOMPOSED = "é.mp3", "e\u0301.mp3"
LECTURE = lecture("s/c/l", audio=COMPOSED)


def adopted() -> World:
    """Return a world whose row and record spell the key as macOS did, and whose bucket does not."""
    known = live(catalog(LECTURE), rows=[lecture_row(3, "L", DECOMPOSED)], objects=[stored(COMPOSED)])
    assert key_of(known, "s/c/l") == DECOMPOSED
    return known


def test_nothing_is_planned_for_the_sake_of_a_spelling() -> None:
    assert planned(adopted()).changes == ()
    assert planned(adopted()).unmanaged.objects == {}


def test_a_delete_finds_the_object_and_retires_it_once() -> None:
    removed = declaring(adopted(), collection("s/c"))

    plan = planned(removed)

    assert [found.key for found in before_of(plan, "s/c/l").objects.values()] == [DECOMPOSED]
    assert DECOMPOSED in change_at(plan, "s/c/l").retired
    assert state_of(applied(removed, plan), COMPOSED) is KeyState.RETIRED


def test_a_row_that_spells_its_key_otherwise_now_is_still_the_recorded_one() -> None:
    respelled = edited(
        row_of(adopted(), "s/c/l"), file_path=COMPOSED, title="X", file_hash=None, audio_url=None
    )

    plan = planned(with_rows(adopted(), respelled))

    assert actions(plan) == {"s/c/l": Action.UPDATE}


def test_a_key_that_another_row_spells_otherwise_is_not_retired() -> None:
    other = lecture_row(900, "Other", COMPOSED)
    removed = with_rows(declaring(adopted(), collection("s/c")), other)

    assert DECOMPOSED not in change_at(planned(removed), "s/c/l").retired


def test_a_key_that_the_catalog_spells_otherwise_is_not_left() -> None:
    known = live(catalog(lecture("s/c/l", title="é", audio="l.mp3")))
    renamed = declaring(known, lecture("s/c/l", title="e\u0301", audio="l.mp3"))

    assert planned(renamed, options=[REKEY]).changes[0].retired == ()
    assert [put for change in planned(renamed, options=[REKEY]).changes for put in change.puts] == []


def test_rekey_knows_a_hashed_key_under_a_title_in_another_spelling() -> None:
    known = live(catalog(lecture("s/c/l", title="é", audio="l.mp3"), lock=[media("l.mp3", "old")]))
    changed = declaring(known, lecture("s/c/l", title="e\u0301", audio="l.mp3"), lock=[media("l.mp3", "new")])
    changed = applied(changed, planned(changed))

    assert "~" in key_of(changed, "s/c/l")
    assert planned(changed, options=[REKEY]).changes == ()


def test_a_row_number_is_believed_by_a_path_in_another_spelling() -> None:
    known = live(catalog(lecture("s/c/l", audio=COMPOSED), lecture("s/c/m")))
    record = known.recorded.resources[Address("s/c/l")]
    broken = replace(record, name="Other", keys={})
    known = replace(
        known,
        recorded=replace(known.recorded, resources={**known.recorded.resources, record.address: broken}),
    )
    shown = edited(row_of(known, "s/c/l"), title="Other than declared", file_path=DECOMPOSED, file_hash=None)
    declared = declaring(with_rows(known, shown), lecture("s/c/l", audio=COMPOSED, row=101), lecture("s/c/m"))

    assert questions(declared) == {}


@pytest.mark.parametrize(("declared", "shown"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_row_is_found_under_either_spelling(declared: str, shown: str) -> None:
    name, title = declared.removesuffix(".mp3"), shown.removesuffix(".mp3")
    twins = [lecture_row(3, title, shown), lecture_row(4, "Other", shown)]

    def bound_to(entry: Resource, *rows: Row) -> int | None:
        return change_at(planned(world(catalog(entry), rows=rows)), entry.address).row

    assert bound_to(speaker("s", name=name), speaker_row(1, title)) == 1
    assert bound_to(lecture("s/c/l", audio=declared), lecture_row(3, "Odd", shown)) == 3
    assert bound_to(lecture("s/c/l", title=name), lecture_row(3, "Odd", f"S/C/{shown}")) == 3
    parents = (speaker_row(1, "S"), collection_row(2, 1, "C"))
    hung = [edited(row, speaker_id=1, collection_id=2) for row in twins]
    assert bound_to(lecture("s/c/l", title=name, audio=declared), *parents, *hung) == 3


@pytest.mark.parametrize("spelling", [COMPOSED, DECOMPOSED])
def test_a_record_is_believed_whichever_way_its_key_is_spelled(spelling: str) -> None:
    known = live(catalog(lecture("s/c/l", title=spelling.removesuffix(".mp3"))))

    for values in ({"file_hash": None}, {"file_path": "elsewhere.mp3", "audio_url": None}):
        shown = edited(row_of(known, "s/c/l"), title="Renamed", **values)
        assert actions(planned(with_rows(known, shown))) == {"s/c/l": Action.UPDATE}


def test_a_path_is_looked_up_in_the_lockfile_under_either_spelling() -> None:
    known = live(catalog(lecture("s/c/l", audio=DECOMPOSED), lock=[media(COMPOSED)], gone=[DECOMPOSED]))

    assert known.snapshot.objects
    assert planned(known).changes == ()


def test_two_new_lectures_in_two_spellings_of_one_title_would_be_found_by_one_key() -> None:
    both = catalog(lecture("s/c/a", title="e\u0301"), lecture("s/c/b", title="é"))

    assert set(questions(world(both)).values()) == {"EL516"}
