"""The cache saves time and changes nothing else."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.loading import entries
from reconciler.loading import parse_cache as cache_module
from reconciler.loading.entries import Content
from reconciler.loading.parse_cache import reading_version
from reconciler.loading.yaml import Document
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.policy import Layout
from tests.catalogs import COLLECTION, SPEAKER, CatalogProject


@pytest.fixture
def project(tmp_path: Path) -> CatalogProject:
    project = CatalogProject(tmp_path / "project", cache_dir=tmp_path / "cache")
    project.write("a/s.yaml", SPEAKER + "defaults: {genre: Talk}\nbio: 'line\u2028break ﷺ'\n")
    project.write(
        "a/c.yaml", COLLECTION + "- {id: two, title: 2 Two, number: 2, audio: two.mp3, categories: [x]}\n"
    )
    project.lock("one.mp3", "two.mp3")
    return project


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were parsed since."""
    parsed: list[str] = []
    parse = entries.read_content

    def watched(document: Document) -> tuple[Content | None, tuple[Diagnostic, ...]]:
        parsed.append(document.places.file)
        return parse(document)

    monkeypatch.setattr(entries, "read_content", watched)
    return parsed


def cache_file(project: CatalogProject) -> Path:
    assert project.cache_dir is not None
    (path,) = project.cache_dir.iterdir()
    return path


def test_a_second_load_parses_nothing_and_says_the_same(project: CatalogProject, unread: list[str]) -> None:
    cold = project.load()
    assert unread == ["catalog/a/c.yaml", "catalog/a/s.yaml"]
    unread.clear()

    warm = project.load()

    assert unread == []
    assert warm.catalog == cold.catalog
    assert warm.diagnostics == cold.diagnostics != ()
    assert warm.media_references() == cold.media_references()
    assert warm.catalog is not None
    assert [type(each.fields.get("categories", ())) for each in warm.catalog.resources.values()] == [
        tuple
    ] * 4


def test_a_load_without_a_cache_says_the_same(project: CatalogProject) -> None:
    project.load()

    assert project.load(cache_dir=None).catalog == project.load().catalog


def test_only_the_file_that_changed_is_parsed(project: CatalogProject, unread: list[str]) -> None:
    project.load()
    unread.clear()

    project.write("a/s.yaml", SPEAKER.replace("name: Rashid", "name: Badr"))
    loaded = project.load()

    assert unread == ["catalog/a/s.yaml"]
    assert loaded.catalog is not None
    assert next(iter(loaded.catalog.resources.values())).name == "Badr"


def test_a_file_with_mistakes_is_never_kept(project: CatalogProject, unread: list[str]) -> None:
    project.write("a/s.yaml", "speaker: rashid\n")

    first, second = project.load(), project.load()

    assert first.diagnostics == second.diagnostics
    assert unread == ["catalog/a/c.yaml", "catalog/a/s.yaml", "catalog/a/s.yaml"]


def forget_lockfile(project: CatalogProject) -> None:
    project.media.clear()


def lock_another_path(project: CatalogProject) -> None:
    del project.media["two.mp3"]
    project.lock("too.mp3")


def lock_another_type(project: CatalogProject) -> None:
    project.lock("two.mp3", media_type="audio/wav")


def change_layout(project: CatalogProject) -> None:
    project.layout = Layout(base_url=f"https://{'x' * 1024}.example.org")


def repeat_speaker(project: CatalogProject) -> None:
    project.write("b/s.yaml", SPEAKER)


def link_outside(project: CatalogProject) -> None:
    (project.root / "catalog" / "out.yaml").symlink_to("/etc/hostname")


def rename_file(project: CatalogProject) -> None:
    (project.root / "catalog" / "a" / "c.yaml").rename(project.root / "catalog" / "a" / "renamed.yaml")


@pytest.mark.parametrize(
    "change",
    [
        *(forget_lockfile, lock_another_path, lock_another_type, change_layout),
        *(repeat_speaker, link_outside, rename_file),
    ],
)
def test_another_input_is_checked_again(
    project: CatalogProject, change: Callable[[CatalogProject], None]
) -> None:
    before = project.load().diagnostics

    change(project)

    assert project.load().diagnostics == project.load(cache_dir=None).diagnostics != before


def test_what_is_gone_from_the_catalog_goes_from_the_cache(project: CatalogProject) -> None:
    project.load()
    before = cache_file(project).read_bytes()
    (project.root / "catalog/a/c.yaml").unlink()

    project.load()

    assert cache_file(project).read_bytes().count(b"\n") == before.count(b"\n") - 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"Two", b"Six"),
        lambda data: b"\x00" + data,
        lambda data: b"[]\n" + data,
        lambda _: b"{}\n",
    ],
    ids=["empty", "cut", "altered", "noise", "list", "void"],
)
def test_a_damaged_cache_is_as_if_it_were_not_there(
    project: CatalogProject, damage: Callable[[bytes], bytes], unread: list[str]
) -> None:
    cold = project.load()
    path = cache_file(project)
    path.write_bytes(damage(path.read_bytes()))
    unread.clear()

    warm = project.load()

    assert (warm.catalog, warm.diagnostics) == (cold.catalog, cold.diagnostics)
    assert len(unread) == 2


def test_another_version_of_the_reading_code_reads_again(
    project: CatalogProject, unread: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.load()
    unread.clear()
    monkeypatch.setattr(cache_module, "reading_version", lambda: "another")

    project.load()

    assert len(unread) == 2


def test_the_version_covers_all_the_code_that_reads() -> None:
    program = "import sys, reconciler.loading.catalog, reconciler.loading.entries; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    ours = {name.rpartition(".")[0] for name in done.stdout.split() if name.startswith("reconciler.")}

    assert ours - {"reconciler"} == set(cache_module._READING)
    assert len(reading_version()) == 64


def test_a_cache_that_cannot_be_written_is_no_mistake(project: CatalogProject) -> None:
    assert project.cache_dir is not None
    project.cache_dir.write_text("a file where the folder should be")

    assert project.load().catalog is not None


def test_two_projects_do_not_share_their_cache(project: CatalogProject, tmp_path: Path) -> None:
    other = CatalogProject(tmp_path / "other", cache_dir=project.cache_dir)
    other.write("s.yaml", SPEAKER)
    project.load()
    other.load()

    assert project.cache_dir is not None
    assert len(list(project.cache_dir.iterdir())) == 2


def test_nothing_is_written_into_the_project(project: CatalogProject) -> None:
    before = sorted(project.root.rglob("*"))
    project.load()
    assert sorted(project.root.rglob("*")) == before
