"""The unfinished uploads of a directory bucket: their files, and writers that meet."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.model.errors import ObjectExists, Unavailable
from tests.uploads import upload

PART_BYTES = 1024**2
FILE = bytes(range(256)) * (3 * PART_BYTES // 256) + b"end"


class Stopped(Exception):
    """What a caller raises to stop an upload."""


@pytest.fixture
def bucket(tmp_path: Path) -> DirectoryBucket:
    return DirectoryBucket(tmp_path / "bucket")


def left(tmp_path: Path) -> list[Path]:
    """Return the files of unfinished uploads."""
    return sorted((tmp_path / "bucket/unfinished").iterdir())


def stopping_at(limit: int) -> Callable[[int], None]:
    gone_out = 0

    def on_bytes(count: int) -> None:
        nonlocal gone_out
        gone_out += count
        if gone_out > limit:
            raise Stopped

    return on_bytes


def interrupt(bucket: DirectoryBucket, key: str = "a") -> None:
    with pytest.raises(Stopped):
        bucket.put(upload(key, FILE, part_bytes=PART_BYTES, on_bytes=stopping_at(2 * PART_BYTES)))


def age(files: list[Path], days: float) -> None:
    """Let files be as old as that."""
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    for file in files:
        os.utime(file, (then, then))


def test_a_finished_upload_leaves_no_file(bucket: DirectoryBucket, tmp_path: Path) -> None:
    bucket.put(upload("a", FILE, part_bytes=PART_BYTES))

    assert left(tmp_path) == []


def test_the_parts_are_the_bytes_so_far(bucket: DirectoryBucket, tmp_path: Path) -> None:
    interrupt(bucket)

    content, described = left(tmp_path)
    assert content.read_bytes() == FILE[: 2 * PART_BYTES]
    assert described.name == f"{content.name}.json"


def test_bytes_that_the_disk_lost_are_written_again(bucket: DirectoryBucket, tmp_path: Path) -> None:
    interrupt(bucket)
    content, _ = left(tmp_path)
    damaged = bytearray(content.read_bytes())
    damaged[PART_BYTES + 5] ^= 1
    content.write_bytes(damaged)

    bucket.put(upload("a", FILE, part_bytes=PART_BYTES))

    assert bucket.read("a") == FILE


def test_what_lies_beyond_the_file_is_cut_off(bucket: DirectoryBucket, tmp_path: Path) -> None:
    interrupt(bucket)
    content, _ = left(tmp_path)
    content.write_bytes(FILE + b"and more")

    bucket.put(upload("a", FILE, part_bytes=PART_BYTES))

    assert bucket.read("a") == FILE


def test_uploads_expire_after_a_week_as_those_of_r2_do(bucket: DirectoryBucket, tmp_path: Path) -> None:
    interrupt(bucket, "old")
    age(left(tmp_path), days=7.1)
    interrupt(bucket, "young")

    assert [unfinished.key for unfinished in bucket.unfinished()] == ["young"]
    assert len(left(tmp_path)) == 2


def test_an_upload_of_yesterday_has_not_expired(bucket: DirectoryBucket, tmp_path: Path) -> None:
    interrupt(bucket, "old")
    age(left(tmp_path), days=6.9)
    interrupt(bucket, "young")

    assert [unfinished.key for unfinished in bucket.unfinished()] == ["old", "young"]


def test_a_second_writer_of_the_key_leaves_the_first_one_alone(bucket: DirectoryBucket) -> None:
    def meanwhile(_count: int) -> None:
        if bucket.head("a") is None:
            bucket.put(upload("a", FILE, part_bytes=PART_BYTES))

    with pytest.raises(ObjectExists):
        bucket.put(upload("a", FILE, part_bytes=PART_BYTES, on_bytes=meanwhile))

    assert bucket.read("a") == FILE
    assert list(bucket.unfinished()) == []


def test_of_puts_in_parts_at_once_exactly_one_wins(bucket: DirectoryBucket, tmp_path: Path) -> None:
    contents = [bytes([number]) * (2 * PART_BYTES) for number in range(6)]

    def attempt(content: bytes) -> bytes | None:
        try:
            bucket.put(upload("contested", content, part_bytes=PART_BYTES))
        except ObjectExists:
            return None
        return content

    with ThreadPoolExecutor(len(contents)) as threads:
        winners = [content for content in threads.map(attempt, contents) if content]

    assert winners == [bucket.read("contested")]
    assert left(tmp_path) == []


def test_an_upload_that_is_aborted_while_it_goes_out_asks_to_run_again(bucket: DirectoryBucket) -> None:
    def abort(_count: int) -> None:
        for unfinished in bucket.unfinished():
            bucket.abort(unfinished)

    with pytest.raises(Unavailable) as raised:
        bucket.put(upload("a", FILE, part_bytes=PART_BYTES, on_bytes=abort))

    assert raised.value.code == "upload-ended"

    assert bucket.head("a") is None
    bucket.put(upload("a", FILE, part_bytes=PART_BYTES))


def test_both_spellings_of_a_key_continue_one_upload(bucket: DirectoryBucket) -> None:
    interrupt(bucket, "Cafe\u0301.mp3")

    bucket.put(upload("Caf\u00e9.mp3", FILE, part_bytes=PART_BYTES))

    assert list(bucket.unfinished()) == []
    assert [stored.key for stored in bucket.list()] == ["Caf\u00e9.mp3"]


def test_a_listing_of_uploads_makes_no_directory(bucket: DirectoryBucket, tmp_path: Path) -> None:
    assert list(bucket.unfinished()) == []

    assert list(tmp_path.iterdir()) == []
