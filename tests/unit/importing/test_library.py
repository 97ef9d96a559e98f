"""Joining rows and objects, pure: what belongs to what, and what a person has to look at."""

import unicodedata
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.importing.declare import FoundResources
from reconciler.importing.library import LiveLibrary, library_of
from reconciler.importing.matching import CountUserRows, no_user_rows
from reconciler.model.actual import Row, StoredObject
from reconciler.model.kinds import Kind
from reconciler.model.outcomes import Reason
from reconciler.model.remedies import ImportLive, Merge
from tests.unit.planning.worlds import CDN, collection_row, lecture_row, speaker_row, stored, world

NOOR = speaker_row(1, "Noor")
FIQH = collection_row(11, 1, "Fiqh")


def joined(
    rows: Iterable[Row],
    objects: Iterable[str | StoredObject] = (),
    *,
    loosely: bool = True,
    known: Collection[tuple[Kind, int]] = (),
    user_rows: CountUserRows = no_user_rows,
    told_numbers: bool = False,
) -> LiveLibrary:
    bucket = [stored(each, size=20) if isinstance(each, str) else each for each in objects]
    snapshot = world(rows=rows, objects=bucket).snapshot
    return library_of(snapshot, loosely=loosely, known=known, user_rows=user_rows, told_numbers=told_numbers)


def lecture(row_id: int, key: str, title: str = "", **values: Any) -> Row:
    parents = {"speaker_id": 1, "collection_id": 11, "file_size": 20}
    return lecture_row(row_id, title or f"Title {row_id}", key, **{**parents, **values})


def lectures(library: LiveLibrary) -> dict[int | None, FoundResources]:
    return {
        each.row: each
        for speaker in library.speakers
        for collection in speaker.children
        for each in collection.children
    }


def fields(library: LiveLibrary, row: int) -> dict[str, Any]:
    return dict(lectures(library)[row].fields)


def told(library: LiveLibrary) -> set[tuple[str, str]]:
    """Return what a person has to look at, but for numbers, of which most of these rows have none."""
    found = (each for each in library.findings if each.reason is not Reason.NUMBER_DOUBTED)
    return {(each.reason.value, each.subject) for each in found}


# What an entry says.


def test_a_row_and_its_object_are_one_entry() -> None:
    row = lecture(
        101, "Noor/Fiqh/01 - A.mp3", "A", lecture_number=1, is_public=True, genre="Talk", year=2024,
        description="On\nA.", categories=("fiqh", "quran"), file_size=20, thumbnail_url="Noor/a.jpg",
    )  # fmt: skip

    library = joined([NOOR, FIQH, row], ["Noor/Fiqh/01 - A.mp3", "Noor/a.jpg"])

    assert fields(library, 101) == {
        "title": "A",
        "number": 1,
        "description": "On\nA.",
        "year": 2024,
        "genre": "Talk",
        "public": True,
        "audio": "Noor/Fiqh/01 - A.mp3",
        "thumbnail": "Noor/a.jpg",
        "categories": ["fiqh", "quran"],
    }
    assert library.findings == ()
    assert library.media.keys() == {"Noor/Fiqh/01 - A.mp3", "Noor/a.jpg"}


def test_what_the_catalog_cannot_say_of_a_row_is_left_out() -> None:
    row = lecture(101, "a.mp3", "A", genre="Talk\x07", year=0, lecture_number=-1, description="")
    speaker = speaker_row(1, "Noor", bio="\x07", visibility_type="secret", is_premium=False)

    library = joined([speaker, FIQH, row], ["a.mp3"])

    assert fields(library, 101) == {"title": "A", "audio": "a.mp3"}
    assert library.speakers[0].fields == {"name": "Noor", "premium": False}


def test_categories_with_a_slug_the_catalog_refuses_are_left_out() -> None:
    library = joined([NOOR, FIQH, lecture(101, "a.mp3", categories=("fiqh ",))], ["a.mp3"])

    assert "categories" not in fields(library, 101)


