"""A GitHub of our own on 127.0.0.1: one repository, its pull requests, and as much of the API as is used.

A token carries the rights of its job; what they do not cover answers 403. Lists come two items a page.
"""

import io
import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.servers import Answer, Request, scripted_server

REPOSITORY = "team/library"
_ID = 4711
_PAGE = 2
_LEVELS = {"none": 0, "read": 1, "write": 2}


@dataclass
class Pull:
    """A pull request."""

    number: int
    branch: str
    head: str
    fork: bool = False
    merged_at: str | None = None
    commits: set[str] = field(default_factory=set)  # on the base branch, once it is merged


@dataclass
class GitHub:
    """The repository, as the server keeps it."""

    folder: Path
    url: str = ""
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[int, list[str]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, Mapping[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    _clock: int = 0

    # The repository.

    @property
    def origin(self) -> Path:
        return self.folder / "origin.git"

    def git(self, where: Path, *arguments: str) -> str:
        """Run git in a clone, as somebody of the team."""
        who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
        done = subprocess.run(
            ["git", *who, "-C", str(where), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def clone(self, where: Path) -> Path:
        """Clone the repository for somebody to work in."""
        self.git(self.folder, "clone", "--quiet", self.origin.as_uri(), str(where))
        return where

    def push(self, clone: Path, branch: str, message: str) -> str:
        """Commit everything in a clone to a branch and push it; return the commit."""
        self.git(clone, "checkout", "--quiet", "-B", branch)
        self.git(clone, "add", "--all")
        self.git(clone, "commit", "--quiet", "--allow-empty", "-m", message)
        self.git(clone, "push", "--quiet", "--force", "origin", branch)
        return self.git(clone, "rev-parse", "HEAD")

    def open_pull(self, branch: str, *, fork: bool = False) -> Pull:
        """Open a pull request of a pushed branch."""
        pull = Pull(len(self.pulls) + 1, branch, self.git(self.origin, "rev-parse", branch), fork)
        self.pulls[pull.number] = pull
        return pull

    def test_merge(self, pull: Pull) -> str:
        """Return the merge of a pull request as it would be now: what its workflows check out."""
        pull.head = self.git(self.origin, "rev-parse", pull.branch)
        tree = self.git(self.origin, "merge-tree", "--write-tree", "main", pull.head)
        return self.git(
            self.origin, "commit-tree", tree, "-p", "main", "-p", pull.head, "-m", f"Merge {pull.branch}"
        )

    def merge(self, pull: Pull, *, squash: bool = False) -> str:
        """Merge a pull request; return the commit that is then the head of main."""
        commit = self.test_merge(pull)
        if squash:
            tree = self.git(self.origin, "rev-parse", f"{commit}^{{tree}}")
            commit = self.git(
                self.origin, "commit-tree", tree, "-p", "main", "-m", f"{pull.branch} (squashed)"
            )
        self.git(self.origin, "update-ref", "refs/heads/main", commit)
        pull.merged_at, pull.commits = self.now(), {commit}
        return commit

    # What happens on GitHub.

    def now(self) -> str:
        self._clock += 1
        return f"2026-11-23T14:{self._clock // 60:02}:{self._clock % 60:02}Z"

    def begin_run(self, workflow: str, commit: str, event: str, *, fork: bool = False) -> dict[str, Any]:
        """Begin a run of a workflow for a commit."""
        run = {
            "id": 1000 + len(self.runs),
            "path": f".github/workflows/{workflow}",
            "head_sha": commit,
            "head_branch": "main",
            "event": event,
            "conclusion": None,
            "fork": fork,
        }
        self.runs.append(run)
        return run

    def keep(self, run: Mapping[str, Any], name: str, folder: Path) -> None:
        """Keep a folder's files as an artifact of a run."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
        self.artifacts.append(
            {
                "id": 500 + len(self.artifacts),
                "name": name,
                "expired": False,
                "created_at": self.now(),
                "data": packed.getvalue(),
                "workflow_run": {
                    "id": run["id"],
                    "repository_id": _ID,
                    "head_repository_id": _ID + run["fork"],
                    "head_sha": run["head_sha"],
                },
            }
        )

    def comments_on(self, pull: Pull) -> list[str]:
        return [comment["body"] for comment in self.comments if comment["pull"] == pull.number]

    def say(self, pull: Pull, body: str, *, bot: bool = False) -> None:
        """Let somebody comment."""
        self.comments.append(_written(len(self.comments) + 1, body, bot=bot, pull=pull.number))

    # The API.

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        path = unquote(request.path)
        authorization = request.headers.get("authorization", "")
        if path.startswith("/kept/"):
            if authorization:
                self.leaked.append(path)
            return Answer(200, self._artifact(int(path.rpartition("/")[2]))["data"])
        rights = self.tokens.get(authorization.removeprefix("Bearer "))
        place = path.removeprefix(f"/repos/{REPOSITORY}/")
        for method, pattern, wanted, handler in _ROUTES:
            found = re.fullmatch(pattern, place)
            if method != request.method or found is None:
                continue
            if rights is None or not _allowed(rights, wanted):
                self.refused.append(f"{method} {place}")
                return Answer(403, b"{}")
            query = {name: values[0] for name, values in parse_qs(request.query).items()}
            fields = json.loads(request.body) if request.body else {}
            return self._page(handler(self, found.groups(), query, fields), request, query)
        return Answer(404, b"{}")

    def _page(self, found: Any, request: Request, query: dict[str, str]) -> Answer:
        if isinstance(found, Answer):
            return found
        if isinstance(found, list):
            found = (None, found)
        if not isinstance(found, tuple):
            return Answer(200, json.dumps(found).encode(), {"Content-Type": "application/json"})
        wrap, listed = found
        number = int(query.get("page", "1"))
        shown = listed[(number - 1) * _PAGE : number * _PAGE]
        headers = {}
        if number * _PAGE < len(listed):
            others = "&".join(part for part in request.query.split("&") if not part.startswith("page="))
            headers["Link"] = f'<{self.url}{request.path}?{others}&page={number + 1}>; rel="next"'
        return Answer(200, json.dumps({wrap: shown} if wrap else shown).encode(), headers)

    def _artifact(self, number: int) -> dict[str, Any]:
        return next(each for each in self.artifacts if each["id"] == number)


def _written(number: int, body: str, *, bot: bool = True, **more: Any) -> dict[str, Any]:
    who = {"login": "github-actions[bot]" if bot else "somebody", "type": "Bot" if bot else "User"}
    return {"id": number, "body": body, "user": who, **more}


def _allowed(rights: Mapping[str, str], wanted: tuple[str, str]) -> bool:
    """Whether one of the scopes that serve (`issues` or `pull-requests`) is held at the level."""
    scopes, level = wanted
    return any(_LEVELS[rights.get(scope, "none")] >= _LEVELS[level] for scope in scopes.split("|"))


_Handler = Callable[[GitHub, tuple[str, ...], dict[str, str], dict[str, Any]], Any]


def _comments(hub: GitHub, at: tuple[str, ...], _query: object, _fields: object) -> list[dict[str, Any]]:
    return [comment for comment in hub.comments if comment["pull"] == int(at[0])]


def _comment(hub: GitHub, at: tuple[str, ...], _query: object, fields: dict[str, Any]) -> dict[str, Any]:
    assert len(fields["body"]) <= 65_536
    comment = _written(len(hub.comments) + 1, fields["body"], pull=int(at[0]))
    hub.comments.append(comment)
    return comment


def _recomment(hub: GitHub, at: tuple[str, ...], _query: object, fields: dict[str, Any]) -> dict[str, Any]:
    assert len(fields["body"]) <= 65_536
    comment = next(each for each in hub.comments if each["id"] == int(at[0]))
    comment["body"] = fields["body"]
    return comment


def _labels(hub: GitHub, at: tuple[str, ...], _query: object, _fields: object) -> list[dict[str, str]]:
    return [{"name": name} for name in hub.labels.get(int(at[0]), [])]


def _label(hub: GitHub, at: tuple[str, ...], _query: object, fields: dict[str, Any]) -> list[dict[str, str]]:
    hub.labels.setdefault(int(at[0]), []).extend(fields["labels"])
    return _labels(hub, at, {}, {})


def _unlabel(hub: GitHub, at: tuple[str, ...], _query: object, _fields: object) -> Any:
    labels = hub.labels.get(int(at[0]), [])
    if at[1] not in labels:
        return Answer(404, b"{}")
    labels.remove(at[1])
    return _labels(hub, at, {}, {})


def _issues(hub: GitHub, _at: object, query: dict[str, str], _fields: object) -> list[dict[str, Any]]:
    wanted = query["labels"].split(",")
    return [i for i in hub.issues if i["state"] == query["state"] and set(wanted) <= set(i["labels"])]


def _issue(hub: GitHub, _at: object, _query: object, fields: dict[str, Any]) -> dict[str, Any]:
    number = len(hub.issues) + 100
    issue = {**_written(number, fields["body"]), **fields, "number": number, "state": "open"}
    hub.issues.append(issue)
    return issue


def _reissue(hub: GitHub, at: tuple[str, ...], _query: object, fields: dict[str, Any]) -> dict[str, Any]:
    issue = next(each for each in hub.issues if each["number"] == int(at[0]))
    issue.update(fields)
    return issue


def _runs(hub: GitHub, at: tuple[str, ...], query: dict[str, str], _fields: object) -> tuple[str, list[Any]]:
    found = [
        run
        for run in reversed(hub.runs)
        if run["path"].endswith(f"/{at[0]}")
        and run["conclusion"] == query["status"]
        and run["head_branch"] == query["branch"]
    ]
    return "workflow_runs", found


def _run(hub: GitHub, at: tuple[str, ...], _query: object, _fields: object) -> Any:
    return next(run for run in hub.runs if run["id"] == int(at[0]))


def _pulls_of(hub: GitHub, at: tuple[str, ...], _query: object, _fields: object) -> list[dict[str, Any]]:
    return [
        {
            "number": pull.number,
            "merged_at": pull.merged_at,
            "base": {"ref": "main"},
            "head": {"sha": pull.head},
        }
        for pull in hub.pulls.values()
        if at[0] in pull.commits or (pull.merged_at is None and at[0] == pull.head)
    ]


def _artifacts(
    hub: GitHub, _at: object, query: dict[str, str], _fields: object
) -> tuple[str, list[dict[str, Any]]]:
    found = [each for each in hub.artifacts if each["name"] == query["name"]]
    return "artifacts", [{name: value for name, value in one.items() if name != "data"} for one in found]


def _archive(hub: GitHub, at: tuple[str, ...], _query: object, _fields: object) -> Answer:
    return Answer(302, b"", {"Location": f"{hub.url}/kept/{at[0]}"})


_TALK = "issues|pull-requests"
_ROUTES: tuple[tuple[str, str, tuple[str, str], _Handler], ...] = (
    ("GET", r"issues/(\d+)/comments", (_TALK, "read"), _comments),
    ("POST", r"issues/(\d+)/comments", (_TALK, "write"), _comment),
    ("PATCH", r"issues/comments/(\d+)", (_TALK, "write"), _recomment),
    ("GET", r"issues/(\d+)/labels", (_TALK, "read"), _labels),
    ("POST", r"issues/(\d+)/labels", (_TALK, "write"), _label),
    ("DELETE", r"issues/(\d+)/labels/(.+)", (_TALK, "write"), _unlabel),
    ("GET", r"issues", ("issues", "read"), _issues),
    ("POST", r"issues", ("issues", "write"), _issue),
    ("PATCH", r"issues/(\d+)", ("issues", "write"), _reissue),
    ("GET", r"actions/workflows/([^/]+)/runs", ("actions", "read"), _runs),
    ("GET", r"actions/runs/(\d+)", ("actions", "read"), _run),
    ("GET", r"actions/artifacts", ("actions", "read"), _artifacts),
    ("GET", r"actions/artifacts/(\d+)/zip", ("actions", "read"), _archive),
    ("GET", r"commits/(\w+)/pulls", ("pull-requests", "read"), _pulls_of),
)


@contextmanager
def github(folder: Path) -> Iterator[GitHub]:
    """Run a GitHub with an empty repository whose branch is main."""
    hub = GitHub(folder)
    hub.git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(hub.origin))
    hub.git(hub.origin, "config", "uploadpack.allowAnySHA1InWant", "true")  # merges that no branch holds
    with scripted_server(hub.answer) as url:
        hub.url = url
        yield hub
