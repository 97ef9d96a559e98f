"""Which of two lectures goes, and which may not."""

import pytest

from reconciler.model.errors import UsageError
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action, Merged, Plan
from reconciler.model.ports import Dependents, PositionsPastEnd
from reconciler.model.remedies import Merge, Sentence
from reconciler.planning.planner import finish
from reconciler.planning.row_merge import draft_merge, rows_of
from reconciler.planning.world import Request, World
from tests.unit.planning.worlds import (
    actions,
    catalog,
    change_at,
    declaring,
    lecture,
    lecture_row,
    live,
    planned,
    row_of,
    stored,
    with_objects,
    with_rows,
)

DECLARED = live(catalog(lecture("s/c/l"), lecture("s/c/m")))
STRAY = with_objects(with_rows(DECLARED, lecture_row(700, "Stray", "stray.mp3")), stored("stray.mp3"))


def merged(world: World, row: str, into: str) -> Plan:
    rough = draft_merge(world, Request(merges=(row, into)))
    return finish(world, rough, Dependents(), Dependents(), PositionsPastEnd())


@pytest.mark.parametrize("row", ["700", "unmanaged.lectures[700]"])
def test_an_unmanaged_row_goes_and_the_address_keeps_its_own(row: str) -> None:
    plan = merged(STRAY, row, "s/c/l")

    assert actions(plan) == {"s/c/l": Action.NO_OP, "unmanaged.lectures[700]": Action.DELETE}
    assert change_at(plan, "unmanaged.lectures[700]").retired == ("stray.mp3",)
    assert change_at(plan, "s/c/l").row == row_of(STRAY, "s/c/l").id
    assert plan.merges == (row, "s/c/l")


def test_an_address_can_be_named_by_its_row() -> None:
    own = row_of(STRAY, "s/c/l").id
    assert actions(merged(STRAY, "700", str(own))) == actions(merged(STRAY, "700", "s/c/l"))


def test_two_unmanaged_rows_can_be_merged() -> None:
    both = with_rows(STRAY, lecture_row(701, "Twin", "stray.mp3"))

    plan = merged(both, "701", "700")

    assert actions(plan) == {
        "unmanaged.lectures[700]": Action.NO_OP,
        "unmanaged.lectures[701]": Action.DELETE,
    }
    assert change_at(plan, "unmanaged.lectures[701]").retired == ()
    assert plan.unmanaged.rows == {Kind.LECTURE: (700,)}  # the one that stays


def test_the_row_that_goes_is_told_from_the_one_that_stays() -> None:
    rough = draft_merge(STRAY, Request(merges=("700", "s/c/l")))

    assert rows_of(rough) == (700, row_of(STRAY, "s/c/l").id)
    assert (rough.to_delete, rough.merged) == ({}, Merged())


def test_an_address_that_left_the_catalog_can_go_and_is_not_missed() -> None:
    left = declaring(DECLARED, lecture("s/c/m"))

    plan = merged(left, "s/c/l", "s/c/m")

    assert actions(plan) == {"s/c/l": Action.DELETE, "s/c/m": Action.NO_OP}


def test_an_address_that_the_catalog_declares_is_never_the_one_that_goes() -> None:
    for into in ("s/c/m", "700"):
        with pytest.raises(UsageError) as raised:
            merged(STRAY, "s/c/l", into)
        assert raised.value.code == "merge-of-declared"
        assert raised.value.remedies[0] == Merge(row=into, into="s/c/l")


def test_the_other_way_round_is_named_for_a_row_that_is_unmanaged() -> None:
    with pytest.raises(UsageError) as raised:
        merged(STRAY, "s/c/l", "700")
    merge, otherwise = raised.value.remedies
    assert merge == Merge(row="700", into="s/c/l")
    assert isinstance(otherwise, Sentence)
    assert "`row: 700`" in otherwise.text


def test_a_protected_lecture_is_guarded() -> None:
    left = declaring(live(catalog(lecture("s/c/l", protect=True), lecture("s/c/m"))), lecture("s/c/m"))
    assert [blocked.guard for blocked in merged(left, "s/c/l", "s/c/m").blocked] == ["protect"]


@pytest.mark.parametrize("row", ["701", "s/c/none", "unmanaged.speakers[1]", ""])
def test_what_names_no_lecture_with_a_row_is_refused(row: str) -> None:
    with pytest.raises(UsageError) as raised:
        merged(STRAY, row, "unmanaged.lectures[700]")
    assert raised.value.code == "no-row"
    assert row in str(raised.value)


def test_a_speaker_is_no_lecture() -> None:
    with pytest.raises(UsageError) as raised:
        merged(STRAY, "700", "s")
    assert raised.value.code == "not-a-lecture"
    assert str(raised.value).split()[0] == "s"


def test_an_address_whose_row_is_another_one_now_is_refused() -> None:
    own = row_of(STRAY, "s/c/l").id
    strange = with_rows(STRAY, lecture_row(own, "Strange", "strange.mp3"))
    with pytest.raises(UsageError) as raised:
        merged(strange, "700", "s/c/l")
    assert raised.value.code == "no-row"
    assert "s/c/l" in str(raised.value)


@pytest.mark.parametrize("row", ["700", "unmanaged.lectures[700]", "unmanaged.lectures[700"])
def test_a_lecture_is_not_merged_with_itself(row: str) -> None:
    with pytest.raises(UsageError) as raised:
        merged(STRAY, row, "unmanaged.lectures[700]")
    assert raised.value.code == "merge-with-itself"
    assert "unmanaged.lectures[700]" in str(raised.value)


def test_a_merge_says_so_in_its_fingerprint() -> None:
    assert merged(STRAY, "700", "s/c/l").fingerprint != merged(STRAY, "700", "s/c/m").fingerprint
    assert planned(STRAY).merges is None


def test_the_row_that_goes_is_not_among_what_is_left_alone() -> None:
    assert planned(STRAY).unmanaged.rows == {Kind.LECTURE: (700,)}
    assert merged(STRAY, "700", "s/c/l").unmanaged.rows == {}
