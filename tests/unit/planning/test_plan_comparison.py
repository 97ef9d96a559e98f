"""Whether what would happen now is what was reviewed."""

from dataclasses import replace
from datetime import timedelta

from reconciler.model.plan import Plan
from reconciler.model.recorded import KeyState
from reconciler.planning.plan_comparison import (
    DiscrepancyKind,
    discrepancies,
    merged_scope,
    summed_allowances,
)
from reconciler.planning.world import DELETE_UNMANAGED, World
from tests.unit.planning.worlds import (
    after_of,
    applied,
    catalog,
    change_at,
    collection,
    declaring,
    edited,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    row_of,
    speaker,
    stored,
    with_keys,
    with_objects,
    with_put,
    with_rows,
    without_objects,
    without_rows,
    world,
)

PAIR = live(catalog(speaker("s", bio="old"), lecture("s/c/l", audio="l.mp3")))
EDITED = declaring(PAIR, speaker("s", bio="new"), lecture("s/c/l", audio="l.mp3", title="New"))


def said(reviewed: Plan | list[Plan], now: World, **request: object) -> dict[str, DiscrepancyKind]:
    plans = reviewed if isinstance(reviewed, list) else [reviewed]
    plan = planned(now, **request)  # type: ignore[arg-type]
    return {found.address: found.kind for found in discrepancies(plans, plan, now)}


def test_the_same_plan_has_no_discrepancy() -> None:
    assert said(planned(EDITED), EDITED) == {}


def test_a_change_that_nobody_reviewed_is_one() -> None:
    assert said(planned(PAIR), EDITED) == dict.fromkeys(("s", "s/c/l"), DiscrepancyKind.NOT_REVIEWED)


def test_another_catalog_than_the_reviewed_one_is_said() -> None:
    other = declaring(PAIR, speaker("s", bio="newer"), lecture("s/c/l", audio="l.mp3", title="New"))

    assert said(planned(EDITED), other) == {"s": DiscrepancyKind.OTHER_OUTCOME}


def test_a_store_that_changed_since_the_review_is_said() -> None:
    changed = with_rows(EDITED, edited(row_of(EDITED, "s"), bio="by hand"))

    assert said(planned(EDITED), changed) == {"s": DiscrepancyKind.STORES_CHANGED}


def test_an_object_that_changed_since_the_review_is_said() -> None:
    new_bytes = declaring(
        PAIR, speaker("s", bio="old"), lecture("s/c/l", audio="l.mp3"), lock=[media("l.mp3", "new")]
    )
    meddled = without_objects(new_bytes, "S/C/L.mp3")

    assert said(planned(new_bytes), meddled) == {"s/c/l": DiscrepancyKind.STORES_CHANGED}


def test_another_action_than_the_reviewed_one_is_said() -> None:
    gone = without_rows(EDITED, row_of(EDITED, "s/c/l"))

    assert said(planned(EDITED), gone)["s/c/l"] is DiscrepancyKind.OTHER_ACTION


def test_a_new_row_where_none_was_reviewed_is_said() -> None:
    first = world(catalog(speaker("s")))
    meddled = with_rows(first, replace(row_of(live(first.catalog), "s"), id=9))

    assert said(planned(first), meddled) == {"s": DiscrepancyKind.OTHER_ACTION}


def made_after(plan: Plan, earlier: Plan) -> Plan:
    return replace(plan, made_at=earlier.made_at + timedelta(minutes=1))


def test_an_older_change_gives_way_to_the_newer_reviewed_one_whatever_the_order_of_the_files() -> None:
    first = planned(EDITED)
    last = declaring(PAIR, speaker("s", bio="newest"), lecture("s/c/l", audio="l.mp3", title="New"))
    second = made_after(planned(last), first)

    assert said([first, second], last) == said([second, first], last) == {}


def test_an_older_change_gives_way_to_the_newer_one_that_is_done() -> None:
    first = planned(EDITED)
    last = declaring(PAIR, speaker("s", bio="newest"), lecture("s/c/l", audio="l.mp3", title="New"))
    done = applied(last, planned(last))

    assert said([first, made_after(planned(last), first)], done) == {}


