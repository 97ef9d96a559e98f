"""Bytes before the merge: what an apply does that has no media, or has some of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.applying.apply import apply
from reconciler.applying.refresh import make_plan
from reconciler.applying.stage import Stager
from reconciler.loading.media import MediaFolder
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import PutsFailed
from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Put, PutOrigin
from reconciler.model.policy import TransferLimits
from reconciler.model.staging import STAGING_BUCKET_PREFIX, Staging, Whereabouts, staging_inside
from reconciler.planning.byte_sources import origins_in
from reconciler.planning.world import REKEY, Request
from tests.stand import EVERYTHING, Quiet, Stand
from tests.uploads import md5_of, upload

FILE = "ali/quran/opening.mp3"
KEY = "Ali/Quran/01 - The Opening.mp3"
BYTES = b"ali/quran/opening"

#: So that a few bytes are a large file already.
SMALL = TransferLimits(single_put_bytes=8, part_bytes=5)


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library of one lecture that is not there yet."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    return stand


@pytest.fixture
def apart(tmp_path: Path) -> Staging:
    return Staging(store=DirectoryBucket(tmp_path / "staging"), prefix=STAGING_BUCKET_PREFIX, separate=True)


def stage(stand: Stand, staging: Staging | None = None) -> dict[str, Whereabouts]:
    return {one.media.path: one.where for one in stager(stand, staging).stage(stand.media.values())}


def stager(stand: Stand, staging: Staging | None = None) -> Stager:
    _, world = make_plan(stand.workspace(staging=staging or staging_inside(stand.objects)), EVERYTHING)
    return Stager(
        staging=staging or staging_inside(stand.objects),
        media=MediaFolder(stand.media_root),
        limits=stand.policy.transfer,
        origins=origins_in(world),
        observer=Quiet(),
    )


def without_media(stand: Stand, *paths: str) -> None:
    for path in paths or (FILE,):
        (stand.media_root / path).unlink()


def apply_with(stand: Stand, staging: Staging) -> Outcome:
    workspace = stand.workspace(staging=staging)
    plan, _ = make_plan(workspace, EVERYTHING)
    return apply(workspace, EVERYTHING, [plan])


def only_put(stand: Stand, request: Request = EVERYTHING) -> Put:
    (put,) = [put for change in stand.plan(request).changes for put in change.puts]
    return put


def large(stand: Stand, content: bytes, part_bytes: int = SMALL.part_bytes) -> MediaFile:
    """Record the lecture's audio as a file that goes up in parts."""
    stand.policy = replace(stand.policy, transfer=replace(SMALL, part_bytes=part_bytes))
    foretold = DirectoryBucket(stand.folder / "foretold" / str(part_bytes)).put(
        upload(FILE, content, part_bytes=part_bytes)
    )
    return stand.record(FILE, content, part_bytes=part_bytes, parts_etag=foretold.etag)


def test_an_apply_without_media_copies_what_was_staged(stand: Stand) -> None:
    assert stage(stand) == {FILE: Whereabouts.NEWLY_STAGED}
    without_media(stand)
    assert only_put(stand).origin is PutOrigin.STAGED

    outcome = stand.apply()

    assert (outcome.uploaded_files, outcome.copied_files, outcome.copied_bytes) == (0, 1, len(BYTES))
    facts = stand.objects.head(KEY)
    assert facts is not None
    assert (facts.etag, facts.media_type) == (md5_of(BYTES), "audio/mpeg")
    assert facts.metadata == {"sha256": stand.media[FILE].sha256}
    assert facts.cache_control == "public, max-age=300"
    assert stand.plan().changes == ()


def test_a_staging_bucket_of_its_own_is_copied_from_as_well(stand: Stand, apart: Staging) -> None:
    assert stage(stand, apart) == {FILE: Whereabouts.NEWLY_STAGED}
    assert [found.key for found in apart.store.list()] == [f"staged/{stand.media[FILE].sha256}"]
    without_media(stand)

    outcome = apply_with(stand, apart)

    assert (outcome.uploaded_files, outcome.copied_files) == (0, 1)
    assert stand.objects.read(KEY) == BYTES


def test_what_is_on_disk_goes_first(stand: Stand) -> None:
    stage(stand)

    outcome = stand.apply()

    assert (outcome.uploaded_files, outcome.copied_files) == (1, 0)


def test_a_file_that_changed_on_disk_is_not_used_where_a_staged_copy_is(stand: Stand) -> None:
    stage(stand)
    (stand.media_root / FILE).write_bytes(b"x" * len(BYTES))

    outcome = stand.apply()

    assert outcome.copied_files == 1
    assert stand.objects.read(KEY) == BYTES


def test_a_large_file_is_staged_and_copied_in_the_parts_that_the_lockfile_foretells(
    stand: Stand, apart: Staging
) -> None:
    line = large(stand, b"a recording of many bytes")
    stage(stand, apart)
    without_media(stand)

    apply_with(stand, apart)

    (stored,) = [found for found in stand.objects.list() if found.key.startswith("Ali/")]
    assert stored.etag == line.parts_etag
    assert stand.plan().changes == ()


def test_bytes_that_were_staged_in_other_parts_are_staged_again(stand: Stand) -> None:
    large(stand, b"a recording of many bytes", part_bytes=5)
    stage(stand)
    line = large(stand, b"a recording of many bytes", part_bytes=7)
    assert only_put(stand).origin is PutOrigin.DISK

    assert stage(stand) == {FILE: Whereabouts.NEWLY_STAGED}

    (staged,) = stand.objects.list(".elmify/staged/")
    assert staged.etag == line.parts_etag


