import unicodedata
from io import BytesIO
from pathlib import Path
from typing import Any

import mutagen.id3
import pytest
from mutagen.easyid3 import EasyID3

from reconciler.importing.metadata import Tags, read_tags
from reconciler.loading.fmt import format_catalog_file
from reconciler.model.errors import UsageError
from reconciler.model.outcomes import Reason
from reconciler.model.remedies import ImportFiles
from tests.importing import ImportProject
from tests.media_files import sample, wav


def test_a_content_folder_becomes_a_catalog_that_is_valid_and_locked(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - Patience.wav", 2)
    project.audio("Noor/Fiqh/100 - The Last.wav")
    project.image("Noor/speaker.jpg")
    project.image("Noor/Fiqh/collection.jpg")
    project.image("Noor/Fiqh/01 - Patience_thumbnail.jpg")

    imported = project.import_files()

    assert project.entry("noor/speaker.yaml") == {
        "speaker": "noor",
        "name": "Noor",
        "image": "Noor/speaker.jpg",
    }
    assert project.entry("noor/fiqh.yaml")["cover"] == "Noor/Fiqh/collection.jpg"
    assert project.lectures("noor/fiqh.yaml") == [
        {
            "id": "patience",
            "number": 1,
            "title": "Patience",
            "audio": "Noor/Fiqh/01 - Patience.wav",
            "thumbnail": "Noor/Fiqh/01 - Patience_thumbnail.jpg",
        },
        {"id": "the-last", "number": 100, "title": "The Last", "audio": "Noor/Fiqh/100 - The Last.wav"},
    ]
    assert imported.findings == ()
    assert project.load().catalog is not None
    assert project.lines["Noor/Fiqh/01 - Patience.wav"].duration_seconds == 2.0


@pytest.mark.parametrize(
    ("speaker", "collection", "lecture"),
    [("", {"public": True}, {}), ("defaults: {public: false}\n", None, {})],
)
def test_a_new_collection_says_that_its_lectures_are_public_unless_the_speaker_says_otherwise(
    project: ImportProject, speaker: str, collection: dict[str, bool] | None, lecture: dict[str, bool]
) -> None:
    project.write("n/speaker.yaml", f"speaker: n\nname: Noor\n{speaker}")
    project.audio("Noor/Fiqh/01 - A.wav")

    project.import_files()

    assert project.entry("n/fiqh.yaml").get("defaults") == collection
    assert ["public" in each for each in project.lectures("n/fiqh.yaml")] == [bool(lecture)]


@pytest.mark.parametrize(
    ("defaults", "said"),
    [("", True), ("defaults: {genre: Talk}\n", True), ("defaults: {public: false}\n", None)],
)
def test_a_new_lecture_of_a_collection_by_hand_is_public_unless_a_default_says_otherwise(
    project: ImportProject, defaults: str, said: bool | None
) -> None:
    project.write("n/speaker.yaml", "speaker: n\nname: Noor\n")
    project.write("n/f.yaml", f"collection: f\ntitle: Fiqh\n{defaults}")
    project.audio("Noor/Fiqh/01 - A.wav")

    project.import_files()
    again = project.import_files()

    (lecture,) = project.lectures("n/f.yaml")
    assert lecture.get("public") is said
    assert (again.written, again.filled) == ((), 0)


def test_numbers_are_read_with_and_without_padding_past_99_and_in_arabic_digits(
    project: ImportProject,
) -> None:
    for name in ("9 - Nine", "010 - Ten", "99 - Last But One", "100 - Hundred", "١٠١ - آخر"):
        project.audio(f"Noor/Fiqh/{name}.wav")

    project.import_files()

    numbers = [each["number"] for each in project.lectures("noor/fiqh.yaml")]
    assert numbers == [9, 10, 99, 100, 101]
    assert project.lectures("noor/fiqh.yaml")[-1]["id"] == "akhr"


def test_sidecars_say_what_folders_do_not(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav")
    project.image("Noor/me.jpg")
    project.image("Noor/Fiqh/front.jpg")
    project.sidecar(
        "Noor/speaker.json", name=" Noor the Baker ", bio="A\r\nB", isPremium=False, image="me.jpg"
    )
    project.sidecar(
        "Noor/Fiqh/collection.json",
        title="Fiqh, Made Easy",
        description="All of it.",
        year="2024",
        cover="Noor/Fiqh/front.jpg",
        coverSmall="gone.jpg",
        categorySlug="fiqh",
    )

    project.import_files()

    assert project.entry("noor-the-baker/speaker.yaml") == {
        "speaker": "noor-the-baker",
        "name": "Noor the Baker",
        "bio": "A\nB",
        "premium": False,
        "image": "Noor/me.jpg",
    }
    entry = project.entry("noor-the-baker/fiqh-made-easy.yaml")
    assert {name: entry[name] for name in ("title", "description", "year", "cover", "categories")} == {
        "title": "Fiqh, Made Easy",
        "description": "All of it.",
        "year": 2024,
        "cover": "Noor/Fiqh/front.jpg",
        "categories": ["fiqh"],
    }
    assert "cover_small" not in entry


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"name": 7}'])
def test_a_sidecar_that_says_nothing_usable_harms_nothing(project: ImportProject, content: bytes) -> None:
    project.audio("Noor/Fiqh/01 - A.wav")
    (project.media / "Noor/speaker.json").write_bytes(content)

    imported = project.import_files()

    assert project.entry("noor/speaker.yaml")["name"] == "Noor"
    told = [each.subject for each in imported.findings if each.reason is Reason.UNFIT]
    assert told == ([] if content == b'{"name": 7}' else ["Noor/speaker.json"])


def test_the_older_layout_is_understood(project: ImportProject) -> None:
    project.audio("speakers/noor-the-baker/collections/fiqh-made-easy/lectures/01-the-patient.wav")
    project.image("speakers/noor-the-baker/images/speaker.jpg")
    project.image("speakers/noor-the-baker/collections/fiqh-made-easy/images/cover.jpg")

    project.import_files()

    assert project.entry("noor-the-baker/speaker.yaml")["name"] == "Noor The Baker"
    entry = project.entry("noor-the-baker/fiqh-made-easy.yaml")
    assert (entry["title"], entry["lectures"][0]["title"]) == ("Fiqh Made Easy", "The patient")


def tagged(path: Path, **tags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sample(".mp3"))
    easy: Any = EasyID3()  # type: ignore[no-untyped-call]
    for name, value in tags.items():
        easy[name] = value
    easy.save(path)


def test_tags_say_what_the_name_does_not(project: ImportProject) -> None:
    tagged(
        project.media / "track.mp3",
        title="7 - The Opening",
        artist="Noor",
        album="Fiqh",
        tracknumber="7/12",
        genre="Talk",
        date="2023-05-01",
    )

    project.import_files()

    [lecture] = project.lectures("noor/fiqh.yaml")
    assert lecture == {
        "id": "the-opening",
        "number": 7,
        "title": "The Opening",
        "genre": "Talk",
        "year": 2023,
        "audio": "track.mp3",
    }


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("fresh", "Tag Title"),
        ("recording_0412", "Tag Title"),
        ("03 - fresh", "Fresh"),
        ("Fresh Start", "Fresh Start"),
    ],
)
def test_a_bare_name_gives_way_to_the_title_in_the_tags(
    project: ImportProject, name: str, title: str
) -> None:
    tagged(project.media / f"Noor/Fiqh/{name}.mp3", title="Tag Title")

    project.import_files()

    assert [each["title"] for each in project.lectures("noor/fiqh.yaml")] == [title]


