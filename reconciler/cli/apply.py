from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.approval import approval, conclude, shown_as
from reconciler.cli.console import is_interactive
from reconciler.cli.github import tell_outputs
from reconciler.cli.options import option_format, option_lock_timeout, request_from, request_options
from reconciler.cli.plan_output import read_plan
from reconciler.cli.project import open_workspace
from reconciler.model.errors import Exit, UsageError

if TYPE_CHECKING:
    from reconciler.planning.world import Request


@click.command("apply")
@click.argument("planfiles", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--reviewed",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Also every plan file in this folder. When there is none, nothing may change.",
)
@request_options
@click.option("--auto-approve", is_flag=True, help="Do not ask; the plan of this very moment is carried out.")
@option_lock_timeout()
@option_format("text", "json")
@click.pass_obj
def command(
    directory: str,
    planfiles: tuple[Path, ...],
    folder: Path | None,
    only: tuple[str, ...],
    allow: tuple[str, ...],
    delete_unmanaged: bool,
    rekey: bool,
    auto_approve: bool,
    lock_timeout: str,
    format_: str,
) -> int:
    """Make both stores match the catalog, as one commit.

    With PLANFILES, carries out what was reviewed in them and nothing else (exit 4 when it would be anything
    else). Without, shows the plan and asks.
    """
    from reconciler.operations.apply import apply_now, apply_reviewed
    from reconciler.settings import parse_duration

    if folder is not None:
        planfiles += tuple(sorted(folder.glob("*.json")))
    only_reviewed = bool(planfiles) or folder is not None
    reviewed = [read_plan(file) for file in planfiles]
    request = request_from(only, allow, delete_unmanaged=delete_unmanaged, rekey=rekey)
    if only_reviewed:
        _refuse_more_options(request)
    elif not auto_approve and not is_interactive():
        raise UsageError(
            "there is no terminal to ask on",
            hint="Give a reviewed plan, or approve this one unseen:\n    elmify apply PLANFILE\n"
            "    elmify apply --auto-approve",
        )
    wait = parse_duration(lock_timeout)
    with open_workspace(directory, format_) as workspace:
        if only_reviewed:
            file = str(planfiles[0]) if len(planfiles) == 1 else None
            applied = apply_reviewed(workspace, reviewed, plan_file=file, wait=wait)
        else:
            asking = approval(ask=not auto_approve)
            applied = apply_now(workspace, request, show=shown_as(format_), approve=asking, wait=wait)
    conclude(applied, format_, shown=not only_reviewed)
    if applied.outcome is not None:
        tell_outputs(applied.plan)
    return Exit.OK


def _refuse_more_options(request: "Request") -> None:
    if request.scope or request.options or request.allowances:
        raise UsageError(
            "a plan file already says what it is limited to and what it may do",
            hint="Give these options to `elmify plan`, so that they are reviewed with it.",
        )
