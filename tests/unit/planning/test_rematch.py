"""A table that was wiped and imported again: old row ids are other resources now."""

from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from tests.unit.planning.worlds import (
    actions,
    applied,
    catalog,
    change_at,
    lecture,
    live,
    media,
    planned,
    renumbered,
    row_of,
    without_rows,
)

FOUR = tuple(lecture(f"s/{book}/{name}") for book in "cd" for name in "ab")


def test_ids_shuffled_among_lectures_find_their_rows_again() -> None:
    known = live(catalog(*FOUR))
    wiped = renumbered(known, {Kind.LECTURE: {101: 104, 104: 101, 102: 103, 103: 102}})

    plan = planned(wiped)

    assert {c.address: (c.action, c.row) for c in plan.changes} == {
        "s/c/a": (Action.ADOPT, 104),
        "s/c/b": (Action.ADOPT, 103),
        "s/d/a": (Action.ADOPT, 102),
        "s/d/b": (Action.ADOPT, 101),
    }
    assert all(change.before == change.after for change in plan.changes)
    assert planned(applied(wiped, plan)).changes == ()


def test_new_ids_everywhere_find_their_rows_again() -> None:
    known = live(catalog(*FOUR))
    wiped = renumbered(
        known,
        {
            Kind.SPEAKER: {1: 7},
            Kind.COLLECTION: {11: 12, 12: 11},
            Kind.LECTURE: {101: 102, 102: 103, 103: 104, 104: 105},
        },
    )

    plan = planned(wiped)

    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert [put for change in plan.changes for put in change.puts] == []
    assert plan.unmanaged.rows == {}
    assert planned(applied(wiped, plan)).changes == ()


def test_a_broken_record_is_drift() -> None:
    known = live(catalog(*FOUR))
    wiped = renumbered(known, {Kind.LECTURE: {101: 104, 104: 101}})

    plan = planned(wiped)

    assert [(d.address, d.attribute, d.recorded) for d in plan.drift] == [
        ("s/c/a", "row", 101),
        ("s/d/b", "row", 104),
    ]
    assert change_at(plan, "s/c/a").row == 104


def test_a_recorded_row_that_is_gone_is_made_again_with_its_object() -> None:
    known = live(catalog(lecture("s/c/a")))
    lost = without_rows(known, row_of(known, "s/c/a"))

    plan = planned(lost)

    (change,) = plan.changes
    assert (change.action, change.puts) == (Action.CREATE, ())
    assert [(d.address, d.attribute) for d in plan.drift] == [("s/c/a", "row")]
    assert planned(applied(lost, plan)).changes == ()


def test_swapped_ids_of_equal_bytes_are_corrected_in_place() -> None:
    """Nothing tells the two apart but their titles, and a record that still has its bytes is believed."""
    lines = [media("a.mp3", "same"), media("b.mp3", "same")]
    known = live(catalog(lecture("s/c/a", audio="a.mp3"), lecture("s/c/b", audio="b.mp3"), lock=lines))
    wiped = renumbered(known, {Kind.LECTURE: {101: 102, 102: 101}})

    plan = planned(wiped)

    assert actions(plan) == {"s/c/a": Action.UPDATE, "s/c/b": Action.UPDATE}
    assert planned(applied(wiped, plan)).changes == ()


def test_what_is_protected_stays_so_when_it_is_found_again() -> None:
    known = live(catalog(lecture("s/c/a", protect=True), lecture("s/c/b")))
    wiped = renumbered(known, {Kind.LECTURE: {101: 102, 102: 101}})

    assert change_at(planned(wiped), "s/c/a").protect