NAMED = {"A": "Noor/Fiqh/100 - A.mp3", "B": "Noor/Fiqh/02 - B.mp3", "C": "Noor/Fiqh/03 - C.mp3"}


@pytest.mark.parametrize(
    ("said", "titles", "declared", "doubted"),
    [
        ({"A": 11, "B": 12, "C": 13}, {}, {"A": 100, "B": 2, "C": 3}, ""),  # counted in text order
        ({"A": 11, "B": 2, "C": 3}, {}, {"A": 100, "B": 2, "C": 3}, ""),
        ({"A": None, "B": 2, "C": 3}, {}, {"A": 100, "B": 2, "C": 3}, ""),
        ({"A": 100, "B": 2, "C": 3}, {}, {"A": 100, "B": 2, "C": 3}, ""),
        ({"A": 3, "B": 2, "C": 1}, {"B": "B "}, {"A": 100, "B": 2, "C": 3}, ""),
        (
            {"A": 11, "B": 12, "C": 13},
            {"A": "A "},
            {"A": 100, "B": 2, "C": 3},
            "",
        ),  # for the others it proves
        ({"A": 11, "B": 12, "C": 13}, dict.fromkeys("ABC", "X"), {"A": 11, "B": 12, "C": 13}, "ABC"),
        ({"A": 11, "B": 2, "C": 3}, {"A": "A "}, {"A": 11, "B": 2, "C": 3}, "A"),
        ({"A": None, "B": 2, "C": 3}, {"A": "A "}, {"A": None, "B": 2, "C": 3}, "A"),
    ],
)
def test_a_number_is_changed_only_where_a_name_proves_it_and_more_lectures_play(
    said: dict[str, int | None], titles: dict[str, str], declared: dict[str, int | None], doubted: str
) -> None:
    ids = {name: id_ for id_, name in enumerate(NAMED, start=101)}
    rows = [
        lecture(
            ids[name],
            key,
            f"{titles.get(name, name)}{'' if titles.get(name) != 'X' else name}",
            lecture_number=said[name],
        )
        for name, key in NAMED.items()
    ]

    library = joined([NOOR, FIQH, *rows], list(NAMED.values()))

    assert {name: fields(library, ids[name]).get("number") for name in NAMED} == declared
    told_of = [each for each in library.findings if each.reason is Reason.NUMBER_DOUBTED]
    assert {each.subject for each in told_of} == {f"lectures[{ids[name]}]" for name in doubted}
    assert {each.remedy for each in told_of} <= {ImportLive(clean=("numbers",))}


def test_a_lecture_that_plays_keeps_its_number_though_its_file_has_another() -> None:
    rows = [
        lecture(101, "Noor/Fiqh/05 - A.mp3", "A", lecture_number=7),
        lecture(102, "Noor/Fiqh/02 - B.mp3", "B", lecture_number=8),
        lecture(103, "Noor/Fiqh/03 - C.mp3", "C", lecture_number=9),
    ]
    objects = [stored(str(row["file_path"]), size=20) for row in rows]

    library = joined(
        [NOOR, FIQH, *rows], [*objects, stored("Noor/Fiqh/07 - A.mp3", str(rows[0]["file_path"]), size=20)]
    )

    assert [fields(library, row).get("number") for row in (101, 102, 103)] == [5, 2, 3]
    assert [fields(library, row).get("number") for row in (102, 103)] == [2, 3]


def test_numbers_are_what_the_names_tell_when_somebody_asks() -> None:
    row = lecture(101, "Noor/Fiqh/100 - A.mp3", "Another", lecture_number=11)

    library = joined([NOOR, FIQH, row], ["Noor/Fiqh/100 - A.mp3"], told_numbers=True)

    assert fields(library, 101)["number"] == 100
    assert library.findings == ()


def test_a_number_that_two_rows_have_is_declared_once_and_changed_in_neither() -> None:
    rows = [lecture(101, "a.mp3", "A", lecture_number=7), lecture(102, "b.mp3", "B", lecture_number=7)]

    library = joined([NOOR, FIQH, *rows], ["a.mp3", "b.mp3"])

    assert [fields(library, row).get("number") for row in (101, 102)] == [7, None]


