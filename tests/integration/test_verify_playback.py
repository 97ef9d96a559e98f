"""What verify says of every way by which apps find a lecture, on real stores."""

from pathlib import Path

import pytest

from reconciler.model.remedies import Sentence
from reconciler.operations.verify import verify_deep
from reconciler.planning.verification.byte_checks import Sample
from reconciler.planning.verification.findings import Condition, ConditionSeverity, VerifyFinding
from tests.stand import Stand
from tests.verifying import OPENING, applied_stand, put, repair, replace_object, the_only, verify

COW = "Ali/Quran/02 - The Cow.mp3"
COUNTING = {"stream", "playlist"}


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    return applied_stand(tmp_path, database_url)


@pytest.fixture
def renamed(tmp_path: Path, database_url: str) -> Stand:
    """A lecture that was renamed: its object is not where the stream looks, and a copy is there."""
    stand = applied_stand(tmp_path, database_url)
    stand.declare("ali/quran/cave", title="Cave", number=3)
    stand.apply()
    stand.change("ali/quran/cave", title="The Cave")
    stand.apply()
    return stand


COPY, CAVE = "Ali/Quran/03 - The Cave.mp3", "Ali/Quran/03 - Cave.mp3"


def plays(stand: Stand) -> dict[str, tuple[int, int]]:
    return {each.way: (each.plays, each.lectures) for each in verify(stand).playing}


def sentences(finding: VerifyFinding) -> str:
    return " ".join(each.text for each in finding.remedies if isinstance(each, Sentence))


def test_a_whole_library_plays_by_every_way(stand: Stand) -> None:
    found = verify(stand)

    assert (found.heard, found.everywhere) == (2, 2)
    assert {way: plays(stand)[way] for way in COUNTING} == dict.fromkeys(COUNTING, (2, 2))


@pytest.mark.parametrize(
    "change",
    [
        "update lectures set lecture_number = 7 where title = 'The Cow'",
        "update lectures set title = 'Cow' where title = 'The Cow'",
        "update lectures set lecture_number = 7, title = 'Cow' where title = 'The Cow'",
        "update lectures set lecture_number = null where title = 'The Cow'",
    ],
)
def test_a_row_that_a_way_does_not_find_is_an_error_that_a_plan_repairs(stand: Stand, change: str) -> None:
    stand.sql(change)

    found = verify(stand)
    finding = the_only(found, Condition.WAY_BROKEN)
    assert (finding.what, finding.repairs) == ("ali/quran/cow", ("ali/quran/cow",))
    assert plays(stand)["stream"] == (1, 2)
    assert plays(stand)["playlist"] == (2, 2)
    assert (found.heard, found.everywhere) == (2, 1)

    repair(stand)
    assert verify(stand).findings == ()


@pytest.mark.parametrize("change", ["name = 'Aly' where name = 'Ali'"])
def test_a_renamed_speaker_breaks_a_way_of_every_lecture(stand: Stand, change: str) -> None:
    stand.sql(f"update speakers set {change}")

    broken = [f for f in verify(stand).findings if f.condition is Condition.WAY_BROKEN]

    assert {f.what for f in broken} == {"ali/quran/opening", "ali/quran/cow"}
    assert {f.key for f in broken} == {key.replace("Ali/", "Aly/") for key in (OPENING, COW)}


def test_numbers_that_were_exchanged_lead_to_nothing(stand: Stand) -> None:
    stand.sql("update lectures set lecture_number = 3 - lecture_number")

    assert plays(stand)["stream"] == (0, 2)


def test_titles_that_were_exchanged_play_each_others_recording(stand: Stand) -> None:
    stand.sql(
        "update lectures set lecture_number = 3 - lecture_number, "
        "title = case title when 'The Cow' then 'The Opening' else 'The Cow' end"
    )

    found = [f for f in verify(stand).findings if f.condition is Condition.WAY_PLAYS_ANOTHER]

    assert {f.what for f in found} == {"ali/quran/opening", "ali/quran/cow"}
    assert plays(stand)["stream"] == (0, 2)


def test_a_declared_lecture_that_was_broken_before_has_two_remedies(stand: Stand) -> None:
    """The catalog says what the row says, so no plan repairs it: the row is corrected, or the key filled."""
    stand.objects.delete(COW)
    put(stand, "Ali/Quran/03 - The Cow.mp3", b"ali/quran/cow")
    stand.sql("update lectures set file_path = 'Ali/Quran/03 - The Cow.mp3' where title = 'The Cow'")

    finding = the_only(verify(stand), Condition.WAY_BROKEN)

    assert finding.key == COW
    assert finding.severity is ConditionSeverity.ERROR
    assert finding.remedies


