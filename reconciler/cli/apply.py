from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import is_interactive, nobody_reads, say
from reconciler.cli.options import option_format, option_lock_timeout, request_from, request_options
from reconciler.cli.project import open_project
from reconciler.cli.show import print_plan, read_plan
from reconciler.model.errors import Exit, UsageError
from reconciler.model.plan import Action, Plan
from reconciler.model.values import counted, readable_size

if TYPE_CHECKING:
    from reconciler.applying.apply import Job, Outcome
    from reconciler.planning.world import Request


@click.command("apply")
@click.argument("planfiles", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@request_options
@click.option("--auto-approve", is_flag=True, help="Do not ask; the plan of this very moment is carried out.")
@option_lock_timeout()
@option_format("text", "json")
@click.pass_obj
def command(
    directory: str,
    planfiles: tuple[Path, ...],
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
    from reconciler.applying.apply import apply, request_of
    from reconciler.bootstrap import open_stores

    reviewed = [read_plan(file) for file in planfiles]
    request = request_from(only, allow, delete_unmanaged=delete_unmanaged, rekey=rekey)
    if reviewed:
        _refuse_more_options(request)
        request = request_of(reviewed)
    elif not auto_approve and not is_interactive():
        raise UsageError(
            "there is no terminal to ask on",
            hint="Give a reviewed plan, or approve this one unseen:\n    elmify apply PLANFILE\n"
            "    elmify apply --auto-approve",
        )
    project = open_project(directory)
    with open_stores(project.settings) as stores:
        job = project.job(stores, "apply", lock_timeout, format_)
        if not reviewed:
            plan = _approved(job, request, ask=not auto_approve, format_=format_)
            if plan is None:
                return Exit.OK
            reviewed = [plan]
        outcome = apply(job, request, reviewed)
    try:
        _conclude(outcome, format_, shown=not planfiles)
    except BrokenPipeError:
        nobody_reads()  # the commit stands, whoever hears of it
    return Exit.OK


def _refuse_more_options(request: "Request") -> None:
    if request.scope or request.options or request.allowances:
        raise UsageError(
            "a plan file already says what it is limited to and what it may do",
            hint="Give these options to `elmify plan`, so that they are reviewed with it.",
        )


def _approved(job: "Job", request: "Request", *, ask: bool, format_: str) -> Plan | None:
    """Plan, show it, and ask; None when there is nothing to do, or the answer is no."""
    from reconciler.applying.apply import finish_earlier, refuse_blocked
    from reconciler.planning.planner import refuse_idle_globs
    from reconciler.refresh import make_plan

    plan, world = make_plan(job.read_catalog, job.policy, job.objects, job.database, request)
    refuse_idle_globs(world, plan)
    if format_ == "text":
        print_plan(plan, "text", None)
    refuse_blocked(plan)
    if not plan.changes:
        finish_earlier(job.database, job.objects)
        if format_ == "json":
            from reconciler.cli.progress import emit

            emit("complete", changes=0)
        return None
    if ask and not plan.empty and not click.confirm("\nApply this?", default=False, err=True):
        say("Nothing was applied.")
        return None
    return plan


def _conclude(outcome: "Outcome", format_: str, *, shown: bool) -> None:
    """Say what was done; of nothing done only what the plan has not already `shown`."""
    plan = outcome.plan
    if format_ == "json":
        from reconciler.cli.progress import emit

        emit("complete", run=outcome.run, changes=len(plan.changes), uploaded_bytes=outcome.uploaded_bytes)
        return
    if plan.empty:
        if plan.changes:
            click.echo(f"Recorded for {counted(len(plan.changes), 'resource')}.")
        elif not shown:
            click.echo("No changes. The library matches the catalog.")
        return
    counts = [
        (Action.ADOPT, "imported"),
        (Action.CREATE, "added"),
        (Action.UPDATE, "changed"),
        (Action.MOVE, "moved"),
        (Action.DELETE, "deleted"),
        (Action.FORGET, "forgotten"),
    ]
    always = {Action.CREATE, Action.UPDATE, Action.DELETE}
    said = [
        f"{plan.count(action):,} {word}" for action, word in counts if action in always or plan.count(action)
    ]
    click.echo(f"\nApply complete! Resources: {', '.join(said)}.")
    if outcome.uploaded_files:
        size = readable_size(outcome.uploaded_bytes)
        files = counted(outcome.uploaded_files, "file")
        click.echo(f"Run {outcome.run} uploaded {files} ({size}) and committed everything at once.")
