import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.importing.declare import declare
from reconciler.importing.manifest import ManifestRefused, manifest_json, read_manifest
from reconciler.loading.catalog import Preview
from reconciler.model.outcomes import Imported, Reason
from reconciler.model.policy import FormatStyle, Layout, ReferenceStyle
from tests.importing import ImportProject

HASH = "a" * 64
MANIFEST: dict[str, Any] = {
    "speakers": [
        {
            "name": "Noor",
            "bio": "A baker.",
            "imageUrl": "Noor/speaker.jpg",
            "imageSmallUrl": None,
            "isPremium": False,
            "collections": [
                {
                    "title": "Fiqh",
                    "description": None,
                    "year": 2024,
                    "coverImageUrl": "Noor/Fiqh/collection.jpg",
                    "coverImageSmallUrl": None,
                    "categorySlug": "fiqh",
                    "lectures": [
                        {
                            "title": "Patience",
                            "description": "On waiting.",
                            "lectureNumber": 1,
                            "fileName": "01 - Patience.mp3",
                            "filePath": "Noor/Fiqh/01 - Patience.mp3",
                            "duration": 12,
                            "fileSize": 4711,
                            "fileFormat": "mp3",
                            "bitrate": 128000,
                            "sampleRate": 44100,
                            "fileHash": HASH,
                        },
                        {
                            "title": "Thanks",
                            "description": None,
                            "lectureNumber": None,
                            "fileName": "Thanks.mp3",
                            "filePath": "Noor/Fiqh/Thanks.mp3",
                            "duration": 0,
                            "fileSize": 0,
                            "fileFormat": None,
                            "bitrate": 0,
                            "sampleRate": 0,
                            "fileHash": None,
                        },
                    ],
                }
            ],
        }
    ]
}


def take(project: ImportProject, manifest: object) -> Imported:
    file = project.root / "manifest.json"
    file.write_text(json.dumps(manifest))
    found, lines, findings = read_manifest(file)
    return declare(project.folder, Layout(), found, lines, findings, hashed=False)


def lecture(**said: Any) -> dict[str, Any]:
    fields = {"title": "A", "filePath": "a.mp3", **said}
    return {"speakers": [{"name": "N", "collections": [{"title": "C", "lectures": [fields]}]}]}


def exported(project: ImportProject, layout: Layout | None = None) -> Any:
    """Export a catalog some of whose files nobody has locked yet: their facts are unknown."""
    texts = {str(file.relative_to(project.root)): file.read_text() for file in project.root.rglob("*.yaml")}
    catalog = Preview().catalog(texts, project.lines)
    return json.loads(manifest_json(catalog, layout or Layout()))


def test_a_manifest_comes_back_as_it_went_in(project: ImportProject) -> None:
    take(project, MANIFEST)

    assert exported(project) == known(MANIFEST)


def known(manifest: Any) -> Any:
    """Return a manifest without what it does not know, but for the columns that every row must have."""
    if isinstance(manifest, list):
        return [known(each) for each in manifest]
    if not isinstance(manifest, dict):
        return manifest
    kept = {"duration", "fileSize"}
    return {
        name: known(value)
        for name, value in manifest.items()
        if name in kept or value not in (None, 0) or value is False
    }


def test_an_export_has_no_null_but_for_what_the_catalog_clears(project: ImportProject) -> None:
    take(project, MANIFEST)
    text = project.text("noor/fiqh.yaml").replace("cover: Noor/Fiqh/collection.jpg", "cover: null")
    project.write("noor/fiqh.yaml", text)

    nulls = {
        (name, place["title"] if "title" in place else place["name"])
        for place in parts(exported(project))
        for name, value in place.items()
        if value is None
    }

    assert nulls == {("coverImageUrl", "Fiqh")}


def parts(manifest: Any) -> list[dict[str, Any]]:
    speakers = manifest["speakers"]
    collections = [each for speaker in speakers for each in speaker["collections"]]
    return [*speakers, *collections, *(each for one in collections for each in one["lectures"])]


def test_what_a_manifest_knows_stands_in_catalog_and_lockfile(project: ImportProject) -> None:
    imported = take(project, MANIFEST)

    assert project.entry("noor/speaker.yaml") == {
        "speaker": "noor",
        "name": "Noor",
        "bio": "A baker.",
        "premium": False,
        "image": "Noor/speaker.jpg",
    }
    first, second = project.lectures("noor/fiqh.yaml")
    assert first["number"] == 1
    assert "number" not in second
    assert list(project.lines) == ["Noor/Fiqh/01 - Patience.mp3"]
    assert project.lines["Noor/Fiqh/01 - Patience.mp3"].sha256 == HASH
    unlocked = ("Noor/Fiqh/Thanks.mp3", "Noor/Fiqh/collection.jpg", "Noor/speaker.jpg")
    assert imported.unlocked == unlocked
    assert not {each.subject for each in imported.findings} & set(unlocked)


