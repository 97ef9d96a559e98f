"""Copies inside a store, held against every store."""

from dataclasses import replace

import pytest

from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, ProviderError, WrongBytes
from reconciler.model.ports import Copy, ObjectStore
from tests.buckets import Bucket
from tests.failures import failing
from tests.uploads import md5_of, upload

MIB = 1024**2
PART_BYTES = 5 * MIB
FILE = bytes(range(256)) * (11 * MIB // 256)
FILE_ETAG = "522ff2f25e0b0649c8812f8e33cc3b62-3"

ASKED = Copy(source="from", key="to", size_bytes=5, media_type="audio/mp4")


def test_a_copy_holds_the_bytes_and_the_source_stays(store: ObjectStore) -> None:
    store.put(upload("from"))

    stored = store.copy(ASKED)

    assert stored == StoredObject("to", 5, md5_of(b"bytes"))
    assert [each.key for each in store.list()] == ["from", "to"]
    assert store.read("to") == store.read("from") == b"bytes"


def test_a_copy_says_what_was_asked_and_nothing_of_the_source(store: ObjectStore) -> None:
    store.put(upload("from", cache_control="private", metadata={"sha256": "old", "only": "there"}))

    store.copy(replace(ASKED, cache_control="public", metadata={"sha256": "الفاتحة"}))

    facts = store.head("to")
    assert facts is not None
    assert (facts.media_type, facts.cache_control) == ("audio/mp4", "public")
    assert facts.metadata == {"sha256": "الفاتحة"}


@pytest.mark.parametrize("part_bytes", [None, PART_BYTES])
def test_a_copy_overwrites_nothing(store: ObjectStore, part_bytes: int | None) -> None:
    store.put(upload("from"))
    store.put(upload("to", b"there"))

    with pytest.raises(ObjectExists):
        store.copy(replace(ASKED, part_bytes=part_bytes))

    assert store.read("to") == b"there"


def test_a_copy_onto_itself_is_refused(store: ObjectStore) -> None:
    store.put(upload("from"))

    with pytest.raises(ObjectExists):
        store.copy(replace(ASKED, key="from"))


def test_there_is_no_copy_of_nothing(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        store.copy(ASKED)

    assert list(store.list()) == []


def test_a_source_of_another_size_is_refused(store: ObjectStore) -> None:
    store.put(upload("from"))

    with pytest.raises(WrongBytes):
        store.copy(replace(ASKED, size_bytes=6))

    assert store.head("to") is None


def test_a_source_with_another_etag_is_refused(store: ObjectStore) -> None:
    store.put(upload("from"))

    with pytest.raises(WrongBytes):
        store.copy(replace(ASKED, etag=md5_of(b"other")))

    assert store.head("to") is None
    assert store.copy(replace(ASKED, etag=md5_of(b"bytes"))).size_bytes == 5


@pytest.mark.parametrize("source_part_bytes", [None, PART_BYTES])
def test_a_copy_in_parts_has_the_etag_of_an_upload_in_parts(
    store: ObjectStore, source_part_bytes: int | None
) -> None:
    store.put(upload("from", FILE, part_bytes=source_part_bytes))

    stored = store.copy(replace(ASKED, size_bytes=len(FILE), part_bytes=PART_BYTES, metadata={"a": "1"}))

    assert stored == StoredObject("to", len(FILE), FILE_ETAG)
    facts = store.head("to")
    assert facts is not None
    assert (facts.media_type, facts.metadata) == ("audio/mp4", {"a": "1"})
    assert store.read("to") == FILE
    assert list(store.unfinished()) == []


def test_a_copy_of_parts_in_one_piece_answers_what_the_store_then_shows(store: ObjectStore) -> None:
    store.put(upload("from", FILE, part_bytes=PART_BYTES))

    stored = store.copy(replace(ASKED, size_bytes=len(FILE)))

    assert stored in store.list()
    assert store.read("to") == FILE


def test_what_is_empty_can_be_copied(store: ObjectStore) -> None:
    store.put(upload("from", b""))

    assert store.copy(replace(ASKED, size_bytes=0)) == StoredObject("to", 0, md5_of(b""))
    assert store.copy(replace(ASKED, key="parts", size_bytes=0, part_bytes=PART_BYTES)).etag.endswith("-1")


@pytest.mark.parametrize("key", ["+ plus%20and space&?#", "ﷺ الفاتحة’s.mp3", "a//b", "q?versionId=1"])
def test_odd_keys_can_be_copied(store: ObjectStore, key: str) -> None:
    store.put(upload(key))

    store.copy(replace(ASKED, source=key))
    store.copy(replace(ASKED, source="to", key=f"{key}~2"))

    assert store.read(f"{key}~2") == b"bytes"


@pytest.mark.parametrize("part_bytes", [None, PART_BYTES])
def test_a_copy_can_come_from_another_bucket(bucket: Bucket, another: Bucket, part_bytes: int | None) -> None:
    another.store.put(upload("from", FILE))
    bucket.store.put(upload("from", b"mine"))

    bucket.store.copy(replace(ASKED, size_bytes=len(FILE), part_bytes=part_bytes), another.store)

    assert bucket.store.read("to") == FILE
    assert another.store.head("to") is None


def test_a_copy_from_another_kind_of_store_is_refused(store: ObjectStore, foreign: ObjectStore) -> None:
    with failing(ProviderError, "foreign-store") as raised:
        store.copy(ASKED, foreign)

    assert raised.value.hint


def test_a_copy_costs_three_heads(bucket: Bucket) -> None:
    bucket.store.put(upload("from"))
    bucket.requests.clear()

    bucket.store.copy(ASKED)

    assert bucket.requests in ([], ["HeadObject", "HeadObject", "CopyObject", "HeadObject"])


def test_the_spelling_of_a_key_makes_no_second_object_where_the_store_folds(bucket: Bucket) -> None:
    composed, decomposed = "Caf\u00e9.mp3", "Cafe\u0301.mp3"
    bucket.store.put(upload(composed))
    asked = replace(ASKED, source=decomposed, key="copy")

    if bucket.folds:
        assert bucket.store.copy(asked).size_bytes == 5
        with pytest.raises(ObjectExists):
            bucket.store.copy(replace(ASKED, source=composed, key=decomposed))
    else:
        with pytest.raises(ObjectMissing):
            bucket.store.copy(asked)