def test_a_name_of_digits_alone_takes_its_title_from_the_tags(project: ImportProject) -> None:
    tagged(project.media / "Noor/Fiqh/07.mp3", title="The Opening", tracknumber="3")
    project.audio("Noor/Fiqh/08.wav")

    project.import_files()

    titles = [(each["number"], each["title"]) for each in project.lectures("noor/fiqh.yaml")]
    assert titles == [(7, "The Opening"), (8, "Lecture 8")]


def test_a_format_without_easy_names_has_its_frames_read() -> None:
    body = BytesIO(sample(".mp3"))
    assert read_tags(body) == Tags()
    wave = BytesIO(_tagged_wave())
    assert read_tags(wave) == Tags(title="Opening", number=4)


def _tagged_wave() -> bytes:
    body = BytesIO(wav())
    file: Any = mutagen.File(fileobj=body)
    frames: Any = mutagen.id3
    file.add_tags()
    file.tags.add(frames.TIT2(text=["Opening"]))
    file.tags.add(frames.TRCK(text=["4"]))
    body.seek(0)
    file.save(fileobj=body)
    return body.getvalue()


@pytest.mark.parametrize("damage", [b"", b"RIFF", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", b"\x00" * 100])
def test_damaged_bytes_have_no_tags(damage: bytes) -> None:
    assert read_tags(BytesIO(damage)) == Tags()


def test_importing_again_changes_nothing(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav")
    project.import_files()
    before = project.text("noor/fiqh.yaml")

    imported = project.import_files()

    assert (imported.written, imported.lines, sum(imported.added.values())) == ((), 0, 0)
    assert project.text("noor/fiqh.yaml") == before


def test_what_was_written_by_hand_is_kept_with_its_comments(project: ImportProject) -> None:
    project.write("n/speaker.yaml", "# Ours.\nspeaker: n\nname: Noor\nbio: By hand.  # yes\n")
    project.write(
        "n/f.yaml",
        "collection: f\ntitle: Fiqh\ndefaults:\n  genre: Talk\nlectures:\n"
        "  # The first one.\n  - {id: a, title: By hand, audio: Noor/Fiqh/01 - A.wav}\n",
    )
    project.audio("Noor/Fiqh/01 - A.wav")
    project.audio("Noor/Fiqh/02 - B.wav")
    project.sidecar("Noor/speaker.json", bio="From the sidecar.", isPremium=True)

    imported = project.import_files()

    assert project.text("n/speaker.yaml") == (
        "# Ours.\nspeaker: n\nname: Noor\nbio: By hand.  # yes\npremium: true\n"
    )
    assert project.text("n/f.yaml") == (
        "collection: f\ntitle: Fiqh\ndefaults:\n  genre: Talk\nlectures:\n"
        "  # The first one.\n  - {id: a, number: 1, title: By hand, audio: Noor/Fiqh/01 - A.wav}\n"
        "  - id: b\n    number: 2\n    title: B\n    public: true\n    audio: Noor/Fiqh/02 - B.wav\n"
    )
    assert (imported.kept, imported.filled) == (3, 2)
    assert not format_catalog_file(project.text("n/f.yaml")).differs


def test_an_id_that_was_forgotten_or_is_taken_is_not_given_again(project: ImportProject) -> None:
    project.write("n/speaker.yaml", "speaker: n\nname: Noor\n")
    project.write(
        "n/f.yaml",
        "collection: f\ntitle: Fiqh\nforget: [a]\nlectures:\n  - {id: b, title: Other, audio: Noor/x.wav}\n",
    )
    project.audio("Noor/x.wav")
    project.audio("Noor/Fiqh/01 - A.wav")
    project.audio("Noor/Fiqh/02 - B.wav")

    project.import_files(project.media / "Noor" / "Fiqh")

    assert [each["id"] for each in project.lectures("n/f.yaml")] == ["a-2", "b-2", "b"]


def test_two_recordings_of_one_title_or_number_are_told(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav")
    project.audio("Noor/Fiqh/01 - B.wav")
    project.audio("Noor/Fiqh/3 - A.wav")

    imported = project.import_files()

    told = {(each.reason, each.subject) for each in imported.findings}
    assert told == {
        (Reason.DUPLICATE, "Noor/Fiqh/01 - B.wav"),
        (Reason.DUPLICATE, "Noor/Fiqh/3 - A.wav"),
    }
    assert [(each["id"], each.get("number")) for each in project.lectures("noor/fiqh.yaml")] == [
        ("a", 1),
        ("b", None),
    ]


def test_a_number_or_title_that_an_entry_has_is_not_taken_from_it(project: ImportProject) -> None:
    project.write("n/speaker.yaml", "speaker: n\nname: Noor\n")
    project.write(
        "n/f.yaml",
        "collection: f\ntitle: Fiqh\nlectures:\n"
        "  - {id: a, number: 2, title: A, audio: Noor/Fiqh/old.wav}\n"
        "  - {id: c, title: C, audio: Noor/Fiqh/2 - C.wav}\n",
    )
    project.audio("Noor/Fiqh/old.wav")
    for name in ("2 - B", "2 - C", "3 - A"):
        project.audio(f"Noor/Fiqh/{name}.wav")

    imported = project.import_files()

    entries = {each["id"]: each for each in project.lectures("n/f.yaml")}
    assert {id_: each.get("number") for id_, each in entries.items()} == {"a": 2, "b": None, "c": None}
    assert entries["a"]["audio"] == "Noor/Fiqh/old.wav"
    clashes = {each.subject for each in imported.findings}
    assert clashes == {"Noor/Fiqh/3 - A.wav", "Noor/Fiqh/2 - C.wav", "n/f/b"}


def test_what_is_no_part_of_a_library_is_told_and_left_out(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav")
    project.audio("loose.wav")
    (project.media / "Noor/Fiqh/02 - Broken.mp3").write_bytes(b"not audio at all")
    (project.media / "Noor/Fiqh/notes.txt").write_text("x")
    (project.media / "Noor/.hidden.wav").write_bytes(b"")
    project.image("Noor/speaker.jpg")
    (project.media / "Noor/speaker.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))

    imported = project.import_files()

    assert {(each.reason, each.subject) for each in imported.findings} == {
        (Reason.ROW_WITHOUT_PARENT, "loose.wav"),
        (Reason.UNFIT, "Noor/Fiqh/02 - Broken.mp3"),
        (Reason.UNFIT, "Noor/Fiqh/notes.txt"),
        (Reason.TWO_FORMATS, "Noor/speaker.png"),
    }
    assert len(project.lectures("noor/fiqh.yaml")) == 1


def test_an_image_that_cannot_be_locked_leaves_its_speaker_without_one(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav")
    (project.media / "Noor/speaker.jpg").write_bytes(b"no image")

    project.import_files()

    assert project.entry("noor/speaker.yaml") == {"speaker": "noor", "name": "Noor"}


def test_names_in_nfd_are_declared_in_nfc(project: ImportProject) -> None:
    project.audio(unicodedata.normalize("NFD", "Ḥasan/Café/01 - Ṣabr.wav"))

    project.import_files()

    [lecture] = project.lectures("hasan/cafe.yaml")
    assert (lecture["title"], lecture["audio"]) == ("Ṣabr", "Ḥasan/Café/01 - Ṣabr.wav")


def test_a_part_of_the_folder_is_called_as_the_whole_would_be(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav")
    project.audio("Other/Fiqh/01 - A.wav")

    project.import_files(project.media / "Noor")

    assert list(project.lines) == ["Noor/Fiqh/01 - A.wav"]


def test_a_folder_elsewhere_is_refused_before_anything_is_written(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav", under="elsewhere")

    with pytest.raises(UsageError) as caught:
        project.import_files(project.root / "elsewhere")

    assert "elsewhere" in caught.value.message
    assert caught.value.remedies == (ImportFiles(folder=str(project.media)),)

    assert not project.folder.catalog_dir.exists()


def test_new_bytes_under_a_declared_path_get_a_new_line(project: ImportProject) -> None:
    project.audio("Noor/Fiqh/01 - A.wav", 1)
    project.import_files()
    before = project.lines["Noor/Fiqh/01 - A.wav"]
    project.audio("Noor/Fiqh/01 - A.wav", 3)

    imported = project.import_files()

    assert imported.lines == 1
    assert project.lines["Noor/Fiqh/01 - A.wav"].sha256 != before.sha256
