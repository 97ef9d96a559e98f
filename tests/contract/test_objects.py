"""What `ObjectStore` promises, held against every store."""

import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, ProviderError, WrongBytes
from reconciler.model.ports import ObjectStore
from tests.buckets import Bucket
from tests.failures import failing
from tests.uploads import md5_of, upload

MIB = 1024**2
PART_BYTES = 5 * MIB  # the least that S3 takes for a part
THREE_PARTS = bytes(range(256)) * (11 * MIB // 256)
THREE_PARTS_ETAG = "522ff2f25e0b0649c8812f8e33cc3b62-3"

ODD_KEYS = (
    "a//b",
    "a/./b",
    "x",
    "x/y",
    "dir/",
    "/leading",
    "+ plus%20and space&?#",
    "tab\tbetween",
    "quote\"'<>",
    "Abdul Rashid Sufi/Quran Hafs/01 - ﷺ الفاتحة’s.mp3",
    "long/" + "n" * 1019,
    "😀 beyond the plane",
    "�",
    "objects/odd/index.sqlite",
)


class Stopped(Exception):
    """What a caller raises to stop an upload."""


def keys_of(listed: Iterable[StoredObject]) -> list[str]:
    return [stored.key for stored in listed]


def put_all(store: ObjectStore, keys: Iterable[str]) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: store.put(upload(key)), keys))


def test_a_put_answers_what_the_listing_then_shows(store: ObjectStore) -> None:
    stored = store.put(upload("a/b.mp3", b"some bytes"))

    assert stored == StoredObject("a/b.mp3", 10, md5_of(b"some bytes"))
    assert list(store.list()) == [stored]


def test_the_bytes_come_back(store: ObjectStore) -> None:
    store.put(upload("a", THREE_PARTS))

    assert store.read("a") == THREE_PARTS


def test_an_object_may_be_empty(store: ObjectStore) -> None:
    stored = store.put(upload("empty", b""))

    assert stored == StoredObject("empty", 0, md5_of(b""))
    assert store.read("empty") == b""


def test_only_the_named_bytes_are_read_from_where_the_body_stands(store: ObjectStore) -> None:
    asked = upload("a", b"0123456789", size_bytes=4, md5=md5_of(b"3456"))
    asked.body.seek(3)

    store.put(asked)

    assert store.read("a") == b"3456"


def test_what_was_said_of_an_object_is_kept(store: ObjectStore) -> None:
    said = {"sha256": "ab" * 32, "Title": "الفاتحة ﷺ", "spaced": " a ", "word": "=?x?="}

    store.put(upload("a", b"12", cache_control="public, max-age=1", metadata=said))

    facts = store.head("a")
    assert facts is not None
    assert (facts.key, facts.size_bytes, facts.etag) == ("a", 2, md5_of(b"12"))
    assert (facts.media_type, facts.cache_control) == ("audio/mpeg", "public, max-age=1")
    assert facts.metadata == {name.lower(): value for name, value in said.items()}


def test_a_head_of_what_is_not_there_is_none(store: ObjectStore) -> None:
    assert store.head("nothing") is None


