"""Which later runs stand in the way of a rollback, and which rollbacks stand."""

import pytest

from reconciler.model.errors import NotReversible
from reconciler.model.history import WHOLE_RUN, Touch
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from reconciler.model.remedies import Rollback
from reconciler.planning.rollback_conflicts import runs_in_the_way, still_felt, taken_back_by
from reconciler.planning.steps import Done
from tests.unit.planning.pasts import carried_out, taken_back, touch
from tests.unit.planning.worlds import catalog, declaring, lecture, live


def did(address: str, action: Action, row: int | None = 4, previous: str | None = None) -> Done:
    return Done(address=address, action=action, kind=Kind.LECTURE, row=row, previous_address=previous)


UPDATED = did("s/c/l", Action.UPDATE)
MOVED = did("t/d/l", Action.MOVE, previous="s/c/l")
DELETED = did("s/c/l", Action.DELETE)
CREATED = Done(address="s", action=Action.CREATE, kind=Kind.SPEAKER, row=1)


@pytest.mark.parametrize(
    ("ours", "later"),
    [
        (UPDATED, touch(13, "s/c/l")),
        (UPDATED, touch(13, "s/c/l", "no-op")),
        (UPDATED, touch(13, "s/c/x", "move", previous_address="s/c/l")),
        (MOVED, touch(13, "s/c/l", "create")),
        (MOVED, touch(13, "t/d/l")),
        (UPDATED, touch(13, "s/c/other", "adopt", kind="lecture", row=4)),
        (CREATED, touch(13, "s/c/l", "create", kind="lecture", row=9)),
        (CREATED, touch(13, "s/c", "update")),
        (DELETED, touch(13, "s/c", "delete")),
        (DELETED, touch(13, "s", "forget")),
        (DELETED, touch(13, "t", "move", previous_address="s")),
        (MOVED, touch(13, "s/c", "delete")),
    ],
)
def test_a_later_run_that_touched_the_same_is_in_the_way(ours: Done, later: Touch) -> None:
    assert runs_in_the_way([ours], [later]) == {13: [later.address]}


@pytest.mark.parametrize(
    ("ours", "later"),
    [
        (UPDATED, touch(13, "s/c/m")),
        (UPDATED, touch(13, "s/c", "update", kind="collection", row=4)),
        (UPDATED, touch(13, "x/y/z", kind="lecture", row=5)),
        (DELETED, touch(13, "s/c", "update")),
        (DELETED, touch(13, "s/c/x", "create")),
        (CREATED, touch(13, "t/c/l", "create")),
        (did("s/c/l", Action.DELETE, row=None), touch(13, "unmanaged.object[k]", "delete")),
        (UPDATED, touch(13, WHOLE_RUN, "rollback", rolled_back=11)),
    ],
)
def test_a_later_run_that_touched_other_things_is_not(ours: Done, later: Touch) -> None:
    assert runs_in_the_way([ours], [later]) == {}


def rollback(run: int, of: int) -> Touch:
    return touch(run, WHOLE_RUN, "rollback", rolled_back=of)


@pytest.mark.parametrize(
    ("later", "by"),
    [
        ([], None),
        ([touch(13, "s")], None),
        ([rollback(13, 12)], 13),
        ([rollback(13, 11)], None),
        ([rollback(13, 12), rollback(14, 13)], None),
        ([rollback(13, 12), rollback(14, 13), rollback(15, 14)], 13),
        ([rollback(13, 12), rollback(14, 13), rollback(15, 12)], 15),
    ],
)
def test_a_rollback_stands_until_it_is_rolled_back(later: list[Touch], by: int | None) -> None:
    assert taken_back_by(12, later) == by


@pytest.mark.parametrize(
    ("later", "felt"),
    [
        ([touch(13, "s"), rollback(14, 13)], set()),
        ([touch(13, "s"), rollback(14, 13), touch(15, "s")], {15}),
        ([touch(13, "s"), rollback(14, 13), rollback(15, 14)], {13}),
        ([touch(13, "s"), rollback(14, 13), rollback(15, 14), rollback(16, 13)], set()),
        ([touch(13, "s"), rollback(14, 13), rollback(15, 14), rollback(16, 15)], set()),
        ([touch(13, "s"), rollback(14, 11)], {13, 14}),
    ],
)
def test_a_run_and_the_rollback_that_takes_it_back_cancel_out(later: list[Touch], felt: set[int]) -> None:
    assert {found.run for found in still_felt(12, later)} == felt


def test_what_is_in_the_way_of_a_run_in_the_way_is_in_the_way_too() -> None:
    later = [touch(13, "s/c/l"), touch(13, "s/c/m"), touch(14, "s/c/m"), touch(15, "s/c/n")]

    assert runs_in_the_way([UPDATED], later) == {13: ["s/c/l"], 14: ["s/c/m"]}


def test_every_run_in_the_way_is_named_with_the_rollback_that_takes_it_back() -> None:
    start = live(catalog(lecture("s/c/l")))
    later = [touch(15, "s/c/l"), touch(13, "s/c/l")]
    after, past = carried_out(declaring(start, lecture("s/c/l", title="Other")), later=later)

    with pytest.raises(NotReversible) as raised:
        taken_back(after, past)

    assert [{word for word in ("13", "15", "s/c/l") if word in line} for line in raised.value.details] == [
        {"13", "s/c/l"},
        {"15", "s/c/l"},
    ]
    assert raised.value.remedies == (Rollback(run=15), Rollback(run=13))
