from dataclasses import replace

import pytest

from reconciler.model.plan import Action, Impact, Merged, PutOrigin, Restored, Unmanaged
from reconciler.model.values import counted
from reconciler.render.plan.costs import Cost, cost_of, transfer_sentence
from reconciler.render.plan.sentences import (
    beyond_sentence,
    joined,
    kept_sentence,
    lost_sentence,
    merged_sentence,
    partial_line,
    people_sentence,
    plan_line,
    restored_sentence,
    unmanaged_sentence,
)
from tests.unit.render.plans import audio, create, empty_plan, full_plan, many, plan_of, put_of


@pytest.mark.parametrize(
    ("impact", "told"),
    [
        (None, ""),
        (Impact(), ""),
        (Impact(lost={"favorites": 0}), ""),
        (Impact(lost={"favorites": 3}, users=2), "would lose 3 favourites of 2 listeners"),
        (Impact(lost={"public.favorites": 1}, users=1), "would lose 1 favourite of 1 listener"),
        (Impact(lost={"badges": 1200}), "would lose 1,200 rows of badges"),
        (
            Impact(lost={"playback_positions": 2, "favorites": 1, "listening_stats": 3}, users=2),
            "would lose 1 favourite, 3 days of listening statistics and 2 playback positions of 2 listeners",
        ),
        (
            Impact(
                lost={"public.favorites": 3, "public.badges": 1}, users=2, users_of={"public.favorites": 2}
            ),
            "would lose 1 row of badges (of nobody known) and 3 favourites (2 listeners): 2 listeners in all",
        ),
    ],
)
def test_a_loss_is_told_in_people(impact: Impact | None, told: str) -> None:
    assert lost_sentence(impact) == told


def test_what_stays_is_told_too() -> None:
    assert kept_sentence(Impact(kept=1)) == "keeps 1 user row"
    assert kept_sentence(Impact()) == ""


def test_places_behind_the_end_of_shorter_audio_are_told() -> None:
    told = "is behind the end of the new audio"
    assert beyond_sentence(Impact(beyond=1, beyond_users=1)) == f"1 playback position of 1 listener {told}"
    assert beyond_sentence(Impact(beyond=1)) == f"1 playback position {told}"
    assert beyond_sentence(None) == beyond_sentence(Impact()) == ""


def test_the_headline_of_people_has_all_of_it() -> None:
    assert people_sentence(full_plan()) == (
        "People: would lose 3 favourites (2 listeners) and 1 playback position (1 listener): "
        "2 listeners in all; "
        "4 playback positions of 3 listeners are behind the end of the new audio; keeps 41 user rows."
    )


