"""Purges of a Cloudflare zone: what is asked, and what each answer means. A server in the test answers."""

import json
from collections.abc import Callable

import pytest

from providers.cdn.cloudflare import API_URL, Cloudflare
from reconciler.model.errors import Denied, ProviderError, Unavailable
from tests.answers import in_turn
from tests.failures import failing
from tests.servers import HOST, Answer, Request, free_port, scripted_server

ZONE = "0123456789abcdef0123456789abcdef"
TOKEN = "planted-token-of-the-zone"
PURGED = Answer(body=b'{"success": true, "errors": [], "messages": [], "result": {"id": "x"}}')
URLS = tuple(f"https://cdn.example.com/Ali/{number} - الفاتحة.mp3" for number in range(65))


def cloudflare(url: str, token: str | None = TOKEN) -> Cloudflare:
    return Cloudflare(zone=ZONE, token=token, token_from="CDN_TOKEN", api_url=url)


def refusal(status: int, message: str) -> Answer:
    body = {"success": False, "errors": [{"code": 1, "message": message}], "result": None}
    return Answer(status, json.dumps(body).encode())


def recorded(
    answer: Callable[[Request], Answer | None], seen: list[Request]
) -> Callable[[Request], Answer | None]:
    def script(request: Request) -> Answer | None:
        seen.append(request)
        return answer(request)

    return script


def test_urls_are_purged_thirty_at_a_time_in_their_order() -> None:
    seen: list[Request] = []

    with scripted_server(recorded(in_turn(PURGED), seen)) as url:
        cloudflare(url).purge(URLS)

    files = [json.loads(request.body)["files"] for request in seen]
    assert [len(each) for each in files] == [30, 30, 5]
    assert tuple(url for each in files for url in each) == URLS
    assert {(request.method, request.path) for request in seen} == {("POST", f"/zones/{ZONE}/purge_cache")}
    assert {request.headers["authorization"] for request in seen} == {f"Bearer {TOKEN}"}
    assert {request.headers["content-type"] for request in seen} == {"application/json"}


def test_nothing_to_purge_asks_nobody() -> None:
    cloudflare(f"http://{HOST}:{free_port()}", None).purge(())


def test_the_api_is_asked_over_tls() -> None:
    assert API_URL.startswith("https://")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refusal(401, "Invalid API token"), Denied, "cdn-denied"),
        (refusal(403, "Authentication error"), Denied, "cdn-denied"),
        (refusal(429, "Rate limit reached"), Unavailable, "cdn-unavailable"),
        (refusal(503, "Unavailable"), Unavailable, "cdn-unavailable"),
        (refusal(400, "Unable to purge, the URL is not of this zone"), ProviderError, "cdn-refused"),
        (refusal(200, "Unable to purge"), ProviderError, "cdn-refused"),
        (Answer(404), ProviderError, "cdn-refused"),
        (Answer(200, b"<html>Sign in to the hotel's network</html>"), ProviderError, "cdn-refused"),
        (Answer(200, b"[]"), ProviderError, "cdn-refused"),
        (Answer(200, b'{"success": "no", "errors": "none"}'), ProviderError, "cdn-refused"),
        (Answer(500, b"\xff"), Unavailable, "cdn-unavailable"),
        (Answer(200, PURGED.body[:-9], {"Content-Length": "99"}), ProviderError, "cdn-refused"),
        (None, Unavailable, "cdn-unavailable"),
    ],
)
def test_a_purge_that_fails_says_why_and_which_urls_are_left(
    answer: Answer | None, kind: type[ProviderError], code: str
) -> None:
    with scripted_server(in_turn(PURGED, answer)) as url, failing(kind, code, ZONE) as failed:
        cloudflare(url).purge(URLS)

    assert failed.value.details == URLS[30:]
    assert failed.value.hint


def test_nobody_answers() -> None:
    with failing(Unavailable, "cdn-unavailable", ZONE) as failed:
        cloudflare(f"http://{HOST}:{free_port()}").purge(URLS[:2])

    assert failed.value.details == URLS[:2]


@pytest.mark.parametrize("token", [None, "", "  "])
def test_without_a_token_nobody_is_asked_and_the_variable_is_named(token: str | None) -> None:
    with failing(Denied, "cdn-denied", "CDN_TOKEN") as failed:
        cloudflare(f"http://{HOST}:{free_port()}", token).purge(URLS[:2])

    assert failed.value.details == URLS[:2]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(403, f"the token {TOKEN} is unknown"),
        refusal(400, f"\x1b[31m{TOKEN}\n"),
        Answer(200, TOKEN.encode()),
    ],
)
def test_no_failure_shows_the_token(answer: Answer) -> None:
    with scripted_server(in_turn(answer)) as url, pytest.raises(ProviderError) as failed:
        cloudflare(url).purge(URLS)

    shown = (failed.value.message, failed.value.hint, *failed.value.details, str(failed.value.__cause__))
    assert TOKEN not in "".join(shown)
    assert failed.value.message.isprintable()
    assert TOKEN not in repr(cloudflare(url)) + str(cloudflare(url))


@pytest.mark.parametrize("token", [f"{TOKEN}\nHost: elsewhere", f"{TOKEN} الفاتحة"])
def test_what_no_header_can_carry_is_no_token(token: str) -> None:
    with scripted_server(in_turn(PURGED)) as url, pytest.raises(Denied) as failed:
        cloudflare(url, token).purge(URLS)

    assert TOKEN not in failed.value.message
    assert failed.value.__cause__ is None


def test_a_redirect_does_not_get_the_token() -> None:
    seen: list[Request] = []

    with scripted_server(recorded(in_turn(PURGED), seen)) as elsewhere:
        moved = Answer(302, headers={"Location": f"{elsewhere}/there"})
        with scripted_server(in_turn(moved)) as url:
            cloudflare(url).purge(URLS[:1])

    assert [request.headers.get("authorization") for request in seen] == [None]
