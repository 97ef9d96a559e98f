"""Keys in two spellings of Unicode: one object, wherever a key is looked up."""

from dataclasses import replace

from reconciler.model.address import Address
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
    state_of,
    stored,
    with_rows,
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
    assert change_at(plan, "s/c/l").retired == (DECOMPOSED,)
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

    assert change_at(planned(removed), "s/c/l").retired == ()


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
