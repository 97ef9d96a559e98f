"""A manifest and the live library say the same, whichever is imported first."""

import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.importing.declare import declare
from reconciler.importing.files import without_unseen
from reconciler.importing.live import import_live
from reconciler.importing.manifest import read_manifest
from reconciler.model.actual import Row, Snapshot
from reconciler.model.diagnostics import Severity
from reconciler.model.outcomes import Imported
from reconciler.model.policy import Policy
from tests.importing import ImportProject
from tests.unit.planning.worlds import collection_row, lecture_row, speaker_row, stored, world

_NAMES = ("A", "A ", " A", "Cafe\u0301", "Café", "B\n", "15 A", "Noor & Co", "C")
_HASH = "a" * 64


@st.composite
def libraries(draw: st.DrawFn) -> tuple[list[Row], list[str], dict[str, Any]]:
    """A library of one speaker: its rows, its objects, and the manifest that its rows were imported from."""
    name = draw(st.sampled_from(("Noor", "Noor ")))
    shared = {"is_public": draw(st.booleans()), "genre": draw(st.sampled_from((None, "Talk")))}
    image = draw(st.sampled_from((None, "Noor/speaker.jpg", "Noor/gone.jpg")))
    rows = [speaker_row(1, name, image_url=image, bio=draw(st.sampled_from((None, " Bio\r\n"))))]
    objects = ["Noor/speaker.jpg"]
    collections = []
    for place, title in enumerate(draw(st.lists(st.sampled_from(_NAMES), unique=True, max_size=3)), start=11):
        cover = draw(st.sampled_from((None, f"Noor/{title}/collection.jpg")))
        rows.append(collection_row(place, 1, title, cover_image_url=cover))
        objects += [cover] if cover and draw(st.booleans()) else []
        said = [
            _lecture(draw, rows, objects, place, number, each, shared)
            for number, each in enumerate(
                draw(st.lists(st.sampled_from(_NAMES), unique=True, max_size=4)), start=1
            )
        ]
        collections.append({"title": title, "coverImageUrl": cover, "lectures": draw(st.permutations(said))})
    speaker = {"name": name, "bio": rows[0]["bio"], "imageUrl": image, "collections": collections}
    return rows, objects, {"speakers": [speaker]}


def _lecture(
    draw: st.DrawFn,
    rows: list[Row],
    objects: list[str],
    collection: int,
    number: int,
    title: str,
    shared: Mapping[str, Any],
) -> dict[str, Any]:
    key = f"Noor/{collection}/{number:02} - Recording.mp3"
    row_id = collection * 100 + number
    own = draw(st.sampled_from(({}, {"year": 2020})))
    size = len(key)
    hash_ = draw(st.sampled_from((None, _HASH)))
    row = lecture_row(
        row_id,
        title,
        key,
        speaker_id=1,
        collection_id=collection,
        lecture_number=number,
        file_size=size,
        **shared,
        **own,
    )
    rows.append(row)
    objects.append(key)
    return {
        "title": title,
        "lectureNumber": draw(st.sampled_from((number, None))),
        "filePath": key,
        "fileSize": size if hash_ else 0,
        "fileHash": hash_,
    }


def imported_in(
    project: ImportProject, snapshot: Snapshot, manifest: object, order: str
) -> Mapping[str, str]:
    """Import both in an order, and return the files that this makes."""

    def live() -> Imported:
        return import_live(project.folder, Policy(environment="test"), (snapshot, world().recorded))

    def team() -> Imported:
        file = project.root / "manifest.json"
        file.write_text(json.dumps(manifest))
        found, lines, findings = read_manifest(file)
        found, unseen = without_unseen(project.folder, project.media, found, lines)
        return declare(
            project.folder,
            Policy(environment="test").layout,
            found,
            lines,
            (*findings, *unseen),
            hashed=False,
        )

    steps: Mapping[str, Callable[[], Imported]] = {"live": live, "manifest": team}
    for step in order.split():
        imported = steps[step]()
    assert [each for each in imported.diagnostics if each.severity is Severity.ERROR] == []
    catalog = project.folder.catalog_dir
    return {str(file.relative_to(catalog)): file.read_text() for file in catalog.rglob("*") if file.is_file()}


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(library=libraries())
def test_either_order_of_manifest_and_live_writes_the_same_files(
    library: tuple[list[Row], list[str], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows, objects, manifest = library
    snapshot = world(
        rows=rows, objects=[stored(unicodedata.normalize("NFC", key)) for key in objects]
    ).snapshot

    files = [
        imported_in(ImportProject(tmp_path_factory.mktemp("order")), snapshot, manifest, order)
        for order in ("manifest live", "live manifest", "live manifest live", "manifest live manifest")
    ]

    assert files[0] == files[1]
    assert files[2:] == files[:2]


def test_what_a_manifest_left_undeclared_is_filled_from_what_is_live(project: ImportProject) -> None:
    rows = [
        speaker_row(1, "Noor", image_url="Noor/speaker.jpg"),
        collection_row(11, 1, "Fiqh", cover_image_url="Noor/Fiqh/collection.jpg"),
        lecture_row(101, "A", "a.mp3", speaker_id=1, collection_id=11, lecture_number=3, file_size=5),
    ]
    objects = [stored(key) for key in ("Noor/speaker.jpg", "Noor/Fiqh/collection.jpg", "a.mp3")]
    lecture = {"title": "A", "filePath": "a.mp3"}
    fiqh = {"title": "Fiqh", "coverImageUrl": "Noor/Fiqh/collection.jpg", "lectures": [lecture]}
    manifest = {"speakers": [{"name": "Noor", "imageUrl": "Noor/speaker.jpg", "collections": [fiqh]}]}

    imported_in(project, world(rows=rows, objects=objects).snapshot, manifest, "manifest live")

    assert project.entry("noor/speaker.yaml")["image"] == "Noor/speaker.jpg"
    assert project.entry("noor/fiqh.yaml")["cover"] == "Noor/Fiqh/collection.jpg"
    assert project.lectures("noor/fiqh.yaml")[0]["number"] == 3
    assert project.lines.keys() == {"Noor/speaker.jpg", "Noor/Fiqh/collection.jpg", "a.mp3"}
