"""Stores that misbehave, and what becomes of it: a server in the test says each answer."""

from urllib.parse import parse_qs

import pytest

from providers.objects.r2 import R2Bucket
from reconciler.model.errors import (
    Denied,
    IncompleteListing,
    ListingRefused,
    ObjectExists,
    ProviderError,
    Unavailable,
    WrongBytes,
)
from tests.answers import DATA, ETAG, FACTS, error, in_turn, page, served
from tests.buckets import bucket_at
from tests.failures import failing
from tests.servers import Answer, Request, free_port
from tests.uploads import md5_of, upload


def keys_of(store: R2Bucket) -> list[str]:
    return [stored.key for stored in store.list()]


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Sign in to the hotel's network</body></html>",
        b"<!DOCTYPE html><html><body><br>It works!</body></html>",
        b"",
        b"OK",
        b'{"success": true}',
        b"<?xml version='1.0'?><ListAllMyBucketsResult></ListAllMyBucketsResult>",
        b"<ListBucketResult></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>",
    ],
)
def test_a_200_that_is_no_listing_never_reads_as_an_empty_bucket(body: bytes) -> None:
    with served(in_turn(Answer(body=body))) as (store, requests), pytest.raises(ListingRefused):
        keys_of(store)

    assert requests == ["ListObjectsV2"]


def test_a_page_that_is_cut_off_is_asked_for_again() -> None:
    whole = page("a", "b")

    with served(in_turn(Answer(body=whole.body[:-30]), whole)) as (store, requests):
        assert keys_of(store) == ["a", "b"]

    assert len(requests) == 2


def test_a_page_that_is_always_cut_off_is_no_listing() -> None:
    with (
        served(in_turn(Answer(body=page("a", "b").body[:-30]))) as (store, _),
        pytest.raises(IncompleteListing),
    ):
        keys_of(store)


def test_an_error_inside_a_200_is_an_error() -> None:
    with (
        served(in_turn(Answer(body=error(200, "InternalError").body))) as (store, requests),
        pytest.raises(Unavailable),
    ):
        keys_of(store)

    assert len(requests) == 2


def test_a_page_that_lacks_what_it_announces_is_no_listing() -> None:
    announced = page("a", "b").body.replace(b"<IsTruncated>", b"<KeyCount>3</KeyCount><IsTruncated>")

    with served(in_turn(Answer(body=announced))) as (store, _), pytest.raises(IncompleteListing):
        keys_of(store)


def test_a_page_that_goes_on_without_saying_where_is_no_listing() -> None:
    with served(in_turn(page("a", truncated=True))) as (store, _), pytest.raises(IncompleteListing):
        keys_of(store)


def test_a_listing_that_goes_round_in_a_circle_is_none() -> None:
    pages = in_turn(page("a", token="t"), page("b", token="t"))

    with served(pages) as (store, requests), pytest.raises(IncompleteListing):
        keys_of(store)

    assert len(requests) == 2


@pytest.mark.parametrize(
    "pages",
    [
        [page("b", "a")],
        [page("a", "a")],
        [page("a", "c", token="t"), page("b")],
        [page("a", "b", token="t"), page("b", "c")],
        [page("a", "b", token="t"), page(token="u"), page("b", "c")],
    ],
)
def test_keys_that_do_not_increase_are_no_listing(pages: list[Answer]) -> None:
    with served(in_turn(*pages)) as (store, _), pytest.raises(IncompleteListing):
        keys_of(store)


def test_keys_may_be_in_the_order_of_their_nfc() -> None:
    in_nfc_order = ["z", "e\u0301", "\u00ea"]  # by their own bytes, the second comes first

    with served(in_turn(page(*in_nfc_order))) as (store, _):
        assert keys_of(store) == in_nfc_order


def test_the_next_page_is_asked_for_by_its_token() -> None:
    asked: list[dict[str, list[str]]] = []

    def script(request: Request) -> Answer:
        asked.append(parse_qs(request.query))
        return page("c") if "continuation-token" in asked[-1] else page("a", "b", token="to+ken/=")

    with served(script) as (store, _):
        assert keys_of(store) == ["a", "b", "c"]

    assert [query.get("continuation-token") for query in asked] == [None, ["to+ken/="]]


def test_keys_are_decoded_only_where_the_store_says_that_they_are_encoded() -> None:
    plain, said = page("a+b%20c"), b"<EncodingType>url</EncodingType><IsTruncated>"
    encoded = Answer(body=plain.body.replace(b"<IsTruncated>", said))

    with served(in_turn(plain, encoded)) as (store, _):
        assert keys_of(store) == ["a+b%20c"]
        assert keys_of(store) == ["a b c"]


@pytest.mark.parametrize("busy", [error(503, "SlowDown"), error(429, "TooManyRequests")])
def test_a_store_that_asks_for_patience_is_asked_again(busy: Answer) -> None:
    with served(in_turn(busy, Answer(headers=ETAG))) as (store, requests):
        stored = store.put(upload("a", DATA))

    assert stored.etag == md5_of(DATA)
    assert requests == ["PutObject", "PutObject"]


