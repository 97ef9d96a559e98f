"""A partial plan: what it covers, what it needs beyond that, and what it never touches."""

from reconciler.model.plan import Action
from reconciler.planning.world import DELETE_UNMANAGED, Request
from tests.unit.planning.worlds import (
    actions,
    applied,
    catalog,
    collection,
    declaring,
    lecture,
    lecture_row,
    live,
    planned,
    speaker,
    with_rows,
    world,
)


def test_only_what_the_scope_covers_is_planned() -> None:
    known = live(catalog(lecture("s/c/l"), lecture("s/d/l"), lecture("t/c/l")))
    changed = declaring(
        known, lecture("s/c/l", number=1), lecture("s/d/l", number=1), lecture("t/c/l", number=1)
    )

    assert set(actions(planned(changed, only=["s/c"]))) == {"s/c/l"}
    assert set(actions(planned(changed, only=["s"]))) == {"s/c/l", "s/d/l"}
    assert set(actions(planned(changed, only=["*/c/*"]))) == {"s/c/l", "t/c/l"}
    assert set(actions(planned(changed, only=["s/d/", "t"]))) == {"s/d/l", "t/c/l"}
    assert set(actions(planned(changed, only=["nothing"]))) == set()


def test_a_new_child_brings_the_parents_that_it_needs() -> None:
    plan = planned(world(catalog(lecture("s/c/l"), lecture("s/d/m"))), only=["s/c/l"])

    assert set(actions(plan)) == {"s", "s/c", "s/c/l"}


def test_a_parent_that_has_a_row_is_left_alone() -> None:
    known = live(catalog(collection("s/c")))
    changed = declaring(known, speaker("s", bio="new"), lecture("s/c/l"))

    assert set(actions(planned(changed, only=["s/c/l"]))) == {"s/c/l"}


def test_what_left_the_catalog_outside_the_scope_is_not_deleted() -> None:
    known = declaring(live(catalog(lecture("s/c/l"), lecture("t/c/l"))), lecture("t/c/l", number=1))

    assert actions(planned(known, only=["t"])) == {"t/c/l": Action.UPDATE}


def test_what_left_the_catalog_inside_the_scope_is_deleted() -> None:
    known = declaring(live(catalog(lecture("s/c/l"), lecture("t/c/l"))), lecture("t/c/l"))

    assert set(actions(planned(known, only=["s"]))) == {"s", "s/c", "s/c/l"}


def test_a_move_is_covered_by_either_of_its_addresses() -> None:
    known = live(catalog(lecture("s/c/l", audio="l.mp3"), collection("s/d")))
    moved = declaring(known, collection("s/c"), lecture("s/d/l", audio="l.mp3", previously="s/c/l"))

    assert set(actions(planned(moved, only=["s/c"]))) == {"s/d/l"}
    assert set(actions(planned(moved, only=["s/d"]))) == {"s/d/l"}
    assert planned(moved, only=["t"]).changes == ()


def test_what_is_unmanaged_is_outside_every_address() -> None:
    stray = with_rows(live(catalog(lecture("s/c/l"))), lecture_row(900, "Stray", "stray.mp3"))

    assert planned(stray, only=["s"], options=[DELETE_UNMANAGED]).changes == ()


def test_a_parent_that_goes_brings_the_moves_out_of_it_along() -> None:
    known = live(catalog(lecture("s/c/l", audio="l.mp3"), collection("s/d")))
    moved = declaring(known, lecture("s/d/l", audio="l.mp3", previously="s/c/l"))
    alone = planned(moved, only=["s/c"])

    assert actions(alone) == {"s/c": Action.DELETE, "s/d/l": Action.MOVE}
    assert alone.blocked == ()
    assert planned(applied(moved, alone), only=["s/c"]).changes == ()


def test_the_scope_is_part_of_what_was_reviewed() -> None:
    wild = world(catalog(speaker("s")))

    assert planned(wild, only=["s"]).fingerprint != planned(wild).fingerprint
    assert planned(wild, only=["s"]).scope == ("s",)


def test_no_scope_covers_everything() -> None:
    assert Request().covers("anything")
    assert not Request(scope=("s",)).covers("t", None)