def test_names_and_titles_are_declared_as_the_rows_have_them() -> None:
    nfd = unicodedata.normalize("NFD", "Café")
    rows = [
        speaker_row(1, " Noor"),
        collection_row(11, 1, f"{nfd} "),
        lecture(101, "15 - 15 Story.mp3", "15 Story", genre=" Talk "),
        lecture(102, "16 - Story.mp3", "Story "),
        lecture(103, "17.mp3", nfd),
    ]

    library = joined(rows, ["15 - 15 Story.mp3", "16 - Story.mp3", "17.mp3"])

    [speaker] = library.speakers
    [collection] = speaker.children
    assert (speaker.name, collection.name) == (" Noor", f"{nfd} ")
    titles = {row: found.name for row, found in lectures(library).items()}
    assert titles == {101: "15 Story", 102: "Story ", 103: nfd}
    assert fields(library, 101)["genre"] == " Talk "
    assert told(library) == set()


@pytest.mark.parametrize(
    ("title", "said"),
    [(" A\n", "A"), ("A\u2028B", "A B"), ("A\tB", "A B"), (" ", "The End"), ("\n", "The End")],
)
def test_a_title_that_no_catalog_can_write_is_put_up_with(title: str, said: str) -> None:
    library = joined(
        [NOOR, FIQH, lecture(101, "Noor/Fiqh/01 - The End.mp3", title)], ["Noor/Fiqh/01 - The End.mp3"]
    )

    assert fields(library, 101)["title"] == said
    assert fields(library, 101)["as_is"] == {"title": title}


# Facts.


def test_the_line_of_an_object_says_what_the_stores_know() -> None:
    row = lecture(
        101, "a.mp3", file_hash=f" {'A' * 64}", duration=90, bitrate=128_000, sample_rate=44_100
    )  # fmt: skip

    line = joined([NOOR, FIQH, row], [stored("a.mp3", size=4711, etag="e-2")]).media["a.mp3"]

    assert (line.size_bytes, line.etag, line.sha256) == (4711, "e-2", "a" * 64)
    assert (line.duration_seconds, line.bitrate, line.sample_rate) == (90.0, 128_000, 44_100)


@pytest.mark.parametrize("hashes", [(None, None), ("x", "x"), ("a" * 64, "b" * 64), ("a" * 63, None)])
def test_a_hash_that_is_absent_misspelled_or_disputed_is_unknown(hashes: tuple[Any, Any]) -> None:
    rows = [
        lecture(101, "a.mp3", file_hash=hashes[0]),
        lecture(102, "a.mp3", collection_id=12, file_hash=hashes[1]),
    ]

    line = joined([NOOR, FIQH, collection_row(12, 1, "Duas"), *rows], ["a.mp3"]).media["a.mp3"]

    assert line.sha256 is None


def test_facts_that_are_0_are_unknown_and_another_row_may_know_them() -> None:
    rows = [
        lecture(101, "a.mp3", duration=0, bitrate=0, sample_rate=None),
        lecture(102, "a.mp3", collection_id=12, duration=60),
    ]

    line = joined([NOOR, FIQH, collection_row(12, 1, "Duas"), *rows], ["a.mp3"]).media["a.mp3"]

    assert (line.duration_seconds, line.bitrate, line.sample_rate) == (60.0, None, None)


def test_facts_that_no_lockfile_can_say_leave_the_lecture_out() -> None:
    library = joined([NOOR, FIQH, lecture(101, "a.mp3", bitrate=10**10)], ["a.mp3"])

    assert lectures(library) == {}
    assert told(library) == {("unfit", "lectures[101]")}


@pytest.mark.parametrize("key", ["a//b.mp3", "a.txt", "a.jpg", "../a.mp3", "a.mp3 ", "a\\b.mp3"])
def test_a_key_that_no_path_can_be_is_told(key: str) -> None:
    library = joined([NOOR, FIQH, lecture(101, key)], [key])

    assert lectures(library) == {}
    assert ("unfit", "lectures[101]") in told(library)


