"""The sentences of a plan: reasons of changes, what blocks it, and what prevents a rollback."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.catalog import Resource
from reconciler.model.errors import NotReversible
from reconciler.model.kinds import Kind
from reconciler.model.policy import GuardLimits
from reconciler.model.recorded import KeyState
from reconciler.planning.object_keys import key_problem
from reconciler.planning.plan_comparison import discrepancies
from reconciler.planning.rollback import Past
from reconciler.planning.rollback_conflicts import conflict_line
from reconciler.planning.world import DELETE_UNMANAGED, World
from tests.unit.planning.pasts import carried_out, refusal, taken_back, touch
from tests.unit.planning.worlds import (
    POLICY,
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
    renumbered,
    row_of,
    speaker,
    speaker_row,
    stored,
    with_keys,
    with_objects,
    with_rows,
    without_objects,
    without_rows,
    world,
)

PAIR = live(catalog(lecture("s/c/l"), lecture("s/c/m")))
KEY = "S/C/L.mp3"


def reason(known: World, address: str = "s/c/l", **request: object) -> str:
    return change_at(planned(known, **request), address).reason  # type: ignore[arg-type]


# Reasons.


def test_an_update_names_what_the_catalog_says_otherwise() -> None:
    known = live(catalog(lecture("s/c/l", audio="l.mp3")))
    lock = [media("l.mp3", "new", duration_seconds=9)]

    def said(*entries: Resource) -> str:
        return reason(declaring(known, *entries, lock=lock))

    other = declaring(known, lecture("s/c/l", audio="l.mp3", title="New", number=4))
    assert reason(other) == "the catalog says otherwise: title, lecture_number"
    assert said(lecture("s/c/l", audio="l.mp3")) == "new bytes for audio"
    assert said(lecture("s/c/l", audio="l.mp3", title="New")) == (
        "new bytes for audio; the catalog says otherwise: title"
    )


def test_a_missing_object_is_named() -> None:
    assert reason(without_objects(PAIR, KEY)) == "missing in the bucket: audio"


def test_a_create_says_whether_it_was_there_before() -> None:
    four = [lecture(f"s/{book}/{name}") for book in "cd" for name in "ab"]
    wiped = renumbered(live(catalog(*four)), {Kind.LECTURE: {101: 104, 104: 101}})

    assert reason(world(catalog(lecture("s/c/l")))) == "new in the catalog"
    assert "recorded row is gone" in reason(without_rows(PAIR, row_of(PAIR, "s/c/l")))
    assert "another row now" in reason(wiped, "s/c/a")


def test_a_row_that_is_found_by_its_bytes_is_said_so() -> None:
    line = media("x.mp3", "bytes")
    odd = lecture_row(3, "Another title", "strange key.mp3", file_hash=line.sha256)

    assert "bytes" in reason(world(catalog(lecture("s/c/l", audio="x.mp3"), lock=[line]), rows=[odd]))


def test_what_left_the_catalog_is_said_with_where_it_went() -> None:
    gone = without_rows(declaring(PAIR, lecture("s/c/m")), row_of(PAIR, "s/c/l"))
    taken = declaring(
        PAIR, lecture("s/c/b", audio="s/c/l.mp3", row=row_of(PAIR, "s/c/l").id), lecture("s/c/m")
    )

    assert reason(gone) == "it left the catalog, and its row is gone already"
    assert "another address" in reason(taken)


# What blocks a plan.


def test_both_limits_of_deletes_are_said_in_one_breath() -> None:
    policy = replace(POLICY, guards=GuardLimits(delete_count=2))
    speakers = [speaker(f"s{number}") for number in range(20)]
    (blocked,) = planned(declaring(live(catalog(*speakers), policy=policy), *speakers[10:])).blocked

    assert blocked.summary == (
        "10 would be deleted: more than 30 % of the 20 that are managed, "
        "and more than the 2 that elmify.yaml allows"
    )


def test_user_rows_that_would_be_lost_are_counted_by_table() -> None:
    removed = declaring(live(catalog(lecture("s/c/l"))), collection("s/c"))
    (blocked,) = planned(removed, favourites={101: 1}).blocked

    assert blocked.summary == "1 user row of 1 person would be lost: 1 in favorites"


# What was not reviewed.


BIO = live(catalog(speaker("s", bio="old")))
NEW_BIO = declaring(BIO, speaker("s", bio="new"))


@pytest.mark.parametrize(
    ("reviewed", "now", "why"),
    [
        (BIO, NEW_BIO, "no reviewed plan has a change here"),
        (NEW_BIO, declaring(BIO, speaker("s", bio="newer")), "its outcome has changed since the review: bio"),
        (
            NEW_BIO,
            with_rows(NEW_BIO, edited(row_of(NEW_BIO, "s"), bio="by hand")),
            "the stores have changed since the review",
        ),
        (
            NEW_BIO,
            without_rows(NEW_BIO, row_of(NEW_BIO, "s")),
            "reviewed as update, now it would be create",
        ),
        (NEW_BIO, BIO, "it was reviewed, is not due any more, and is not done either"),
    ],
)
def test_what_was_not_reviewed_is_said_in_a_clause(reviewed: World, now: World, why: str) -> None:
    (found,) = discrepancies([planned(reviewed)], planned(now), now)

    assert found.why == why


# Rollbacks.


def said_of(now: World, past: Past) -> list[str]:
    refused = refusal(now, past)
    assert refused is not None
    return list(refused.details)


def test_a_rollback_says_what_the_run_did() -> None:
    after, past = carried_out(declaring(PAIR, lecture("s/c/l"), lecture("s/c/m"), lecture("s/c/n")))
    gone = without_rows(after, row_of(after, "s/c/n"))

    assert change_at(taken_back(after, past), "s/c/n").reason == "run 12 created it"
    assert change_at(taken_back(gone, past), "s/c/n").reason == "run 12 created it, and it is gone already"


def _row_gone(after: World) -> World:
    return without_rows(after, row_of(after, "s/c/l"))


def _row_replaced(after: World) -> World:
    other = edited(row_of(after, "s/c/l"), title="X", file_path="x.mp3", file_hash=None)
    return with_rows(after, other)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_row_gone, "s/c/l: its row {row} is gone: somebody else deleted it"),
        (_row_replaced, "s/c/l: row {row} is not the one that the run left there"),
    ],
)
def test_a_changed_row_that_is_not_there_any_more_is_said(
    change: Callable[[World], World], sentence: str
) -> None:
    after, past = carried_out(declaring(PAIR, lecture("s/c/l", title="Other"), lecture("s/c/m")))

    assert said_of(change(after), past) == [sentence.format(row=row_of(after, "s/c/l").id)]


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (
            lambda after: with_rows(after, row_of(PAIR, "s/c/l")),
            ["s/c/l: there is a row 101 again, which is not the one deleted"],
        ),
        (
            lambda after: without_rows(after, *(row_of(after, each) for each in ("s", "s/c", "s/c/m"))),
            ["s/c/l: its collection, row 11, is gone", "s/c/l: its speaker, row 1, is gone"],
        ),
        (
            lambda after: with_keys(after, key(KEY, KeyState.CONDEMNED, "s/c/l.mp3")),
            [f"s/c/l needs {KEY}: gc has condemned it"],
        ),
        (
            lambda after: without_objects(after, KEY),
            [f"s/c/l needs {KEY}: it is not in the bucket any more"],
        ),
        (
            lambda after: with_objects(without_objects(after, KEY), stored(KEY, "longer than before")),
            [f"s/c/l needs {KEY}: there are other bytes under it now"],
        ),
    ],
)
def test_a_delete_that_cannot_be_taken_back_says_why(
    change: Callable[[World], World], sentences: list[str]
) -> None:
    after, past = carried_out(declaring(PAIR, lecture("s/c/m")))

    assert said_of(change(after), past) == sentences


def test_a_taken_name_and_a_collected_object_are_said() -> None:
    renamed, past = carried_out(declaring(PAIR, speaker("s", name="New"), lecture("s/c/l"), lecture("s/c/m")))
    after, stray = carried_out(with_objects(PAIR, stored("junk")), options=[DELETE_UNMANAGED])
    gone = with_keys(without_objects(after, "junk"), key("junk", KeyState.DELETED))

    assert said_of(with_rows(renamed, speaker_row(99, "S")), past) == [
        "s: row 99 of speakers has its name now"
    ]
    assert said_of(gone, stray) == ["unmanaged.object[junk]: gc has deleted it"]


def test_a_run_in_the_way_is_told_by_a_few_of_its_addresses() -> None:
    assert conflict_line(13, ["a", "b"]) == "run 13 has touched a, b since"
    assert conflict_line(13, ["a", "b", "c", "d", "e"]) == "run 13 has touched a, b, c and 2 more since"


def test_runs_in_the_way_are_the_details_of_the_refusal() -> None:
    later = [touch(15, "s/c/l"), touch(13, "s/c/l")]
    after, past = carried_out(declaring(PAIR, lecture("s/c/l", title="Other"), lecture("s/c/m")), later=later)

    with pytest.raises(NotReversible) as raised:
        taken_back(after, past)

    assert raised.value.details == ("run 13 has touched s/c/l since", "run 15 has touched s/c/l since")


# Keys.


@pytest.mark.parametrize(
    ("refused", "problem"),
    [
        ("a" * 1025, "it is longer than 1,024 bytes"),
        ("a//b", "it has an empty part"),
        ("a/../b", "it has a `.` or `..` segment"),
        (".elmify/a", ".elmify/ is elmify's own"),
        ("a\nb", "it has a control character"),
    ],
)
def test_a_key_that_may_not_be_used_is_said_in_a_clause(refused: str, problem: str) -> None:
    assert str(key_problem(refused)) == problem
