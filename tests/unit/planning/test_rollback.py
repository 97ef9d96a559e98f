"""The inverse of each step, and what makes it impossible."""

from dataclasses import replace

import pytest

from reconciler.model.address import Address
from reconciler.model.errors import NotReversible, UsageError
from reconciler.model.history import WHOLE_RUN, StepRecord
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action
from reconciler.model.playback import CopyStep
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import MakePlan, Merge
from reconciler.planning.guards import lifted
from reconciler.planning.plan_comparison import discrepancies
from reconciler.planning.rollback import Past, draft_rollback
from reconciler.planning.rollback_conflicts import ConflictReason
from reconciler.planning.world import DELETE_UNMANAGED, Request
from tests.unit.planning.pasts import NUMBER, carried_out, in_the_way, run_of, taken_back, touch
from tests.unit.planning.worlds import (
    actions,
    after_of,
    before_of,
    catalog,
    change_at,
    collection,
    declaring,
    edited,
    key,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    row_of,
    speaker,
    speaker_row,
    stored,
    with_keys,
    with_objects,
    with_rows,
    without_objects,
    without_records,
    without_rows,
    world,
)

SHELF = live(catalog(lecture("s/c/l"), lecture("s/c/m")))
KEY = "S/C/L.mp3"


def test_what_the_run_created_is_deleted_under_its_address_and_its_object_retired() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l"), lecture("s/c/m"), lecture("s/c/n")))

    plan = taken_back(after, past)

    change = change_at(plan, "s/c/n")
    assert actions(plan) == {"s/c/n": Action.DELETE}
    assert (change.row, change.retired) == (row_of(after, "s/c/n").id, ("S/C/N.mp3",))


def test_what_the_run_deleted_comes_back_under_its_row_with_its_object() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/m")))

    plan = taken_back(after, past)

    change = change_at(plan, "s/c/l")
    assert actions(plan) == {"s/c/l": Action.CREATE}
    assert (change.row, change.reused) == (row_of(SHELF, "s/c/l").id, (KEY,))
    assert after_of(plan, "s/c/l").values["title"] == "L"


def test_only_the_columns_that_the_run_changed_are_put_back() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l", title="Other", year=2025), lecture("s/c/m")))
    by_hand = with_rows(after, edited(row_of(after, "s/c/l"), genre="Talk", year=2030))

    plan = taken_back(by_hand, past)

    assert before_of(plan, "s/c/l").values == {"title": "Other", "year": 2030}
    assert after_of(plan, "s/c/l").values == {"title": "L", "year": None}
    assert [(drift.attribute, drift.actual) for drift in plan.drift] == [("year", 2030)]


def test_a_move_goes_back_to_its_address_and_parent() -> None:
    after, past = carried_out(
        declaring(SHELF, lecture("s/d/l", previously="s/c/l", audio="s/c/l.mp3"), lecture("s/c/m"))
    )

    plan = taken_back(after, past)

    change = change_at(plan, "s/c/l")
    assert actions(plan) == {"s/c/l": Action.MOVE, "s/d": Action.DELETE}
    assert change.previous_address == "s/d/l"
    assert after_of(plan, "s/c/l").values == {"collection_id": row_of(SHELF, "s/c").id}


def test_new_bytes_give_way_to_those_before_which_are_live_again() -> None:
    again = catalog(lecture("s/c/l"), lecture("s/c/m"), lock=[media("s/c/l.mp3", "recorded again")])
    after, past = carried_out(replace(SHELF, catalog=again))

    plan = taken_back(after, past)

    change = change_at(plan, "s/c/l")
    [kept] = change.reused
    assert kept.startswith(KEY.removesuffix(".mp3"))
    assert change.retired == (row_of(after, "s/c/l")["file_path"],)
    assert after_of(plan, "s/c/l").values["file_path"] == kept
    assert [(copy.step, copy.source, copy.key) for copy in change.copies] == [(CopyStep.ALIAS, kept, KEY)]
    assert after_of(plan, "s/c/l").objects[Slot.LECTURE_AUDIO].verified