@pytest.mark.parametrize("said", [0, 1, 4712])
def test_a_row_that_says_another_size_than_its_recording_has_is_told(said: int) -> None:
    library = joined([NOOR, FIQH, lecture(101, "a.mp3", file_size=said)], [stored("a.mp3", size=4711)])

    assert set(lectures(library)) == {101}
    assert told(library) == {("size-differs", "lectures[101]")}
    assert library.media["a.mp3"].size_bytes == 4711


def test_an_object_without_bytes_is_told_and_not_declared() -> None:
    rows = [
        speaker_row(1, "Noor", image_url="Noor/speaker.jpg"),
        FIQH,
        lecture(101, "a.mp3", file_size=0),
        lecture(102, "b.mp3", file_size=7, thumbnail_url="b.jpg"),
    ]
    objects = [stored(key, size=0) for key in ("a.mp3", "b.jpg", "Noor/speaker.jpg")]

    library = joined(rows, [*objects, stored("b.mp3", size=7)])

    assert set(lectures(library)) == {102}
    assert "thumbnail" not in fields(library, 102)
    assert "image" not in library.speakers[0].fields
    assert library.media.keys() == {"b.mp3"}
    assert told(library) == {
        ("empty-object", f"{row}") for row in ("lectures[101]", "lectures[102]", "speakers[1]")
    }


# Which object.


def test_a_path_is_compared_by_nfc() -> None:
    nfd = unicodedata.normalize("NFD", "Café.mp3")

    library = joined([NOOR, FIQH, lecture(101, nfd)], ["Café.mp3"])

    assert fields(library, 101)["audio"] == "Café.mp3"
    assert library.findings == ()


@pytest.mark.parametrize(
    "path",
    [
        f"{CDN}/{quote('Noor/Fiqh/01 - A & B.mp3')}",
        quote("Noor/Fiqh/01 - A & B.mp3"),
        " Noor /Fiqh/01 - A & B.mp3 ",
    ],
)
def test_a_url_an_encoded_or_an_untrimmed_path_is_found(path: str) -> None:
    library = joined([NOOR, FIQH, lecture(101, path)], ["Noor/Fiqh/01 - A & B.mp3"])

    assert fields(library, 101)["audio"] == "Noor/Fiqh/01 - A & B.mp3"
    assert told(library) == {("joined-loosely", "lectures[101]")}


def test_the_url_of_a_row_finds_what_its_path_does_not() -> None:
    row = lecture(101, "old/a.mp3", audio_url=f"{CDN}/Noor/new.mp3")

    assert fields(joined([NOOR, FIQH, row], ["Noor/new.mp3"]), 101)["audio"] == "Noor/new.mp3"


def test_speaker_collection_and_title_find_an_object_then_number() -> None:
    rows = [
        lecture(101, "gone/1.mp3", "Ṣabr", lecture_number=9),
        lecture(102, "gone/2.mp3", "Something Else", lecture_number=2),
    ]

    library = joined([NOOR, FIQH, *rows], ["Noor/Fiqh/01 - Sabr.mp3", "noor/FIQH/02 - Two.mp3"])

    assert fields(library, 101)["audio"] == "Noor/Fiqh/01 - Sabr.mp3"
    assert fields(library, 102)["audio"] == "noor/FIQH/02 - Two.mp3"
    assert {reason for reason, _ in told(library)} == {"joined-loosely"}


def test_the_older_layout_is_found_by_its_slugs() -> None:
    key = "speakers/noor/collections/fiqh/lectures/04-the-patient-one.mp3"

    library = joined([NOOR, FIQH, lecture(101, "gone.mp3", "The Patient One")], [key])

    assert fields(library, 101)["audio"] == key


