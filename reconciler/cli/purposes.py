"""Plans of another purpose than the catalog's: saved for a review, or shown, asked about and carried out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.apply import approved, conclude, git_advice_on
from reconciler.cli.console import is_interactive, nobody_reads, say
from reconciler.cli.options import option_format, option_lock_timeout
from reconciler.cli.plan import save_plan
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

    if out is None and not auto_approve and not is_interactive():
        raise UsageError(
            "there is no terminal to ask on",
            hint="Save the plan for a review with --out PLANFILE, or approve it unseen with --auto-approve.",
        )
    project = open_project(directory)
    with open_stores(project.settings) as stores:
        request = request_on(stores)
        job = project.job(stores, "apply", lock_timeout, format_)
        if out is not None:
            return _save(job, request, out, format_)
        plan = approved(job, request, ask=not auto_approve, format_=format_)
        if plan is None:
            return Exit.OK
        advice = git_advice_on(stores, request)
        outcome = apply(job, request, [plan])
    try:
        conclude(outcome, format_, shown=True, advice=advice)
    except BrokenPipeError:
        nobody_reads()  # the commit stands, whoever hears of it
    return Exit.OK


def _save(job: "Job", request: "Request", out: Path, format_: str) -> int:
    from reconciler.refresh import make_plan

    plan, _ = make_plan(job.read_catalog, job.policy, job.objects, job.database, request, staging=job.staging)
    save_plan(out, plan)
    print_plan(plan, format_, None)
    say(f"\nSaved. To carry out exactly this plan:\n    elmify apply {out}")
    return Exit.OK
