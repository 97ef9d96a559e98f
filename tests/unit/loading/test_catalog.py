"""Files beside each other become a catalog."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.loading import catalog_files as files_module
from reconciler.loading.catalog import Loaded
from reconciler.model.address import Address
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Position
from reconciler.model.kinds import Kind, Slot
from tests.catalogs import COLLECTION, SPEAKER, CatalogProject
from tests.rights import as_bound_by_rights


@pytest.fixture
def project(tmp_path: Path) -> CatalogProject:
    (tmp_path / "catalog").mkdir()
    project = CatalogProject(tmp_path)
    project.lock("one.mp3", "two.mp3")
    return project


def resource(loaded: Loaded, address: str) -> Resource:
    assert loaded.catalog is not None, loaded.diagnostics
    return loaded.catalog.resources[Address(address)]


def test_an_empty_catalog_is_no_mistake(project: CatalogProject) -> None:
    project.media.clear()
    loaded = project.load()

    assert loaded.catalog is not None
    assert loaded.catalog.resources == {}
    assert loaded.diagnostics == ()


def test_an_absent_catalog_is_a_mistake_and_not_an_empty_one(tmp_path: Path) -> None:
    project = CatalogProject(tmp_path)

    assert project.found() == [("EL120", "catalog:1:1")]
    assert project.load().catalog is None


def test_resources_come_parents_first_and_in_the_order_of_the_files(project: CatalogProject) -> None:
    project.write("b/speaker.yaml", "speaker: b\nname: B\n")
    project.write("a/zz.yml", "speaker: a\nname: A\n")
    project.write("a/quran.yaml", COLLECTION + "- {id: two, title: Two, audio: two.mp3}\n")

    catalog = project.load().catalog

    assert catalog is not None
    assert list(catalog.resources) == ["a", "a/quran", "a/quran/one", "a/quran/two", "b"]


def test_an_entry_becomes_a_resource(project: CatalogProject) -> None:
    project.lock("a.jpg", media_type="image/jpeg")
    project.write(
        "speaker.yaml", SPEAKER + "premium: true\nbio: null\nimage: a.jpg\nimage_small: null\nrow: 7\n"
    )
    project.write(
        "quran.yaml",
        "collection: quran\ntitle: Quran\npreviously: koran\n"
        "lectures:\n  - id: one\n    title: One\n    number: 1\n    audio: one.mp3\n"
        "    categories: [quran, tafsir]\n    previously: rashid/old/one\n    protect: true\n",
    )

    loaded = project.load()

    assert resource(loaded, "rashid") == Resource(
        address=Address("rashid"),
        kind=Kind.SPEAKER,
        position=Position("catalog/speaker.yaml", 1, 1),
        fields={"name": "Rashid", "premium": True, "bio": None},
        media={Slot.SPEAKER_IMAGE: "a.jpg", Slot.SPEAKER_IMAGE_SMALL: None},
        row=7,
    )
    assert resource(loaded, "rashid/quran").previously == "rashid/koran"
    assert resource(loaded, "rashid/quran/one") == Resource(
        address=Address("rashid/quran/one"),
        kind=Kind.LECTURE,
        position=Position("catalog/quran.yaml", 5, 5),
        fields={"title": "One", "number": 1, "categories": ("quran", "tafsir")},
        media={Slot.LECTURE_AUDIO: "one.mp3"},
        previously=Address("rashid/old/one"),
        protect=True,
    )
    assert all(isinstance(slot, Slot) for slot in resource(loaded, "rashid").media)


@pytest.mark.parametrize("cleared", ["null", "[]"])
def test_cleared_categories_are_no_categories(project: CatalogProject, cleared: str) -> None:
    project.write("s.yaml", SPEAKER)
    project.write("c.yaml", COLLECTION + f"categories: {cleared}\n")

    assert resource(project.load(), "rashid/quran").fields["categories"] == ()


def test_defaults_reach_everything_under_them_that_has_the_field(project: CatalogProject) -> None:
    project.write(
        "s.yaml",
        SPEAKER + "defaults: {genre: Talk, year: 2020, public: true, categories: [a], protect: true}\n",
    )
    project.write(
        "c.yaml",
        COLLECTION + "- {id: two, title: Two, audio: two.mp3, year: 2022, protect: false, categories: null}\n"
        "defaults: {year: 2021, genre: null}\n",
    )

    loaded = project.load()

    assert [each.code for each in loaded.diagnostics] == ["EL163"]  # the speaker's genre, which nothing takes
    speaker, collection = resource(loaded, "rashid"), resource(loaded, "rashid/quran")
    one, two = resource(loaded, "rashid/quran/one"), resource(loaded, "rashid/quran/two")
    assert (speaker.fields, speaker.protect) == ({"name": "Rashid"}, False)
    assert (collection.fields, collection.protect) == (
        {"title": "Quran", "year": 2020, "categories": ("a",)},
        True,
    )
    assert (one.fields, one.protect) == (
        {"title": "One", "genre": None, "year": 2021, "public": True, "categories": ("a",)},
        True,
    )
    assert (two.fields["year"], two.fields["categories"], two.protect) == (2022, (), False)


def test_forget_names_what_stood_in_the_file_or_a_full_address(project: CatalogProject) -> None:
    project.write("s.yaml", SPEAKER + "forget: [old, rashid/quran/gone, /badr]\n")
    project.write("c.yaml", COLLECTION + "forget: [zero]\n")

    catalog = project.load().catalog

    assert catalog is not None
    assert catalog.forget == {"rashid/old", "rashid/quran/gone", "badr", "rashid/quran/zero"}


def test_hidden_files_the_lockfile_and_other_files_are_passed_over(project: CatalogProject) -> None:
    for name in (".hidden.yaml", ".git/x.yaml", "elmify.lock", "README.md", "media/x.jpg"):
        project.write(name, "speaker: [")
    project.media.clear()

    assert project.found() == []


def test_folders_may_be_nested(project: CatalogProject) -> None:
    project.write("egypt/rashid/s.yaml", SPEAKER)
    project.write("egypt/rashid/c.yaml", COLLECTION + "- {id: two, title: Two, audio: two.mp3}\n")

    assert resource(project.load(), "rashid/quran/two").position.file == "catalog/egypt/rashid/c.yaml"


def test_a_collection_without_a_speaker_in_its_folder_is_a_mistake(project: CatalogProject) -> None:
    project.write("s.yaml", SPEAKER)
    project.write("sub/c.yaml", COLLECTION)

    assert project.found() == [("EL122", "sub/c.yaml:1:13")]


def test_a_speaker_that_cannot_be_read_is_the_only_mistake_of_his_folder(project: CatalogProject) -> None:
    project.write("a/s.yaml", "speaker: a\nname: [\n")
    project.write("a/c.yaml", COLLECTION)

    assert project.found() == [("EL101", "a/s.yaml:3:1")]


def test_two_speakers_in_a_folder_are_a_mistake(project: CatalogProject) -> None:
    project.write("a/s.yaml", SPEAKER)
    project.write("a/s2.yaml", "name: Badr\nspeaker: badr\n")

    assert project.found() == [("EL123", "a/s2.yaml:2:10")]


def test_a_file_over_the_limit_is_refused_by_its_size(
    project: CatalogProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "FILE_MAX_BYTES", len(SPEAKER) - 1)
    project.write("s.yaml", SPEAKER)

    assert project.found() == [("EL114", "s.yaml:1:1")]


def test_a_link_that_leaves_the_catalog_is_refused(project: CatalogProject) -> None:
    outside = project.root / "outside"
    outside.mkdir()
    (outside / "s.yaml").write_text(SPEAKER)
    (project.root / "catalog" / "s.yaml").symlink_to(outside / "s.yaml")
    (project.root / "catalog" / "folder").symlink_to(outside)

    assert project.found() == [("EL124", "folder:1:1"), ("EL124", "s.yaml:1:1")]


def test_a_link_in_circles_ends(project: CatalogProject) -> None:
    project.write("a/s.yaml", SPEAKER)
    (project.root / "catalog" / "a" / "again").symlink_to(project.root / "catalog")
    (project.root / "catalog" / "self.yaml").symlink_to(project.root / "catalog" / "self.yaml")

    assert project.found() == [("EL116", "a/again:1:1"), ("EL116", "self.yaml:1:1")]


def test_a_pipe_is_not_waited_for(project: CatalogProject) -> None:
    os.mkfifo(project.root / "catalog" / "pipe.yaml")

    assert project.found() == [("EL116", "pipe.yaml:1:1")]


def test_a_file_without_the_right_to_read_it_is_a_mistake(project: CatalogProject) -> None:
    project.write("s.yaml", SPEAKER).chmod(0)

    with as_bound_by_rights():
        assert project.found() == [("EL116", "s.yaml:1:1")]


def test_a_file_name_that_is_not_utf8_can_be_shown(project: CatalogProject) -> None:
    path = os.fsencode(project.root / "catalog") + b"/\xff.yaml"
    try:
        with open(path, "wb") as handle:  # noqa: PTH123
            handle.write(b"[")
    except OSError:
        pytest.skip("this file system wants UTF-8")

    (diagnostic,) = project.load().diagnostics

    assert diagnostic.position.file == "catalog/\\xff.yaml"


def test_media_references_are_where_the_paths_stand(project: CatalogProject) -> None:
    project.write("s.yaml", SPEAKER + "image: a.jpg\nimage_small: null\n")
    project.write("c.yaml", COLLECTION + "- {id: two, title: Two, audio: one.mp3, thumbnail: a.jpg}\n")

    assert project.load().media_references() == {
        "one.mp3": Position("catalog/c.yaml", 4, 32),
        "a.jpg": Position("catalog/c.yaml", 5, 52),
    }


_ENTRIES = {
    "a/s.yaml": SPEAKER,
    "a/c.yaml": COLLECTION,
    "a/d.yaml": COLLECTION,
    "b/s.yaml": SPEAKER,
    "b/c.yaml": COLLECTION.replace("audio: one.mp3", "audio: two.mp3"),
    "c/c.yaml": COLLECTION,
    "c/broken.yaml": "speaker: [",
}


@given(order=st.permutations(sorted(_ENTRIES)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_the_order_in_which_files_were_made_is_irrelevant(
    tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    worlds = []
    for names in (sorted(_ENTRIES), order):
        project = CatalogProject(tmp_path_factory.mktemp("order"))
        for name in names:
            project.write(name, _ENTRIES[name])
        worlds.append(project.load().diagnostics)

    assert worlds[0] == worlds[1]
    assert len(worlds[0]) > 1


@given(
    names=st.lists(st.sampled_from(sorted(_ENTRIES)), unique=True),
    data=st.binary(max_size=200),
    cut=st.integers(0, 60),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_files_make_the_loader_raise(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: bytes, cut: int
) -> None:
    project = CatalogProject(tmp_path_factory.mktemp("fuzz"))
    project.write("a/noise.yaml", data)
    for name in names:
        project.write(name, _ENTRIES[name][:cut] + _ENTRIES[name][cut + 1 :])

    loaded = project.load()

    assert (loaded.catalog is None) == any(each.severity == "error" for each in loaded.diagnostics)