def test_two_candidates_are_no_answer() -> None:
    objects = ["Noor/Fiqh/01 - A.mp3", "Noor/Fiqh/02 - A.mp3"]

    library = joined([NOOR, FIQH, lecture(101, "gone.mp3", "A", lecture_number=5)], objects)

    assert lectures(library) == {}
    assert ("row-without-object", "lectures[101]") in told(library)


def test_what_has_a_row_already_is_given_to_no_other() -> None:
    rows = [lecture(101, "Noor/Fiqh/01 - A.mp3", "A"), lecture(102, "gone.mp3", "A", lecture_number=1)]

    library = joined([NOOR, FIQH, *rows], ["Noor/Fiqh/01 - A.mp3"])

    assert set(lectures(library)) == {101}


def test_numbers_find_nothing_where_they_are_known_to_be_wrong() -> None:
    rows = [
        lecture(101, "Noor/Fiqh/100 - A.mp3", "A", lecture_number=11),
        lecture(102, "gone.mp3", "B", lecture_number=12),
    ]

    library = joined([NOOR, FIQH, *rows], ["Noor/Fiqh/100 - A.mp3", "Noor/Fiqh/12 - Other.mp3"])

    assert set(lectures(library)) == {101}


def test_a_strict_join_goes_by_the_path_alone() -> None:
    rows = [lecture(101, quote("Noor/Fiqh/01 - A.mp3"), "A"), lecture(102, "Noor/Fiqh/02 - B.mp3")]
    objects = ["Noor/Fiqh/01 - A.mp3", "Noor/Fiqh/02 - B.mp3", "Noor/speaker.jpg"]

    library = joined([NOOR, FIQH, *rows], objects, loosely=False)

    assert set(lectures(library)) == {102}
    assert "image" not in library.speakers[0].fields


# Parents.


def test_a_row_without_a_collection_is_found_one_by_its_folder() -> None:
    rows = [
        lecture(101, "Noor/Fiqh/01 - A.mp3", collection_id=None),
        lecture(102, "speakers/noor/collections/fiqh/lectures/02-b.mp3", speaker_id=None, collection_id=None),
    ]

    library = joined([NOOR, FIQH, *rows], [str(row["file_path"]) for row in rows])

    assert set(lectures(library)) == {101, 102}


def test_a_folder_of_another_name_is_what_its_other_rows_agree_on() -> None:
    rows = [lecture(101, "x/1.mp3"), lecture(102, "x/2.mp3", collection_id=None)]
    others = [
        lecture(103, "y/1.mp3"),
        lecture(104, "y/2.mp3", collection_id=12),
        lecture(105, "y/3.mp3", collection_id=None),
    ]

    library = joined(
        [NOOR, FIQH, collection_row(12, 1, "Duas"), *rows, *others],
        [str(row["file_path"]) for row in (*rows, *others)],
    )

    assert set(lectures(library)) == {101, 102, 103, 104}
    assert told(library) == {("row-without-parent", "lectures[105]")}


def test_a_row_whose_recording_is_gone_vouches_for_no_folder() -> None:
    rows = [lecture(101, "x/gone.mp3"), lecture(102, "x/2.mp3", collection_id=None)]

    library = joined([NOOR, FIQH, *rows], ["x/2.mp3"])

    assert lectures(library) == {}
    assert ("row-without-parent", "lectures[102]") in told(library)


def test_two_collections_of_one_name_decide_nothing() -> None:
    rows = [NOOR, FIQH, collection_row(12, 1, "fiqh"), lecture(101, "Noor/Fiqh/1.mp3", collection_id=None)]

    library = joined(rows, ["Noor/Fiqh/1.mp3"])

    assert lectures(library) == {}
    assert ("similar-name", "collections[11]") in told(library)


def test_a_row_without_parent_and_object_is_told_as_both() -> None:
    row = lecture(101, "gone.mp3", speaker_id=None, collection_id=None)

    assert told(joined([NOOR, FIQH, row])) == {
        ("row-without-parent", "lectures[101]"),
        ("row-without-object", "lectures[101]"),
    }


# Duplicates.


