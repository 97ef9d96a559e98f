"""What leaves the catalog, what is let go, and what was never declared."""

from dataclasses import replace

from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, Impact
from reconciler.model.recorded import KeyState
from reconciler.planning.world import DELETE_UNMANAGED, World
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
    key,
    lecture,
    lecture_row,
    live,
    planned,
    row_of,
    speaker,
    speaker_row,
    state_of,
    stored,
    with_objects,
    with_rows,
    without_objects,
    without_rows,
    world,
)

KEY = "S/C/L.mp3"
PAIR = live(catalog(lecture("s/c/l"), lecture("t/c/l")))


def test_what_leaves_the_catalog_is_deleted_and_its_objects_retired_in_place() -> None:
    removed = declaring(PAIR, lecture("t/c/l"))

    plan = planned(removed)
    after = applied(removed, plan)

    assert actions(plan) == dict.fromkeys(("s", "s/c", "s/c/l"), Action.DELETE)
    assert change_at(plan, "s/c/l").retired == (KEY,)
    assert (state_of(after, KEY), KEY in after.snapshot.objects) == (KeyState.RETIRED, True)
    assert planned(after).changes == ()


def test_a_delete_shows_every_column_and_object_of_the_row_as_it_is_now() -> None:
    by_hand = with_rows(PAIR, edited(row_of(PAIR, "s/c/l"), genre="Talk"))

    before = before_of(planned(declaring(by_hand, lecture("t/c/l"))), "s/c/l")

    assert (before.values["title"], before.values["genre"]) == ("L", "Talk")
    assert before.objects[Slot.LECTURE_AUDIO].key == KEY


def test_a_delete_counts_the_user_rows_that_go_with_it() -> None:
    plan = planned(declaring(PAIR, lecture("t/c/l")), favourites={101: 40, 102: 2})

    assert change_at(plan, "s/c/l").impact == Impact(lost={"favorites": 40}, users=1)
    assert (plan.impact.lost_rows, plan.impact.users) == (40, 1)


def test_a_delete_without_user_rows_has_no_impact() -> None:
    assert change_at(planned(declaring(PAIR, lecture("t/c/l"))), "s/c/l").impact is None


def test_a_row_that_is_gone_already_is_only_forgotten_and_its_object_retired() -> None:
    gone = without_rows(declaring(PAIR, collection("s/c"), lecture("t/c/l")), row_of(PAIR, "s/c/l"))

    plan = planned(gone)

    (change,) = plan.changes
    assert (change.action, change.row, change.retired) == (Action.FORGET, None, (KEY,))
    assert state_of(applied(gone, plan), KEY) is KeyState.RETIRED


def test_an_object_that_is_gone_already_is_not_retired() -> None:
    gone = without_objects(declaring(PAIR, lecture("t/c/l")), KEY)

    assert change_at(planned(gone), "s/c/l").retired == ()


# Letting go.


def test_what_is_let_go_keeps_its_row_and_its_object() -> None:
    let_go = declaring(PAIR, collection("s/c"), lecture("t/c/l"), forget=["s/c/l"])

    plan = planned(let_go)
    after = applied(let_go, plan)

    assert actions(plan) == {"s/c/l": Action.FORGET}
    assert change_at(plan, "s/c/l").row == 101
    assert after.snapshot.rows == let_go.snapshot.rows
    assert state_of(after, KEY) is KeyState.RELEASED


def test_what_was_let_go_is_unmanaged_from_the_next_plan_on() -> None:
    let_go = declaring(PAIR, collection("s/c"), lecture("t/c/l"), forget=["s/c/l"])
    first = planned(let_go)
    second = planned(applied(let_go, first))

    assert (first.unmanaged.rows, first.unmanaged.objects) == ({}, {})
    assert (second.changes, second.unmanaged.rows) == ((), {Kind.LECTURE: (101,)})
    assert second.unmanaged.objects == {KEY: 9}


def test_what_is_let_go_is_not_deleted_as_unmanaged_in_the_same_plan() -> None:
    let_go = declaring(PAIR, collection("s/c"), lecture("t/c/l"), forget=["s/c/l"])

    assert actions(planned(let_go, options=[DELETE_UNMANAGED])) == {"s/c/l": Action.FORGET}


def test_letting_a_parent_go_lets_everything_under_it_go() -> None:
    plan = planned(declaring(PAIR, lecture("t/c/l"), forget=["s"]))

    assert actions(plan) == dict.fromkeys(("s", "s/c", "s/c/l"), Action.FORGET)


