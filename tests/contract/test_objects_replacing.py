"""Copies over an object that they replace, held against every store."""

import unicodedata
from dataclasses import replace

import pytest

from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectChanged, ObjectMissing, WrongBytes
from reconciler.model.ports import Copy, ObjectStore
from tests.buckets import Bucket
from tests.failures import failing
from tests.uploads import md5_of, upload

MIB = 1024**2
PART_BYTES = 5 * MIB
FILE = bytes(range(256)) * (11 * MIB // 256)

NEW, OLD = b"bytes", b"older"
ASKED = Copy(
    source="from",
    key="to",
    size_bytes=len(NEW),
    media_type="audio/mp4",
    cache_control="public, max-age=60",
    metadata={"sha256": "الفاتحة"},
    replaces=md5_of(OLD),
)

IN_ONE_PIECE_AND_IN_PARTS = pytest.mark.parametrize("part_bytes", [None, PART_BYTES])


def both(store: ObjectStore) -> None:
    """Put the source, and what its copy replaces."""
    store.put(upload("from", NEW, metadata={"only": "of the source"}))
    store.put(upload("to", OLD, cache_control="immutable", metadata={"only": "of the old one"}))


def untouched(store: ObjectStore) -> bool:
    facts = store.head("to")
    said = (facts.etag, facts.cache_control, facts.metadata) if facts else None
    return (
        said == (md5_of(OLD), "immutable", {"only": "of the old one"})
        and store.read("to") == OLD
        and list(store.unfinished()) == []
    )


@IN_ONE_PIECE_AND_IN_PARTS
def test_a_copy_replaces_the_object_that_it_names(store: ObjectStore, part_bytes: int | None) -> None:
    both(store)

    stored = store.copy(replace(ASKED, part_bytes=part_bytes))

    facts = store.head("to")
    assert facts is not None
    assert stored == StoredObject("to", len(NEW), facts.etag)
    assert stored in store.list()
    assert (facts.media_type, facts.cache_control) == ("audio/mp4", "public, max-age=60")
    assert facts.metadata == {"sha256": "الفاتحة"}
    assert store.read("to") == store.read("from") == NEW
    assert [each.key for each in store.list()] == ["from", "to"]
    assert list(store.unfinished()) == []


@IN_ONE_PIECE_AND_IN_PARTS
def test_a_copy_replaces_nothing_else(store: ObjectStore, part_bytes: int | None) -> None:
    both(store)

    with failing(ObjectChanged, "object-changed", "to", md5_of(OLD)):
        store.copy(replace(ASKED, replaces=md5_of(b"other"), part_bytes=part_bytes))

    assert untouched(store)


@IN_ONE_PIECE_AND_IN_PARTS
def test_a_copy_that_replaces_is_not_put_where_there_is_nothing(
    store: ObjectStore, part_bytes: int | None
) -> None:
    store.put(upload("from", NEW))

    with failing(ObjectChanged, "object-changed", "to"):
        store.copy(replace(ASKED, part_bytes=part_bytes))

    assert [each.key for each in store.list()] == ["from"]
    assert list(store.unfinished()) == []


def test_a_copy_replaces_once(store: ObjectStore) -> None:
    both(store)
    store.copy(ASKED)

    with pytest.raises(ObjectChanged):
        store.copy(ASKED)

    assert store.read("to") == NEW


def test_what_was_replaced_can_be_put_back(store: ObjectStore) -> None:
    both(store)
    store.put(upload("kept", OLD))

    for _ in range(3):
        made = store.copy(ASKED)
        back = store.copy(replace(ASKED, source="kept", size_bytes=len(OLD), replaces=made.etag))

        assert back.etag == md5_of(OLD)
        assert store.read("to") == OLD


@IN_ONE_PIECE_AND_IN_PARTS
def test_a_missing_source_replaces_nothing(store: ObjectStore, part_bytes: int | None) -> None:
    both(store)

    with pytest.raises(ObjectMissing):
        store.copy(replace(ASKED, source="nothing", part_bytes=part_bytes))

    assert untouched(store)


@pytest.mark.parametrize("asked", [replace(ASKED, size_bytes=6), replace(ASKED, etag=md5_of(b"other"))])
def test_another_source_replaces_nothing(store: ObjectStore, asked: Copy) -> None:
    both(store)

    with pytest.raises(WrongBytes):
        store.copy(asked)

    assert untouched(store)


@pytest.mark.parametrize("source_part_bytes", [None, PART_BYTES])
@pytest.mark.parametrize("old_part_bytes", [None, PART_BYTES])
@IN_ONE_PIECE_AND_IN_PARTS
def test_an_object_replaces_another_however_each_was_stored(
    store: ObjectStore, source_part_bytes: int | None, old_part_bytes: int | None, part_bytes: int | None
) -> None:
    store.put(upload("from", FILE, part_bytes=source_part_bytes))
    old = store.put(upload("to", OLD, part_bytes=old_part_bytes))

    asked = replace(ASKED, size_bytes=len(FILE), replaces=old.etag, part_bytes=part_bytes)
    stored = store.copy(asked)

    assert stored in store.list()
    assert store.read("to") == FILE


@pytest.mark.parametrize(
    "key",
    [
        "Abdul Rashid Sufi/Quran Hafs/01 - ﷺ الفاتحة’s.mp3",
        unicodedata.normalize("NFD", "Café/ü آ.mp3"),
        "What? #1 - 100% + more&less.mp3",
        "%2F%3F",
        "quote\"'<>",
        "a//b",
    ],
)
def test_odd_keys_are_replaced(store: ObjectStore, key: str) -> None:
    store.put(upload(f"{key}~2", NEW))
    store.put(upload(key, OLD))

    store.copy(replace(ASKED, source=f"{key}~2", key=key))

    assert store.read(key) == NEW


def test_an_object_is_replaced_in_either_spelling_where_the_store_folds(bucket: Bucket) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café.mp3") for form in ("NFC", "NFD"))
    bucket.store.put(upload("from", NEW))
    bucket.store.put(upload(composed, OLD))
    asked = replace(ASKED, key=decomposed)

    if bucket.folds:
        bucket.store.copy(asked)
        assert [each.key for each in bucket.store.list("Caf")] == [decomposed]
        assert bucket.store.read(composed) == NEW
    else:
        with pytest.raises(ObjectChanged):
            bucket.store.copy(asked)


@IN_ONE_PIECE_AND_IN_PARTS
def test_a_copy_onto_itself_says_other_things_of_it(store: ObjectStore, part_bytes: int | None) -> None:
    both(store)

    store.copy(replace(ASKED, source="to", part_bytes=part_bytes))

    facts = store.head("to")
    assert facts is not None
    assert (facts.cache_control, facts.metadata) == ("public, max-age=60", {"sha256": "الفاتحة"})
    assert store.read("to") == OLD


def test_a_copy_replaces_from_another_bucket(bucket: Bucket, another: Bucket) -> None:
    another.store.put(upload("from", NEW))
    bucket.store.put(upload("to", OLD))

    bucket.store.copy(ASKED, another.store)

    assert bucket.store.read("to") == NEW


def test_what_was_replaced_can_be_deleted_and_stored_again(store: ObjectStore) -> None:
    both(store)
    store.copy(ASKED)

    store.delete("to")

    assert [each.key for each in store.list()] == ["from"]
    store.put(upload("to", b"again"))
    assert store.read("to") == b"again"


def test_replacing_costs_three_heads(bucket: Bucket) -> None:
    both(bucket.store)
    bucket.requests.clear()

    bucket.store.copy(ASKED)

    assert bucket.requests in ([], ["HeadObject", "HeadObject", "CopyObject", "HeadObject"])
