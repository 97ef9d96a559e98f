"""Streams that break on the way: a server in the test says each answer."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from botocore.exceptions import IncompleteReadError

from providers.objects.errors import translated
from reconciler.model.errors import Denied, ProviderError, Unavailable
from tests.answers import DATA, ETAG, error, in_turn, served
from tests.failures import failing
from tests.servers import Answer, Request

FILE = bytes(range(256)) * 8192  # 2 MiB
WHOLE = Answer(body=FILE, headers=ETAG)


def cut(body: bytes, size_bytes: int, headers: dict[str, str] | None = None, status: int = 200) -> Answer:
    """Return an answer that names more bytes than it brings."""
    return Answer(status, body, {"Content-Length": str(size_bytes), **ETAG, **(headers or {})})


def rest(start: int, end: int = len(FILE)) -> Answer:
    """Return the file from a byte on, cut off at another."""
    says = {"Content-Range": f"bytes {start}-{len(FILE) - 1}/{len(FILE)}"}
    return cut(FILE[start:end], len(FILE) - start, says, 206)


def read(script: Callable[[Request], Answer | None], *, attempts: int = 2) -> tuple[bytes, list[Request]]:
    """Stream the file from a server, and return what came and what was asked."""
    asked: list[Request] = []

    def listening(request: Request) -> Answer | None:
        asked.append(request)
        return script(request)

    with served(listening, attempts=attempts) as (store, _), store.stream("a") as blocks:
        return b"".join(blocks), asked


def test_what_breaks_goes_on_where_it_broke() -> None:
    content, asked = read(in_turn(cut(FILE[:1_000_000], len(FILE)), rest(1_000_000)))

    assert content == FILE
    assert asked[1].headers["range"] == "bytes=1000000-"
    assert asked[1].headers["if-match"] == ETAG["ETag"]


def test_it_goes_on_as_long_as_bytes_come() -> None:
    steps = [7, 500_000, 500_001, 1_500_000, 2_000_000, len(FILE)]
    pieces = [rest(start, end) for start, end in pairwise(steps)]

    content, _ = read(in_turn(cut(FILE[:7], len(FILE)), *pieces), attempts=1)

    assert content == FILE


def test_what_stays_broken_is_unavailable_and_never_a_short_file() -> None:
    with pytest.raises(Unavailable):
        read(in_turn(cut(FILE[:1_000_000], len(FILE)), rest(1_000_000, 1_000_000)))


def test_an_object_that_was_replaced_meanwhile_is_not_mixed_with_the_new_one() -> None:
    with failing(Unavailable, "cut-off", "1,000,000"):
        read(in_turn(cut(FILE[:1_000_000], len(FILE)), error(412, "PreconditionFailed")))


@pytest.mark.parametrize("answer", [WHOLE, rest(5)])
def test_an_answer_that_begins_elsewhere_is_not_taken_for_the_rest(answer: Answer) -> None:
    with failing(Unavailable, "cut-off", "1,000,000"):
        read(in_turn(cut(FILE[:1_000_000], len(FILE)), answer))


def test_a_right_that_is_lost_on_the_way_is_said() -> None:
    with pytest.raises(Denied):
        read(in_turn(cut(FILE[:1_000_000], len(FILE)), error(403, "AccessDenied")))


def test_an_answer_without_an_etag_is_no_stores() -> None:
    with failing(ProviderError, "not-a-store"):
        read(in_turn(Answer(body=b"<html>Sign in</html>")))


def test_a_small_object_is_read_in_spite_of_a_break() -> None:
    says = {"Content-Range": "bytes 2-4/5"}
    answers = in_turn(cut(DATA[:2], len(DATA)), Answer(206, DATA[2:], {**ETAG, **says}))

    with served(answers) as (store, _):
        assert store.read("a") == DATA


def test_a_body_that_botocore_finds_too_short_is_unavailable() -> None:
    # Newer releases of botocore raise it where older ones raised urllib3's error.
    with pytest.raises(Unavailable), translated("bucket b", "read 'a'"):
        raise IncompleteReadError(actual_bytes=0, expected_bytes=1)
