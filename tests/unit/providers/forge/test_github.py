import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from providers.forge.github import Forge, ForgeRefused, is_ours
from reconciler.model.errors import UsageError
from reconciler.settings.ci import read_forge
from tests.servers import Answer, Request, scripted_server

TOKEN = "planted-token"
VARIABLES = {
    "GITHUB_REPOSITORY": "team/library",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF_NAME": "main",
    "GITHUB_TOKEN": TOKEN,
    "GITHUB_RUN_ID": "7",
}


@contextmanager
def forge(script: Callable[[Request], Answer | None]) -> Iterator[Forge]:
    with scripted_server(script) as url:
        yield Forge(api_url=url, repository="team/library", token=TOKEN)


def test_a_request_carries_the_token_and_names_each_part_of_its_path() -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Answer:
        asked.append(request)
        return Answer(200, b"{}")

    with forge(answer) as hub:
        hub.send("DELETE", "issues", 7, "labels", "elmify: no/changes")

    (request,) = asked
    assert request.path == "/repos/team/library/issues/7/labels/elmify%3A%20no%2Fchanges"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_a_redirect_is_followed_without_the_token() -> None:
    seen: list[tuple[str, bool]] = []

    def answer(request: Request) -> Answer:
        seen.append((request.path, "authorization" in request.headers))
        if request.path == "/elsewhere":
            return Answer(200, b"archive")
        return Answer(302, b"", {"Location": "/elsewhere"})

    with forge(answer) as hub:
        assert hub.artifact(12) == b"archive"

    assert seen == [("/repos/team/library/actions/artifacts/12/zip", True), ("/elsewhere", False)]


def test_a_next_page_at_another_host_is_not_asked() -> None:
    links = {"Link": '<https://elsewhere.example/page2>; rel="next"'}

    with forge(lambda _: Answer(200, b"[1]", links)) as hub:
        pages = hub.pages("issues")
        assert next(pages) == 1
        with pytest.raises(ForgeRefused) as refused:
            next(pages)

    assert refused.value.status is None


@pytest.mark.parametrize(("status", "hint"), [(403, "`permissions:`"), (404, "`permissions:`"), (500, "")])
def test_a_no_says_the_status_and_never_the_token(status: int, hint: str) -> None:
    with forge(lambda _: Answer(status, b"{}")) as hub, pytest.raises(ForgeRefused) as refused:
        hub.get("issues")

    assert refused.value.status == status
    assert hint in refused.value.hint
    assert ("`permissions:`" in refused.value.hint) is (status != 500)
    assert TOKEN not in repr(refused.value.__dict__)


def test_no_answer_is_a_refusal_too() -> None:
    with forge(lambda _: None) as hub, pytest.raises(ForgeRefused) as refused:
        hub.get("issues")

    assert refused.value.status is None
    assert "GET /repos/team/library/issues" in refused.value.message


def test_fields_are_sent_as_json() -> None:
    bodies: list[object] = []

    def answer(request: Request) -> Answer:
        bodies.append(json.loads(request.body))
        return Answer(201, b'{"id": 1}')

    with forge(answer) as hub:
        assert hub.send("POST", "issues", title="ﷺ") == {"id": 1}

    assert bodies == [{"title": "ﷺ"}]


@pytest.mark.parametrize(
    ("author", "body", "ours"),
    [("Bot", "<!-- m --> x", True), ("User", "<!-- m --> x", False), ("Bot", "x <!-- m -->", False)],
)
def test_only_what_a_workflow_wrote_with_the_marker_first_is_ours(author: str, body: str, ours: bool) -> None:
    assert is_ours({"user": {"type": author}, "body": body}, "<!-- m -->") is ours


def test_what_a_step_knows_is_read_from_its_environment() -> None:
    settings = read_forge(VARIABLES)

    assert settings.api_url == "https://api.github.com"
    assert settings.run_url == "https://github.com/team/library/actions/runs/7"
    assert TOKEN not in repr(settings)


@pytest.mark.parametrize("name", ["GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF_NAME", "GITHUB_TOKEN"])
def test_a_step_that_lacks_a_variable_is_told_which(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        read_forge({**VARIABLES, name: ""})


@pytest.mark.parametrize("name", ["../x", "x/..", "team", "team/library/issues", "team/lib?x", "team/l\n"])
def test_a_repository_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="owner/name"):
        read_forge({**VARIABLES, "GITHUB_REPOSITORY": name})
