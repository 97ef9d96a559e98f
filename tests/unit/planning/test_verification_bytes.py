"""Which bytes are hashed, which of them today, and what is said of what was read."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.errors import UsageError
from reconciler.model.kinds import Slot
from reconciler.model.remedies import Lock, Verify
from reconciler.planning.verification.byte_checks import (
    Expected,
    Sample,
    expected,
    gone,
    other_bytes,
    other_type,
    parse_sample,
)
from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.findings import Condition, VerifyFinding
from reconciler.planning.verification.repair import beyond_repair, repair_request
from reconciler.planning.world import DELETE_UNMANAGED, World
from tests.unit.planning.verifying import verification_of
from tests.unit.planning.worlds import (
    catalog,
    collection_row,
    declaring,
    edited,
    key_of,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    row_of,
    sha256,
    speaker,
    speaker_row,
    stored,
    with_objects,
    with_rows,
    without_objects,
    world,
)

ONE, TWO = "ali/quran/one", "ali/quran/two"


def expectations(of: World) -> dict[str, Expected]:
    return {each.key: each for each in expected(VerifyContext(of, Surroundings()))}


# The sample of a day.


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 10_000), st.lists(st.text(), max_size=20))
def test_samples_of_enough_days_cover_every_key(taken: int, of: int, today: int, keys: list[str]) -> None:
    sample = Sample(taken=min(taken, of), of=of)
    days = range(today, today + -(-sample.of // sample.taken))

    assert all(any(sample.covers(key, day) for day in days) for key in keys)


def test_a_thirtieth_hashes_every_key_once_in_thirty_days() -> None:
    sample = parse_sample("1/30")
    times = Counter(key for day in range(30) for key in map(str, range(500)) if sample.covers(key, day))

    assert set(times.values()) == {1}
    assert len(times) == 500
    assert str(sample) == "1/30"


@pytest.mark.parametrize("text", ["", "1", "0/3", "3/0", "4/3", "1/30 ", "a/b", "1/99999"])
def test_what_is_no_fraction_is_no_sample(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_sample(text)
    assert refused.value.remedies == (Verify(sample="1/30"),)


# What is expected.


def test_a_live_object_is_expected_to_hold_what_the_lockfile_says() -> None:
    start = live(catalog(lecture(ONE), speaker("ali", image="ali/face.jpg")))

    found = expectations(start)

    assert found[key_of(start, ONE)].sha256 == sha256(f"{ONE}.mp3")
    assert found[key_of(start, ONE)].audio
    assert found[key_of(start, "ali", Slot.SPEAKER_IMAGE)].media_type == "image/jpeg"
    assert not found[key_of(start, "ali", Slot.SPEAKER_IMAGE)].audio


def test_a_file_that_two_lectures_share_is_read_once() -> None:
    start = live(
        catalog(lecture(ONE), lecture("ali/tafsir/one", audio=f"{ONE}.mp3")),
        rows=[
            speaker_row(1, "Ali"),
            collection_row(11, 1, "Quran"),
            collection_row(12, 1, "Tafsir"),
            lecture_row(101, "One", f"{ONE}.mp3", speaker_id=1, collection_id=11),
            lecture_row(102, "One", f"{ONE}.mp3", speaker_id=1, collection_id=12),
        ],
        objects=[stored(f"{ONE}.mp3")],
    )

    assert [each.key for each in expected(VerifyContext(start, Surroundings()))] == [f"{ONE}.mp3"]


def test_where_the_lockfile_knows_no_hash_the_row_says_it() -> None:
    line = media(f"{ONE}.mp3", sha256=None, md5=None, etag="e1")
    start = live(
        catalog(lecture(ONE), lock=[line]),
        objects=[stored(f"{ONE}.mp3", etag="e1")],
    )
    hashed = with_rows(start, edited(row_of(start, ONE), file_hash="AB" * 32))

    found = expectations(hashed)[f"{ONE}.mp3"]

    assert (found.sha256, found.said_by) == ("ab" * 32, "the row")


def test_an_undeclared_row_vouches_for_its_object_by_its_own_hash() -> None:
    start = with_rows(
        with_objects(world(catalog()), stored("a.mp3"), stored("b.mp3")),
        lecture_row(900, "A", "a.mp3", file_hash="ab" * 32),
        lecture_row(901, "B", "b.mp3"),
        lecture_row(902, "C", "c.mp3", file_hash="ab" * 32),
    )

    found = expectations(start)

    assert set(found) == {"a.mp3"}
    assert found["a.mp3"].what == "unmanaged.lectures[900]"


def test_what_the_row_does_not_name_or_is_not_there_is_not_read() -> None:
    start = live(catalog(lecture(ONE), lecture(TWO, number=2)))
    crossed = with_rows(start, edited(row_of(start, ONE), file_path="elsewhere.mp3"))

    found = expectations(without_objects(crossed, key_of(start, TWO)))
    assert {key: each.way for key, each in found.items()} == {"Ali/Quran/One.mp3": "stream"}


# What is said.


def one(**known: object) -> Expected:
    values = Expected(
        what=ONE,
        key="a.mp3",
        size_bytes=5,
        row=7,
        audio=True,
        sha256="ab" * 32,
        said_by="the lockfile",
        media_type="audio/mpeg",
    )
    return replace(values, **known)  # type: ignore[arg-type]


def test_the_right_bytes_and_unknown_ones_are_nothing_to_speak_of() -> None:
    assert other_bytes(one(), "ab" * 32, 5) is None
    assert other_bytes(one(sha256=None), "cd" * 32, 5) is None


def test_other_bytes_are_a_question_of_which_is_right() -> None:
    found = other_bytes(one(), "cd" * 32, 5)

    assert found is not None
    assert found.condition is Condition.OTHER_BYTES
    assert (found.repairs, found.size_bytes) == ((), 5)
    assert Lock(rehash=True) in found.remedies


@pytest.mark.parametrize("served", ["audio/mpeg", "Audio/MPEG; charset=binary", "audio/mp3"])
def test_a_type_in_another_spelling_is_the_same(served: str) -> None:
    assert other_type(one(), served) is None
    assert other_type(one(media_type=None), "text/plain") is None


@pytest.mark.parametrize("served", ["application/octet-stream", "", "audio/mp4"])
def test_another_type_is_told(served: str) -> None:
    found = other_type(one(), served)

    assert found is not None
    assert found.condition is Condition.WRONG_TYPE


def test_what_went_a_moment_ago_is_named_by_what_it_was() -> None:
    assert gone(one()).condition is Condition.ROW_WITHOUT_OBJECT
    assert gone(one(audio=False)).condition is Condition.MISSING_IMAGE


# Repairs.


def broken() -> World:
    """A lecture without its object, a row with a wrong URL, an orphan, an undeclared row, a pending title."""
    numbered = [lecture(f"ali/quran/{name}", number=n) for n, name in enumerate(("one", "two", "three"), 1)]
    start = live(catalog(*numbered))
    start = with_objects(without_objects(start, key_of(start, ONE)), stored("a*.mp3"), stored("ab.mp3"))
    start = with_rows(start, edited(row_of(start, TWO), audio_url=None), lecture_row(900, "B", "ab.mp3"))
    titled = lecture("ali/quran/three", number=3, title="Third")
    return declaring(start, lecture(ONE, number=1), lecture(TWO, number=2), titled)


def test_a_repair_names_each_address_alone_and_allows_as_many_deletes_as_orphans() -> None:
    request = repair_request(verification_of(broken()).findings)

    assert request is not None
    assert request.scope == (f"={ONE}", f"={TWO}", "=unmanaged.object[a*.mp3]")
    assert request.options == {DELETE_UNMANAGED}
    assert request.allowances == {"deletes": 1}


def test_the_plan_of_a_repair_mends_what_it_names_and_nothing_else() -> None:
    start = broken()
    request = repair_request(verification_of(start).findings)
    assert request is not None

    plan = planned(start, only=request.scope, options=request.options, allow=request.allowances)

    assert {change.address for change in plan.changes} == {ONE, TWO, "unmanaged.object[a*.mp3]"}
    assert plan.blocked == ()
    assert [put.path for change in plan.changes for put in change.puts] == [f"{ONE}.mp3"]


def test_what_no_plan_mends_is_left_to_a_person() -> None:
    left = beyond_repair(verification_of(broken()).findings)

    assert [finding.what for finding in left] == ["unmanaged.lectures[900]"]


def test_there_is_no_repair_of_nothing() -> None:
    info = VerifyFinding(condition=Condition.PENDING, what=ONE, detail="", repairs=(ONE,))

    assert repair_request([]) is None
    assert repair_request([info]) is None


def test_a_repair_without_orphans_deletes_nothing() -> None:
    start = live(catalog(lecture(ONE)))
    request = repair_request(verification_of(without_objects(start, key_of(start, ONE))).findings)

    assert request is not None
    assert (request.options, request.allowances) == (frozenset(), {})
