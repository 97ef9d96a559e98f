"""Streams, dates and links, held against every store."""

import tracemalloc
import urllib.request
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError

import pytest

from reconciler.model.errors import ObjectMissing, ProviderError
from reconciler.model.ports import ObjectStore
from tests.buckets import Bucket
from tests.failures import failing
from tests.uploads import upload

MIB = 1024**2
FILE = bytes(range(256)) * (11 * MIB // 256)
ODD = "+ plus%20and space&?#/ﷺ.mp3"


def test_a_stream_yields_every_byte_in_order_in_blocks_of_a_mebibyte_at_most(store: ObjectStore) -> None:
    store.put(upload("a", FILE))

    with store.stream("a") as blocks:
        read = list(blocks)

    assert b"".join(read) == FILE
    assert all(0 < len(block) <= MIB for block in read)


def test_a_stream_of_nothing_yields_nothing(store: ObjectStore) -> None:
    store.put(upload("a", b""))

    with store.stream("a") as blocks:
        assert list(blocks) == []


@pytest.mark.parametrize("kind", ["directory", "ministack"])  # moto's server is in this very process
def test_a_stream_takes_the_memory_of_a_few_blocks(store: ObjectStore) -> None:
    store.put(upload("a", FILE))

    with store.stream("a") as blocks:
        next(blocks)
        tracemalloc.start()
        try:
            for _ in blocks:
                pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 5 * MIB


def test_a_stream_of_what_is_not_there_says_so_before_the_first_block(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing), store.stream("nothing"):
        pass


def test_a_stream_may_be_left_early(store: ObjectStore) -> None:
    store.put(upload("a", FILE))

    with store.stream("a") as blocks:
        first = next(blocks)

    assert FILE.startswith(first)
    assert store.read("a") == FILE


def test_what_the_reader_raises_comes_out_as_it_is(store: ObjectStore) -> None:
    store.put(upload("a", FILE))
    mine = OSError(28, "of the reader's")

    with pytest.raises(OSError, check=lambda error: error is mine), store.stream("a"):
        raise mine


def test_a_stream_costs_one_request(bucket: Bucket) -> None:
    bucket.store.put(upload("a", FILE))
    bucket.requests.clear()

    with bucket.store.stream("a") as blocks:
        for _ in blocks:
            pass

    assert bucket.requests in ([], ["GetObject"])


def test_dates_come_with_what_is_listed(store: ObjectStore) -> None:
    for key in ("b", "a/1", "a/2", ODD):
        store.put(upload(key))

    dated = list(store.dated())

    assert [stored for stored, _ in dated] == list(store.list())
    assert [stored.key for stored, _ in store.dated("a/")] == ["a/1", "a/2"]
    for _, modified in dated:
        assert modified.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - modified) < timedelta(hours=1)


def test_dates_cost_what_a_listing_costs(bucket: Bucket) -> None:
    bucket.store.put(upload("a"))
    bucket.requests.clear()

    list(bucket.store.dated())

    assert bucket.requests in ([], ["ListObjectsV2"])


def test_a_link_gives_the_bytes_to_anybody_where_the_store_has_links(bucket: Bucket) -> None:
    bucket.store.put(upload(ODD, b"sound"))
    bucket.requests.clear()

    link = bucket.store.presign(ODD, timedelta(minutes=5))

    assert (link is None) == bucket.folds  # a directory has no links
    assert bucket.requests == []
    if link is not None:
        with urllib.request.urlopen(link) as answer:
            assert answer.read() == b"sound"


@pytest.mark.parametrize("kind", ["ministack"])
def test_a_link_that_was_changed_gives_nothing(store: ObjectStore) -> None:
    store.put(upload("a"))
    link = store.presign("a", timedelta(minutes=5))
    assert link is not None

    with pytest.raises(HTTPError) as refused, urllib.request.urlopen(link.replace("/a?", "/b?")):
        pass

    assert refused.value.code == 403
    refused.value.close()


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(days=7, seconds=1), timedelta(seconds=-1)])
def test_no_link_lasts_longer_than_a_store_allows(bucket: Bucket, lasts: timedelta) -> None:
    if bucket.folds:
        assert bucket.store.presign("a", lasts) is None
        return

    with failing(ProviderError, "link-lifetime", lasts):
        bucket.store.presign("a", lasts)