def test_a_name_is_no_proof_of_what_is_staged(stand: Stand) -> None:
    key = staging_inside(stand.objects).key_of(stand.media[FILE].sha256 or "")
    stand.objects.put(upload(key, b"x" * len(BYTES), metadata={"sha256": stand.media[FILE].sha256 or ""}))
    assert only_put(stand).origin is PutOrigin.DISK
    media = (stand.media_root / FILE).read_bytes()
    without_media(stand)

    with pytest.raises(PutsFailed) as failed:
        stand.apply()

    assert FILE in failed.value.details[0]
    assert stand.object_keys() == []
    (stand.media_root / FILE).write_bytes(media)
    assert stage(stand) == {FILE: Whereabouts.NEWLY_STAGED}
    assert stand.objects.read(key) == BYTES


def test_a_staged_copy_that_was_replaced_since_the_plan_is_not_used(stand: Stand) -> None:
    stage(stand)
    without_media(stand)
    key = staging_inside(stand.objects).key_of(stand.media[FILE].sha256 or "")
    plan = stand.plan()
    stand.objects.delete(key)
    stand.objects.put(upload(key, b"x" * len(BYTES)))

    with pytest.raises(PutsFailed):
        stand.apply(reviewed=[plan])

    assert stand.object_keys() == []


def test_what_is_staged_is_not_sent_again(stand: Stand) -> None:
    stage(stand)
    (before,) = stand.objects.dated(".elmify/staged/")

    assert stage(stand) == {FILE: Whereabouts.STAGED}

    assert list(stand.objects.dated(".elmify/staged/")) == [before]


def test_what_cannot_be_staged_is_missing_and_the_rest_is_staged(stand: Stand) -> None:
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    without_media(stand, "ali/quran/cow.mp3")

    assert stage(stand) == {
        FILE: Whereabouts.NEWLY_STAGED,
        "ali/quran/cow.mp3": Whereabouts.MISSING,
    }


def test_bytes_that_several_paths_have_are_staged_once(stand: Stand) -> None:
    stand.record("ali/quran/same.mp3", BYTES)

    assert stage(stand) == {FILE: Whereabouts.NEWLY_STAGED}
    assert len(list(stand.objects.list(".elmify/staged/"))) == 1


def test_what_is_live_needs_no_staging(stand: Stand) -> None:
    stand.apply()

    assert stage(stand) == {FILE: Whereabouts.LIVE}
    assert list(stand.objects.list(".elmify/staged/")) == []


def test_a_check_writes_nothing_and_says_where_everything_is(stand: Stand) -> None:
    stand.apply()
    for name in ("staged", "disk", "missing"):
        stand.declare(f"ali/quran/{name}", title=name.title())
    without_media(stand, "ali/quran/missing.mp3", "ali/quran/disk.mp3")
    stage(stand)
    stand.record("ali/quran/disk.mp3", b"ali/quran/disk")
    before = list(stand.objects.list())

    located = stager(stand).locate(stand.media.values())

    assert {one.media.path.rpartition("/")[2]: one.where for one in located} == {
        "opening.mp3": Whereabouts.LIVE,
        "staged.mp3": Whereabouts.STAGED,
        "disk.mp3": Whereabouts.ON_DISK,
        "missing.mp3": Whereabouts.MISSING,
    }
    assert [one.problem for one in located if one.where is Whereabouts.MISSING] != [""]
    assert list(stand.objects.list()) == before


def test_an_interrupted_staging_lets_the_interruption_through(stand: Stand) -> None:
    class Impatient(Quiet):
        def bytes_done(self, count: int) -> None:
            raise KeyboardInterrupt

    impatient = stager(stand)
    impatient.observer = Impatient()

    with pytest.raises(KeyboardInterrupt):
        impatient.stage(stand.media.values())


def test_a_rekey_without_media_names_the_copy_that_apps_find(stand: Stand) -> None:
    stand.apply()
    stand.change("ali/quran/opening", title="Al-Fatiha")
    stand.apply()
    without_media(stand)
    rekey = Request(options=frozenset({REKEY}))

    outcome = stand.apply(rekey)

    assert (outcome.uploaded_files, outcome.copied_files) == (0, 0)  # apps find a copy there already
    [row] = stand.sql("select file_path from lectures")
    assert row["file_path"] == "Ali/Quran/01 - Al-Fatiha.mp3"
    assert stand.objects.read(row["file_path"]) == BYTES


def test_an_apply_without_media_and_without_staged_bytes_names_the_file(stand: Stand) -> None:
    without_media(stand)

    with pytest.raises(PutsFailed) as failed:
        stand.apply()

    assert FILE in failed.value.details[0]
    assert failed.value.reasons == ("not-staged",)


def test_staged_bytes_are_neither_unmanaged_nor_anybodys(stand: Stand) -> None:
    stage(stand)

    assert stand.plan().unmanaged.objects == {}


def test_a_line_of_unknown_hash_is_nothing_to_stage(stand: Stand) -> None:
    stand.objects.put(upload("Ali/old.mp3", b"old"))
    stand.media[FILE] = MediaFile(
        path="Ali/old.mp3", size_bytes=3, media_type="audio/mpeg", etag=md5_of(b"old"), duration_seconds=1.0
    )

    assert list(stager(stand).locate([stand.media[FILE]])) == []
