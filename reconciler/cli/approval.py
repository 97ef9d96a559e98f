"""Approval of a plan at the terminal: shown, asked about, carried out.

They are saved for a review, or shown, approved and carried out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from reconciler.cli.console import discard_stdout, is_interactive, say
from reconciler.cli.options import option_format, option_lock_timeout
from reconciler.cli.plan_output import print_plan, save_plan, say_saved
from reconciler.cli.project import open_workspace
from reconciler.model.errors import Exit, UsageError
from reconciler.model.plan import Plan

if TYPE_CHECKING:
    from reconciler.applying.workspace import Workspace
    from reconciler.operations.apply import Applied
    from reconciler.planning.world import Request


def purpose_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that plans, asks and applies.

    `carry_out` takes them.
    """
    for option in (
        option_format("text", "json"),
        option_lock_timeout(),
        click.option("--auto-approve", is_flag=True, help="Do not ask."),
        click.option(
            "--out",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Save the plan for a review and `elmify apply`, and do nothing.",
        ),
        click.option(
            "--allow",
            multiple=True,
            metavar="NAME=NUMBER",
            help="Lift a guard up to a number: deletes=12, user-rows=40.",
        ),
    ):
        function = option(function)
    return function


def carry_out(
    directory: str,
    request_on: "Callable[[Workspace], Request]",
    *,
    out: Path | None,
    auto_approve: bool,
    lock_timeout: str,
    format_: str,
) -> int:
    """Plan what `request_on` asks for; then save the plan or apply it.

    To apply it means to ask and to carry it out, as `elmify apply` does.
    """
    from reconciler.operations.apply import apply_now
    from reconciler.settings import parse_duration

    with open_workspace(directory, format_) as workspace:
        request = request_on(workspace)
        if out is not None:
            return _save(workspace, request, out, format_)
        if not auto_approve and not is_interactive():
            _refuse_without_terminal(workspace, request)
        applied = apply_now(
            workspace,
            request,
            show=shown_as(format_),
            approve=approval(ask=not auto_approve),
            wait=parse_duration(lock_timeout),
        )
    conclude(applied, format_, shown=True)
    return Exit.OK


def _refuse_without_terminal(workspace: "Workspace", request: "Request") -> NoReturn:
    """Raise the errors of a request that cannot be approved interactively.

    Problems of the request itself are raised first; then that there is no terminal to ask on.
    """
    from dataclasses import replace

    from reconciler.operations.plan import plan
    from reconciler.render.remedies import command_of

    plan(workspace, request)
    review = replace(request.remedy, review=True)
    raise UsageError(
        "there is no terminal to ask on",
        hint="Save the plan for a review, or approve this one unseen:\n"
        f"    {command_of(review)}\n    {command_of(request.remedy)} --auto-approve",
    )


def _save(workspace: "Workspace", request: "Request", out: Path, format_: str) -> int:
    from reconciler.operations.plan import plan

    made = plan(workspace, request)
    save_plan(out, made)
    print_plan(made, format_, None, out=out)
    say_saved(made, out)
    return Exit.OK


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
    if applied.declined:
        say("Nothing was applied.")
    elif format_ == "json":
        from reconciler.cli.progress import emit
        from reconciler.render.outcomes import outcome_facts

        _though_nothing_reads(lambda: emit("complete", **outcome_facts(applied.outcome, applied.rolled_back)))
    elif applied.outcome is not None:
        from reconciler.render.outcomes import outcome_text

        text = outcome_text(applied.outcome, applied.rolled_back, shown=shown)
        _though_nothing_reads(lambda: click.echo(text) if text else None)


def _though_nothing_reads(print_it: "Callable[[], None]") -> None:
    """Print, ignoring a closed pipe.

    What was committed stays committed, whether anyone reads this or not.
    """
    try:
        print_it()
    except BrokenPipeError:
        discard_stdout()
