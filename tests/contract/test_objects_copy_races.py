"""Copies while others write and answers get lost, on stores with R2's conditions on copies and without."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from providers.objects.r2 import R2Bucket
from reconciler.model.errors import ObjectChanged, ObjectExists, ProviderError, WrongBytes
from reconciler.model.ports import Copy, ObjectStore
from tests import proxies
from tests.buckets import Bucket, bucket_at
from tests.failures import failing
from tests.proxies import WHOLE_PAGE_KEYS, Exchange, Fault, Proxy, proxy
from tests.servers import Request, make_bucket
from tests.uploads import md5_of, upload

PART_BYTES = 5 * 1024**2
NEW, OLD, FOREIGN = b"bytes", b"older", b"other"

ASKED = Copy(source="from", key="to", size_bytes=len(NEW), media_type="audio/mpeg", metadata={"sha256": "ab"})
REPLACING = replace(ASKED, replaces=md5_of(OLD))


@dataclass(frozen=True)
class Between:
    """A bucket behind a proxy, and the same one as somebody else has it."""

    store: R2Bucket
    theirs: R2Bucket
    proxy: Proxy
    requests: list[str]

    def interpose(self, key: str, content: bytes | None) -> None:
        """Let somebody else write the key right before a copy arrives, or delete it."""

        def write(exchange: Exchange) -> None:
            self.theirs.delete(key)
            if content is not None:
                self.theirs.put(upload(key, content))
            exchange.send(exchange.forward())

        self.proxy.break_(write, copies, times=1)


def copies(request: Request) -> bool:
    return "x-amz-copy-source" in request.headers


def completions(request: Request) -> bool:
    return request.method == "POST" and "uploadId=" in request.query


@pytest.fixture(params=[True, False], ids=["conditional", "unconditional"])
def between(request: pytest.FixtureRequest, moto_url: str) -> Iterator[Between]:
    conditional = bool(request.param)
    name = make_bucket(moto_url)
    requests: list[str] = []
    theirs = bucket_at(moto_url, name)
    with proxy(moto_url, page_keys=WHOLE_PAGE_KEYS, conditional_copies=conditional) as network:
        store = bucket_at(network.url, name, on_request=requests.append, conditional_copies=conditional)
        yield Between(store, theirs, network, requests)
        store.close()
    theirs.close()


#: Other stores overwrite what came between, as their capabilities say.
CONDITIONAL = pytest.mark.parametrize("between", [True], ids=["conditional"], indirect=True)


@CONDITIONAL
def test_what_was_written_between_the_look_and_the_copy_is_not_overwritten(between: Between) -> None:
    between.theirs.put(upload("from", NEW))
    between.theirs.put(upload("to", OLD))
    between.interpose("to", FOREIGN)

    with failing(ObjectChanged, "object-changed", "to", md5_of(FOREIGN)):
        between.store.copy(REPLACING)

    assert between.theirs.read("to") == FOREIGN


@CONDITIONAL
def test_what_was_deleted_between_the_look_and_the_copy_is_not_made_again(between: Between) -> None:
    between.theirs.put(upload("from", NEW))
    between.theirs.put(upload("to", OLD))
    between.interpose("to", None)

    with failing(ObjectChanged, "object-changed", "to"):
        between.store.copy(REPLACING)

    assert between.theirs.head("to") is None


@CONDITIONAL
def test_what_came_between_the_look_and_the_copy_is_not_overwritten(between: Between) -> None:
    between.theirs.put(upload("from", NEW))
    between.interpose("to", FOREIGN)

    with pytest.raises(ObjectExists):
        between.store.copy(ASKED)

    assert between.theirs.read("to") == FOREIGN


@CONDITIONAL
def test_a_source_that_is_replaced_between_replaces_nothing(between: Between) -> None:
    between.theirs.put(upload("from", NEW))
    between.theirs.put(upload("to", OLD))
    between.interpose("from", FOREIGN)

    with failing(WrongBytes, "source-replaced", "from"):
        between.store.copy(REPLACING)

    assert between.theirs.read("to") == OLD


def test_a_source_that_is_replaced_while_parts_are_copied_replaces_nothing(between: Between) -> None:
    between.theirs.put(upload("from", NEW))
    between.theirs.put(upload("to", OLD))
    between.interpose("from", FOREIGN)

    with failing(WrongBytes, "source-replaced", "from"):
        between.store.copy(replace(REPLACING, part_bytes=PART_BYTES))

    assert between.theirs.read("to") == OLD
    assert list(between.theirs.unfinished()) == []


def test_what_was_written_while_parts_were_copied_is_not_overwritten(between: Between) -> None:
    between.theirs.put(upload("from", NEW))
    between.theirs.put(upload("to", OLD))
    between.interpose("to", FOREIGN)

    with pytest.raises(ObjectChanged):
        between.store.copy(replace(REPLACING, part_bytes=PART_BYTES))

    assert between.theirs.read("to") == FOREIGN
    assert list(between.theirs.unfinished()) == []


PASSING: tuple[Fault, ...] = (
    proxies.hang_up,
    proxies.reset,
    proxies.lose_the_answer,
    proxies.truncate,
    proxies.refuse(503, "SlowDown"),
    proxies.refuse(429, "TooManyRequests"),
)


@pytest.mark.parametrize("asked", [ASKED, REPLACING], ids=["new", "replacing"])
@pytest.mark.parametrize("part_bytes", [None, PART_BYTES], ids=["whole", "parts"])
@pytest.mark.parametrize("wanted", [copies, completions])
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.__name__)
def test_a_copy_survives_what_passes(
    between: Between, asked: Copy, part_bytes: int | None, wanted: proxies.Wanted, fault: Fault
) -> None:
    between.theirs.put(upload("from", NEW))
    if asked.replaces is not None:
        between.theirs.put(upload("to", OLD))
    between.proxy.break_(fault, wanted, times=1)

    stored = between.store.copy(replace(asked, part_bytes=part_bytes))

    facts = between.theirs.head("to")
    assert facts is not None
    assert (facts.etag, facts.metadata) == (stored.etag, {"sha256": "ab"})
    assert between.theirs.read("to") == NEW
    assert list(between.theirs.unfinished()) == []
    assert "DeleteObject" not in between.requests


def test_a_copy_that_never_gets_through_changes_nothing(between: Between) -> None:
    between.theirs.put(upload("from", NEW))
    between.theirs.put(upload("to", OLD))
    between.proxy.break_(proxies.reset, copies)

    with pytest.raises(ProviderError) as failed:
        between.store.copy(REPLACING)

    assert failed.value.transient
    assert between.theirs.read("to") == OLD


@pytest.mark.parametrize("kind", ["directory", "r2"])
def test_of_copies_at_once_that_replace_the_same_object_one_does(bucket: Bucket) -> None:
    store: ObjectStore = bucket.store
    contents = [f"{number:05}".encode() for number in range(6)]
    store.put(upload("to", OLD))
    for content in contents:
        store.put(upload(content.decode(), content))

    def attempt(content: bytes) -> bytes | None:
        try:
            store.copy(replace(REPLACING, source=content.decode()))
        except ObjectChanged:
            return None
        return content

    with ThreadPoolExecutor(len(contents)) as threads:
        winners = [content for content in threads.map(attempt, contents) if content]

    assert winners == [store.read("to")]