def test_letting_go_of_what_nobody_recorded_is_harmless() -> None:
    assert planned(declaring(PAIR, lecture("s/c/l"), lecture("t/c/l"), forget=["s/never"])).changes == ()


def test_what_was_let_go_stays_let_go() -> None:
    let_go = declaring(PAIR, lecture("t/c/l"), forget=["s"])

    assert planned(applied(let_go, planned(let_go))).changes == ()


def test_a_row_that_was_let_go_may_be_declared_under_a_new_address() -> None:
    anew = declaring(
        PAIR, lecture("t/c/l"), lecture("u/c/l", audio="s/c/l.mp3"), speaker("u", name="S"), forget=["s"]
    )

    plan = planned(anew)

    assert {change_at(plan, a).action for a in ("u", "u/c", "u/c/l")} == {Action.ADOPT}
    assert planned(applied(anew, plan)).changes == ()


def test_a_shared_object_is_not_let_go_with_one_who_names_it() -> None:
    rows = [lecture_row(3, "A", "x.mp3"), lecture_row(4, "B", "x.mp3")]
    a, b = lecture("s/c/a", audio="x.mp3", row=3), lecture("s/c/b", audio="x.mp3", row=4)
    known = live(catalog(a, b), rows=rows, objects=[stored("x.mp3")])
    let_go = declaring(known, b, forget=["s/c/a"])

    assert state_of(applied(let_go, planned(let_go)), "x.mp3") is KeyState.LIVE


# Unmanaged.

STRAY = (
    speaker_row(900, "Stray", image_url="stray.jpg"),
    collection_row(901, 900, "Stray"),
    lecture_row(902, "Stray", "stray.mp3", speaker_id=900, collection_id=901),
)


def with_strays() -> World:
    strays = with_rows(PAIR, *STRAY)
    return with_objects(strays, stored("stray.jpg"), stored("stray.mp3"), stored("nobody.mp3"))


def test_what_was_never_declared_is_listed_and_left_alone() -> None:
    plan = planned(with_strays())

    assert plan.changes == ()
    assert plan.unmanaged.rows == {Kind.SPEAKER: (900,), Kind.COLLECTION: (901,), Kind.LECTURE: (902,)}
    assert plan.unmanaged.objects == {"nobody.mp3": 10, "stray.jpg": 9, "stray.mp3": 9}


def test_what_was_never_declared_is_deleted_when_asked() -> None:
    strays = with_strays()

    plan = planned(strays, options=[DELETE_UNMANAGED])
    after = applied(strays, plan)

    assert actions(plan) == dict.fromkeys(
        (
            "unmanaged.speakers[900]",
            "unmanaged.collections[901]",
            "unmanaged.lectures[902]",
            "unmanaged.object[nobody.mp3]",
        ),
        Action.DELETE,
    )
    assert change_at(plan, "unmanaged.lectures[902]").retired == ("stray.mp3",)
    assert {state_of(after, name) for name in ("stray.jpg", "stray.mp3", "nobody.mp3")} == {KeyState.RETIRED}
    assert planned(after, options=[DELETE_UNMANAGED]).changes == ()


def test_an_unmanaged_object_that_a_managed_row_names_stays() -> None:
    named = with_rows(PAIR, edited(row_of(PAIR, "s/c/l"), thumbnail_url="https://x.test/thumb.jpg"))
    named = with_objects(named, stored("thumb.jpg"))

    plan = planned(named, options=[DELETE_UNMANAGED])

    assert plan.unmanaged.objects == {"thumb.jpg": 9}
    assert plan.changes == ()


def test_leftovers_retired_and_condemned_objects_are_not_unmanaged() -> None:
    states = {KeyState.INTENDED, KeyState.RETIRED, KeyState.CONDEMNED}
    keys = [key(f"{state}.mp3", state) for state in KeyState]
    objects = [stored(f"{state}.mp3") for state in KeyState]

    plan = planned(world(catalog(), keys=keys, objects=objects))

    assert set(plan.unmanaged.objects) == {f"{state}.mp3" for state in set(KeyState) - states}


def test_the_object_of_an_unmanaged_row_keeps_what_is_known_of_it() -> None:
    strays = with_strays()
    known = key("stray.mp3", KeyState.RELEASED)
    strays = replace(
        strays, recorded=replace(strays.recorded, keys={**strays.recorded.keys, "stray.mp3": known})
    )

    plan = planned(strays, options=[DELETE_UNMANAGED])

    (found,) = before_of(plan, "unmanaged.lectures[902]").objects.values()
    assert found.sha256 == known.sha256
