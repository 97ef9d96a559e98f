from pathlib import Path

import pytest

from reconciler.importing.new_entries import new_lectures, new_parent
from reconciler.model.errors import UsageError
from reconciler.model.kinds import Kind
from reconciler.model.outcomes import Imported, Reason
from reconciler.model.remedies import NewEntry
from tests.importing import ImportProject


@pytest.fixture
def noor(project: ImportProject) -> ImportProject:
    """A project with two collections of one speaker."""
    project.write("noor/speaker.yaml", "speaker: noor\nname: Noor\n")
    project.write("noor/fiqh.yaml", "# Ours.\ncollection: fiqh\ntitle: Fiqh\n")
    project.write("noor/duas.yaml", "collection: duas\ntitle: Duas\n")
    return project


def new(project: ImportProject, *files: Path, collection: str | None = None) -> Imported:
    return new_lectures(project.folder, files, project.media, project.hashing, collection)


def test_a_dropped_file_gets_its_entry_and_its_line(noor: ImportProject) -> None:
    file = noor.audio("Noor/Fiqh/07 - Patience.wav", 3)

    imported = new(noor, file)

    assert noor.text("noor/fiqh.yaml") == (
        "# Ours.\ncollection: fiqh\ntitle: Fiqh\nlectures:\n"
        "  - id: patience\n    number: 7\n    title: Patience\n    public: true\n"
        "    audio: Noor/Fiqh/07 - Patience.wav\n"
    )
    assert noor.lines["Noor/Fiqh/07 - Patience.wav"].duration_seconds == 3.0
    assert (imported.added, imported.findings) == ({"lecture": 1}, ())
    assert noor.load().catalog is not None


def test_several_files_go_to_the_collections_they_belong_to(noor: ImportProject) -> None:
    files = [
        noor.audio(f"Noor/{name}.wav", seconds)
        for seconds, name in enumerate(("Fiqh/02 - B", "Duas/01 - A", "Fiqh/01 - A"), start=1)
    ]

    new(noor, *files)

    assert [each["title"] for each in noor.lectures("noor/fiqh.yaml")] == ["A", "B"]
    assert [each["title"] for each in noor.lectures("noor/duas.yaml")] == ["A"]
    assert len(noor.lines) == 3


def test_a_file_elsewhere_is_copied_to_where_its_template_has_it(noor: ImportProject) -> None:
    file = noor.audio("7 - Patience.wav", under="downloads")

    new(noor, file, collection="noor/fiqh")

    [lecture] = noor.lectures("noor/fiqh.yaml")
    assert lecture["audio"] == "Noor/Fiqh/07 - Patience.wav"
    assert (noor.media / lecture["audio"]).read_bytes() == file.read_bytes()
    assert file.exists()


def test_adding_the_same_file_again_changes_nothing(noor: ImportProject) -> None:
    file = noor.audio("7 - Patience.wav", under="downloads")
    new(noor, file, collection="noor/fiqh")
    before = noor.text("noor/fiqh.yaml")

    imported = new(noor, file, collection="noor/fiqh")

    assert imported.written == ()
    assert noor.text("noor/fiqh.yaml") == before


def test_a_copy_never_takes_the_place_of_other_bytes(noor: ImportProject) -> None:
    noor.audio("Noor/Fiqh/07 - Patience.wav", 1)
    file = noor.audio("7 - Patience.wav", 2, under="downloads")

    with pytest.raises(UsageError) as caught:
        new(noor, file, collection="noor/fiqh")

    assert caught.value.code == "file-exists"
    assert "Noor/Fiqh/07 - Patience.wav" in caught.value.message


def test_the_collection_that_is_asked_for_stands_over_the_folder(noor: ImportProject) -> None:
    file = noor.audio("Noor/Duas/01 - A.wav")

    new(noor, file, collection="noor/fiqh")

    assert noor.lectures("noor/fiqh.yaml")[0]["audio"] == "Noor/Duas/01 - A.wav"


def test_a_file_of_no_known_collection_asks_for_one(noor: ImportProject) -> None:
    file = noor.audio("loose.wav")

    with pytest.raises(UsageError) as caught:
        new(noor, file)

    assert caught.value.remedies == (NewEntry(of=Kind.LECTURE, file=str(file)),)