def test_of_two_rows_with_one_recording_the_complete_one_is_declared() -> None:
    rows = [lecture(101, "Noor/Fiqh/a.mp3", "A", collection_id=None), lecture(102, "Noor/Fiqh/a.mp3", "A")]

    library = joined([NOOR, FIQH, *rows], ["Noor/Fiqh/a.mp3"])

    assert set(lectures(library)) == {102}
    assert ("duplicate", "lectures[101]") in told(library)
    assert [each.remedy for each in library.findings if each.remedy] == [Merge(row="101", into="102")]


def test_the_row_that_the_catalog_knows_is_the_one_declared() -> None:
    rows = [lecture(101, "a.mp3", "A"), lecture(102, "a.mp3", "A")]

    library = joined([NOOR, FIQH, *rows], ["a.mp3"], known={(Kind.LECTURE, 102)})

    assert set(lectures(library)) == {102}


def test_one_recording_may_stand_in_two_collections() -> None:
    rows = [lecture(101, "a.mp3", "A"), lecture(102, "a.mp3", "A", collection_id=12)]

    library = joined([NOOR, FIQH, collection_row(12, 1, "Duas"), *rows], ["a.mp3"])

    assert set(lectures(library)) == {101, 102}
    assert library.findings == ()


NFD_AND_SPACE = [
    ("Cafe\u0301", "Café"),
    ("A ", "A"),
    ("15 A", "A"),
    ("02 Those who", "03 Those who"),
    ("A\t", "A"),
]


@pytest.mark.parametrize(("one", "other"), NFD_AND_SPACE)
def test_names_that_only_cleaning_makes_equal_are_no_duplicates(one: str, other: str) -> None:
    rows = [
        NOOR,
        FIQH,
        *(speaker_row(place, name) for place, name in enumerate((one, other), start=2)),
        *(collection_row(place, 1, name) for place, name in enumerate((one, other), start=12)),
        *(lecture(place, f"{place}.mp3", name) for place, name in enumerate((one, other), start=101)),
    ]

    library = joined(rows, ["101.mp3", "102.mp3"])

    assert {each.row for each in library.speakers} == {1, 2, 3}
    assert {each.row for speaker in library.speakers for each in speaker.children} == {11, 12, 13}
    assert set(lectures(library)) == {101, 102}
    assert "duplicate" not in {reason for reason, _ in told(library)}


def test_of_two_rows_with_one_title_one_is_declared_and_the_merge_is_told() -> None:
    rows = [lecture(101, "a.mp3", "A"), lecture(102, "b.mp3", "A")]

    library = joined([NOOR, FIQH, *rows], ["a.mp3", "b.mp3"])

    assert set(lectures(library)) == {101}
    assert [each.remedy for each in library.findings if each.remedy] == [Merge(row="102", into="101")]


@pytest.mark.parametrize(
    ("first", "second", "user_rows", "declared"),
    [
        ({}, {}, {}, 101),
        ({}, {}, {101: 2, 102: 2}, 101),
        ({}, {}, {102: 1}, 102),
        ({"lecture_number": None}, {"lecture_number": 1}, {101: 9}, 102),
        ({"lecture_number": 1}, {"lecture_number": 1}, {102: 1}, 102),
        ({"collection_id": None}, {}, {101: 1}, 101),
        ({"collection_id": None}, {}, {}, 102),
    ],
)
def test_the_row_with_the_number_and_what_listeners_keep_is_declared(
    first: dict[str, Any], second: dict[str, Any], user_rows: dict[int, int], declared: int
) -> None:
    rows = [
        lecture(101, "Noor/Fiqh/a.mp3", "A", **first),
        lecture(102, "Noor/Fiqh/a.mp3", "B", **second),
        lecture(103, "c.mp3", "C"),
    ]
    asked: list[int] = []

    def count(ids: Collection[int]) -> dict[int, int]:
        asked.extend(ids)
        return user_rows

    library = joined([NOOR, FIQH, *rows], ["Noor/Fiqh/a.mp3", "c.mp3"], user_rows=count)

    assert set(lectures(library)) == {declared, 103}
    assert set(asked) == {101, 102}


