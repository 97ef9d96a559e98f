"""What a plan may not do without a reviewed allowance, and what it may never do."""

from dataclasses import replace

import pytest

from reconciler.model.catalog import Resource
from reconciler.model.plan import Plan
from reconciler.model.policy import GuardLimits
from reconciler.model.remedies import LiftGuard, MakePlan, Sentence
from reconciler.planning.guards import lifted
from reconciler.planning.world import DELETE_UNMANAGED, World
from tests.unit.planning.worlds import (
    POLICY,
    catalog,
    collection,
    collection_row,
    declaring,
    lecture,
    lecture_row,
    live,
    planned,
    row_of,
    speaker,
    speaker_row,
    with_rows,
    without_rows,
    world,
)


def speakers(count: int) -> list[Resource]:
    return [speaker(f"s{number}") for number in range(count)]


def guards(plan: Plan) -> list[str]:
    return [blocked.guard for blocked in plan.blocked]


def removing(count: int, of: int, limits: GuardLimits | None = None) -> World:
    known = live(catalog(*speakers(of)), policy=replace(POLICY, guards=limits or GuardLimits()))
    return declaring(known, *speakers(of)[count:])


@pytest.mark.parametrize(
    ("count", "of", "blocked"), [(3, 10, False), (4, 10, True), (8, 9, False), (6, 20, False), (7, 20, True)]
)
def test_more_than_thirty_percent_of_ten_or_more_is_too_much(count: int, of: int, blocked: bool) -> None:
    assert (guards(planned(removing(count, of))) == ["deletes"]) is blocked


def test_a_number_of_deletes_is_a_limit_of_its_own() -> None:
    limits = GuardLimits(delete_count=2)

    assert guards(planned(removing(2, 20, limits))) == []
    assert guards(planned(removing(3, 20, limits))) == ["deletes"]


def test_both_limits_are_one_guard_and_one_allowance() -> None:
    (blocked,) = planned(removing(10, 20, GuardLimits(delete_count=2))).blocked

    assert (blocked.guard, blocked.remedies) == ("deletes", (LiftGuard(guard="deletes", number=10),))
    assert len(blocked.addresses) == 10


def test_an_allowance_is_a_ceiling() -> None:
    assert guards(planned(removing(4, 10), allow={"deletes": 4})) == []
    assert guards(planned(removing(4, 10), allow={"deletes": 3})) == ["deletes"]


def test_a_guard_says_which_allowance_lifts_it() -> None:
    (blocked,) = planned(removing(4, 10)).blocked

    assert blocked.remedies == (LiftGuard(guard="deletes", number=4),)


def test_one_plan_lifts_all_guards_with_what_was_asked_for_and_allowed_already() -> None:
    lectures = [lecture(f"s/c/l{number}") for number in range(10)]
    removed = declaring(live(catalog(*lectures)), *lectures[:5])
    row = row_of(removed, "s/c/l9").id

    plan = planned(removed, favourites={row: 2}, allow={"empty-catalog": 1}, options=[DELETE_UNMANAGED])

    assert guards(plan) == ["deletes", "user-rows"]
    assert lifted(plan) == MakePlan(
        options=(DELETE_UNMANAGED,), allowances={"empty-catalog": 1, "deletes": 5, "user-rows": 2}
    )


def test_what_lifts_the_guards_of_a_saved_plan_is_saved_to_its_file() -> None:
    again = lifted(planned(removing(4, 10)), "plans/of today.json")

    assert again == MakePlan(allowances={"deletes": 4}, out="plans/of today.json")


def test_deletes_of_what_is_unmanaged_count_too() -> None:
    known = live(catalog(*speakers(10)))
    strays = with_rows(known, *(lecture_row(900 + place, "Stray", f"{place}.mp3") for place in range(4)))

    assert guards(planned(strays, options=[DELETE_UNMANAGED])) == ["deletes"]


# User rows.


def removed_lecture(limits: GuardLimits | None = None) -> World:
    known = live(catalog(lecture("s/c/l")), policy=replace(POLICY, guards=limits or GuardLimits()))
    return declaring(known, collection("s/c"))


def test_not_one_user_row_may_be_lost() -> None:
    (blocked,) = planned(removed_lecture(), favourites={101: 1}).blocked

    assert (blocked.guard, blocked.remedies) == ("user-rows", (LiftGuard(guard="user-rows", number=1),))
    assert {"1", "favorites"} <= set(blocked.summary.split())


def test_without_user_rows_nothing_is_blocked() -> None:
    assert planned(removed_lecture()).blocked == ()


def test_an_allowance_of_user_rows_is_a_ceiling() -> None:
    assert planned(removed_lecture(), favourites={101: 40}, allow={"user-rows": 40}).blocked == ()
    assert guards(planned(removed_lecture(), favourites={101: 41}, allow={"user-rows": 40})) == ["user-rows"]