def test_a_newer_change_does_not_give_way_to_an_older_one() -> None:
    first = planned(EDITED)
    last = declaring(PAIR, speaker("s", bio="newest"), lecture("s/c/l", audio="l.mp3", title="New"))
    second = made_after(planned(last), first)

    assert said([second, first], EDITED) == {"s": DiscrepancyKind.NOT_DUE}


def test_a_change_reviewed_again_after_another_is_the_newest() -> None:
    first = planned(EDITED)
    other = declaring(PAIR, speaker("s", bio="newest"), lecture("s/c/l", audio="l.mp3", title="New"))
    second = made_after(planned(other), first)
    again = made_after(first, second)

    assert said([first, second, again], EDITED) == {}


def test_a_reviewed_change_that_is_not_due_and_not_done_is_said() -> None:
    reverted = declaring(PAIR, speaker("s", bio="old"), lecture("s/c/l", audio="l.mp3", title="New"))

    assert said(planned(EDITED), reverted) == {"s": DiscrepancyKind.NOT_DUE}


def test_a_discrepancy_shows_both_sides() -> None:
    now = planned(with_rows(EDITED, edited(row_of(EDITED, "s"), bio="by hand")))

    (found,) = discrepancies([planned(EDITED)], now, EDITED)

    assert found.reviewed == change_at(planned(EDITED), "s")
    assert found.now == change_at(now, "s")


def test_a_discrepancy_without_a_change_now_shows_the_reviewed_one() -> None:
    (found, _) = discrepancies([planned(EDITED)], planned(PAIR), PAIR)

    assert (found.address, found.now) == ("s", None)
    assert found.reviewed == change_at(planned(EDITED), "s")


# Done already.


def test_a_plan_that_was_carried_out_is_done() -> None:
    assert said(planned(EDITED), applied(EDITED, planned(EDITED))) == {}


def test_a_plan_of_which_a_part_was_carried_out_is_due_for_the_rest() -> None:
    whole, part = planned(EDITED), planned(EDITED, only=["s/c/l"])

    assert said(whole, applied(EDITED, part)) == {}


def test_creates_that_were_carried_out_are_done() -> None:
    first = world(catalog(lecture("s/c/l")))

    assert said(planned(first), applied(first, planned(first))) == {}


def test_what_other_hands_did_exactly_as_reviewed_is_done() -> None:
    done = with_rows(EDITED, edited(row_of(EDITED, "s"), bio="new"))

    assert said(planned(EDITED), done) == {}


def test_a_created_row_that_is_gone_again_is_not_done() -> None:
    first = world(catalog(speaker("s")))
    after = applied(first, planned(first))
    reviewed = planned(first)

    assert said(reviewed, declaring(after)) == {"s": DiscrepancyKind.OTHER_ACTION}


def test_a_done_change_whose_object_is_gone_is_not_done() -> None:
    first = world(catalog(speaker("s", image="i.jpg")))
    after = applied(first, planned(first))
    gone = replace(without_objects(after, "S/speaker.jpg"), catalog=catalog())

    assert set(said(planned(first), gone, only=["nothing"])) == {"s"}


def test_a_done_change_that_the_catalog_no_longer_wants_is_not_done() -> None:
    first = world(catalog(speaker("s", image="i.jpg")))
    after = replace(applied(first, planned(first)), catalog=catalog())

    assert set(said(planned(first), after, only=["nothing"])) == {"s"}


def test_a_done_change_whose_object_was_taken_away_is_not_done() -> None:
    first = world(catalog(speaker("s", image="i.jpg")))
    gone = without_objects(applied(first, planned(first)), "S/speaker.jpg")

    assert set(said(planned(first), gone, only=["nothing"])) == {"s"}


def test_a_delete_is_done_when_record_and_row_are_gone() -> None:
    removed = declaring(PAIR, speaker("s", bio="old"), collection("s/c"))
    reviewed = planned(removed)
    after = applied(removed, reviewed)

    assert said(reviewed, after) == {}


