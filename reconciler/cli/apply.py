from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import discard_stdout, is_interactive, say
from reconciler.cli.github import tell_outputs
from reconciler.cli.options import option_format, option_lock_timeout, request_from, request_options
from reconciler.cli.project import open_project
from reconciler.cli.show import print_plan, read_plan
from reconciler.model.errors import Exit, UsageError
from reconciler.model.plan import Action, Plan
from reconciler.model.values import counted, readable_size

if TYPE_CHECKING:
    from reconciler.applying.apply import Job, Outcome
    from reconciler.bootstrap import Stores
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
    from reconciler.applying.apply import apply, request_of
    from reconciler.bootstrap import open_stores

    if folder is not None:
        planfiles += tuple(sorted(folder.glob("*.json")))
    only_reviewed = bool(planfiles) or folder is not None
    reviewed = [read_plan(file) for file in planfiles]
    request = request_from(only, allow, delete_unmanaged=delete_unmanaged, rekey=rekey)
    if only_reviewed:
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
        if len(planfiles) == 1:
            job = replace(job, plan_file=str(planfiles[0]))
        if not only_reviewed:
            plan = approved(job, request, ask=not auto_approve, format_=format_)
            if plan is None:
                return Exit.OK
            reviewed = [plan]
        advice = git_advice_on(stores, request)
        outcome = apply(job, request, reviewed)
    try:
        conclude(outcome, format_, shown=not only_reviewed, advice=advice)
    except BrokenPipeError:
        discard_stdout()  # the commit stands, whoever hears of it
    tell_outputs(outcome.plan)
    return Exit.OK


def _refuse_more_options(request: "Request") -> None:
    if request.scope or request.options or request.allowances:
        raise UsageError(
            "a plan file already says what it is limited to and what it may do",
            hint="Give these options to `elmify plan`, so that they are reviewed with it.",
        )


def approved(job: "Job", request: "Request", *, ask: bool, format_: str) -> Plan | None:
    """Plan, show it, and ask; None when there is nothing to do, or the answer is no."""
    from reconciler.applying.apply import finish_earlier, refuse_blocked
    from reconciler.applying.refresh import make_plan
    from reconciler.planning.planner import refuse_idle_globs

    plan, world = make_plan(
        job.read_catalog, job.policy, job.objects, job.database, request, staging=job.staging
    )
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


def git_advice_on(stores: "Stores", request: "Request") -> str:
    """Return what is to be done in git after a rollback, which leaves the catalog ahead; else nothing.

    Asked before the commit: after it, nothing that may fail comes between what stands and the person.
    """
    if request.rolls_back is None:
        return ""
    from reconciler.render.history import git_advice

    with stores.database.read() as session:
        run = session.records.run(request.rolls_back)
    return git_advice(run) if run is not None else ""


def conclude(outcome: "Outcome", format_: str, *, shown: bool, advice: str = "") -> None:
    """Say what was done; of nothing done only what the plan has not already `shown`. `advice` comes last."""
    from reconciler.render.plan.sentences import plan_line

    plan = outcome.plan
    advice = advice if plan.changes else ""
    if format_ == "json":
        from reconciler.cli.progress import emit

        emit(
            "complete",
            run=outcome.run,
            changes=len(plan.changes),
            uploaded_bytes=outcome.uploaded_bytes,
            **({"copied_bytes": outcome.copied_bytes} if outcome.copied_files else {}),
            **_as_facts(outcome, advice),
        )
        return
    if plan.empty:
        if plan.changes:
            click.echo(f"Recorded for {counted(len(plan.changes), 'resource')}.")
        elif not shown:
            click.echo(plan_line(plan))
        _say_last(outcome, advice)
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
    what = "Rollback" if plan.rolls_back is not None else "Merge" if plan.merges is not None else "Apply"
    click.echo(f"\n{what} complete! Resources: {', '.join(said)}.")
    transfers = [
        ("uploaded", outcome.uploaded_files, outcome.uploaded_bytes),
        ("copied", outcome.copied_files, outcome.copied_bytes),
    ]
    done = [f"{verb} {counted(n, 'file')} ({readable_size(size)})" for verb, n, size in transfers if n]
    if done:
        click.echo(f"Run {outcome.run} {' and '.join([', '.join(done), 'committed everything at once'])}.")
    _say_last(outcome, advice)


def _as_facts(outcome: "Outcome", advice: str) -> dict[str, object]:
    """Return what the last event of a rollback or a merge says beside the rest."""
    from dataclasses import asdict

    if outcome.plan.merges is not None:
        return {"merges": outcome.plan.merges, "merged": asdict(outcome.merged)}
    if outcome.plan.rolls_back is None:
        return {}
    return {"rolls_back": outcome.plan.rolls_back, "restored": asdict(outcome.restored), "advice": advice}


def _say_last(outcome: "Outcome", advice: str) -> None:
    from reconciler.render.plan.sentences import merged_sentence, restored_sentence

    if told := restored_sentence(outcome.restored) or merged_sentence(outcome.merged):
        click.echo(f"Run {outcome.run} {told}.")
    if advice:
        click.echo(f"\n{advice}")
