"""A bucket in a directory whose disk is full: a clear error, nothing visible, and the next apply ends it.

A limit on the size of files stands in for the disk: the system refuses the same writes, at the same places.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.model.errors import ProviderError, PutsFailed
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import Copy
from tests.failures import failing
from tests.outside import assert_that_every_lecture_plays, shown
from tests.stand import Stand
from tests.uploads import upload

MIB = 1024**2
BIG = bytes(range(256)) * (3 * MIB // 256)


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library that was applied, and then got a small lecture and a big one."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.apply()
    stand.declare("ali/quran/small", title="Small", number=2)
    stand.declare("ali/quran/big", title="Big", number=3)
    stand.record("ali/quran/big.mp3", BIG)
    return stand


def assert_that_the_next_apply_ends_it(stand: Stand) -> None:
    stand.apply()
    assert stand.plan().changes == ()
    assert stand.plan().unmanaged.objects == {}
    assert len(shown(stand)) == 3
    assert_that_every_lecture_plays(stand)


def test_an_object_that_has_no_room_is_named_and_nothing_is_committed(stand: Stand, tmp_path: Path) -> None:
    before = shown(stand)

    with room_for(MIB), pytest.raises(PutsFailed) as raised:
        stand.apply()

    [failure] = raised.value.details
    assert "big.mp3" in failure
    assert raised.value.reasons == ("disk-full",)
    assert shown(stand) == before
    assert list((tmp_path / "bucket/incoming").iterdir()) == []
    assert_that_the_next_apply_ends_it(stand)


def test_an_upload_in_parts_that_has_no_room_is_continued_when_there_is(stand: Stand) -> None:
    stand.policy = replace(stand.policy, transfer=TransferLimits(single_put_bytes=MIB, part_bytes=MIB))
    before = shown(stand)

    with room_for(2 * MIB), failing(PutsFailed, "puts-failed", "1 of 2"):
        stand.apply()

    assert shown(stand) == before
    assert len(list(stand.objects.unfinished())) == 1
    assert_that_the_next_apply_ends_it(stand)
    assert list(stand.objects.unfinished()) == []


def test_an_index_that_has_no_room_leaves_no_object(stand: Stand) -> None:
    before, keys = shown(stand), stand.object_keys()

    with room_for(4_096), pytest.raises(ProviderError):
        stand.objects.put(upload("new"))
    with room_for(4_096), pytest.raises((PutsFailed, ProviderError)):
        stand.apply()

    assert shown(stand) == before
    assert stand.object_keys() == keys
    assert_that_the_next_apply_ends_it(stand)


def test_a_new_bucket_that_has_no_room_at_all_can_be_used_later(tmp_path: Path) -> None:
    bucket = DirectoryBucket(tmp_path / "bucket")

    with room_for(0), failing(ProviderError, "disk-full"):
        bucket.put(upload("a"))

    assert list(bucket.list()) == []
    bucket.put(upload("a"))
    assert bucket.read("a") == b"bytes"


def test_a_copy_that_has_no_room_is_none(tmp_path: Path) -> None:
    bucket = DirectoryBucket(tmp_path / "bucket")
    bucket.put(upload("a", BIG))
    asked = Copy(source="a", key="b", size_bytes=len(BIG), media_type="audio/mpeg")

    with room_for(MIB), failing(ProviderError, "disk-full"):
        bucket.copy(asked)

    assert [stored.key for stored in bucket.list()] == ["a"]
    assert bucket.copy(asked).size_bytes == len(BIG)