def test_a_delete_whose_row_stands_again_is_not_done() -> None:
    removed = declaring(PAIR, speaker("s", bio="old"), collection("s/c"))
    reviewed = planned(removed)
    again = with_rows(applied(removed, reviewed), row_of(removed, "s/c/l"))

    assert set(said(reviewed, again)) == {"s/c/l"}


def test_a_forget_is_done_when_its_record_is_gone() -> None:
    let_go = declaring(PAIR, speaker("s", bio="old"), collection("s/c"), forget=["s/c/l"])
    reviewed = planned(let_go)

    assert said(reviewed, applied(let_go, reviewed)) == {}


def test_the_deletion_of_an_unmanaged_object_is_done_when_it_is_retired() -> None:
    stray = with_objects(PAIR, stored("stray.mp3"))
    reviewed = planned(stray, options=[DELETE_UNMANAGED])

    assert said(reviewed, applied(stray, reviewed), options=[DELETE_UNMANAGED]) == {}


def test_the_deletion_of_an_unmanaged_object_that_a_row_took_is_not_done() -> None:
    stray = with_objects(PAIR, stored("stray.mp3"))
    reviewed = planned(stray, options=[DELETE_UNMANAGED])
    named = with_rows(stray, lecture_row(900, "Stray", "stray.mp3"))

    assert set(said(reviewed, named)) == {"unmanaged.object[stray.mp3]"}


def test_record_keeping_needs_no_review() -> None:
    protected = declaring(PAIR, speaker("s", bio="old", protect=True), lecture("s/c/l", audio="l.mp3"))

    assert said(planned(PAIR), protected) == {}
    assert said(planned(protected), PAIR) == {}


# After a crash.


def test_puts_that_a_crashed_run_finished_change_nothing_of_the_review() -> None:
    first = world(catalog(lecture("s/c/l"), lecture("s/c/m")))
    reviewed = planned(first)

    assert said(reviewed, with_put(first, reviewed)) == {}


def test_a_missing_object_that_a_crashed_run_put_back_is_done() -> None:
    lost = without_objects(PAIR, "S/C/L.mp3")
    reviewed = planned(lost)

    assert said(reviewed, with_put(lost, reviewed)) == {}


def test_a_put_that_was_condemned_meanwhile_is_said() -> None:
    first = world(catalog(lecture("s/c/l")))
    reviewed = planned(first)
    crashed = with_put(first, reviewed)
    condemned = replace(crashed.recorded.keys["S/C/L.mp3"], state=KeyState.CONDEMNED)

    now = with_keys(crashed, condemned)
    assert said(reviewed, now) == {"s/c/l": DiscrepancyKind.OTHER_OUTCOME}
    was, is_ = after_of(reviewed, "s/c/l"), after_of(planned(now), "s/c/l")
    differing = {name for name, value in was.values.items() if is_.values[name] != value}
    assert differing == {"audio_url", "file_name", "file_path"}
    assert was.objects != is_.objects


# Several plans.


def test_several_reviewed_plans_count_together() -> None:
    parts = [
        planned(EDITED, only=["s/c/l"]),
        planned(declaring(PAIR, speaker("s", bio="new"), lecture("s/c/l", audio="l.mp3"))),
    ]

    assert said(parts, EDITED) == {}


def test_scopes_add_up_and_a_whole_plan_covers_everything() -> None:
    one, two, whole = planned(PAIR, only=["t", "s"]), planned(PAIR, only=["s"]), planned(PAIR)

    assert merged_scope([one, two]) == ("s", "t")
    assert merged_scope([one, whole]) == merged_scope([]) == ()


def test_allowances_add_up() -> None:
    plans = [planned(PAIR, allow={"deletes": 2}), planned(PAIR, allow={"deletes": 3, "user-rows": 1})]

    assert summed_allowances(plans) == {"deletes": 5, "user-rows": 1}