def test_a_budget_of_user_rows_in_the_settings_is_a_ceiling() -> None:
    world_ = removed_lecture(GuardLimits(user_rows=2))

    assert planned(world_, favourites={101: 2}).blocked == ()
    assert guards(planned(world_, favourites={101: 3})) == ["user-rows"]


# An empty catalog.


def test_an_empty_catalog_beside_records_is_blocked() -> None:
    known = live(catalog(speaker("s")))

    assert guards(planned(declaring(known))) == ["empty-catalog"]
    assert guards(planned(declaring(known), allow={"empty-catalog": 1})) == []


def test_an_empty_catalog_beside_no_records_is_a_beginning() -> None:
    assert planned(world(catalog(), rows=[speaker_row(1, "S")])).blocked == ()


def test_an_empty_catalog_that_lets_everything_go_deletes_nothing() -> None:
    assert planned(declaring(live(catalog(speaker("s"))), forget=["s"])).blocked == ()


# Protection.


def test_what_the_last_apply_protected_is_not_deleted() -> None:
    known = live(catalog(lecture("s/c/l", protect=True), lecture("s/c/m")))

    (blocked,) = planned(declaring(known, lecture("s/c/m"))).blocked

    assert (blocked.guard, blocked.addresses) == ("protect", ("s/c/l",))


def test_no_allowance_lifts_protection() -> None:
    known = live(catalog(lecture("s/c/l", protect=True), lecture("s/c/m")))

    assert guards(planned(declaring(known, lecture("s/c/m")), allow={"deletes": 99, "protect": 1})) == [
        "protect"
    ]


@pytest.mark.parametrize("entry", [{"row": 101}, {"previously": "s/c/l"}])
def test_a_protected_row_does_not_lose_its_protection_under_another_address(entry: dict[str, object]) -> None:
    known = live(catalog(lecture("s/c/l", protect=True)))

    (blocked,) = planned(declaring(known, lecture("s/c/n", audio="s/c/l.mp3", **entry))).blocked

    assert (blocked.guard, blocked.addresses) == ("protect", ("s/c/l",))
    (remedy,) = blocked.remedies
    assert isinstance(remedy, Sentence)
    assert "s/c/n" in remedy.text


@pytest.mark.parametrize("entry", [{"row": 101}, {"previously": "s/c/l"}])
def test_a_protected_row_may_take_another_address_that_protects_it(entry: dict[str, object]) -> None:
    known = live(catalog(lecture("s/c/l", protect=True)))
    renamed = lecture("s/c/n", audio="s/c/l.mp3", protect=True, **entry)

    assert planned(declaring(known, renamed)).blocked == ()


def test_a_protected_address_that_is_forgotten_on_purpose_may_be_declared_anew() -> None:
    known = live(catalog(lecture("s/c/l", protect=True)))
    again = lecture("s/c/n", audio="s/c/l.mp3", row=101)

    assert planned(declaring(known, again, forget=["s/c/l"])).blocked == ()


def test_a_protected_row_that_is_gone_blocks_nothing() -> None:
    known = live(catalog(lecture("s/c/l", protect=True), lecture("s/c/m")))

    gone = lecture_row(101, "L", "L.mp3")

    assert planned(without_rows(declaring(known, lecture("s/c/m")), gone)).blocked == ()


def test_what_is_protected_may_be_let_go() -> None:
    known = live(catalog(lecture("s/c/l", protect=True), lecture("s/c/m")))

    assert planned(declaring(known, lecture("s/c/m"), forget=["s/c/l"])).blocked == ()


# Undeclared content.


def test_a_delete_that_would_take_undeclared_rows_along_is_blocked() -> None:
    known = live(catalog(lecture("s/c/l"), speaker("t")))
    stray = with_rows(
        known, lecture_row(900, "Stray", "x.mp3", speaker_id=1), collection_row(901, 1, "Stray")
    )

    (blocked,) = planned(declaring(stray, speaker("t"))).blocked

    assert blocked.guard == "undeclared-content"
    assert blocked.addresses == ("unmanaged.collections[901]", "unmanaged.lectures[900]")


def test_what_moves_away_first_is_not_taken_along() -> None:
    known = live(catalog(lecture("s/c/l", audio="l.mp3"), speaker("t")))
    moved = declaring(known, lecture("t/c/l", audio="l.mp3", previously="s/c/l"))

    assert planned(moved).blocked == ()


def test_what_is_let_go_under_a_parent_that_goes_is_taken_along() -> None:
    known = live(catalog(lecture("s/c/l"), lecture("s/d/l")))

    plan = planned(declaring(known, lecture("s/d/l"), forget=["s/c/l"]))

    assert guards(plan) == ["undeclared-content"]