def test_null_empty_and_0_mean_unknown(project: ImportProject) -> None:
    take(
        project,
        {
            "speakers": [
                {
                    "name": "N",
                    "bio": "",
                    "isPremium": None,
                    "imageUrl": "",
                    "collections": [
                        {
                            "title": "C",
                            "year": 0,
                            "categorySlug": " ",
                            "lectures": [
                                {"title": "A", "filePath": "a.mp3", "lectureNumber": 0, "duration": None}
                            ],
                        }
                    ],
                }
            ]
        },
    )

    assert project.entry("n/speaker.yaml") == {"speaker": "n", "name": "N"}
    assert project.entry("n/c.yaml") == {
        "collection": "c",
        "title": "C",
        "lectures": [{"id": "a", "title": "A", "audio": "a.mp3"}],
    }


def test_urls_are_read_as_the_keys_they_name(project: ImportProject) -> None:
    take(
        project,
        {
            "speakers": [
                {
                    "name": "N",
                    "imageUrl": "https://cdn.example.com/N%20N/speaker.jpg",
                    "collections": [
                        {
                            "title": "C",
                            "lectures": [
                                {"title": "A", "filePath": "https://cdn.example.com/N/01%20-%20A.mp3"}
                            ],
                        }
                    ],
                }
            ]
        },
    )

    assert project.entry("n/speaker.yaml")["image"] == "N N/speaker.jpg"
    assert project.lectures("n/c.yaml")[0]["audio"] == "N/01 - A.mp3"


def test_an_export_names_files_and_formats_as_the_rows_do(project: ImportProject) -> None:
    take(project, MANIFEST)
    layout = Layout(
        base_url="https://cdn.example.com",
        references={"speakers.image_url": ReferenceStyle.URL},
        format_style=FormatStyle.MEDIA_TYPE,
    )

    [speaker] = exported(project, layout)["speakers"]

    assert speaker["imageUrl"] == "https://cdn.example.com/Noor/speaker.jpg"
    [collection] = speaker["collections"]
    assert collection["coverImageUrl"] == "Noor/Fiqh/collection.jpg"
    assert collection["lectures"][0]["fileFormat"] == "audio/mpeg"


def test_a_line_of_the_lockfile_knows_better_than_a_manifest(project: ImportProject) -> None:
    project.audio("N/C/01 - A.wav")
    project.import_files()
    before = project.lines

    take(project, lecture(filePath="N/C/01 - A.wav", fileSize=1, fileHash=HASH))

    assert project.lines == before


@pytest.mark.parametrize(
    "said",
    [
        {"title": ""},
        {"title": None},
        {"filePath": None},
        {"filePath": "../a.mp3"},
        {"filePath": "a.txt"},
        {"filePath": "a.jpg"},
    ],
)
def test_a_lecture_that_cannot_be_declared_is_told(project: ImportProject, said: dict[str, Any]) -> None:
    imported = take(project, lecture(**said))

    assert Reason.UNFIT in {each.reason for each in imported.findings}
    assert "lectures" not in project.entry("n/c.yaml")


def test_facts_that_no_lockfile_can_say_leave_the_line_out(project: ImportProject) -> None:
    imported = take(project, lecture(fileSize=10**14, fileHash=HASH))

    assert project.lines == {}
    assert (Reason.UNFIT, "a.mp3") in {(each.reason, each.subject) for each in imported.findings}


def test_a_speaker_without_a_name_is_told_and_left_out(project: ImportProject) -> None:
    imported = take(project, {"speakers": [{"name": "  ", "collections": [{"title": "C"}]}]})

    assert [(each.reason, each.subject) for each in imported.findings] == [(Reason.UNFIT, "speaker")]
    assert imported.written == ()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("[", "it"),
        ("[]", "it"),
        ("{}", "speakers"),
        ('{"speakers": [{"name": 7}]}', "speakers[0].name"),
        (
            '{"speakers": [{"name": "N", "collections": [{"lectures": []}]}]}',
            "speakers[0].collections[0].title",
        ),
    ],
)
def test_another_form_is_refused_with_its_place(tmp_path: Path, content: str, place: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(content)

    with pytest.raises(ManifestRefused) as caught:
        read_manifest(file)

    assert caught.value.details[0].startswith(f"{place}: ")
