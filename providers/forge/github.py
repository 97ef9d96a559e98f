"""GitHub REST client: comments, labels, issues and reviewed plan files.

They are the artifacts that the plan workflow kept, by the head commit of each pull request: nothing that
anybody can edit afterwards, and nothing that a fork's run could have left.
"""

import io
import json
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from reconciler.model.errors import ElmifyError

_TIMEOUT_SECONDS = 60
_PAGE = 100  # the most items that GitHub gives at once
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')
#: 64 MiB compressed: a plan of a million changes.
_ARTIFACT_MAX_BYTES = 64 * 1024 * 1024


class ForgeRefused(ElmifyError):
    """The forge could not be reached, or refused the request.

    `status` is its HTTP status, None when it did not answer.
    """

    code = "forge-refused"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Forge:
    """Client of one repository on the forge.

    Every method raises `ForgeRefused`; no message contains the token.
    """

    def __init__(self, *, api_url: str, repository: str, token: str) -> None:
        self._api_url = api_url
        self._base = f"{api_url}/repos/{repository}"
        self._token = token

    def get(self, *path: str | int, **query: str | int) -> Any:
        """Return one answer, as JSON values."""
        _, body = self._ask("GET", self._url(path, query))
        return json.loads(body)

    def pages(self, *path: str | int, key: str | None = None, **query: str | int) -> Iterator[Any]:
        """Yield every item of a list, page by page.

        With `key`, yields the items of the list under that key.
        """
        url: str | None = self._url(path, {"per_page": _PAGE, **query})
        while url is not None:
            links, body = self._ask("GET", url)
            found = json.loads(body)
            yield from found if key is None else found[key]
            url = self._next(links)

    def send(self, method: str, *path: str | int, **fields: Any) -> Any:
        """Send a change with its fields as JSON, and return the answer.

        None when the answer is empty.
        """
        _, body = self._ask(method, self._url(path, {}), json.dumps(fields).encode() if fields else None)
        return json.loads(body) if body else None

    def artifact(self, number: int) -> bytes:
        """Return an artifact as the ZIP archive that the forge keeps."""
        _, body = self._ask("GET", self._url(("actions", "artifacts", number, "zip"), {}))
        return body

    def _url(self, path: tuple[str | int, ...], query: Mapping[str, str | int]) -> str:
        parts = "/".join(quote(str(part), safe="") for part in path)
        return f"{self._base}/{parts}{'?' + urlencode(query) if query else ''}"

    def _next(self, links: str) -> str | None:
        """Return the address of the next page.

        The token goes only to the API's own host.
        """
        found = _NEXT.search(links)
        if found is None:
            return None
        if urlsplit(found[1])[:2] != urlsplit(self._api_url)[:2]:
            raise ForgeRefused("the forge names another host for its next page")
        return found[1]

    def _ask(self, method: str, url: str, body: bytes | None = None) -> tuple[str, bytes]:
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - the API's own address
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("X-GitHub-Api-Version", "2022-11-28")
        request.add_header("User-Agent", "elmify")
        # Not sent along to where a redirect leads: artifacts are at another host's.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        place = f"{method} {urlsplit(url).path}"
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                content: bytes = answer.read(_ARTIFACT_MAX_BYTES + 1)
                links = str(answer.headers.get("Link", ""))
        except urllib.error.HTTPError as error:
            error.close()
            raise ForgeRefused(
                f"GitHub answered {error.code} to {place}", status=error.code, hint=_hint(error.code)
            ) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise ForgeRefused(f"GitHub did not answer {place}: {error}", hint="Run the job again.") from None
        if len(content) > _ARTIFACT_MAX_BYTES:
            raise ForgeRefused(f"the answer to {place} is larger than any plan")
        return links, content


def _hint(status: int) -> str:
    if status in {401, 403, 404}:
        return "Check the `permissions:` of the job, and that the step has its token."
    return "Run the job again."


_GONE = 404
#: Labels of ours; others on the pull request are not touched.
PREFIX = "elmify: "


def keep_comment(forge: Forge, pull: int, marker: str, body: str) -> None:
    """Create or update elmify's comment with this marker.

    Puts the body into elmify's comment that begins with the marker, and makes a new comment when
    there is none. Only a comment that a workflow wrote counts: other people's comments are never
    edited.
    """
    for comment in forge.pages("issues", pull, "comments"):
        if is_ours(comment, marker):
            forge.send("PATCH", "issues", "comments", comment["id"], body=body)
            return
    forge.send("POST", "issues", pull, "comments", body=body)


def is_ours(item: Mapping[str, Any], marker: str) -> bool:
    """Return whether a workflow wrote the item, and it begins with the marker.

    The item is a comment or an issue.
    """
    author = item.get("user") or {}
    return author.get("type") == "Bot" and str(item.get("body") or "").startswith(marker)


