"""Copies at stores that misbehave: a server in the test says each answer."""

from collections.abc import Callable

import pytest

from reconciler.model.errors import Denied, ObjectExists, Unavailable, WrongBytes
from reconciler.model.ports import Copy
from tests.answers import DATA, FACTS, error, in_turn, served
from tests.failures import failing
from tests.servers import Answer, Request
from tests.uploads import md5_of

ASKED = Copy(source="from", key="to", size_bytes=len(DATA), media_type="audio/mpeg")
THERE = Answer(headers=FACTS)
GONE = Answer(404)
COPIED = Answer(body=f"<CopyObjectResult><ETag>&quot;{md5_of(DATA)}&quot;</ETag></CopyObjectResult>".encode())


def copying(
    heads: list[Answer], put: Callable[[Request], Answer | None], seen: list[Request] | None = None
) -> Callable[[Request], Answer | None]:
    """Return a store that answers the heads in turn: of the source, of the key, then of the key again."""
    answers = in_turn(*heads)

    def script(request: Request) -> Answer | None:
        if seen is not None:
            seen.append(request)
        match request.method:
            case "HEAD":
                return answers(request)
            case "PUT":
                return put(request)
        return Answer(204)

    return script


def test_a_copy_asks_r2_to_overwrite_nothing_and_names_the_content_it_means() -> None:
    seen: list[Request] = []

    with served(copying([THERE, GONE, THERE], in_turn(COPIED), seen)) as (store, _):
        store.copy(ASKED)

    headers = seen[2].headers
    assert headers["cf-copy-destination-if-none-match"] == "*"
    assert "cf-copy-destination-if-none-match" in headers["authorization"]  # it is signed as well
    assert headers["x-amz-copy-source-if-match"] == f'"{md5_of(DATA)}"'
    assert headers["x-amz-metadata-directive"] == "REPLACE"


def test_a_copy_whose_answer_was_lost_knows_its_own_object() -> None:
    lost = in_turn(None, error(412, "PreconditionFailed"))

    with served(copying([THERE, GONE, THERE], lost)) as (store, requests):
        assert store.copy(ASKED).etag == md5_of(DATA)

    assert requests.count("CopyObject") == 2


def test_a_key_that_was_taken_meanwhile_is_not_taken_for_the_copy() -> None:
    with (
        served(copying([THERE, GONE, THERE], in_turn(error(412, "PreconditionFailed")))) as (store, requests),
        pytest.raises(ObjectExists),
    ):
        store.copy(ASKED)

    assert "DeleteObject" not in requests


def test_a_source_that_was_replaced_meanwhile_is_no_copy() -> None:
    with (
        served(copying([THERE, GONE, GONE], in_turn(error(412, "PreconditionFailed")))) as (store, _),
        failing(WrongBytes, "source-replaced"),
    ):
        store.copy(ASKED)


@pytest.mark.parametrize("other", [{"ETag": f'"{md5_of(b"other")}"'}, {"Content-Length": "6"}])
def test_a_copy_that_holds_other_bytes_is_deleted_again(other: dict[str, str]) -> None:
    wrong = Answer(headers={**FACTS, **other})

    with (
        served(copying([THERE, GONE, wrong], in_turn(COPIED))) as (store, requests),
        pytest.raises(WrongBytes),
    ):
        store.copy(ASKED)

    assert requests[-1] == "DeleteObject"


def test_a_right_that_is_missing_is_said() -> None:
    with (
        served(copying([THERE, GONE, GONE], in_turn(error(403, "AccessDenied")))) as (store, _),
        pytest.raises(Denied),
    ):
        store.copy(ASKED)


def test_a_store_that_stays_busy_leaves_no_parts() -> None:
    started = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
    heads = copying([THERE, GONE, GONE], in_turn(error(503, "SlowDown")))

    def script(request: Request) -> Answer | None:
        return Answer(body=started) if request.method == "POST" else heads(request)

    with served(script) as (store, requests), pytest.raises(Unavailable):
        store.copy(Copy(source="from", key="to", size_bytes=5, media_type="audio/mpeg", part_bytes=8))

    assert "AbortMultipartUpload" in requests
