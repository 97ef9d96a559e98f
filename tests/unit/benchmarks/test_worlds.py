import io
from pathlib import Path

import pytest

from benchmarks.worlds import MODIFIED_AT, World, silence, write_world
from reconciler.loading.catalog import Loaded, load_catalog
from reconciler.loading.hashing import StatCache
from reconciler.loading.lockfile import read_lockfile
from reconciler.loading.locking import lock, survey
from reconciler.loading.media import MediaFolder
from reconciler.loading.media_facts import read_facts
from reconciler.model.address import kind_of
from reconciler.model.catalog import lineage
from reconciler.model.kinds import Kind
from reconciler.model.policy import Layout, TransferLimits
from reconciler.planning.object_keys import default_key
from reconciler.settings import load_settings

LECTURES = 250


@pytest.fixture
def world(tmp_path: Path) -> World:
    return write_world(tmp_path, LECTURES, 1024)


def load(world: World) -> Loaded:
    media, mistakes = read_lockfile(world.lock_path, world.root)
    assert not mistakes
    return load_catalog(
        world.root,
        catalog_dir=world.root / "catalog",
        lock_path=world.lock_path,
        media=media,
        media_root=world.media,
        layout=Layout(),
    )


def test_a_world_is_a_valid_catalog_of_as_many_lectures(world: World) -> None:
    loaded = load(world)

    assert loaded.diagnostics == ()
    assert loaded.catalog is not None
    kinds = [kind_of(address) for address in loaded.catalog.resources]
    assert [kinds.count(kind) for kind in Kind] == [1, 3, LECTURES]


def test_the_settings_of_a_world_are_valid(world: World) -> None:
    assert load_settings(world.root, {}).policy.environment == "benchmark"


def test_the_lockfile_says_what_locking_finds_in_the_media(world: World) -> None:
    previous, _ = read_lockfile(world.lock_path, world.root)
    references = load(world).media_references()

    locked = lock(survey(MediaFolder(world.media), references, previous, StatCache(), TransferLimits()))

    assert locked.diagnostics == ()
    assert not locked.differs
    assert len(locked.files) == LECTURES + 3 + 1


def test_every_path_is_the_key_that_its_object_gets(world: World) -> None:
    catalog = load(world).catalog
    assert catalog is not None

    for resource in catalog.resources.values():
        for slot, path in resource.media.items():
            assert path is not None
            assert default_key(Layout().templates, slot, lineage(catalog, resource), path) == path


def test_two_worlds_of_a_size_are_the_same_bytes(tmp_path: Path) -> None:
    worlds = [write_world(tmp_path / name, 5, 1024).root for name in ("one", "two")]

    one, two = ({p.relative_to(w): p.read_bytes() for p in w.rglob("*") if p.is_file()} for w in worlds)

    assert one == two


def test_no_two_files_of_a_world_have_the_same_bytes(world: World) -> None:
    media, _ = read_lockfile(world.lock_path, world.root)

    assert len({line.sha256 for line in media.values()}) == len(media)


def test_the_media_are_older_than_any_object(world: World) -> None:
    assert {path.stat().st_mtime for path in world.media.rglob("*.*")} == {MODIFIED_AT}


@pytest.mark.parametrize("edited", [1, 100, 120])
def test_an_edit_changes_the_descriptions_of_so_many_lectures(world: World, edited: int) -> None:
    before = load(world).catalog

    world.edit(edited)

    after = load(world).catalog
    assert before is not None
    assert after is not None
    assert before.resources.keys() == after.resources.keys()
    changed = [a for a in after.resources if after.resources[a].fields != before.resources[a].fields]
    assert len(changed) == edited
    assert all(after.resources[a].media == before.resources[a].media for a in changed)


@pytest.mark.parametrize("size_bytes", [1024, 16_384, 1_000_003])
def test_silence_is_an_mp3_of_exactly_that_size(size_bytes: int) -> None:
    content = silence("A/01 - Title.mp3", size_bytes)

    facts = read_facts(io.BytesIO(content), "A/01 - Title.mp3", size_bytes)

    assert len(content) == size_bytes
    assert (facts.media_type, facts.bitrate, facts.sample_rate) == ("audio/mpeg", 32_000, 32_000)
    assert facts.duration_seconds == pytest.approx(size_bytes * 8 / 32_000, rel=0.2)
