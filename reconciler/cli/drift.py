import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import colours, result, say
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project
from reconciler.model.errors import ElmifyError, Exit

if TYPE_CHECKING:
    from reconciler.model.drift import DriftReport
    from reconciler.operations.project import Project

_MEMORY_NAME = "drift.json"


@click.command("drift")
@option_format("text", "json", "markdown")
@click.option("--exit-zero", is_flag=True, help="Exit 0 also when there is drift.")
@click.option("--new-only", is_flag=True, help="Leave out what an earlier report has told.")
@click.option(
    "--issue-body",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the body of one issue there; if the file holds the last body, go on from it.",
)
@click.option(
    "--memory",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to remember what was told. [default: the issue's body, else .elmify/drift.json]",
)
@click.pass_obj
def command(
    directory: str,
    format_: str,
    exit_zero: bool,
    new_only: bool,
    issue_body: Path | None,
    memory: Path | None,
) -> int:
    """Show what other hands changed in the stores since the last apply.

    Compares what the last apply left with what is there now: rows missing, edited or new, objects missing,
    replaced or new. Not what the catalog wants and nobody has applied yet, and not the columns that the app
    owns. Writes to neither store, and read-only rights are enough.

    Exits 2 when there is any; with --new-only, when there is some that was not told before.
    """
    from reconciler.operations.drift import read_drift
    from reconciler.operations.notify import notify_drift
    from reconciler.operations.workspace import open_workspace

    project = open_project(directory)
    with open_workspace(project) as workspace:
        report = read_drift(workspace)
    known = _known(project, issue_body, memory)
    fresh = report.ids - (known or frozenset())
    shown = report.without(known or ()) if new_only else report
    _print(report, shown, fresh, format_)
    _remember(project, report, fresh, issue_body, memory)
    _tell_outputs(report, fresh)
    notify_drift(project.settings, report, fresh, known=bool(known))
    return Exit.OK if shown.clean or exit_zero else Exit.DIFFERENCES


def _known(project: "Project", issue_body: Path | None, memory: Path | None) -> frozenset[str] | None:
    """Return the ids of the differences that were reported before.

    They are read from the file that was named, from the issue, or from the project's own file.
    """
    from reconciler.notifications.reported import remembered_drift
    from reconciler.render.drift.formats import remembered

    environment = project.settings.policy.environment
    if memory is None and issue_body is not None:
        return remembered(_text_of(issue_body), environment)
    return remembered_drift(memory or project.settings.state_dir / _MEMORY_NAME, environment)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _print(report: "DriftReport", shown: "DriftReport", fresh: frozenset[str], format_: str) -> None:
    from reconciler.render.drift.formats import drift_json, drift_markdown, drift_text
    from reconciler.render.drift.sentences import nothing_new

    match format_:
        case "json":
            result(drift_json(shown, fresh=fresh))
        case "markdown":
            result(drift_markdown(shown, fresh=fresh))
        case _ if shown.clean and not report.clean:
            result(nothing_new(report))
        case _:
            result(drift_text(shown, fresh=fresh, colour=colours()))


def _remember(
    project: "Project",
    report: "DriftReport",
    fresh: frozenset[str],
    issue_body: Path | None,
    memory: Path | None,
) -> None:
    """Save the ids of all reported differences.

    All that exist now are saved, so that a difference that disappears and comes back is reported
    again.
    """
    from reconciler.notifications.reported import drift_memory
    from reconciler.render.drift.formats import drift_markdown

    if issue_body is not None:
        _write(issue_body, drift_markdown(report, fresh=fresh))
    if memory is not None or issue_body is None:
        file = memory or project.settings.state_dir / _MEMORY_NAME
        text = drift_memory(file, project.settings.policy.environment, report.ids)
        if memory is not None:
            _write(file, text)
        else:
            _write_if_possible(file, text)


def _write(file: Path, text: str) -> None:
    from reconciler.loading.atomic_write import write_whole

    try:
        write_whole(file, text)
    except OSError as error:
        raise ElmifyError(
            f"{file} cannot be written: {error.strerror}", hint="The report above is whole all the same."
        ) from error


def _write_if_possible(file: Path, text: str) -> None:
    """Write the default memory file, or warn when that is not possible.

    The user did not ask for this file, so a read-only checkout is no reason to fail.
    """
    try:
        _write(file, text)
    except ElmifyError as error:
        say(f"what was told is not remembered: {error.message}")


def _tell_outputs(report: "DriftReport", fresh: frozenset[str]) -> None:
    """Write the number of differences to the outputs of a GitHub workflow.

    Two numbers: how many differences there are, and how many of them are new.
    """
    from reconciler.render.github import output_lines

    if file := os.environ.get("GITHUB_OUTPUT"):
        new = report.without(report.ids - fresh).count
        with Path(file).open("a", encoding="utf-8") as outputs:
            outputs.write(output_lines({"drift": str(report.count), "drift_new": str(new)}))
