"""An object is known by its size and ETag in a listing: no download, and still nothing goes unseen."""

import hashlib
from pathlib import Path

import pytest

from providers.objects.etag import ContentDigest
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import InvalidInput
from reconciler.model.plan import Action
from tests.stand import Stand
from tests.uploads import md5_of, upload

KEY = "Ali/Quran/01 - The Opening.mp3"
CONTENT = b"recited once, kept for ever, listened to by many"

#: What another tool once chose, and nobody wrote down.
FOREIGN_PART_BYTES, OTHER_PART_BYTES = 16, 20


class Live(Stand):
    """One lecture that is live: its row and its object were there before elmify, its file is not on disk."""

    def store(self, content: bytes = CONTENT, part_bytes: int | None = None) -> None:
        """Put other bytes under the key, as other hands would."""
        self.objects.delete(KEY)
        self.objects.put(upload(KEY, content, part_bytes=part_bytes))

    def lock(self, *, etag: str | None = None, known: bool) -> None:
        """Lock the recording: by its hashes, or as content of unknown hash that the bucket lists so."""
        self.media[KEY] = MediaFile(
            path=KEY,
            size_bytes=len(CONTENT),
            media_type="audio/mpeg",
            sha256=hashlib.sha256(CONTENT).hexdigest() if known else None,
            md5=md5_of(CONTENT) if known else None,
            etag=etag,
        )


def etag_in_parts(part_bytes: int) -> str:
    digest = ContentDigest(part_bytes)
    digest.update(CONTENT)
    return digest.etag


@pytest.fixture
def live(tmp_path: Path, database_url: str) -> Live:
    live = Live(tmp_path, database_url)
    live.sql("insert into speakers (name) values ('Ali')")
    live.sql("insert into collections (speaker_id, title) values (1, 'Quran')")
    live.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format, speaker_id, "
        "collection_id) values ('The Opening', 0, 'x', %s, 0, 'mp3', 1, 1)",
        KEY,
    )
    live.declare("ali")
    live.declare("ali/quran")
    live.declare("ali/quran/opening", title="The Opening", number=1, media={"audio": KEY})
    live.store()
    live.lock(known=True)
    return live


def questions(live: Live) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        live.plan()
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def uploads(live: Live) -> list[str]:
    return [put.key for change in live.plan().changes for put in change.puts]


# Put in one request: the ETag is the MD5.


def test_an_object_with_the_md5_of_the_file_is_verified_without_a_byte_on_disk(live: Live) -> None:
    plan = live.plan()

    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert uploads(live) == []
    assert plan.unverified == 0


@pytest.mark.parametrize("content", [CONTENT.swapcase(), CONTENT[:-1]], ids=["changed", "truncated"])
def test_other_bytes_under_the_key_are_seen_and_kept_under_another(live: Live, content: bytes) -> None:
    live.apply()
    live.store(content)
    live.record(KEY, CONTENT)

    plan = live.plan()
    live.apply()

    assert [(drift.address, drift.attribute) for drift in plan.drift] == [("ali/quran/opening", "audio")]
    new_key = f"Ali/Quran/01 - The Opening~{hashlib.sha256(CONTENT).hexdigest()[:8]}.mp3"
    assert live.sql("select file_path from lectures") == [{"file_path": new_key}]
    kept_key = f"Ali/Quran/01 - The Opening~{md5_of(content)[:8]}.mp3"  # nobody has hashed those bytes
    assert live.object_keys() == sorted([KEY, new_key, kept_key])
    assert live.objects.read(kept_key) == content
    assert live.objects.read(KEY) == CONTENT
    assert live.plan().changes == ()


def test_a_missing_object_is_put_back_under_its_own_key(live: Live) -> None:
    live.apply()
    live.objects.delete(KEY)
    live.record(KEY, CONTENT)

    outcome = live.apply()

    assert outcome.uploaded_files == 1
    assert live.object_keys() == [KEY]
    assert live.plan().changes == ()


# Uploaded in parts of an unknown size.


def test_foreign_parts_are_compared_by_size_and_counted_as_unverified(live: Live) -> None:
    live.store(part_bytes=FOREIGN_PART_BYTES)

    plan = live.plan()
    live.apply()

    assert plan.unverified == 1
    assert not any(change.puts for change in plan.changes)
    again = live.plan()
    assert (again.changes, again.drift, again.unverified) == ((), (), 1)


def test_foreign_parts_of_another_size_than_the_file_are_other_bytes(live: Live) -> None:
    live.store(CONTENT + b"!", part_bytes=FOREIGN_PART_BYTES)

    assert len(uploads(live)) == 1


def test_an_adopted_object_in_parts_that_was_replaced_is_seen_by_its_recorded_etag(live: Live) -> None:
    live.store(part_bytes=FOREIGN_PART_BYTES)
    live.apply()
    live.store(CONTENT.swapcase(), part_bytes=FOREIGN_PART_BYTES)

    plan = live.plan()

    assert [(drift.attribute, drift.address) for drift in plan.drift] == [("audio", "ali/quran/opening")]
    assert len(uploads(live)) == 1