def test_titles_that_only_look_alike_are_two_entries_and_told() -> None:
    rows = [lecture(101, "a.mp3", "Ḥikma"), lecture(102, "b.mp3", "Hikma!")]

    library = joined([NOOR, FIQH, *rows], ["a.mp3", "b.mp3"])

    assert set(lectures(library)) == {101, 102}
    [finding] = library.findings
    assert (finding.reason, finding.detail) == (Reason.SIMILAR_NAME, "'Ḥikma'; lectures[102] 'Hikma!'")


def test_a_row_without_a_name_is_told() -> None:
    rows = [speaker_row(1, " "), speaker_row(2, "Noor"), collection_row(11, 2, "\t"), lecture(101, "a.mp3")]

    library = joined(rows, ["a.mp3"])

    assert [each.row for each in library.speakers] == [2]
    assert {("unfit", "speakers[1]"), ("unfit", "collections[11]")} <= told(library)


# Images.


def test_an_image_is_what_the_row_names_whatever_its_domain_and_spelling() -> None:
    speaker = speaker_row(
        1, "Noor", image_url=f"https://old.example.net/{quote('Noor/speaker.jpg')}", image_small_url="x/y.png"
    )

    library = joined([speaker], ["Noor/speaker.jpg", "x/y.png"])

    assert library.speakers[0].fields == {
        "name": "Noor",
        "image": "Noor/speaker.jpg",
        "image_small": "x/y.png",
    }


@pytest.mark.parametrize("said", [None, "Noor/gone.jpg", "https://elsewhere.example.org/face.jpg"])
def test_an_image_that_no_row_names_is_found_where_the_layout_has_it(said: str | None) -> None:
    library = joined([speaker_row(1, "Noor", image_url=said)], ["noor/speaker.webp"])

    assert library.speakers[0].fields["image"] == "noor/speaker.webp"
    assert ("object-without-row", "noor/speaker.webp") not in told(library)


def test_an_image_that_is_nowhere_is_told() -> None:
    speaker = speaker_row(1, "Noor", image_url="Noor/gone.jpg")
    row = lecture(101, "a.mp3", thumbnail_url="Noor/gone too.jpg")

    library = joined([speaker, FIQH, row], ["a.mp3"])

    assert told(library) == {("row-without-object", "speakers[1]"), ("row-without-object", "lectures[101]")}


def test_of_an_image_in_two_formats_the_one_that_the_row_names_is_declared() -> None:
    objects = ["Noor/speaker.jpg", "Noor/speaker.png"]

    named = joined([speaker_row(1, "Noor", image_url="Noor/speaker.png")], objects)
    unnamed = joined([NOOR], objects)

    assert named.speakers[0].fields["image"] == "Noor/speaker.png"
    assert "image" not in unnamed.speakers[0].fields
    assert ("two-formats", "speakers[1]") in told(named) & told(unnamed)


# What is left over.


def test_objects_that_nothing_names_are_told_and_sidecars_are_not() -> None:
    row = lecture(101, "gone.mp3", audio_url="Noor/named only.mp3")
    objects = ["stray.mp3", "Noor/speaker.json", "Noor/Fiqh/collection.json", ".DS_Store"]

    library = joined([NOOR, FIQH, row], objects)

    assert {s for reason, s in told(library) if reason == "object-without-row"} == {"stray.mp3", ".DS_Store"}


@settings(deadline=None, max_examples=40)
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_and_objects_is_irrelevant(order: list[int]) -> None:
    rows = [
        NOOR,
        FIQH,
        collection_row(12, 1, "Fiqh "),
        *(lecture(n, f"{n}.mp3", "A") for n in (101, 102, 103)),
    ]
    objects = ["101.mp3", "102.mp3", "Noor/speaker.jpg", "Noor/speaker.png", "x.mp3", "Noor/Fiqh/1 - B.mp3"]

    shuffled = joined([rows[n] for n in order], [objects[n] for n in order])

    assert shuffled == joined(rows, objects)