@pytest.mark.parametrize(
    ("address", "hint", "remedies"),
    [
        ("noor/fikh", "`noor/fiqh`", ()),
        ("zzz", "", (NewEntry(of=Kind.COLLECTION),)),
    ],
)
def test_an_address_that_is_no_collection_is_refused(
    noor: ImportProject, address: str, hint: str, remedies: tuple[NewEntry, ...]
) -> None:
    file = noor.audio("01 - A.wav")

    with pytest.raises(UsageError) as caught:
        new(noor, file, collection=address)

    assert caught.value.message.startswith(f"{address} ")
    assert hint in caught.value.hint
    assert caught.value.remedies == remedies


def test_bytes_that_another_lecture_has_are_told_with_its_address(noor: ImportProject) -> None:
    new(noor, noor.audio("Noor/Fiqh/01 - A.wav", 2))

    imported = new(noor, noor.audio("Noor/Duas/02 - B.wav", 2))

    [finding] = imported.findings
    assert (finding.reason, finding.subject) == (Reason.DUPLICATE, "Noor/Duas/02 - B.wav")
    assert "noor/fiqh/a" in finding.detail


def test_what_is_no_recording_is_refused(noor: ImportProject) -> None:
    with pytest.raises(UsageError) as no_recording:
        new(noor, noor.image("Noor/speaker.jpg"))
    with pytest.raises(UsageError) as no_file:
        new(noor, noor.root / "gone.mp3")

    assert (no_recording.value.code, "speaker.jpg" in no_recording.value.message) == ("no-recording", True)
    assert (no_file.value.code, "gone.mp3" in no_file.value.message) == ("no-file", True)


def test_bytes_that_cannot_be_locked_are_told_and_not_declared(noor: ImportProject) -> None:
    file = noor.audio("Noor/Fiqh/01 - A.mp3")

    imported = new(noor, file)

    assert [each.reason for each in imported.findings] == [Reason.UNFIT]
    assert imported.written == ()


def test_a_new_speaker_and_a_new_collection_get_ids_of_their_names(noor: ImportProject) -> None:
    speaker = new_parent(noor.folder, " رشيد المعلم ", None)
    collection = new_parent(noor.folder, "دروس", speaker)

    assert (speaker, collection) == ("rashid-al-malm", "rashid-al-malm/darus")
    assert noor.entry("rashid-al-malm/speaker.yaml") == {"speaker": "rashid-al-malm", "name": "رشيد المعلم"}
    assert noor.entry("rashid-al-malm/darus.yaml") == {
        "collection": "darus",
        "title": "دروس",
        "defaults": {"public": True},
    }


def test_a_new_collection_leaves_to_its_speaker_what_he_says_of_all(noor: ImportProject) -> None:
    noor.write("noor/speaker.yaml", "speaker: noor\nname: Noor\ndefaults: {public: false}\n")

    new_parent(noor.folder, "Lessons", "noor")

    assert noor.entry("noor/lessons.yaml") == {"collection": "lessons", "title": "Lessons"}


def test_an_id_can_be_chosen_and_a_taken_one_is_not_given(noor: ImportProject) -> None:
    assert new_parent(noor.folder, "Noor!", None) == "noor-2"
    assert new_parent(noor.folder, "Light", None, "light-of-day") == "light-of-day"
    assert new_parent(noor.folder, "!", "noor") == "noor/collection"


@pytest.mark.parametrize(
    ("name", "speaker", "id_", "code", "address"),
    [
        ("Noor ", None, None, "name-taken", "noor"),
        ("Fiqh", "noor", None, "name-taken", "noor/fiqh"),
        ("New", "nobody", None, "no-speaker", "nobody"),
        ("New", None, "noor", "already-declared", "noor"),
    ],
)
def test_what_is_declared_already_or_has_no_parent_is_refused(
    noor: ImportProject,
    name: str,
    speaker: str | None,
    id_: str | None,
    code: str,
    address: str,
) -> None:
    with pytest.raises(UsageError) as caught:
        new_parent(noor.folder, name, speaker, id_)

    assert caught.value.code == code
    assert caught.value.message.startswith(f"{address} ")
    assert caught.value.remedies == ((NewEntry(of=Kind.SPEAKER),) if code == "no-speaker" else ())