def test_what_the_run_adopted_is_let_go_with_the_values_it_had() -> None:
    mess = world(
        catalog(lecture("s/c/l", title="L", number=1, audio="old.mp3")),
        rows=[lecture_row(7, "L", "old.mp3", lecture_number=11)],
        objects=[stored("old.mp3")],
    )
    after, past = carried_out(mess)

    plan = taken_back(after, past)

    change = change_at(plan, "s/c/l")
    assert (change.action, change.row) == (Action.FORGET, 7)
    assert after_of(plan, "s/c/l").values["lecture_number"] == 11
    assert "old.mp3" not in change.retired


def test_what_the_run_let_go_is_taken_charge_of_again() -> None:
    forgetting = replace(SHELF, catalog=catalog(lecture("s/c/m"), forget=["s/c/l"]))
    after, past = carried_out(forgetting)

    plan = taken_back(after, past)

    change = change_at(plan, "s/c/l")
    assert (change.action, change.reused) == (Action.ADOPT, ())
    assert before_of(plan, "s/c/l") == after_of(plan, "s/c/l")


def test_a_row_that_was_let_go_and_is_another_one_now_is_not_taken() -> None:
    forgetting = replace(SHELF, catalog=catalog(lecture("s/c/m"), forget=["s/c/l"]))
    after, past = carried_out(forgetting)
    strange = edited(row_of(SHELF, "s/c/l"), title="Strange", file_path="strange.mp3")

    assert in_the_way(with_rows(after, strange), past) == (
        ("s/c/l", ConflictReason.ROW_REPLACED, strange.id),
    )


def test_a_row_that_was_let_go_and_is_gone_stays_gone() -> None:
    forgetting = replace(SHELF, catalog=catalog(lecture("s/c/m"), forget=["s/c/l"]))
    after, past = carried_out(forgetting)

    assert taken_back(without_rows(after, row_of(SHELF, "s/c/l")), past).changes == ()


def test_a_row_that_changed_hands_goes_back_to_the_address_that_had_it() -> None:
    renamed = declaring(SHELF, lecture("s/c/new", title="L", row=row_of(SHELF, "s/c/l").id), lecture("s/c/m"))
    after, past = carried_out(renamed)

    plan = taken_back(after, past)

    assert actions(plan) == {"s/c/l": Action.ADOPT, "s/c/new": Action.FORGET}
    back = change_at(plan, "s/c/l")
    assert (back.row, back.reused) == (row_of(SHELF, "s/c/l").id, (KEY,))
    assert back.retired == (row_of(after, "s/c/new")["file_path"],)


def test_what_was_only_recorded_is_recorded_as_before() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l", protect=True), lecture("s/c/m")))

    plan = taken_back(after, past)

    assert actions(plan) == {"s/c/l": Action.NO_OP}
    assert plan.empty


def test_an_object_that_was_missing_and_put_again_stays() -> None:
    after, past = carried_out(without_objects(SHELF, KEY))

    plan = taken_back(after, past)

    assert actions(plan) == {"s/c/l": Action.NO_OP}
    assert change_at(plan, "s/c/l").retired == ()


def test_unmanaged_rows_and_objects_come_back_as_what_they_were() -> None:
    stray = with_objects(
        with_rows(SHELF, lecture_row(700, "Stray", "stray.mp3")), stored("stray.mp3"), stored("junk")
    )
    after, past = carried_out(stray, options=[DELETE_UNMANAGED])

    plan = taken_back(after, past)

    assert actions(plan) == {
        "unmanaged.lectures[700]": Action.CREATE,
        "unmanaged.object[junk]": Action.FORGET,
    }
    assert change_at(plan, "unmanaged.object[junk]").reused == ("junk",)
    assert change_at(plan, "unmanaged.lectures[700]").row == 700


def test_an_object_that_another_resource_has_too_is_not_let_go_with_one() -> None:
    mess = world(
        catalog(lecture("s/c/l", row=7, audio="old.mp3"), lecture("s/c/m", row=8, audio="old.mp3")),
        rows=[lecture_row(7, "L", "old.mp3"), lecture_row(8, "M", "old.mp3")],
        objects=[stored("old.mp3")],
    )
    after, past = carried_out(mess)
    only = Past(number=NUMBER, run=past.run, steps=[step for step in past.steps if step.address == "s/c/l"])

    assert before_of(taken_back(after, only), "s/c/l").objects == {}


