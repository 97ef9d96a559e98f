"""Which recorded rows are still believed to be the rows that were recorded."""

from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from reconciler.planning.record_validity import trusted
from tests.unit.planning.worlds import (
    catalog,
    change_at,
    declaring,
    edited,
    lecture,
    live,
    planned,
    questions,
    renumbered,
    row_of,
    with_rows,
)

SWAPPED = {
    Kind.COLLECTION: {11: 12, 12: 11},
    Kind.LECTURE: {101: 103, 103: 101, 102: 104, 104: 102},
}


def test_the_recorded_title_is_not_believed_under_a_parent_id_that_is_another_parents_now() -> None:
    """Ids dealt anew in both tables can meet so: row 101 was `A` in 11, and is the `A` of what 11 is now."""
    known = live(catalog(*(lecture(f"s/{book}/{name}") for book in "cd" for name in "ab")))

    plan = planned(renumbered(known, SWAPPED))

    found = {change.address: (change.action, change.row) for change in plan.changes}
    assert found == {
        "s/c": (Action.ADOPT, 12),
        "s/d": (Action.ADOPT, 11),
        "s/c/a": (Action.ADOPT, 103),
        "s/c/b": (Action.ADOPT, 104),
        "s/d/a": (Action.ADOPT, 101),
        "s/d/b": (Action.ADOPT, 102),
    }


def test_a_row_number_that_outlived_a_reimport_is_asked_about_and_binds_nothing() -> None:
    known = live(catalog(lecture("s/c/a"), lecture("s/c/b")))
    wiped = renumbered(known, {Kind.LECTURE: {101: 102, 102: 101}})

    asked = questions(declaring(wiped, lecture("s/c/a", row=101), lecture("s/c/b")))

    assert asked == {"s/c/a": "EL507"}


def test_a_row_number_is_believed_while_the_row_shows_what_is_declared() -> None:
    known = live(catalog(lecture("s/c/a")))
    changed = edited(row_of(known, "s/c/a"), title="New", file_path="elsewhere.mp3", file_hash=None)
    declared = declaring(with_rows(known, changed), lecture("s/c/a", row=101, title="New"))

    assert change_at(planned(declared), "s/c/a").row == 101


def test_a_lecture_without_parents_vouches_for_none() -> None:
    known = live(catalog(lecture("s/c/a")))
    orphaned = edited(row_of(known, "s/c/a"), speaker_id=None, collection_id=None)
    renamed = edited(row_of(known, "s"), name="Other")

    plan = planned(with_rows(known, orphaned, renamed))

    assert change_at(plan, "s").action is Action.CREATE


def test_a_row_is_of_the_address_whose_very_object_it_names_and_not_of_one_with_the_same_bytes() -> None:
    """Two lectures of the same bytes, and an apply of one of them after ids were given out anew."""
    known = live(catalog(lecture("s/c/a"), lecture("t/c/a", audio="s/c/a.mp3")))
    first, second = known.recorded.resources[Address("s/c/a")], known.recorded.resources[Address("t/c/a")]
    both = {**known.recorded.resources, Address("s/c/a"): replace(first, row=second.row)}

    believed = trusted(known.snapshot, replace(known.recorded, resources=both))

    assert Address("s/c/a") not in believed
    assert believed[Address("t/c/a")].id == second.row
