"""What the workflows of a GitHub repository need and its runners have no command for."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result, say
from reconciler.cli.project import open_project
from reconciler.cli.show import read_plan
from reconciler.model.errors import ElmifyError
from reconciler.model.plan import Action, Plan

if TYPE_CHECKING:
    from providers.forge.github import Forge
    from reconciler.settings.ci import ForgeSettings

_FILE = click.Path(dir_okay=False, path_type=Path)
_DRIFT_LABEL = "elmify: drift"


@click.group("ci")
def command() -> None:
    """Take a step of the workflows that `elmify init --ci github` writes.

    Each reads what GitHub's runner sets (GITHUB_REPOSITORY, GITHUB_SHA…) and needs GITHUB_TOKEN.
    """


@command.command("comment")
@click.argument("planfile", required=False, type=_FILE)
@click.option("--pull", type=click.IntRange(min=1), required=True, help="The number of the pull request.")
@click.option("--commit", required=True, help="The commit of its branch that was planned.")
@click.pass_obj
def comment(directory: str, planfile: Path | None, pull: int, commit: str) -> None:
    """Keep one comment on a pull request that shows its plan, and its labels.

    Without PLANFILE it says that no plan could be made, so that an older one does not stand there as if it
    were true.
    """
    from providers.forge.github import keep_comment, keep_labels
    from reconciler.render.github import no_plan_comment, plan_comment
    from reconciler.render.plan.markdown import comment_marker

    settings, forge = _forge()
    if planfile is None:
        environment = open_project(directory).settings.policy.environment
        body, labels = no_plan_comment(environment, commit, settings.run_url), list[str]()
    else:
        plan = read_plan(planfile)
        environment, labels = plan.environment, labels_of(plan)
        body = plan_comment(plan, commit, settings.run_url)
    keep_comment(forge, pull, comment_marker(environment), body)
    keep_labels(forge, pull, labels)


@command.command("summary")
@click.argument("planfile", type=_FILE)
def summary(planfile: Path) -> None:
    """Print a plan for the summary of a run, within what GitHub takes."""
    from reconciler.render.github import plan_summary

    result(plan_summary(read_plan(planfile)))


def labels_of(plan: Plan) -> list[str]:
    """Return the labels by which a list of pull requests shows what a plan does."""
    from providers.forge.github import PREFIX

    said = {
        "no changes": plan.empty,
        "deletes": bool(plan.count(Action.DELETE)),
        "listeners lose": bool(plan.impact.lost_rows),
        "blocked": bool(plan.blocked),
    }
    return [f"{PREFIX}{name}" for name, holds in said.items() if holds]


@command.command("plans")
@click.option(
    "--into", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="A new folder."
)
@click.option("--since", metavar="COMMIT", help="Leave out what was merged up to here, whatever was applied.")
@click.pass_obj
def plans(directory: str, folder: Path, since: str | None) -> None:
    """Fetch the plan files of every pull request merged since the last complete apply.

    For `elmify apply --reviewed DIR`. Only plans that the plan workflow kept count, for the last commit of
    each pull request.
    """
    from providers.forge.github import merged_in

    settings, forge = _forge()
    folder.mkdir(parents=True)
    commits = _commits(directory, settings, forge, since)
    for place, merged in enumerate(merged_in(forge, commits, settings.branch), start=1):
        if merged.plan is None:
            say(f"pull request #{merged.number}: {merged.why}; what it changes counts as not reviewed")
        else:
            file = folder / f"{place:04}-pull-{merged.number}.json"
            file.write_bytes(merged.plan)
            result(f"pull request #{merged.number}: {file}")


def _commits(directory: str, settings: "ForgeSettings", forge: "Forge", since: str | None) -> list[str]:
    """Return the commits that are to be carried out, the oldest first."""
    from providers.forge.github import APPLY_WORKFLOW, last_complete
    from reconciler.loading.revisions import added_in, commit_of, commits_since, is_ancestor, top_of

    root, now = top_of(Path(directory)), settings.commit
    if since:
        start: str | None = commit_of(root, since)
    else:
        start = last_complete(forge, settings.branch, lambda commit: is_ancestor(root, commit, now))
    if start is not None:
        say(f"since {start}")
        return commits_since(root, start, now)
    first = added_in(root, f".github/workflows/{APPLY_WORKFLOW}", now)
    say(f"nothing was applied by a workflow yet; since {first or 'the first commit'}")
    return [*([first] if first else []), *commits_since(root, first, now)]


@command.command("issue")
@click.argument("file", type=_FILE)
@click.option("--drift", type=click.IntRange(min=0), help="How many differences the body tells; 0 closes it.")
@click.pass_obj
def issue(directory: str, file: Path, drift: int | None) -> None:
    """Fetch the body of the one open issue about drift into FILE; with --drift, keep it as FILE says.

    Without an open issue FILE is left as it is.
    """
    from providers.forge.github import find_issue, keep_issue
    from reconciler.render.drift.formats import issue_marker

    _, forge = _forge()
    marker = issue_marker(open_project(directory).settings.policy.environment)
    if drift is None:
        found = find_issue(forge, marker, _DRIFT_LABEL)
        if found is not None:
            file.write_text(found["body"], encoding="utf-8")
        return
    try:
        body = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ElmifyError(f"{file} cannot be read: {error.strerror}") from error
    title = "elmify: the stores were changed by other hands"
    done = keep_issue(forge, marker, _DRIFT_LABEL, title=title, body=body, wanted=drift > 0)
    result(f"issue: {done}")


def _forge() -> "tuple[ForgeSettings, Forge]":
    from providers.forge.github import Forge
    from reconciler.settings.ci import read_forge

    settings = read_forge(os.environ)
    token = settings.token.reveal()
    return settings, Forge(api_url=settings.api_url, repository=settings.repository, token=token)
