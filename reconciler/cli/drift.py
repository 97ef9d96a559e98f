from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import colours, result, say
from reconciler.cli.github import write_outputs
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project
from reconciler.model.errors import Exit

if TYPE_CHECKING:
    from reconciler.model.drift import DriftReport


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
    from reconciler.operations.drift import (
        MemoryNotWritten,
        read_drift,
        remember_reported,
        reported_before,
    )
    from reconciler.operations.notify import notify_drift
    from reconciler.operations.workspace import open_workspace

    project = open_project(directory)
    with open_workspace(project) as workspace:
        report = read_drift(workspace)
    known = reported_before(project, issue_body, memory)
    fresh = report.ids - (known or frozenset())
    shown = report.without(known or ()) if new_only else report
    _print(report, shown, fresh, format_)
    try:
        remember_reported(project, report, fresh, issue_body, memory)
    except MemoryNotWritten as error:
        say(f"what was told is not remembered: {error.message}")
    _tell_outputs(report, fresh)
    notify_drift(project.settings, report, fresh, known=bool(known))
    return Exit.OK if shown.clean or exit_zero else Exit.DIFFERENCES


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


def _tell_outputs(report: "DriftReport", fresh: frozenset[str]) -> None:
    """Write the number of differences to the outputs of a workflow.

    Two numbers: how many differences there are, and how many of them are new.
    """
    new = report.without(report.ids - fresh).count
    write_outputs({"drift": str(report.count), "drift_new": str(new)})
