from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import say
from reconciler.cli.github import tell_outputs
from reconciler.cli.options import option_format, request_from, request_options
from reconciler.cli.plan_output import (
    PLAN_FORMATS,
    Media,
    option_max_bytes,
    print_plan,
    refuse_idle_options,
    save_plan,
    say_saved,
)
from reconciler.cli.project import open_project
from reconciler.model.errors import Exit, UsageError
from reconciler.model.plan import Plan

if TYPE_CHECKING:
    from reconciler.applying.workspace import Workspace


#: The endings of files that nobody means to apply.
_PAGES = frozenset({".html", ".htm", ".md"})


@click.command("plan")
@request_options
@click.option(
    "--changed-since", metavar="REV", help="Limit it to what the catalog says otherwise since a git revision."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan for `elmify apply`."
)
@click.option(
    "--json-into", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON there too."
)
@option_format(*PLAN_FORMATS)
@click.option("--detail", type=click.Choice(["summary", "resources", "attributes"]), help="How much to show.")
@option_max_bytes()
@click.option(
    "--presign",
    metavar="DURATION",
    help="With --format html: put links to what is new into the page, which anybody can open for this long.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@click.pass_obj
def command(
    directory: str,
    only: tuple[str, ...],
    allow: tuple[str, ...],
    delete_unmanaged: bool,
    rekey: bool,
    changed_since: str | None,
    out: Path | None,
    json_into: Path | None,
    format_: str,
    detail: str | None,
    max_bytes: int | None,
    presign: str | None,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would change.

    Reads the catalog, the bucket and the database; writes to none of them. Exits 0; with
    --detailed-exitcode 2 when there are changes.
    """
    from reconciler.operations import plan as operations
    from reconciler.operations.workspace import open_workspace

    _refuse_useless_options(format_, max_bytes, presign, out)
    request = request_from(only, allow, delete_unmanaged=delete_unmanaged, rekey=rekey)
    project = open_project(directory)
    if changed_since is not None:
        narrowed = operations.changed_since(project, request, changed_since)
        if narrowed is None:
            say(f"Nothing in the catalog says otherwise since {changed_since}. Nothing was compared.")
            return Exit.OK
        request = narrowed
    with open_workspace(project) as workspace:
        plan = operations.plan(workspace, request, computed_scope=changed_since is not None)
        media = _media(plan, workspace, presign) if format_ == "html" else None
    for file in filter(None, (out, json_into)):
        save_plan(file, plan)
    print_plan(plan, format_, detail, max_bytes=max_bytes, media=media, out=out)
    tell_outputs(plan)
    if out is not None:
        say_saved(plan, out)
    return Exit.DIFFERENCES if detailed_exitcode and not plan.empty else Exit.OK


def _refuse_useless_options(
    format_: str, max_bytes: int | None, presign: str | None, out: Path | None
) -> None:
    refuse_idle_options(format_, max_bytes)
    if presign is not None and format_ != "html":
        raise UsageError("--presign is for --format html", hint="Only the page shows pictures and sound.")
    if out is not None and out.suffix.lower() in _PAGES:
        raise UsageError(
            "--out saves the plan for `elmify apply`, which is JSON",
            hint=f"A page or a comment goes to stdout:\n    elmify plan --format {format_} > {out}",
        )


def _media(plan: Plan, workspace: "Workspace", presign: str | None) -> Media:
    """Return the sources of new pictures and sound for the plan page.

    With `presign`, these are links that expire.
    """
    from reconciler.operations.plan import presigned_links
    from reconciler.settings import parse_duration

    base_url = workspace.policy.layout.base_url
    if presign is None:
        return Media(base_url=base_url)
    links, end = presigned_links(workspace, plan, parse_duration(presign))
    return Media(base_url=base_url, links=links, links_end=end)