def undeclared_lecture(stand: Stand, number: int, key: str) -> None:
    put(stand, key, b"loose talk")
    stand.sql(
        "insert into lectures (title, lecture_number, duration, file_name, file_path, file_size, file_format,"
        " speaker_id, collection_id) select 'Loose talk', %s, 1, 'x.mp3', %s, 10, 'mp3', s.id, c.id"
        " from speakers as s, collections as c",
        number,
        key,
    )


def test_an_undeclared_row_is_warned_of_with_the_number_that_leads_to_its_object(stand: Stand) -> None:
    undeclared_lecture(stand, 11, "Ali/Quran/100 - Loose talk.mp3")

    finding = the_only(verify(stand), Condition.UNDECLARED_WAY)

    assert (finding.severity, finding.repairs) == (ConditionSeverity.WARNING, ())
    assert finding.key == "Ali/Quran/11 - Loose talk.mp3"
    assert "number 100" in sentences(finding)
    assert "Ali/Quran/11 - Loose talk.mp3" in sentences(finding)
    assert verify(stand).everywhere == 2


def test_a_way_that_is_only_reported_is_no_finding(stand: Stand) -> None:
    undeclared_lecture(stand, 3, "Ali/Quran/03 - Loose talk.mp3")

    found = verify(stand)

    assert plays(stand)["link"] == (2, 3)
    assert not {f.condition for f in found.findings} & {Condition.WAY_BROKEN, Condition.UNDECLARED_WAY}


# Copies of elmify's own.


def test_a_lost_playback_copy_is_repaired(renamed: Stand) -> None:
    stand = renamed
    assert {COPY, CAVE} <= set(stand.object_keys())
    stand.objects.delete(COPY)

    finding = the_only(verify(stand), Condition.WAY_BROKEN)
    assert (finding.key, finding.repairs) == (COPY, ("ali/quran/cave",))

    repair(stand)
    assert stand.objects.read(COPY) == stand.objects.read(CAVE)
    assert verify(stand).findings == ()


@pytest.mark.parametrize("content", [b"other bytes", b"ali/quran/xxxx"], ids=["another size", "same size"])
def test_a_playback_copy_that_was_replaced_is_found_and_repaired(renamed: Stand, content: bytes) -> None:
    stand = renamed
    replace_object(stand, COPY, content)

    finding = the_only(verify(stand), Condition.WAY_PLAYS_ANOTHER)
    assert (finding.key, finding.repairs) == (COPY, ("ali/quran/cave",))

    repair(stand)
    assert stand.objects.read(COPY) == stand.objects.read(CAVE)
    assert verify(stand).wrong == 0
    assert stand.plan().empty


def test_a_recording_that_was_replaced_in_place_is_repaired_under_every_way(stand: Stand) -> None:
    replace_object(stand, OPENING, b"something else")

    repair(stand)

    assert stand.objects.read(OPENING) == b"ali/quran/opening"
    assert (verify(stand).wrong, verify(stand).everywhere) == (0, 2)
    assert stand.plan().empty


# Hashing.


def test_playback_copies_are_hashed_too(renamed: Stand) -> None:
    found = verify_deep(renamed.workspace())

    assert found.depth is not None
    assert found.depth.objects == 5  # a face, three recordings, one copy
    assert found.findings == ()


def test_a_copy_with_other_bytes_is_not_true_by_its_way(renamed: Stand) -> None:
    stand = renamed
    path = stand.folder / "bucket" / "objects" / COPY
    path.write_bytes(path.read_bytes().swapcase())

    found = [
        f
        for f in verify_deep(stand.workspace()).findings
        if f.condition is Condition.WAY_PLAYS_ANOTHER and "SHA-256" in f.detail
    ]

    assert [(f.what, f.key) for f in found] == [("ali/quran/cave", COPY)]
    assert "by way stream" in found[0].detail


def test_a_sample_takes_playback_copies_by_their_turn(renamed: Stand) -> None:
    sizes = set()
    for part in (Sample(taken=1, of=1), Sample(taken=1, of=2)):
        depth = verify_deep(renamed.workspace(), part).depth
        assert depth is not None
        sizes.add(depth.objects)
    assert max(sizes) == 5
