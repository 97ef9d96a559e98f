"""Deletes with an end, held against every store and against servers that misbehave."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from reconciler.model.errors import Denied, ProviderError, Unavailable
from reconciler.model.ports import ObjectStore
from tests.answers import error, in_turn, page, served
from tests.buckets import Bucket
from tests.failures import failing
from tests.servers import Answer, Request
from tests.uploads import upload

MINUTE = timedelta(minutes=1)

KEYS = (
    "a/b",
    "a//b",
    "+ plus%20and space&?#",
    "quote\"'<>",
    "Abdul Rashid Sufi/Quran Hafs/01 - ﷺ الفاتحة’s.mp3",
    "Cafe\u0301 آ.mp3",
    "q?X-Amz-Expires=1",
)


def test_a_delete_in_time_deletes(store: ObjectStore) -> None:
    for key in (*KEYS, "stays"):
        store.put(upload(key))

    for key in KEYS:
        store.delete(key, within=MINUTE)

    assert [stored.key for stored in store.list()] == ["stays"]
    store.put(upload(KEYS[0], b"again"))
    assert store.read(KEYS[0]) == b"again"


def test_deleting_in_time_what_is_not_there_is_no_error(store: ObjectStore) -> None:
    store.put(upload("stays"))

    store.delete("nothing", within=MINUTE)
    store.delete("nothing", within=timedelta(days=30))

    assert [stored.key for stored in store.list()] == ["stays"]


@pytest.mark.parametrize("within", [timedelta(0), timedelta(microseconds=1), -MINUTE])
def test_a_delete_whose_time_is_over_deletes_nothing(store: ObjectStore, within: timedelta) -> None:
    store.put(upload("a"))

    with failing(Unavailable, "too-late", "a"):
        store.delete("a", within=within)

    assert store.read("a") == b"bytes"


@pytest.mark.parametrize("kind", ["ministack"])
def test_the_store_itself_refuses_a_delete_that_comes_after_its_time(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.store.put(upload("a"))
    held_up = datetime.now(UTC) - 2 * MINUTE
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: held_up.replace(tzinfo=None))

    with failing(Unavailable, "too-late", "a"):
        bucket.store.delete("a", within=MINUTE)

    assert bucket.requests == ["PutObject", "DeleteObject"]
    monkeypatch.undo()
    assert bucket.store.read("a") == b"bytes"


def test_a_delete_in_time_costs_one_request(bucket: Bucket) -> None:
    bucket.store.put(upload("a"))
    bucket.requests.clear()

    bucket.store.delete("a", within=MINUTE)

    assert bucket.requests in ([], ["DeleteObject"])


def recorded(
    answer: Callable[[Request], Answer | None], seen: list[Request]
) -> Callable[[Request], Answer | None]:
    def script(request: Request) -> Answer | None:
        seen.append(request)
        return answer(request)

    return script


def test_the_request_names_its_end_and_is_signed_by_nothing_else() -> None:
    seen: list[Request] = []

    with served(recorded(in_turn(None, Answer(204)), seen)) as (store, requests):
        store.delete("a b", within=MINUTE)

    assert requests == ["DeleteObject", "DeleteObject"]
    first, again = seen
    assert (first.method, first.path) == ("DELETE", "/elmify/a%20b")
    assert parse_qs(first.query)["X-Amz-Expires"] == ["60"]
    assert parse_qs(first.query)["X-Amz-SignedHeaders"] == ["host"]
    assert again.query == first.query  # a retry has no later end
    assert not [name for name in first.headers if name == "authorization" or name.startswith("x-amz-")]


def test_a_delete_without_an_end_is_signed_as_ever() -> None:
    seen: list[Request] = []

    with served(recorded(in_turn(Answer(204)), seen)) as (store, _):
        store.delete("a", within=MINUTE)
        store.delete("a")

    assert seen[1].query == ""
    assert "authorization" in seen[1].headers


@pytest.mark.parametrize(("ahead", "expires"), [(20, 39), (0, 59), (-20, 79), (59, None), (3_600, None)])
def test_the_end_is_by_the_clock_of_the_store(ahead: int, expires: int | None) -> None:
    """Whichever clock is wrong, the end is never later than asked for, and seconds earlier at most."""
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        date = format_datetime(datetime.now(UTC) - timedelta(seconds=ahead), usegmt=True)
        return Answer(204 if request.method == "DELETE" else 200, page().body, {"Date": date})

    with served(recorded(answer, seen)) as (store, _):
        store.now()
        if expires is None:
            with failing(Unavailable, "too-late"):
                store.delete("a", within=MINUTE)
            return
        store.delete("a", within=MINUTE)

    (said,) = parse_qs(seen[1].query)["X-Amz-Expires"]
    assert expires - 2 <= int(said) <= expires


def test_an_answer_without_a_date_that_can_be_read_changes_nothing() -> None:
    with served(in_turn(Answer(204, headers={"Date": "yesterday"}))) as (store, requests):
        store.delete("a")
        store.delete("a", within=MINUTE)

    assert len(requests) == 2


EXPIRED = Answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")


@pytest.mark.parametrize(
    ("answers", "kind", "code"),
    [
        ([error(400, "ExpiredRequest")], Unavailable, "too-late"),
        ([EXPIRED], Unavailable, "too-late"),
        ([None, EXPIRED], Unavailable, "too-late"),
        ([error(403, "AccessDenied")], Denied, "denied"),
        ([error(403, "SignatureDoesNotMatch")], Denied, "wrong-secret"),
        ([error(401, "Unauthorized")], Denied, "unknown-access-key"),
        ([error(404, "NoSuchBucket")], ProviderError, "no-bucket"),
        ([error(503, "SlowDown")], Unavailable, "store-unavailable"),
        ([error(429, "TooManyRequests")], Unavailable, "store-unavailable"),
        ([None], Unavailable, "store-unavailable"),
    ],
)
def test_what_a_store_answers_means_what_it_always_means(
    answers: list[Answer | None], kind: type[ProviderError], code: str
) -> None:
    with served(in_turn(*answers)) as (store, _), failing(kind, code):
        store.delete("a", within=MINUTE)


def test_a_store_that_knows_no_such_key_has_deleted_it() -> None:
    with served(in_turn(None, error(404, "NoSuchKey"))) as (store, requests):
        store.delete("a", within=MINUTE)

    assert len(requests) == 2


def test_a_bucket_that_is_closed_deletes_nothing() -> None:
    seen: list[Request] = []

    with served(recorded(in_turn(Answer(204)), seen)) as (store, _):
        store.close()
        with pytest.raises(Unavailable):
            store.delete("a", within=MINUTE)

    assert seen == []
