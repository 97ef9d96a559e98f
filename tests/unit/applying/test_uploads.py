from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.applying.uploads import Copier
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, WrongBytes
from reconciler.model.kinds import Slot
from reconciler.model.plan import Put, PutOrigin
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import Copy, ObjectStore
from reconciler.model.staging import STAGING_BUCKET_PREFIX, Staging, staging_inside
from reconciler.planning.byte_sources import ByteSource
from tests.unit.planning.worlds import media
from tests.uploads import upload

LINE = media("a.mp3", "the recording")
CONTENT = b"the recording"
PUT = Put(
    slot=Slot.LECTURE_AUDIO,
    key="Ali/a.mp3",
    path="a.mp3",
    size_bytes=LINE.size_bytes,
    sha256=LINE.sha256 or "",
    media_type="audio/mpeg",
    multipart=False,
)


@pytest.fixture
def bucket(tmp_path: Path) -> DirectoryBucket:
    return DirectoryBucket(tmp_path / "library")


def copier(objects: ObjectStore, staging: Staging | None = None) -> Copier:
    return Copier(objects=objects, staging=staging or staging_inside(objects), limits=TransferLimits())


def source(store: ObjectStore, key: str, origin: PutOrigin = PutOrigin.COPY) -> ByteSource:
    (stored,) = store.list(key)
    return ByteSource(origin=origin, stored=stored)


def test_a_copy_says_of_itself_what_an_upload_would(bucket: DirectoryBucket) -> None:
    bucket.put(upload("old.mp3", CONTENT, metadata={"by": "hand"}, cache_control="no-store"))

    stored = copier(bucket).copy(PUT, LINE, source(bucket, "old.mp3"))

    facts = bucket.head(PUT.key)
    assert facts is not None
    assert (facts.size_bytes, facts.etag) == (stored.size_bytes, stored.etag) == (LINE.size_bytes, LINE.md5)
    assert facts.metadata == {"sha256": LINE.sha256}
    assert facts.cache_control == TransferLimits().playback_cache_control


def test_a_staged_copy_is_read_from_the_bucket_that_keeps_it(bucket: DirectoryBucket, tmp_path: Path) -> None:
    apart = Staging(store=DirectoryBucket(tmp_path / "staging"), prefix=STAGING_BUCKET_PREFIX, separate=True)
    key = apart.key_of(LINE.sha256 or "")
    apart.store.put(upload(key, CONTENT))

    copier(bucket, apart).copy(PUT, LINE, source(apart.store, key, PutOrigin.STAGED))

    assert bucket.read(PUT.key) == CONTENT


def test_a_source_that_was_replaced_since_the_listing_is_refused(bucket: DirectoryBucket) -> None:
    bucket.put(upload("old.mp3", CONTENT))
    listed = source(bucket, "old.mp3")
    bucket.delete("old.mp3")
    bucket.put(upload("old.mp3", b"THE recording"))

    with pytest.raises(WrongBytes):
        copier(bucket).copy(PUT, LINE, listed)

    assert bucket.head(PUT.key) is None


def test_the_listed_content_is_meant_also_where_the_lockfile_foretells_no_etag(
    bucket: DirectoryBucket,
) -> None:
    bucket.put(upload("old.mp3", CONTENT))
    listed = source(bucket, "old.mp3")
    bucket.delete("old.mp3")
    bucket.put(upload("old.mp3", b"THE recording"))

    with pytest.raises(WrongBytes):
        copier(bucket).copy(PUT, replace(LINE, md5=None), listed)


def test_a_source_that_went_away_is_missing(bucket: DirectoryBucket) -> None:
    bucket.put(upload("old.mp3", CONTENT))
    listed = source(bucket, "old.mp3")
    bucket.delete("old.mp3")

    with pytest.raises(ObjectMissing):
        copier(bucket).copy(PUT, LINE, listed)


def test_nothing_is_overwritten(bucket: DirectoryBucket) -> None:
    bucket.put(upload("old.mp3", CONTENT))
    bucket.put(upload(PUT.key, b"somebody's"))

    with pytest.raises(ObjectExists):
        copier(bucket).copy(PUT, LINE, source(bucket, "old.mp3"))

    assert bucket.read(PUT.key) == b"somebody's"


@dataclass
class Careless:
    """A bucket whose copies are not what was asked for."""

    objects: ObjectStore
    wrong: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def copy(self, copy: Copy, source: ObjectStore | None = None) -> StoredObject:
        return self.objects.copy(replace(copy, **self.wrong), source)


@pytest.mark.parametrize(
    "wrong",
    [{"part_bytes": 5}, {"source": "other.mp3", "etag": None}],
    ids=["other parts", "other bytes"],
)
def test_a_copy_that_is_not_what_was_asked_for_is_taken_away_again(
    bucket: DirectoryBucket, wrong: dict[str, object]
) -> None:
    bucket.put(upload("old.mp3", CONTENT))
    bucket.put(upload("other.mp3", b"THE recording"))

    with pytest.raises(WrongBytes):
        copier(Careless(bucket, wrong)).copy(PUT, LINE, source(bucket, "old.mp3"))

    assert bucket.head(PUT.key) is None
