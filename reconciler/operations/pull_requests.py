"""Pull requests on a forge: plan comment, reviewed plans, drift issue.

The comment shows a plan; the issue is about drift.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from providers.forge.github import (
    APPLY_WORKFLOW,
    PREFIX,
    Forge,
    MergedPullRequest,
    find_issue,
    keep_comment,
    keep_issue,
    keep_labels,
    last_complete,
    merged_in,
)
from reconciler.loading.revisions import Git
from reconciler.model.plan import Action, Plan
from reconciler.render.drift.formats import issue_marker
from reconciler.render.github import no_plan_comment, plan_comment
from reconciler.render.plan.markdown import comment_marker
from reconciler.settings.ci import ForgeSettings, read_forge

_DRIFT_LABEL = "elmify: drift"
_DRIFT_TITLE = "elmify: the stores were changed by other hands"


@dataclass(frozen=True)
class Repository:
    """A repository on a forge, as the runner of its workflow names it."""

    settings: ForgeSettings
    forge: Forge


def open_repository(environ: Mapping[str, str]) -> Repository:
    """Return the repository that a workflow runs for.

    Raises `UsageError` for what the runner has not set.
    """
    settings = read_forge(environ)
    token = settings.token.reveal()
    forge = Forge(api_url=settings.api_url, repository=settings.repository, token=token)
    return Repository(settings, forge)


def show_plan(repository: Repository, pull: int, commit: str, plan: Plan) -> None:
    """Keep the one comment on a pull request that shows its plan.

    Also keep the labels of the pull request.
    """
    body = plan_comment(plan, commit, repository.settings.run_url)
    keep_comment(repository.forge, pull, comment_marker(plan.environment), body)
    keep_labels(repository.forge, pull, labels_of(plan))


def show_no_plan(repository: Repository, pull: int, commit: str, environment: str) -> None:
    """Say in the comment that no plan could be made.

    So no one takes an older plan as current.
    """
    body = no_plan_comment(environment, commit, repository.settings.run_url)
    keep_comment(repository.forge, pull, comment_marker(environment), body)
    keep_labels(repository.forge, pull, [])


def labels_of(plan: Plan) -> list[str]:
    """Return the labels that show what a plan does.

    They are visible in a list of pull requests.
    """
    said = {
        "no changes": plan.empty,
        "deletes": bool(plan.count(Action.DELETE)),
        "listeners lose": bool(plan.impact.lost_rows),
        "blocked": bool(plan.blocked),
    }
    return [f"{PREFIX}{name}" for name, holds in said.items() if holds]


def reviewed_plans(
    repository: Repository, directory: Path, since: str | None, environ: Mapping[str, str]
) -> tuple[str | None, Iterator[MergedPullRequest]]:
    """Return the start commit and the pull requests merged since, with plans.

    Merges after the start commit count. That commit is `since`, otherwise the last commit that an
    apply workflow carried out completely; None when there was none: then everything counts since that
    workflow came into the repository.
    """
    git, settings = Git(directory, environ).top(), repository.settings
    now = settings.commit
    start = _start(repository, git, since)
    commits = git.commits_since(start, now) if start is not None else list(_from_the_first(git, now))
    return start, merged_in(repository.forge, commits, settings.branch)


def _start(repository: Repository, git: Git, since: str | None) -> str | None:
    if since:
        return git.commit_of(since)
    settings = repository.settings
    return last_complete(
        repository.forge, settings.branch, lambda commit: git.is_ancestor(commit, settings.commit)
    )


def _from_the_first(git: Git, now: str) -> Iterator[str]:
    first = git.added_in(f".github/workflows/{APPLY_WORKFLOW}", now)
    if first is not None:
        yield first
    yield from git.commits_since(first, now)


def drift_issue(repository: Repository, environment: str) -> str | None:
    """Return the body of the one open drift issue; None without one."""
    found = find_issue(repository.forge, issue_marker(environment), _DRIFT_LABEL)
    return None if found is None else str(found["body"])


def keep_drift_issue(repository: Repository, environment: str, body: str, *, wanted: bool) -> str:
    """Update the one drift issue to the body, or close it.

    Return what was done, in one word.
    """
    marker = issue_marker(environment)
    return keep_issue(repository.forge, marker, _DRIFT_LABEL, title=_DRIFT_TITLE, body=body, wanted=wanted)
