"""Plans of another purpose than the catalog's: saved for a review, or shown, asked about and carried out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from reconciler.cli.apply import approved, conclude, git_advice_on
from reconciler.cli.console import discard_stdout, is_interactive
from reconciler.cli.options import option_format, option_lock_timeout
from reconciler.cli.plan import save_plan, say_saved
from reconciler.cli.project import open_project
from reconciler.cli.show import print_plan
from reconciler.model.errors import Exit, UsageError

if TYPE_CHECKING:
    from reconciler.applying.apply import Job
    from reconciler.bootstrap import Stores
    from reconciler.planning.world import Request


def purpose_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that plans, asks and applies; `carry_out` takes them."""
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
    request_on: "Callable[[Stores], Request]",
    *,
    out: Path | None,
    auto_approve: bool,
    lock_timeout: str,
    format_: str,
) -> int:
    """Plan what `request_on` asks for; then save the plan, or ask and carry it out as `elmify apply` does."""
    from reconciler.applying.apply import apply
    from reconciler.bootstrap import open_stores

    project = open_project(directory)
    with open_stores(project.settings) as stores:
        request = request_on(stores)
        job = project.job(stores, "apply", lock_timeout, format_)
        if out is not None:
            return _save(job, request, out, format_)
        if not auto_approve and not is_interactive():
            _refuse_without_terminal(job, request)
        plan = approved(job, request, ask=not auto_approve, format_=format_)
        if plan is None:
            return Exit.OK
        advice = git_advice_on(stores, request)
        outcome = apply(job, request, [plan])
    try:
        conclude(outcome, format_, shown=True, advice=advice)
    except BrokenPipeError:
        discard_stdout()  # the commit stands, whoever hears of it
    return Exit.OK


def _refuse_without_terminal(job: "Job", request: "Request") -> NoReturn:
    """Raise what is wrong with what was asked for, before saying that nobody can be asked about it."""
    from reconciler.applying.refresh import make_plan

    make_plan(job.read_catalog, job.policy, job.objects, job.database, request, staging=job.staging)
    allowed = [f"--allow {name}={count}" for name, count in request.allowances.items()]
    command = " ".join([request.asking, *allowed])
    raise UsageError(
        "there is no terminal to ask on",
        hint=f"Save the plan for a review, or approve this one unseen:\n    {command} --out plans/next.json\n"
        f"    {command} --auto-approve",
    )


def _save(job: "Job", request: "Request", out: Path, format_: str) -> int:
    from reconciler.applying.refresh import make_plan
    from reconciler.planning.guards import saved_as

    plan, _ = make_plan(job.read_catalog, job.policy, job.objects, job.database, request, staging=job.staging)
    plan = saved_as(plan, str(out))
    save_plan(out, plan)
    print_plan(plan, format_, None)
    say_saved(plan, out)
    return Exit.OK