def keep_labels(forge: Forge, pull: int, wanted: Collection[str]) -> None:
    """Give a pull request exactly these of our labels."""
    present = {label["name"] for label in forge.pages("issues", pull, "labels")}
    missing = sorted(set(wanted) - present)
    if missing:
        forge.send("POST", "issues", pull, "labels", labels=missing)
    for name in sorted(present - set(wanted)):
        if name.startswith(PREFIX):
            _remove(forge, pull, name)


def _remove(forge: Forge, pull: int, name: str) -> None:
    try:
        forge.send("DELETE", "issues", pull, "labels", name)
    except ForgeRefused as refused:
        if refused.status != _GONE:  # somebody else took it off in the meantime
            raise


def find_issue(forge: Forge, marker: str, label: str) -> dict[str, Any] | None:
    """Return elmify's open issue that begins with the marker.

    None when there is none.
    """
    for issue in forge.pages("issues", state="open", labels=label, direction="asc"):
        if "pull_request" not in issue and is_ours(issue, marker):
            found: dict[str, Any] = issue
            return found
    return None


def keep_issue(forge: Forge, marker: str, label: str, *, title: str, body: str, wanted: bool) -> str:
    """Open, update or close elmify's issue, and return the action taken.

    There is only one such issue. Returns `opened`, `updated` or `closed`, or `nothing to do` when
    there is none and none is wanted.
    """
    issue = find_issue(forge, marker, label)
    if issue is None and not wanted:
        return "nothing to do"
    if issue is None:
        forge.send("POST", "issues", title=title, body=body, labels=[label])
        return "opened"
    if wanted:
        if issue["body"] != body:
            forge.send("PATCH", "issues", issue["number"], title=title, body=body)
        return "updated"
    forge.send("PATCH", "issues", issue["number"], body=body, state="closed", state_reason="completed")
    return "closed"


PLAN_WORKFLOW = ".github/workflows/elmify-plan.yml"
APPLY_WORKFLOW = "elmify-apply.yml"
PLAN_NAME = "plan.json"
_PLAN_MAX_BYTES = 1 << 30  # of a plan file out of its archive


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedPullRequest:
    """Merged pull request and its plan.

    `plan` is the content of its last plan file. It is None without one, and `why` gives the reason.
    """

    number: int
    head: str
    plan: bytes | None
    why: str = ""


def last_complete(forge: Forge, branch: str, is_ancestor: Callable[[str], bool]) -> str | None:
    """Return the newest commit that was applied completely.

    It is the newest commit that an apply workflow carried out completely; None before the first. Only
    a commit of this history counts: after a force push to the branch the earlier commits prove
    nothing.
    """
    runs = forge.pages(
        "actions",
        "workflows",
        APPLY_WORKFLOW,
        "runs",
        key="workflow_runs",
        branch=branch,
        status="success",
    )
    return next((run["head_sha"] for run in runs if is_ancestor(run["head_sha"])), None)


def merged_in(forge: Forge, commits: list[str], branch: str) -> Iterator[MergedPullRequest]:
    """Yield the pull requests that brought these commits into the branch.

    In the order of the commits, each once.
    """
    seen = set[int]()
    for commit in commits:
        for pull in forge.pages("commits", commit, "pulls"):
            number = int(pull["number"])
            if number in seen or not pull["merged_at"] or pull["base"]["ref"] != branch:
                continue
            seen.add(number)
            yield _merged(forge, number, pull["head"]["sha"])


def _merged(forge: Forge, number: int, head: str) -> MergedPullRequest:
    found = list(forge.pages("actions", "artifacts", key="artifacts", name=artifact_name(head)))
    genuine = [artifact for artifact in found if _is_genuine(forge, artifact, head)]
    if not genuine:
        return MergedPullRequest(
            number=number, head=head, plan=None, why="no plan was kept for its last commit"
        )
    newest = max(genuine, key=lambda artifact: (artifact["created_at"], artifact["id"]))
    if newest["expired"]:
        return MergedPullRequest(number=number, head=head, plan=None, why="its plan has expired")
    return MergedPullRequest(number=number, head=head, plan=_plan_in(forge.artifact(newest["id"])))


def artifact_name(head: str) -> str:
    """Return the artifact name of the plan for a pull request's head commit."""
    return f"elmify-plan-{head}"


def _is_genuine(forge: Forge, artifact: dict[str, Any], head: str) -> bool:
    """Return whether the plan workflow created the artifact for that commit.

    It must come from a run of this repository, not of another one.
    """
    origin = artifact.get("workflow_run") or {}
    if origin.get("head_sha") != head or origin.get("head_repository_id") != origin.get("repository_id"):
        return False
    run = forge.get("actions", "runs", origin["id"])
    return bool(run["event"] == "pull_request" and run["path"].partition("@")[0] == PLAN_WORKFLOW)


def _plan_in(archive: bytes) -> bytes:
    """Return the plan file of an artifact; nothing else is taken out of it."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened, opened.open(PLAN_NAME) as plan:
            return plan.read(_PLAN_MAX_BYTES)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ForgeRefused(f"an artifact of the plan workflow holds no {PLAN_NAME}") from error
