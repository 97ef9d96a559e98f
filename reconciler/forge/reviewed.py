"""The plan files of the pull requests that were merged since the last complete apply.

They are the artifacts that the plan workflow kept, by the head commit of each pull request: nothing that
anybody can edit afterwards, and nothing that a fork's run could have left.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.forge.client import Forge, ForgeRefused

PLAN_WORKFLOW = ".github/workflows/elmify-plan.yml"
APPLY_WORKFLOW = "elmify-apply.yml"
PLAN_NAME = "plan.json"
_PLAN_MAX_BYTES = 1 << 30  # of a plan file out of its archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merged pull request. `plan` is what its last plan file holds; None without one, as `why` says."""

    number: int
    head: str
    plan: bytes | None
    why: str = ""


def last_complete(forge: Forge, branch: str, is_ancestor: Callable[[str], bool]) -> str | None:
    """Return the newest commit that an apply workflow has carried out completely; None before the first.

    Only a commit of this history counts: after a branch was pushed by force the earlier ones tell nothing.
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


def merged_in(forge: Forge, commits: list[str], branch: str) -> Iterator[Merged]:
    """Yield the pull requests that brought these commits into the branch, in that order, each once."""
    seen = set[int]()
    for commit in commits:
        for pull in forge.pages("commits", commit, "pulls"):
            number = int(pull["number"])
            if number in seen or not pull["merged_at"] or pull["base"]["ref"] != branch:
                continue
            seen.add(number)
            yield _merged(forge, number, pull["head"]["sha"])


def _merged(forge: Forge, number: int, head: str) -> Merged:
    found = list(forge.pages("actions", "artifacts", key="artifacts", name=artifact_name(head)))
    genuine = [artifact for artifact in found if _is_genuine(forge, artifact, head)]
    if not genuine:
        return Merged(number=number, head=head, plan=None, why="no plan was kept for its last commit")
    newest = max(genuine, key=lambda artifact: (artifact["created_at"], artifact["id"]))
    if newest["expired"]:
        return Merged(number=number, head=head, plan=None, why="its plan has expired")
    return Merged(number=number, head=head, plan=_plan_in(forge.artifact(newest["id"])))


def artifact_name(head: str) -> str:
    """Return the name under which the plan of a pull request's head commit is kept."""
    return f"elmify-plan-{head}"


def _is_genuine(forge: Forge, artifact: dict[str, Any], head: str) -> bool:
    """Whether the plan workflow left it, for that commit, in a run of this repository's own."""
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