def test_a_created_row_that_is_gone_is_only_forgotten() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l"), lecture("s/c/m"), lecture("s/c/n")))

    plan = taken_back(without_rows(after, row_of(after, "s/c/n")), past)

    change = change_at(plan, "s/c/n")
    assert (change.action, change.retired) == (Action.FORGET, ("S/C/N.mp3",))


def test_a_created_row_that_is_gone_with_its_record_needs_nothing() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l"), lecture("s/c/m"), lecture("s/c/n")))
    gone = without_records(without_rows(after, row_of(after, "s/c/n")))

    assert taken_back(gone, past).changes == ()


def test_a_category_that_the_app_has_deleted_is_left_out() -> None:
    sorted_ = live(catalog(lecture("s/c/l", categories=("fiqh", "quran"))))
    after, past = carried_out(declaring(sorted_, lecture("s/c/l", categories=())))
    without = replace(after, snapshot=replace(after.snapshot, categories={"quran": 2}))

    assert after_of(taken_back(without, past), "s/c/l").values == {"categories": ("quran",)}


# What makes it impossible.


def test_a_changed_row_that_is_gone_or_another_one_is_said() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l", title="Other"), lecture("s/c/m")))
    row = row_of(after, "s/c/l")

    gone = in_the_way(without_rows(after, row), past)
    strange = in_the_way(with_rows(after, edited(row, title="X", file_path="x.mp3", file_hash=None)), past)

    assert gone == (("s/c/l", ConflictReason.ROW_GONE, row.id),)
    assert strange == (("s/c/l", ConflictReason.ROW_REPLACED, row.id),)


def test_a_record_that_names_another_row_now_is_not_followed() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l", title="Other"), lecture("s/c/m")))
    own, other = (after.recorded.resources[Address(a)] for a in ("s/c/l", "s/c/m"))
    swapped = {Address("s/c/l"): replace(other, address=own.address), Address("s/c/m"): own}
    rebuilt = replace(after.recorded, resources={**after.recorded.resources, **swapped})

    assert in_the_way(replace(after, recorded=rebuilt), past) == (
        ("s/c/l", ConflictReason.ROW_REPLACED, own.row),
    )


def test_a_deleted_row_whose_number_is_taken_again_is_said() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/m")))

    row = row_of(SHELF, "s/c/l")

    assert in_the_way(with_rows(after, row), past) == (("s/c/l", ConflictReason.ROW_REPLACED, row.id),)


def test_a_parent_that_is_gone_is_said() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/m")))
    parents = [row_of(after, "s/c"), row_of(after, "s")]

    said = in_the_way(without_rows(after, *parents, row_of(after, "s/c/m")), past)

    assert said == tuple(("s/c/l", ConflictReason.PARENT_GONE, parent.id) for parent in parents)


def test_a_parent_that_comes_back_along_is_there() -> None:
    both = live(catalog(lecture("s/c/l"), lecture("t/c/l")))
    after, past = carried_out(declaring(both, lecture("t/c/l")))

    assert set(actions(taken_back(after, past)).values()) == {Action.CREATE}


def test_a_name_that_is_taken_is_said_and_one_that_goes_along_is_free() -> None:
    renamed, past = carried_out(
        declaring(SHELF, speaker("s", name="New"), lecture("s/c/l"), lecture("s/c/m"))
    )
    taken = with_rows(renamed, speaker_row(99, "S"))
    titled = live(catalog(collection("s/c", title="C"), collection("s/d", title="D")))
    swapped = declaring(titled, collection("s/c", title="D"), collection("s/d", title="C"))

    assert in_the_way(taken, past) == (("s", ConflictReason.NAME_TAKEN, 99),)
    assert in_the_way(*carried_out(swapped)) == ()


@pytest.mark.parametrize("state", [KeyState.CONDEMNED, KeyState.DELETED])
def test_an_object_that_gc_has_taken_is_said_with_its_address(state: KeyState) -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/m")))

    said = in_the_way(with_keys(after, key(KEY, state, "s/c/l.mp3")), past)

    assert said == (("s/c/l", ConflictReason.OBJECT_COLLECTED, KEY),)


