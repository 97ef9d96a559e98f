"""Multipart uploads that are interrupted, held against every store."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.model.actual import StoredObject
from reconciler.model.errors import WrongBytes
from reconciler.model.ports import ObjectStore, UnfinishedUpload
from tests.buckets import Bucket
from tests.uploads import md5_of, upload

ROOT = Path(__file__).resolve().parents[2]

MIB = 1024**2
PART_BYTES = 5 * MIB
FILE = bytes(range(256)) * (11 * MIB // 256)
FILE_ETAG = "522ff2f25e0b0649c8812f8e33cc3b62-3"

#: Puts eleven mebibytes under `a`, and is killed by the kernel while the second part goes out.
KILLED = """
import os, signal, sys
from tests.buckets import reopened
from tests.contract.test_objects_multipart import FILE, PART_BYTES
from tests.uploads import upload

gone_out = 0
def on_bytes(count):
    global gone_out
    gone_out += count
    if gone_out > PART_BYTES:
        os.kill(os.getpid(), signal.SIGKILL)

reopened(sys.argv[1]).put(upload("a", FILE, part_bytes=PART_BYTES, on_bytes=on_bytes))
"""


class Stopped(Exception):
    """What a caller raises to stop an upload."""


def stopping_after(limit: int) -> Callable[[int], None]:
    """Return an `on_bytes` that stops the upload as soon as more than `limit` bytes went out."""
    gone_out = 0

    def on_bytes(count: int) -> None:
        nonlocal gone_out
        gone_out += count
        if gone_out > limit:
            raise Stopped

    return on_bytes


def interrupt(store: ObjectStore, key: str = "a", data: bytes = FILE, **said: str) -> None:
    """Put a file, and stop in its second part."""
    stop = stopping_after(PART_BYTES)
    with pytest.raises(Stopped):
        store.put(upload(key, data, part_bytes=PART_BYTES, on_bytes=stop, metadata=said))


def test_what_was_interrupted_is_unfinished_and_no_object(store: ObjectStore) -> None:
    before = datetime.now(UTC)

    interrupt(store)

    [unfinished] = store.unfinished()
    assert unfinished.key == "a"
    assert unfinished.begun_at.utcoffset() == timedelta(0)
    assert unfinished.begun_at < before + timedelta(hours=1)
    assert store.head("a") is None
    assert list(store.list()) == []


def test_the_next_put_goes_on_from_the_parts(bucket: Bucket) -> None:
    heard: list[int] = []
    interrupt(bucket.store)
    bucket.requests.clear()

    stored = bucket.store.put(upload("a", FILE, part_bytes=PART_BYTES, on_bytes=heard.append))

    assert stored == StoredObject("a", len(FILE), FILE_ETAG)
    assert bucket.store.read("a") == FILE
    assert sum(heard) == len(FILE)
    assert list(bucket.store.unfinished()) == []
    assert bucket.requests.count("UploadPart") in {0, 2}
    assert bucket.requests.count("CreateMultipartUpload") == 0


def test_the_next_put_goes_on_after_a_kill(bucket: Bucket) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, bucket.place],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [unfinished.key for unfinished in bucket.store.unfinished()] == ["a"]

    stored = bucket.store.put(upload("a", FILE, part_bytes=PART_BYTES))

    assert stored.etag == FILE_ETAG
    assert bucket.store.read("a") == FILE
    assert bucket.requests.count("UploadPart") in {0, 2}
    assert list(bucket.store.unfinished()) == []


def test_it_goes_on_as_often_as_it_is_interrupted(store: ObjectStore) -> None:
    interrupt(store)
    interrupt(store)
    with pytest.raises(Stopped):
        store.put(upload("a", FILE, part_bytes=PART_BYTES, on_bytes=stopping_after(2 * PART_BYTES)))

    assert len(list(store.unfinished())) == 1
    assert store.put(upload("a", FILE, part_bytes=PART_BYTES)).etag == FILE_ETAG


@pytest.mark.parametrize("changed_at", [0, PART_BYTES - 1, PART_BYTES, len(FILE) - 1])
def test_a_file_that_changed_meanwhile_is_put_as_it_is_now(store: ObjectStore, changed_at: int) -> None:
    changed = FILE[:changed_at] + b"!" + FILE[changed_at + 1 :]
    interrupt(store, sha256="of the old bytes")

    store.put(upload("a", changed, part_bytes=PART_BYTES, metadata={"sha256": "of the new"}))

    facts = store.head("a")
    assert facts is not None
    assert facts.metadata == {"sha256": "of the new"}
    assert store.read("a") == changed
    assert list(store.unfinished()) == []


@pytest.mark.parametrize("size_bytes", [3 * MIB, PART_BYTES, 12 * MIB])
def test_a_file_that_is_of_another_size_by_now_is_put_as_it_is(store: ObjectStore, size_bytes: int) -> None:
    changed = (FILE + FILE)[:size_bytes]
    interrupt(store)

    store.put(upload("a", changed, part_bytes=PART_BYTES))

    assert store.read("a") == changed
    assert list(store.unfinished()) == []


def test_the_object_says_what_the_put_that_ends_it_said(store: ObjectStore) -> None:
    interrupt(store, sha256="as first said")

    store.put(upload("a", FILE, part_bytes=PART_BYTES, cache_control="private", metadata={"sha256": "now"}))

    facts = store.head("a")
    assert facts is not None
    assert (facts.metadata, facts.cache_control, facts.etag) == ({"sha256": "now"}, "private", FILE_ETAG)
    assert list(store.unfinished()) == []


def test_parts_of_another_size_are_sent_anew(store: ObjectStore) -> None:
    interrupt(store)

    store.put(upload("a", FILE, part_bytes=6 * MIB))

    assert store.read("a") == FILE
    assert list(store.unfinished()) == []


def test_only_an_upload_of_the_same_key_is_continued(store: ObjectStore) -> None:
    interrupt(store, "a/b")
    interrupt(store, "ab")

    store.put(upload("a", FILE, part_bytes=PART_BYTES))

    assert [unfinished.key for unfinished in store.unfinished()] == ["a/b", "ab"]


def test_bytes_other_than_named_are_not_kept_as_parts(store: ObjectStore) -> None:
    with pytest.raises(WrongBytes):
        store.put(upload("a", FILE, md5=md5_of(b"other"), part_bytes=PART_BYTES))

    assert list(store.unfinished()) == []


def test_a_body_that_ends_early_is_not_kept_as_parts_even_of_a_continued_upload(store: ObjectStore) -> None:
    interrupt(store)
    short = upload("a", FILE[: PART_BYTES + 7], size_bytes=len(FILE), md5=md5_of(FILE), part_bytes=PART_BYTES)

    with pytest.raises(WrongBytes):
        store.put(short)

    assert store.head("a") is None
    assert list(store.unfinished()) == []


def test_an_upload_goes_on_from_where_the_body_stands(store: ObjectStore) -> None:
    interrupt(store)
    asked = upload("a", b"before" + FILE, size_bytes=len(FILE), md5=md5_of(FILE), part_bytes=PART_BYTES)
    asked.body.seek(len(b"before"))

    store.put(asked)

    assert store.read("a") == FILE


def test_an_aborted_upload_is_gone_and_aborting_it_again_is_no_error(store: ObjectStore) -> None:
    interrupt(store)
    [unfinished] = store.unfinished()

    store.abort(unfinished)
    store.abort(unfinished)

    assert list(store.unfinished()) == []
    store.put(upload("a", FILE, part_bytes=PART_BYTES))
    assert store.read("a") == FILE


def test_aborting_one_upload_leaves_the_others(store: ObjectStore) -> None:
    interrupt(store, "b")
    interrupt(store, "a")
    of_a, of_b = store.unfinished()

    store.abort(of_a)

    assert list(store.unfinished()) == [of_b]


def test_an_upload_that_nobody_began_can_be_aborted_without_harm(store: ObjectStore) -> None:
    store.put(upload("a"))
    interrupt(store, "b")

    store.abort(UnfinishedUpload(key="a", upload_id="../objects/a", begun_at=datetime.now(UTC)))

    assert store.read("a") == b"bytes"


@pytest.mark.parametrize("key", ["+ plus%20and space&?#", "quote\"'<>", "ﷺ الفاتحة’s.mp3", "a//b", "x/"])
def test_an_unfinished_upload_of_an_odd_key_is_found_and_continued(bucket: Bucket, key: str) -> None:
    interrupt(bucket.store, key)
    assert [unfinished.key for unfinished in bucket.store.unfinished()] == [key]
    bucket.requests.clear()

    bucket.store.put(upload(key, FILE, part_bytes=PART_BYTES))

    assert bucket.requests.count("UploadPart") in {0, 2}
    assert list(bucket.store.unfinished()) == []


def test_an_empty_bucket_has_nothing_unfinished(store: ObjectStore) -> None:
    assert list(store.unfinished()) == []
