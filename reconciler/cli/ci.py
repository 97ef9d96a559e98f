"""CI commands: workflow steps that GitHub's runners have no command for.

The workflows of a GitHub repository need them.
"""

import os
from pathlib import Path

import click

from reconciler.cli.console import result, say
from reconciler.cli.plan_output import read_plan
from reconciler.cli.project import open_project
from reconciler.model.errors import ElmifyError

_FILE = click.Path(dir_okay=False, path_type=Path)


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
    from reconciler.operations.pull_requests import open_repository, show_no_plan, show_plan

    repository = open_repository(os.environ)
    if planfile is None:
        environment = open_project(directory).settings.policy.environment
        show_no_plan(repository, pull, commit, environment)
    else:
        show_plan(repository, pull, commit, read_plan(planfile))


@command.command("summary")
@click.argument("planfile", type=_FILE)
def summary(planfile: Path) -> None:
    """Print a plan for the summary of a run, within what GitHub takes."""
    from reconciler.render.github import plan_summary

    result(plan_summary(read_plan(planfile)))


@command.command("plans")
@click.option(
    "--into", "folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="A new folder."
)
@click.option("--since", metavar="COMMIT", help="Leave out what was merged up to here, whatever was applied.")
@click.pass_obj
def plans(directory: str, folder: Path, since: str | None) -> None:
    """Fetch the plans of all pull requests merged since the last full apply.

    For `elmify apply --reviewed DIR`. The new folder gets the plan files of every pull request merged
    since the last complete apply. Only plans that the plan workflow kept count, for the last commit
    of each pull request.
    """
    from reconciler.operations.pull_requests import open_repository, reviewed_plans

    folder.mkdir(parents=True)
    repository = open_repository(os.environ)
    start, merged_since = reviewed_plans(repository, Path(directory), since, os.environ)
    say("nothing was applied by a workflow yet" if start is None else f"since {start}")
    for place, merged in enumerate(merged_since, start=1):
        if merged.plan is None:
            say(f"pull request #{merged.number}: {merged.why}; what it changes counts as not reviewed")
        else:
            file = folder / f"{place:04}-pull-{merged.number}.json"
            file.write_bytes(merged.plan)
            result(f"pull request #{merged.number}: {file}")


@command.command("issue")
@click.argument("file", type=_FILE)
@click.option("--drift", type=click.IntRange(min=0), help="How many differences the body tells; 0 closes it.")
@click.pass_obj
def issue(directory: str, file: Path, drift: int | None) -> None:
    """Fetch the body of the open drift issue into FILE, or update the issue.

    There is one open issue about drift. Without --drift its body is written to FILE; with --drift the
    issue is kept as FILE says. Without an open issue FILE is left as it is.
    """
    from reconciler.operations.pull_requests import drift_issue, keep_drift_issue, open_repository

    repository = open_repository(os.environ)
    environment = open_project(directory).settings.policy.environment
    if drift is None:
        open_body = drift_issue(repository, environment)
        if open_body is not None:
            file.write_text(open_body, encoding="utf-8")
        return
    try:
        body = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ElmifyError(f"{file} cannot be read: {error.strerror}") from error
    result(f"issue: {keep_drift_issue(repository, environment, body, wanted=drift > 0)}")