def test_an_object_that_is_missing_or_holds_other_bytes_is_said() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/m")))
    missing = without_objects(after, KEY)

    assert in_the_way(missing, past) == (("s/c/l", ConflictReason.OBJECT_GONE, KEY),)
    for other in (stored(KEY, "s/c/x.mp3"), stored(KEY, "longer than before")):
        found = in_the_way(with_objects(missing, other), past)
        assert found == (("s/c/l", ConflictReason.OBJECT_REPLACED, KEY),)


def test_an_unmanaged_object_that_gc_has_taken_is_said() -> None:
    after, past = carried_out(with_objects(SHELF, stored("junk")), options=[DELETE_UNMANAGED])

    said = in_the_way(with_keys(without_objects(after, "junk"), key("junk", KeyState.DELETED)), past)

    assert said == (("unmanaged.object[junk]", ConflictReason.OBJECT_COLLECTED, None),)


def test_a_run_that_does_not_exist_or_committed_nothing_is_refused() -> None:
    request = Request(rolls_back=NUMBER)
    for past in (
        Past(number=NUMBER, run=None),
        Past(
            number=NUMBER,
            run=run_of(committed=False),
            steps=(StepRecord(address="s", action="update", before=None, after=None),),
        ),
        Past(
            number=NUMBER,
            run=run_of(),
            steps=(StepRecord(address=WHOLE_RUN, action="capture", before=None, after=None),),
        ),
    ):
        with pytest.raises(UsageError):
            draft_rollback(SHELF, past, request)


def test_a_run_of_a_version_that_kept_too_little_is_refused() -> None:
    old = StepRecord(
        address="s/c/l", action="update", before={"values": {}, "objects": {}, "row": 1}, after=None
    )
    without_record = replace(old, before={"kind": "lecture", "row": 1, "values": {}, "objects": {}})
    for step in (old, without_record):
        with pytest.raises(NotReversible) as raised:
            draft_rollback(
                SHELF, Past(number=NUMBER, run=run_of(), steps=(step,)), Request(rolls_back=NUMBER)
            )
        [detail] = raised.value.details
        assert (type(raised.value), raised.value.code) == (NotReversible, "not-reversible")
        assert detail.startswith("s/c/l: ")


def test_a_merge_that_was_taken_back_is_merged_again_instead() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/l", title="Other"), lecture("s/c/m")))
    marker = StepRecord(address=WHOLE_RUN, action="rollback", before={"run": 11, "merge": [7, 8]}, after=None)

    with pytest.raises(NotReversible) as raised:
        taken_back(after, replace(past, steps=(*past.steps, marker)))

    assert raised.value.remedies == (Merge(row="7", into="8"),)


# Plans.


def test_a_rollback_whose_work_is_done_has_no_changes() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/m")))
    rollback = (touch(13, "s/c/l", "create"), touch(13, WHOLE_RUN, "rollback", rolled_back=NUMBER))

    assert taken_back(after, replace(past, later=rollback)).changes == ()


def test_guards_hold_for_a_rollback_but_an_empty_catalog_is_none() -> None:
    start = world(catalog(*(lecture(f"s/c/l-{number}") for number in range(20))))
    after, past = carried_out(start)

    plan = taken_back(replace(after, catalog=catalog()), past)

    assert [blocked.guard for blocked in plan.blocked] == ["deletes"]
    assert lifted(plan) == MakePlan(rolls_back=12, allowances={"deletes": 22})
    assert set(actions(plan).values()) == {Action.DELETE}
    assert plan.rolls_back == NUMBER


def test_rows_that_nobody_declared_stay_unmanaged_in_the_plan() -> None:
    stray = with_rows(SHELF, lecture_row(700, "Stray", "stray.mp3"))
    after, past = carried_out(declaring(stray, lecture("s/c/m")))

    assert taken_back(after, past).unmanaged.rows == {Kind.LECTURE: (700,)}


def test_a_reviewed_rollback_that_was_carried_out_is_done() -> None:
    after, past = carried_out(declaring(SHELF, lecture("s/c/m")))
    reviewed = taken_back(after, past)
    rollback = (touch(13, "s/c/l", "create"), touch(13, WHOLE_RUN, "rollback", rolled_back=NUMBER))

    now = taken_back(after, replace(past, later=rollback))

    assert discrepancies([reviewed], now, after) == ()
    assert discrepancies([reviewed], planned(after), after) != ()
