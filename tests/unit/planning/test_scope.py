"""A partial plan: what it covers, what it needs beyond that, and what it never touches."""

import pytest

from reconciler.model.errors import UsageError
from reconciler.model.plan import Action
from reconciler.planning.planner import refuse_idle_globs
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
    stored,
    with_objects,
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


def test_an_address_can_be_named_alone_without_what_is_under_it() -> None:
    known = live(catalog(speaker("s"), lecture("s/c/l"), speaker("t")))
    changed = declaring(
        known, speaker("s", bio="new"), lecture("s/c/l", number=1), speaker("t", bio="new"), collection("t/c")
    )

    assert set(actions(planned(changed, only=["=s"]))) == {"s"}
    assert set(actions(planned(changed, only=["=s", "t"]))) == {"s", "t", "t/c"}
    assert set(actions(planned(changed, only=["=*"]))) == set()


def test_the_brackets_of_what_is_unmanaged_stand_for_themselves() -> None:
    known = with_objects(
        live(catalog(lecture("s/c/l"))), stored("old/a.mp3"), stored("old/b.mp3"), stored("c.mp3")
    )

    def retired(*only: str) -> set[str]:
        return set(actions(planned(known, only=only, options=[DELETE_UNMANAGED])))

    assert retired("unmanaged.object[old/*]") == {
        "unmanaged.object[old/a.mp3]",
        "unmanaged.object[old/b.mp3]",
    }
    assert retired("=unmanaged.object[c.mp3]") == {"unmanaged.object[c.mp3]"}


@pytest.mark.parametrize(
    "glob", ["unmanaged.object[c.mp3]", "=unmanaged.object[c.mp3]", "=s/c", "unmanaged.*"]
)
def test_a_glob_that_names_something_is_not_refused_even_when_the_plan_takes_it_away(glob: str) -> None:
    known = with_objects(live(catalog(lecture("s/c/l"))), stored("c.mp3"))

    refuse_idle_globs(known, planned(known, only=[glob], options=[DELETE_UNMANAGED]))


@pytest.mark.parametrize("glob", ["=s/x", "=s*", "unmanaged.object[d.mp3]", "=unmanaged.object[*]"])
def test_a_glob_that_names_nothing_is_refused(glob: str) -> None:
    known = with_objects(live(catalog(lecture("s/c/l"))), stored("c.mp3"))

    with pytest.raises(UsageError) as refused:
        refuse_idle_globs(known, planned(known, only=[glob], options=[DELETE_UNMANAGED]))
    assert f" {glob} " in refused.value.message
