"""Ways by which apps find lectures: measured, and written into elmify.yaml where it leaves them open."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from reconciler.importing.live import import_live
from reconciler.importing.ways import SettledWays, settle_ways
from reconciler.model.actual import Row, Snapshot, StoredObject
from reconciler.model.outcomes import Imported, Reason
from reconciler.model.playback import DEFAULT_WAYS
from reconciler.planning.playback import Library, content_of
from reconciler.render.import_report import report_json
from reconciler.settings import load_settings
from tests.importing import ImportProject
from tests.unit.planning.worlds import collection_row, lecture_row, speaker_row, stored, world

HEAD = "environment: live\n"


def lectures(collection: int, *keys: str, first: int = 1) -> list[Row]:
    """Return rows whose titles and numbers are those in the names of their objects."""
    named = [key.rpartition("/")[2].removesuffix(".mp3").split(" - ") for key in keys]
    return [
        lecture_row(
            collection * 100 + place,
            title,
            key,
            speaker_id=collection // 10,
            collection_id=collection,
            lecture_number=int(number),
        )
        for place, (key, (number, title)) in enumerate(zip(keys, named, strict=True), start=first)
    ]


def settled(
    root: Path, rows: Iterable[Row], objects: Iterable[str | StoredObject], text: str = HEAD
) -> SettledWays:
    """Settle the ways over an elmify.yaml, write it, and check that it gives these ways."""
    (root / "elmify.yaml").write_text(text)
    bucket = [stored(each) if isinstance(each, str) else each for each in objects]
    known = world(rows=rows, objects=bucket)
    ways = settle_ways(root, None, (known.snapshot, known.recorded), load_settings(root, {}).policy.playback)
    if ways.text is not None:
        (root / "elmify.yaml").write_text(ways.text)
    assert load_settings(root, {}).policy.playback == ways.ways
    return ways


def counted(ways: SettledWays) -> dict[str, tuple[int, int]]:
    return {count.way: (count.lectures, count.plays) for count in ways.counts}


def reasons(ways: SettledWays) -> dict[str, Reason]:
    return {each.subject: each.reason for each in ways.findings}


KEYS = ("Noor/Fiqh/01 - A.mp3", "Noor/Fiqh/02 - B.mp3", "Noor/Fiqh/100 - C.mp3")


def test_every_way_is_measured_and_written(tmp_path: Path) -> None:
    rows = lectures(11, *KEYS)
    rows[2] = lecture_row(1103, "C", KEYS[2], speaker_id=1, collection_id=11, lecture_number=11)

    ways = settled(tmp_path, [speaker_row(1, "Noor"), collection_row(11, 1, "Fiqh"), *rows], KEYS)

    assert counted(ways) == {"stream": (3, 2), "playlist": (3, 3), "link": (3, 0)}
    assert ways.ways == DEFAULT_WAYS
    assert ways.text is not None
    assert "playback:" in ways.text
    assert ways.findings == ()


def test_written_ways_and_an_empty_library_are_left_alone(tmp_path: Path) -> None:
    own = f"{HEAD}playback:\n  - {{way: only, column: file_path}}\n"
    rows = [speaker_row(1, "Noor"), collection_row(11, 1, "Fiqh"), *lectures(11, *KEYS)]

    assert settled(tmp_path, rows, KEYS, own).text is None
    assert settled(tmp_path, [speaker_row(1, "Noor")], ()).text is None


@pytest.mark.parametrize(
    ("title", "folder"),
    [
        ("Stories of Islam", "Stories Islam"),
        ("Q&A", "Questions"),
        ('It\'s \\ "quoted"', "It's \\ other"),
        ("{{ x }}", "{% y %}"),
        ("سورة", "Surah"),
    ],
)
def test_a_collection_under_another_folder_is_an_exception_and_a_question(
    tmp_path: Path, title: str, folder: str
) -> None:
    keys = [f"Noor/{folder}/01 - A.mp3", f"Noor/{folder}/02 - B.mp3"]
    legends = [f"Noor/Legends Islam/0{n} - L{n}.mp3" for n in (1, 2)]
    rows = [
        speaker_row(1, "Noor"),
        *(
            collection_row(id_, 1, name)
            for id_, name in ((11, "Fiqh"), (12, title), (13, "Legends of Islam"))
        ),
        *lectures(11, *KEYS),
        *lectures(12, *keys),
        *lectures(13, *legends),
    ]

    ways = settled(tmp_path, rows, [*KEYS, *keys, *legends])

    assert counted(ways)["stream"] == (7, 7)
    assert reasons(ways) == {"collections[12]": Reason.OTHER_FOLDER}


def test_an_exception_is_of_its_speaker_where_another_has_such_a_collection(tmp_path: Path) -> None:
    there, elsewhere = "Noor/Q and A/01 - A.mp3", "Zayd/Questions/01 - A.mp3"
    rows = [
        *(speaker_row(id_, name) for id_, name in ((1, "Noor"), (2, "Zayd"))),
        *(collection_row(id_, speaker, "Questions") for id_, speaker in ((11, 1), (21, 2))),
        *lectures(11, there),
        *lectures(21, elsewhere),
    ]

    assert counted(settled(tmp_path, rows, [there, elsewhere]))["stream"] == (2, 2)


@pytest.mark.parametrize("title", ["Fiqh ", "  Fiqh"])
def test_a_title_that_is_only_not_tidy_is_no_exception(tmp_path: Path, title: str) -> None:
    rows = [speaker_row(1, "Noor"), collection_row(11, 1, title), *lectures(11, *KEYS)]

    ways = settled(tmp_path, rows, KEYS)

    assert counted(ways)["stream"] == (3, 0)
    assert ways.ways == DEFAULT_WAYS
    assert ways.findings == ()


def test_the_folder_of_another_collection_is_no_exception(tmp_path: Path) -> None:
    old = ["old/1.mp3", "old/2.mp3"]
    rows = [
        speaker_row(1, "Noor"),
        collection_row(11, 1, "Fiqh"),
        collection_row(12, 1, "Duas"),
        *lectures(11, *KEYS),
        *(
            lecture_row(1201 + n, "AB"[n], key, speaker_id=1, collection_id=12, lecture_number=n + 1)
            for n, key in enumerate(old)
        ),
    ]

    ways = settled(tmp_path, rows, [*KEYS, *old])

    assert ways.ways == DEFAULT_WAYS
    assert ways.findings == ()


@pytest.mark.parametrize(
    ("own", "other", "differ"),
    [
        (stored("old/a.mp3", "x", size=5), stored("Noor/Fiqh/01 - A.mp3", "x", size=5), False),
        (stored("old/a.mp3", "x", size=5), stored("Noor/Fiqh/01 - A.mp3", "y", size=5), True),
        (stored("old/a.mp3", "x", size=5), stored("Noor/Fiqh/01 - A.mp3", "x", size=6), True),
        (stored("old/a.mp3", etag="e-2", size=5), stored("Noor/Fiqh/01 - A.mp3", etag="f-3", size=5), False),
        (stored("old/a.mp3", "x", size=5), None, False),
    ],
)
def test_ways_that_lead_to_different_bytes_are_a_question(
    tmp_path: Path, own: StoredObject, other: StoredObject | None, differ: bool
) -> None:
    row = lecture_row(101, "A", "old/a.mp3", speaker_id=1, collection_id=11, lecture_number=1)
    rows = [speaker_row(1, "Noor"), collection_row(11, 1, "Fiqh"), row]

    ways = settled(tmp_path, rows, [own, *([other] if other is not None else [])])

    assert reasons(ways) == ({"lectures[101]": Reason.WAYS_DIFFER} if differ else {})


def do_import(project: ImportProject, snapshot: Snapshot) -> Imported:
    policy = load_settings(project.root, {}).policy
    return import_live(project.folder, policy, (snapshot, world().recorded))


def test_an_import_counts_what_plays_and_proves_numbers_by_the_folders_it_found(
    project: ImportProject,
) -> None:
    (project.root / "elmify.yaml").write_text(HEAD)
    keys = ["Noor/Stories/01 - A.mp3", "Noor/Stories/02 - B.mp3", "Noor/Stories/100 - C.mp3"]
    rows = [speaker_row(1, "Noor"), collection_row(11, 1, "Stories of Old"), *lectures(11, *keys)]
    rows[-1] = lecture_row(1103, "C", keys[2], speaker_id=1, collection_id=11, lecture_number=11)
    snapshot = world(rows=rows, objects=[stored(key) for key in keys]).snapshot

    imported = do_import(project, snapshot)

    told = {each["way"]: each["plays"] for each in json.loads(report_json(imported))["playback"]}
    assert told == {"stream": 2, "playlist": 3, "link": 0}
    assert "elmify.yaml" in imported.written
    assert [each["number"] for each in project.lectures("noor/stories-of-old.yaml")] == [1, 2, 100]
    again = do_import(project, snapshot)
    assert again.written == ()
    assert again.playback == imported.playback
    contents = {key: content_of(each, None) for key, each in snapshot.objects.items()}
    ways = load_settings(project.root, {}).policy.playback
    assert Library(ways, snapshot.rows, contents).count() == imported.playback
