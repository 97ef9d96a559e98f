from pathlib import Path

import pytest

from reconciler.loading.schema import CollectionAsIs, LectureAsIs, SpeakerAsIs
from reconciler.model.address import Address
from reconciler.model.kinds import TABLES, Kind, Origin
from tests.catalogs import CatalogProject

COLLECTION = "collection: c\ntitle: C\nlectures:\n  - id: l\n    title: L\n    audio: l.mp3\n    as_is:\n"


@pytest.fixture
def project(tmp_path: Path) -> CatalogProject:
    project = CatalogProject(tmp_path)
    project.write("s/speaker.yaml", "speaker: s\nname: S\nas_is: {name: 'S '}\n")
    project.lock("l.mp3")
    return project


def test_a_row_s_own_values_are_read_as_they_are(project: CatalogProject) -> None:
    project.write("s/c.yaml", f"{COLLECTION}      title: '  L\t'\n      audio_url: null\n      duration: 0\n")

    catalog = project.load().catalog

    assert catalog is not None
    assert catalog.resources[Address("s")].as_is == {"name": "S "}
    assert catalog.resources[Address("s/c")].as_is == {}
    expected = {"title": "  L\t", "audio_url": None, "duration": 0}
    assert catalog.resources[Address("s/c/l")].as_is == expected


def test_a_catalog_from_the_cache_has_it_too(project: CatalogProject, tmp_path: Path) -> None:
    project.cache_dir = tmp_path / "cache"
    project.write("s/c.yaml", f"{COLLECTION}      title: 'L '\n")
    first = project.load().catalog

    assert project.load().catalog == first


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("file_path: x.mp3", "EL103"),
        ("play_count: 1", "EL103"),
        ("duration: long", "EL104"),
        ("title: null", "EL107"),
    ],
)
def test_a_column_that_may_not_be_put_up_with_is_a_mistake(
    project: CatalogProject, line: str, code: str
) -> None:
    project.write("s/c.yaml", f"{COLLECTION}      {line}\n")

    assert [found for found, _ in project.found()] == [code]


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(Kind.SPEAKER, SpeakerAsIs), (Kind.COLLECTION, CollectionAsIs), (Kind.LECTURE, LectureAsIs)],
)
def test_every_managed_column_can_be_named_but_for_what_makes_the_row_the_row(
    kind: Kind, shape: type
) -> None:
    columns = {c.name for c in TABLES[kind].columns if c.origin not in {Origin.KEY, Origin.CATEGORIES}}

    assert set(shape.__annotations__) == columns - ({"speaker_id"} if kind is Kind.COLLECTION else set())