def test_reading_what_is_not_there_says_so(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        store.read("nothing")


def test_an_empty_bucket_lists_nothing(store: ObjectStore) -> None:
    assert list(store.list()) == []


def test_nothing_is_overwritten(store: ObjectStore) -> None:
    store.put(upload("a", b"first"))

    with pytest.raises(ObjectExists):
        store.put(upload("a", b"second"))

    assert store.read("a") == b"first"


def test_nothing_is_overwritten_even_by_the_same_bytes(store: ObjectStore) -> None:
    store.put(upload("a"))

    with pytest.raises(ObjectExists):
        store.put(upload("a"))


def test_of_puts_at_once_exactly_one_wins(store: ObjectStore) -> None:
    contents = [f"writer {number}".encode() for number in range(8)]

    def attempt(content: bytes) -> bytes | None:
        try:
            store.put(upload("contested", content))
        except ObjectExists:
            return None
        return content

    with ThreadPoolExecutor(len(contents)) as threads:
        winners = [content for content in threads.map(attempt, contents) if content]

    assert winners == [store.read("contested")]


def test_a_deleted_object_is_gone_and_its_key_free_again(store: ObjectStore) -> None:
    store.put(upload("a/b", b"first"))

    store.delete("a/b")

    assert store.head("a/b") is None
    assert list(store.list()) == []
    store.put(upload("a/b", b"second"))
    assert store.read("a/b") == b"second"


def test_deleting_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.delete("nothing")

    assert list(store.list()) == []


def test_bytes_other_than_named_are_refused_and_leave_nothing(store: ObjectStore) -> None:
    with pytest.raises(WrongBytes):
        store.put(upload("a", b"these", md5=md5_of(b"those")))

    assert store.head("a") is None
    assert list(store.list()) == []


@pytest.mark.parametrize("part_bytes", [None, PART_BYTES])
def test_a_body_that_ends_early_is_refused_and_leaves_nothing(
    store: ObjectStore, part_bytes: int | None
) -> None:
    with pytest.raises(WrongBytes):
        store.put(upload("a", b"short", size_bytes=6, part_bytes=part_bytes))

    assert store.head("a") is None


def test_parts_make_the_etag_of_their_md5s(store: ObjectStore) -> None:
    stored = store.put(upload("a", THREE_PARTS, part_bytes=PART_BYTES))

    assert stored == StoredObject("a", len(THREE_PARTS), THREE_PARTS_ETAG)
    assert list(store.list()) == [stored]
    assert store.read("a") == THREE_PARTS


def test_one_part_is_still_a_multipart_upload(store: ObjectStore) -> None:
    stored = store.put(upload("a", b"small", part_bytes=PART_BYTES, metadata={"sha256": "ab"}))

    facts = store.head("a")
    assert facts is not None
    assert stored.etag == facts.etag
    assert stored.etag.endswith("-1")
    assert facts.metadata == {"sha256": "ab"}


def test_parts_overwrite_nothing(store: ObjectStore) -> None:
    store.put(upload("a", b"first"))

    with pytest.raises(ObjectExists):
        store.put(upload("a", THREE_PARTS, part_bytes=PART_BYTES))

    assert store.read("a") == b"first"


def test_parts_that_are_not_the_named_bytes_leave_nothing(store: ObjectStore) -> None:
    with pytest.raises(WrongBytes):
        store.put(upload("a", THREE_PARTS, md5=md5_of(b"other"), part_bytes=PART_BYTES))

    assert store.head("a") is None


@pytest.mark.parametrize("part_bytes", [None, PART_BYTES])
def test_progress_counts_every_byte_once(store: ObjectStore, part_bytes: int | None) -> None:
    heard: list[int] = []

    store.put(upload("a", THREE_PARTS, part_bytes=part_bytes, on_bytes=heard.append))

    assert sum(heard) == len(THREE_PARTS)
    assert len(heard) > 1


@pytest.mark.parametrize("part_bytes", [None, PART_BYTES])
@pytest.mark.parametrize("reason", [Stopped("enough"), OSError(28, "of the caller's"), TimeoutError("late")])
def test_what_the_caller_raises_abandons_the_put_and_comes_out_as_it_is(
    bucket: Bucket, reason: Exception, part_bytes: int | None
) -> None:
    def stop(_count: int) -> None:
        raise reason

    with pytest.raises(type(reason)) as raised:
        bucket.store.put(upload("a", THREE_PARTS, part_bytes=part_bytes, on_bytes=stop))

    assert raised.value is reason
    assert bucket.store.head("a") is None
    assert bucket.requests.count("PutObject") <= 1
    assert bucket.requests.count("UploadPart") <= 1
    assert "AbortMultipartUpload" not in bucket.requests


def test_odd_keys_are_keys_like_any_other(store: ObjectStore) -> None:
    for number, key in enumerate(ODD_KEYS):
        store.put(upload(key, f"{number}".encode()))

    assert keys_of(store.list()) == sorted(ODD_KEYS, key=str.encode)
    for number, key in enumerate(ODD_KEYS):
        facts = store.head(key)
        assert facts is not None
        assert facts.key == key
        assert store.read(key) == f"{number}".encode()
        with pytest.raises(ObjectExists):
            store.put(upload(key))


def test_odd_keys_can_be_deleted(store: ObjectStore) -> None:
    put_all(store, ODD_KEYS)

    for key in ODD_KEYS:
        store.delete(key)

    assert list(store.list()) == []


def test_a_prefix_is_of_the_key_and_not_of_a_folder(store: ObjectStore) -> None:
    put_all(store, ["a/1", "a/2", "ab", "a", "b/a/1", "Á/1"])

    assert keys_of(store.list("a")) == ["a", "a/1", "a/2", "ab"]
    assert keys_of(store.list("a/")) == ["a/1", "a/2"]
    assert keys_of(store.list("Á/")) == ["Á/1"]
    assert keys_of(store.list("c")) == []


def test_a_listing_is_complete_and_in_order_beyond_a_page_and_costs_a_request_for_each(
    bucket: Bucket,
) -> None:
    names = [f"{number % 7}/ü {number}.mp3" for number in range(1_001)]
    put_all(bucket.store, names)
    bucket.requests.clear()

    listed = keys_of(bucket.store.list())

    assert listed == sorted(names, key=str.encode)
    assert all(left.encode() < right.encode() for left, right in pairwise(listed))
    assert bucket.requests in ([], ["ListObjectsV2"] * 2)


def test_each_call_costs_one_request(bucket: Bucket) -> None:
    bucket.store.put(upload("a", cache_control="public", metadata={"sha256": "ab"}))
    bucket.store.head("a")
    bucket.store.read("a")
    bucket.store.delete("a")

    assert bucket.requests in ([], ["PutObject", "HeadObject", "GetObject", "DeleteObject"])


def test_parts_cost_a_head_a_look_for_what_was_begun_a_start_and_an_end(bucket: Bucket) -> None:
    bucket.store.put(upload("a", THREE_PARTS, part_bytes=PART_BYTES))

    parts = ["UploadPart"] * 3
    assert bucket.requests in (
        [],
        [
            "HeadObject",
            "ListMultipartUploads",
            "CreateMultipartUpload",
            *parts,
            "CompleteMultipartUpload",
        ],
    )


def test_both_spellings_of_a_key_are_one_object_where_the_store_folds(bucket: Bucket) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café/ü.mp3") for form in ("NFC", "NFD"))
    bucket.store.put(upload(decomposed, b"first"))

    if bucket.folds:
        with pytest.raises(ObjectExists):
            bucket.store.put(upload(composed, b"second"))
        assert bucket.store.read(composed) == b"first"
        assert keys_of(bucket.store.list("Café")) == [decomposed]
    else:
        bucket.store.put(upload(composed, b"second"))
        assert keys_of(bucket.store.list()) == sorted([composed, decomposed], key=str.encode)


def test_the_listing_shows_the_spelling_last_uploaded_where_the_store_folds(bucket: Bucket) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café/ü.mp3") for form in ("NFC", "NFD"))
    bucket.store.put(upload(composed))
    bucket.store.delete(decomposed if bucket.folds else composed)

    bucket.store.put(upload(decomposed))

    assert keys_of(bucket.store.list()) == [decomposed]


@pytest.mark.parametrize("metadata", [{"größe": "1"}, {"": "1"}, {"a": "x" * 9_000}])
def test_metadata_that_no_header_can_carry_is_refused(store: ObjectStore, metadata: dict[str, str]) -> None:
    with failing(ProviderError, "metadata-refused"):
        store.put(upload("a", metadata=metadata))

    assert store.head("a") is None


def test_a_store_names_itself_without_its_secret(store: ObjectStore) -> None:
    assert str(store)
    assert "secret" not in str(store) + repr(store)


def test_a_store_says_truly_whether_spellings_of_a_key_are_one_object(bucket: Bucket) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café/ü.mp3") for form in ("NFC", "NFD"))
    put_all(bucket.store, [composed])

    assert (bucket.store.head(decomposed) is not None) == bucket.store.capabilities.folds_nfc


def test_a_store_that_lists_unfinished_uploads_does(bucket: Bucket) -> None:
    assert bucket.store.capabilities.lists_unfinished
    assert list(bucket.store.unfinished()) == []


def test_a_store_tells_the_time(bucket: Bucket) -> None:
    assert abs(bucket.store.now() - datetime.now(UTC)) < timedelta(minutes=1)
