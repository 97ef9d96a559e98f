"""Requests to the public domain. A server in the test answers."""

import pytest

from providers.cdn.public import ask
from reconciler.model.explanation import PublicAnswer
from tests.servers import HOST, Answer, Request, free_port, scripted_server

FOUND = {
    "Content-Type": "audio/mpeg",
    "Age": "42",
    "CF-Cache-Status": "HIT",
}


def test_what_a_cdn_says_is_told() -> None:
    seen: list[Request] = []

    def script(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, b"12345", FOUND)

    with scripted_server(script) as url:
        answer = ask(f"{url}/Ali/01 - الفاتحة 50%25.mp3?v=3#part")

    assert answer == PublicAnswer(
        status=200, size_bytes=5, age_seconds=42, cache="HIT", media_type="audio/mpeg"
    )
    assert answer.plays
    (request,) = seen
    assert (request.method, request.path, request.query) == (
        "HEAD",
        "/Ali/01%20-%20%D8%A7%D9%84%D9%81%D8%A7%D8%AA%D8%AD%D8%A9%2050%25.mp3",
        "v=3",
    )


@pytest.mark.parametrize("refused", [403, 405, 501])
def test_where_a_head_is_refused_one_byte_is_asked_for(refused: int) -> None:
    def script(request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer(refused)
        assert request.headers["range"] == "bytes=0-0"
        return Answer(206, b"1", {"Content-Range": "bytes 0-0/7000"})

    with scripted_server(script) as url:
        answer = ask(f"{url}/a.mp3")

    assert (answer.status, answer.size_bytes, answer.plays) == (206, 7000, True)


def test_a_refusal_is_an_answer() -> None:
    with scripted_server(lambda _: Answer(404, b"", {"Age": "soon"})) as url:
        answer = ask(f"{url}/a.mp3")

    assert (answer.status, answer.age_seconds, answer.plays) == (404, None, False)


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://x.test/a", "nothing", "http://[::1", "http://a b/c"]
)
def test_what_is_no_public_url_is_asked_of_nobody(url: str) -> None:
    assert ask(url) == PublicAnswer(status=None)


def test_nobody_answers() -> None:
    assert ask(f"http://{HOST}:{free_port()}/a.mp3") == PublicAnswer(status=None)
