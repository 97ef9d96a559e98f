from dataclasses import replace

import pytest

from reconciler.model.plan import Impact, PutOrigin
from reconciler.model.values import counted
from reconciler.render.cost import Cost, cost_of
from reconciler.render.sentences import (
    beyond_sentence,
    joined,
    kept_sentence,
    lost_sentence,
    people_sentence,
    transfer_sentence,
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