def test_words_are_counted_and_joined_as_people_do() -> None:
    assert [counted(1, "lecture"), counted(1204, "lecture")] == ["1 lecture", "1,204 lectures"]
    assert [joined([]), joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_a_put_in_parts_is_billed_for_each_call_and_one_head() -> None:
    large = put_of(audio("a", size_bytes=33 * 1024**2), multipart=True)
    plan = replace(plan_of([replace(create(), puts=(large,))]), listed=1_001)

    # two pages, create, three parts, complete, the head of the audit log
    assert cost_of(plan) == Cost(class_a=2 + 1 + 3 + 1 + 1, class_b=1)


def test_what_is_copied_within_the_store_is_no_upload() -> None:
    copied = replace(put_of(audio("a", size_bytes=2048)), origin=PutOrigin.STAGED)
    plan = plan_of([replace(create(), puts=(copied,))])

    assert transfer_sentence(plan).startswith(
        "Upload: 0 objects, 0 B. Copied within R2: 1 object, 2.0 KiB. R2 operations: about 3 of class A and 1"
    )


def test_prices_are_r2s() -> None:
    assert Cost(class_a=1_000_000, class_b=0).dollars == pytest.approx(4.50)
    assert Cost(class_a=0, class_b=1_000_000).dollars == pytest.approx(0.36)


def test_what_costs_more_than_a_cent_is_told_to_the_cent() -> None:
    assert transfer_sentence(many(10_000)).endswith("about 10,002 of class A and 0 of class B, $0.05.")
    assert transfer_sentence(full_plan()).endswith("less than $0.01.")
    assert transfer_sentence(empty_plan()) == ""


def test_a_scope_of_many_addresses_is_told_by_the_first_and_their_number() -> None:
    line = partial_line(plan_of(scope=tuple(f"=s/c/l{n:03}" for n in range(467))))

    assert line.startswith("PARTIAL: only =s/c/l000, =s/c/l001,")
    assert "and 457 more was compared" in line


def test_what_is_let_be_is_counted_beside_what_is_unmanaged() -> None:
    assert unmanaged_sentence(plan_of(ignored=3)) == "Let be, as elmify.yaml says, and not listed: 3."
    assert unmanaged_sentence(plan_of(unmanaged=Unmanaged(objects={"a": 1}), ignored=3)) == (
        "Unmanaged, and left alone: 1 object (1 B). Let be, as elmify.yaml says, and not listed: 3."
    )


@pytest.mark.parametrize(
    ("restored", "told"),
    [
        (Restored(), ""),
        (Restored(rows={"public.favorites": 3}, users=2), "brings back 3 favourites of 2 listeners"),
        (
            Restored(rows={"public.favorites": 1, "public.badges": 2}),
            "brings back 2 rows of badges and 1 favourite",
        ),
        (
            Restored(orphaned={"public.favorites": 1}),
            "leaves out 1 favourite, whose user, or whatever else they refer to, was deleted since",
        ),
        (
            Restored(rows={"favorites": 1}, present={"badges": 2}),
            "brings back 1 favourite; leaves out 2 rows of badges, which are there again",
        ),
    ],
)
def test_what_comes_back_is_told_with_what_is_left_out(restored: Restored, told: str) -> None:
    assert restored_sentence(restored) == told


@pytest.mark.parametrize(
    ("merged", "told"),
    [
        (Merged(), ""),
        (Merged(moved={"public.favorites": 3}, users=2), "takes over 3 favourites of 2 listeners"),
        (
            Merged(moved={"favorites": 1}, combined={"badges": 2}),
            "takes over 1 favourite; combines 2 rows of badges with those that are there already",
        ),
    ],
)
def test_what_goes_over_is_told_with_what_becomes_one(merged: Merged, told: str) -> None:
    assert merged_sentence(merged) == told


def test_what_comes_back_and_what_goes_over_are_about_people() -> None:
    back = plan_of([create()], restored=Restored(rows={"favorites": 1}))
    over = plan_of([create()], merged=Merged(moved={"favorites": 1}))

    assert people_sentence(back) == "People: nobody would lose anything; brings back 1 favourite."
    assert people_sentence(over) == "People: nobody would lose anything; takes over 1 favourite."


def test_a_rollback_and_a_merge_say_what_they_are_in_the_place_of_plan() -> None:
    counts = "1 to add, 0 to change, 0 to delete."
    merge = plan_of([create()], merges=("412", "a/\x1b[31m/c"))

    assert plan_line(plan_of([create()], rolls_back=12)) == f"Rollback of run 12: {counts}"
    assert plan_line(merge).startswith("Merge of 412 into a/")
    assert "\x1b" not in plan_line(merge)
    assert plan_line(plan_of([create()])) == f"Plan: {counts}"


def test_a_rollback_without_changes_says_why() -> None:
    recorded = replace(create(), action=Action.NO_OP)

    assert plan_line(plan_of([], rolls_back=12)) == (
        "No changes. Rollback of run 12: it has been taken back already."
    )
    assert plan_line(plan_of([recorded], rolls_back=12)) == (
        "No changes. Rollback of run 12: only the records change."
    )