def test_the_whole_body_goes_out_again_and_is_reported_once() -> None:
    bodies: list[bytes] = []
    heard: list[int] = []
    answers = in_turn(error(500, "InternalError"), Answer(headers={"ETag": f'"{md5_of(b"y" * 99_999)}"'}))

    def script(request: Request) -> Answer | None:
        bodies.append(request.body)
        return answers(request)

    with served(script) as (store, _):
        store.put(upload("a", b"y" * 99_999, on_bytes=heard.append))

    assert bodies == [b"y" * 99_999] * 2
    assert sum(heard) == 99_999


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (429, "TooManyRequests"), (500, "InternalError")]
)
def test_a_store_that_stays_busy_is_unavailable(status: int, code: str) -> None:
    with served(in_turn(error(status, code))) as (store, _), pytest.raises(Unavailable) as raised:
        store.put(upload("a"))

    assert raised.value.transient
    assert raised.value.__cause__ is not None


def test_a_store_that_hangs_up_is_unavailable() -> None:
    with served(in_turn(None)) as (store, _), pytest.raises(Unavailable):
        store.head("a")


def test_a_store_that_nobody_runs_is_unavailable() -> None:
    store = bucket_at(f"http://127.0.0.1:{free_port()}", "elmify", attempts=1)

    with pytest.raises(Unavailable) as raised:
        keys_of(store)

    assert raised.value.hint
    assert raised.value.__cause__ is not None
    store.close()


def test_an_answer_with_another_etag_is_wrong_bytes_and_what_was_put_is_deleted() -> None:
    with (
        served(in_turn(Answer(headers={"ETag": '"other"'}), Answer(204))) as (store, requests),
        pytest.raises(WrongBytes),
    ):
        store.put(upload("a"))

    assert requests == ["PutObject", "DeleteObject"]


def test_an_answer_without_an_etag_is_no_stores() -> None:
    with (
        served(in_turn(Answer(body=b"<html></html>"))) as (store, requests),
        failing(ProviderError, "not-a-store", "a"),
    ):
        store.put(upload("a"))

    assert requests == ["PutObject"]


def test_a_head_without_an_etag_is_no_stores() -> None:
    with served(in_turn(Answer())) as (store, _), failing(ProviderError, "not-a-store", "a"):
        store.head("a")


def test_a_put_whose_answer_was_lost_knows_its_own_object() -> None:
    answers = in_turn(None, error(412, "PreconditionFailed"), Answer(headers=FACTS))

    with served(answers) as (store, requests):
        assert store.put(upload("a", DATA)).etag == md5_of(DATA)

    assert requests == ["PutObject", "PutObject", "HeadObject"]


@pytest.mark.parametrize(
    "other", [{"ETag": '"other"'}, {"Content-Length": "6"}, {"x-amz-meta-sha256": "another"}]
)
def test_a_put_whose_answer_was_lost_takes_no_other_object_for_its_own(other: dict[str, str]) -> None:
    answers = in_turn(None, error(412, "PreconditionFailed"), Answer(headers={**FACTS, **other}))

    with served(answers) as (store, _), pytest.raises(ObjectExists):
        store.put(upload("a", DATA))


def test_a_first_412_is_believed_without_another_request() -> None:
    with served(in_turn(error(412, "PreconditionFailed"))) as (store, requests), pytest.raises(ObjectExists):
        store.put(upload("a", DATA))

    assert requests == ["PutObject"]


def test_a_listing_without_dates_has_none_to_tell() -> None:
    with served(in_turn(page("a"))) as (store, _), failing(ListingRefused, "listing-undated"):
        list(store.dated())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (error(401, "Unauthorized"), "unknown-access-key"),
        (error(403, "InvalidAccessKeyId"), "unknown-access-key"),
        (error(403, "SignatureDoesNotMatch"), "wrong-secret"),
        (error(403, "AccessDenied"), "denied"),
        (error(403, "RequestTimeTooSkewed"), "clock-skewed"),
    ],
)
def test_a_refusal_says_which_one_it_is(answer: Answer, code: str) -> None:
    with served(in_turn(answer)) as (store, requests), failing(Denied, code) as raised:
        keys_of(store)

    assert raised.value.hint
    assert not raised.value.transient
    assert len(requests) == 1


@pytest.mark.parametrize("call", ["head", "read", "delete"])
def test_a_refusal_is_never_read_as_nothing_there(call: str) -> None:
    with served(in_turn(Answer(403))) as (store, _), pytest.raises(Denied):
        getattr(store, call)("a")


@pytest.mark.parametrize("call", ["read", "delete"])
def test_a_bucket_that_is_not_there_is_an_error_of_its_own(call: str) -> None:
    with (
        served(in_turn(error(404, "NoSuchBucket"))) as (store, _),
        failing(ProviderError, "no-bucket", "elmify"),
    ):
        getattr(store, call)("a")


def test_what_r2_needs_is_set_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Request] = []
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-nobody-made")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token-of-another-account")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    def script(request: Request) -> Answer:
        seen.append(request)
        return Answer(headers=ETAG)

    with served(script) as (store, _):
        store.put(upload("a b", DATA, metadata={"sha256": "ab"}, cache_control="public"))

    headers = seen[0].headers
    assert seen[0].path == "/elmify/a%20b"
    assert headers["if-none-match"] == "*"
    assert headers["content-md5"] == "SzpiGLs+OnMD6KFxpg/Pkg=="
    assert headers["content-length"] == "5"
    assert headers["cache-control"] == "public"
    assert headers["x-amz-meta-sha256"] == "ab"
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert seen[0].body == DATA
    unwanted = {"expect", "transfer-encoding", "x-amz-trailer", "content-encoding", "x-amz-security-token"}
    assert not unwanted & headers.keys()
    assert not [name for name in headers if name.startswith("x-amz-checksum")]
