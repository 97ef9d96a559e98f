from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import discard_stdout, is_interactive, say
from reconciler.cli.github import tell_outputs
from reconciler.cli.options import option_format, option_lock_timeout, request_from, request_options
from reconciler.cli.project import open_workspace
from reconciler.cli.show import print_plan, read_plan
from reconciler.model.errors import Exit, UsageError
from reconciler.model.plan import Action, Plan
from reconciler.model.values import counted, readable_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.model.outcomes import Outcome
    from reconciler.operations.apply import Applied
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


def shown_as(format_: str) -> "Callable[[Plan], None]":
    """Return the function that shows a plan before asking for approval.

    With JSON output it shows nothing: JSON has no form for a plan that waits for an answer.
    """

    def show(plan: Plan) -> None:
        if format_ == "text":
            print_plan(plan, "text", None)

    return show


def approval(*, ask: bool) -> "Callable[[Plan], bool]":
    """Return what asks the person at the terminal, or says yes unseen."""

    def approve(_plan: Plan) -> bool:
        return not ask or click.confirm("\nApply this?", default=False, err=True)

    return approve


def conclude(applied: "Applied", format_: str, *, shown: bool) -> None:
    """Print the result of an apply.

    When nothing was done, print only what the plan has not already `shown`.
    """
    from reconciler.render.history import git_advice

    if applied.declined:
        say("Nothing was applied.")
    elif applied.outcome is None and format_ == "json":
        from reconciler.cli.progress import emit

        emit("complete", changes=0)
    elif applied.outcome is not None:
        advice = git_advice(applied.rolled_back) if applied.rolled_back is not None else ""
        try:
            _conclude(applied.outcome, format_, shown=shown, advice=advice)
        except BrokenPipeError:
            discard_stdout()  # the commit stands, whether anyone reads this or not


def _conclude(outcome: "Outcome", format_: str, *, shown: bool, advice: str) -> None:
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
    """Return the additional facts for the last event of a rollback or a merge."""
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
