"""Copies that replace an object, at stores that misbehave: a server in the test says each answer."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.errors import (
    Denied,
    ObjectChanged,
    ObjectMissing,
    ProviderError,
    Unavailable,
    WrongBytes,
)
from reconciler.model.ports import Copy
from tests.answers import DATA, FACTS, error, in_turn, served
from tests.failures import failing
from tests.servers import Answer, Request
from tests.uploads import md5_of

OLD_ETAG = md5_of(b"older")
ASKED = Copy(source="from", key="to", size_bytes=len(DATA), media_type="audio/mpeg", replaces=OLD_ETAG)
IN_PARTS = replace(ASKED, part_bytes=8)

THERE = Answer(headers=FACTS)
OLD = Answer(headers={**FACTS, "ETag": f'"{OLD_ETAG}"'})
OTHER = Answer(headers={**FACTS, "ETag": f'"{md5_of(b"other")}"'})
OTHERWISE_SAID = Answer(headers={**FACTS, "Cache-Control": "private"})
PARTS = Answer(headers={**FACTS, "ETag": '"0b034e41e6cd53ddca775db50cc1ff6a-1"'})
GONE = Answer(404)

COPIED = Answer(body=f"<CopyObjectResult><ETag>&quot;{md5_of(DATA)}&quot;</ETag></CopyObjectResult>".encode())
PART = Answer(body=COPIED.body.replace(b"CopyObjectResult", b"CopyPartResult"))
STARTED = Answer(
    body=b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
)
COMPLETED = Answer(body=b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
REFUSED = error(412, "PreconditionFailed")

Put = Callable[[Request], Answer | None]


def copying(heads: list[Answer], put: Put, completed: Put | None = None) -> Put:
    """Return a store that answers the heads in turn: of the source, of the key, then of the key again.

    A copy in parts looks at the source and the key once more before it is completed.
    """
    answers, ended = in_turn(*heads), completed or in_turn(COMPLETED)

    def script(request: Request) -> Answer | None:
        match request.method:
            case "HEAD":
                return answers(request)
            case "PUT":
                return put(request)
            case "POST":
                return ended(request) if "uploadId" in request.query else STARTED
        return Answer(204)

    return script


def test_a_copy_names_to_r2_the_object_that_it_replaces() -> None:
    seen: list[Request] = []

    def copied(request: Request) -> Answer:
        seen.append(request)
        return COPIED

    with served(copying([THERE, OLD, THERE], copied)) as (store, _):
        store.copy(ASKED)

    headers = seen[0].headers
    assert headers["cf-copy-destination-if-match"] == f'"{OLD_ETAG}"'
    assert "cf-copy-destination-if-match" in headers["authorization"]  # it is signed as well
    assert "cf-copy-destination-if-none-match" not in headers
    assert headers["x-amz-copy-source-if-match"] == f'"{md5_of(DATA)}"'


def test_what_is_not_the_named_object_is_not_asked_to_be_replaced() -> None:
    for there in (OTHER, GONE):
        with (
            served(copying([THERE, there], in_turn(COPIED))) as (store, requests),
            pytest.raises(ObjectChanged),
        ):
            store.copy(ASKED)

        assert requests == ["HeadObject", "HeadObject"]


@pytest.mark.parametrize(
    ("heads", "answers", "kind", "code"),
    [
        ([OTHER], [REFUSED], ObjectChanged, "object-changed"),
        ([GONE], [REFUSED], ObjectChanged, "object-changed"),
        ([THERE], [REFUSED], ObjectChanged, "object-changed"),  # the same bytes, and not of this copy
        ([OTHER], [None, REFUSED], ObjectChanged, "object-changed"),
        ([OTHERWISE_SAID], [None, REFUSED], ObjectChanged, "object-changed"),
        ([GONE], [None, REFUSED], ObjectChanged, "object-changed"),
        ([OLD], [REFUSED], WrongBytes, "source-replaced"),
        ([OLD], [error(404, "NoSuchKey")], ObjectMissing, "object-missing"),
        ([OLD], [error(403, "AccessDenied")], Denied, "denied"),
        ([OLD], [error(503, "SlowDown")], Unavailable, "store-unavailable"),
        ([OTHER], [error(503, "SlowDown")], Unavailable, "store-unavailable"),
        ([], [None], Unavailable, "store-unavailable"),
        ([OTHER], [COPIED], WrongBytes, "wrong-bytes"),
        ([OTHERWISE_SAID], [COPIED], WrongBytes, "wrong-bytes"),
        ([GONE], [COPIED], WrongBytes, "wrong-bytes"),
    ],
)
def test_a_copy_that_fails_deletes_nothing_whatever_stands_there(
    heads: list[Answer], answers: list[Answer | None], kind: type[ProviderError], code: str
) -> None:
    with (
        served(copying([THERE, OLD, *heads], in_turn(*answers))) as (store, requests),
        failing(kind, code),
    ):
        store.copy(ASKED)

    assert "DeleteObject" not in requests


@pytest.mark.parametrize("again", [REFUSED, error(503, "SlowDown"), error(500, "InternalError")])
def test_a_copy_whose_answer_was_lost_knows_what_it_has_replaced(again: Answer) -> None:
    with served(copying([THERE, OLD, THERE], in_turn(None, again))) as (store, requests):
        assert store.copy(ASKED).etag == md5_of(DATA)

    assert requests.count("CopyObject") == 2


@pytest.mark.parametrize(
    ("heads", "kind", "code"),
    [
        ([THERE, OTHER], ObjectChanged, "object-changed"),
        ([THERE, GONE], ObjectChanged, "object-changed"),
        ([OTHER, OLD], WrongBytes, "source-replaced"),
        ([GONE, OLD], ObjectMissing, "object-missing"),
    ],
)
def test_parts_are_not_completed_over_another_object_nor_from_another_source(
    heads: list[Answer], kind: type[ProviderError], code: str
) -> None:
    with (
        served(copying([THERE, OLD, *heads], in_turn(PART))) as (store, requests),
        failing(kind, code),
    ):
        store.copy(IN_PARTS)

    assert requests[-1] == "AbortMultipartUpload"
    assert not {"CompleteMultipartUpload", "DeleteObject"} & set(requests)


@pytest.mark.parametrize(("there", "replaces"), [(OLD, OLD_ETAG), (GONE, None)])
def test_what_is_too_large_for_one_copy_goes_in_parts_and_is_looked_at_before_it_is_completed(
    there: Answer, replaces: str | None
) -> None:
    large = {"Content-Length": str(5 * 1024**3 + 1)}
    source, made = (replace(each, headers={**each.headers, **large}) for each in (THERE, PARTS))
    made.headers["ETag"] = '"the ETag of the copy-6"'
    asked = replace(ASKED, size_bytes=5 * 1024**3 + 1, replaces=replaces)
    unhashed = Answer(body=PART.body.replace(md5_of(DATA).encode(), b"no MD5"))

    with served(copying([source, there, source, there, made], in_turn(unhashed))) as (store, requests):
        assert store.copy(asked).etag == "the ETag of the copy-6"

    parts = ["CreateMultipartUpload", *["UploadPartCopy"] * 6]
    looks = ["HeadObject", "HeadObject"]
    assert requests == [*looks, *parts, *looks, "CompleteMultipartUpload", "HeadObject"]


def test_parts_are_not_completed_where_something_came_meanwhile() -> None:
    with (
        served(copying([THERE, GONE, THERE, OTHER], in_turn(PART))) as (store, requests),
        failing(ProviderError, "object-exists"),
    ):
        store.copy(replace(IN_PARTS, replaces=None))

    assert requests[-1] == "AbortMultipartUpload"
    assert not {"CompleteMultipartUpload", "DeleteObject"} & set(requests)


@pytest.mark.parametrize("source", [THERE, PARTS, Answer(headers={**FACTS, "ETag": '"other-2"'})])
@pytest.mark.parametrize(("there", "replaces"), [(OLD, OLD_ETAG), (GONE, None)])
def test_parts_whose_completion_was_not_heard_of_are_known(
    source: Answer, there: Answer, replaces: str | None
) -> None:
    heads = [source, there, source, there, PARTS]
    script = copying(heads, in_turn(PART), in_turn(None, error(404, "NoSuchUpload")))

    with served(script) as (store, _):
        assert store.copy(replace(IN_PARTS, replaces=replaces)).etag == PARTS.headers["ETag"].strip('"')