def test_parts_that_were_put_again_as_a_whole_prove_the_bytes(live: Live) -> None:
    live.store(part_bytes=FOREIGN_PART_BYTES)
    live.apply()
    live.store()

    plan = live.plan()

    assert plan.unverified == 0
    assert uploads(live) == []


# Of unknown hash: only its size and the ETag in the lockfile say which bytes are meant.


@pytest.mark.parametrize("part_bytes", [None, FOREIGN_PART_BYTES], ids=["whole", "parts"])
def test_content_of_unknown_hash_is_adopted_as_it_is_listed(live: Live, part_bytes: int | None) -> None:
    live.store(part_bytes=part_bytes)
    live.lock(etag=md5_of(CONTENT) if part_bytes is None else etag_in_parts(part_bytes), known=False)

    plan = live.plan()
    live.apply()

    assert plan.unverified == 1
    assert live.sql("select file_path, file_hash, file_size from lectures") == [
        {"file_path": KEY, "file_hash": None, "file_size": len(CONTENT)}
    ]
    assert live.plan().changes == ()


@pytest.mark.parametrize("adopted", [False, True])
def test_content_of_unknown_hash_that_was_replaced_is_an_error(live: Live, adopted: bool) -> None:
    live.store(part_bytes=FOREIGN_PART_BYTES)
    live.lock(etag=etag_in_parts(FOREIGN_PART_BYTES), known=False)
    if adopted:
        live.apply()
    live.store(CONTENT.swapcase(), part_bytes=FOREIGN_PART_BYTES)

    assert questions(live) == ["EL511"]


def test_content_of_unknown_hash_whose_object_is_gone_is_an_error(live: Live) -> None:
    live.lock(etag=md5_of(CONTENT), known=False)
    live.objects.delete(KEY)

    assert questions(live) == ["EL511"]


def test_a_lockfile_that_means_other_bytes_than_were_adopted_is_an_error(live: Live) -> None:
    live.lock(etag=md5_of(CONTENT), known=False)
    live.apply()
    live.lock(etag=md5_of(CONTENT.swapcase()), known=False)

    assert questions(live) == ["EL511"]


def test_content_that_somebody_hashed_at_last_is_verified_and_keeps_its_key(live: Live) -> None:
    live.lock(etag=md5_of(CONTENT), known=False)
    live.apply()
    live.lock(known=True)

    outcome = live.apply()

    assert outcome.uploaded_files == 0
    assert live.sql("select file_path, file_hash from lectures") == [
        {"file_path": KEY, "file_hash": hashlib.sha256(CONTENT).hexdigest()}
    ]
    again = live.plan()
    assert (again.changes, again.unverified) == ((), 0)


# An image that no row names yet.


COVER = "Ali/Quran/images/cover.png"


def with_cover(live: Live, *, known: bool) -> None:
    content = b"a picture"
    live.objects.put(upload(COVER, content))
    live.media[COVER] = MediaFile(
        path=COVER,
        size_bytes=len(content),
        media_type="image/png",
        sha256=hashlib.sha256(content).hexdigest() if known else None,
        md5=md5_of(content) if known else None,
        etag=None if known else md5_of(content),
    )
    live.declare("ali/quran", media={"cover": COVER})


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("before", [None, "Ali/Quran/cover.jpg"], ids=["none", "missing"])
def test_an_image_that_is_live_under_its_own_path_is_named_without_an_upload(
    live: Live, known: bool, before: str | None
) -> None:
    live.sql("update collections set cover_image_url = %s", before)
    with_cover(live, known=known)

    outcome = live.apply()

    assert outcome.uploaded_files == 0
    assert live.sql("select cover_image_url from collections") == [{"cover_image_url": COVER}]
    assert live.plan().changes == ()


def test_one_image_of_unknown_hash_may_stand_for_two_resources(live: Live) -> None:
    with_cover(live, known=False)
    live.declare("ali", media={"image": COVER})

    live.apply()

    assert live.sql("select image_url from speakers") == [{"image_url": COVER}]
    assert live.sql("select cover_image_url from collections") == [{"cover_image_url": COVER}]
    assert live.plan().changes == ()


def test_an_image_of_unknown_hash_that_was_replaced_can_be_taken_back(live: Live) -> None:
    with_cover(live, known=False)
    live.apply()
    live.record("other.png", b"another picture")
    live.declare("ali/quran", media={"cover": "other.png"})
    live.apply()
    live.declare("ali/quran", media={"cover": COVER})

    outcome = live.apply()

    assert outcome.uploaded_files == 0
    assert live.sql("select cover_image_url from collections") == [{"cover_image_url": COVER}]
    assert live.plan().changes == ()
