from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.applying.checksums import holds_the_bytes, part_bytes_of
from reconciler.model.catalog import MediaFile
from reconciler.model.policy import TransferLimits
from tests.unit.planning.worlds import media
from tests.uploads import upload

LINE = media("a.mp3", "the recording")
LIMITS = TransferLimits(single_put_bytes=10, part_bytes=5)


@pytest.fixture
def bucket(tmp_path: Path) -> DirectoryBucket:
    return DirectoryBucket(tmp_path)


def proven(
    bucket: DirectoryBucket, content: bytes, line: MediaFile = LINE, part_bytes: int | None = None
) -> bool:
    """Store bytes, and tell whether they are taken for those of the line, which their metadata claims."""
    bucket.put(upload("a.mp3", content, metadata={"sha256": line.sha256 or ""}, part_bytes=part_bytes))
    found = bucket.head("a.mp3")
    assert found is not None
    return holds_the_bytes(bucket, found, line)


def test_size_and_etag_prove_the_bytes(bucket: DirectoryBucket) -> None:
    assert proven(bucket, b"the recording")


def test_metadata_proves_nothing(bucket: DirectoryBucket) -> None:
    assert not proven(bucket, b"the RECORDING")


def test_another_size_is_other_bytes(bucket: DirectoryBucket) -> None:
    assert not proven(bucket, b"the recording!")


class Unread(DirectoryBucket):
    def stream(self, key: str) -> NoReturn:
        raise AssertionError(f"read {key}")


def test_an_object_of_another_size_is_not_even_read(tmp_path: Path) -> None:
    unread = Unread(tmp_path)

    assert not proven(unread, b"the recording!", part_bytes=4)


def test_parts_of_unknown_size_are_hashed(bucket: DirectoryBucket) -> None:
    assert proven(bucket, b"the recording", part_bytes=4)


def test_other_bytes_in_parts_of_unknown_size_are_found_out(bucket: DirectoryBucket) -> None:
    assert not proven(bucket, b"the RECORDING", part_bytes=4)


@pytest.mark.parametrize(("content", "right"), [(b"the recording", True), (b"the RECORDING", False)])
def test_a_line_without_md5_is_compared_by_hashing(
    bucket: DirectoryBucket, content: bytes, right: bool
) -> None:
    assert proven(bucket, content, replace(LINE, md5=None)) is right


def test_a_large_file_goes_up_in_the_parts_of_its_lockfile_line() -> None:
    assert part_bytes_of(replace(LINE, part_bytes=7), LIMITS) == 7


def test_a_large_file_whose_line_knows_no_parts_goes_up_in_the_settings_parts() -> None:
    assert part_bytes_of(LINE, LIMITS) == 5


def test_a_small_file_goes_up_whole_whatever_its_line_says() -> None:
    assert part_bytes_of(replace(LINE, size_bytes=10, part_bytes=7), LIMITS) is None
