from pathlib import Path

import click

from reconciler.cli.console import say
from reconciler.cli.options import option_format, request_from, request_options
from reconciler.cli.project import open_project
from reconciler.cli.show import print_plan
from reconciler.model.errors import ElmifyError, Exit


@click.command("plan")
@request_options
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan for `elmify apply`."
)
@click.option(
    "--json-into", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON there too."
)
@option_format("text", "json", "markdown")
@click.option("--detail", type=click.Choice(["summary", "resources", "attributes"]), help="How much to show.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@click.pass_obj
def command(
    directory: str,
    only: tuple[str, ...],
    allow: tuple[str, ...],
    delete_unmanaged: bool,
    rekey: bool,
    out: Path | None,
    json_into: Path | None,
    format_: str,
    detail: str | None,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would change.

    Reads the catalog, the bucket and the database; writes to none of them. Exits 0; with
    --detailed-exitcode 2 when there are changes.
    """
    from reconciler.bootstrap import open_stores
    from reconciler.planning.planner import refuse_idle_globs
    from reconciler.refresh import make_plan
    from reconciler.render.plan_json import dump_plan

    request = request_from(only, allow, delete_unmanaged=delete_unmanaged, rekey=rekey)
    project = open_project(directory)
    with open_stores(project.settings) as stores:
        plan, world = make_plan(
            project.catalog, project.settings.policy, stores.objects, stores.database, request
        )
        refuse_idle_globs(world, plan)
    for file in filter(None, (out, json_into)):
        _save(file, dump_plan(plan))
    print_plan(plan, format_, detail)
    if out is not None:
        say(f"\nSaved. To carry out exactly this plan:\n    elmify apply {out}")
    return Exit.DIFFERENCES if detailed_exitcode and not plan.empty else Exit.OK


def _save(file: Path, text: str) -> None:
    from reconciler.loading.writing import write_whole

    try:
        write_whole(file, text)
    except OSError as error:
        raise ElmifyError(
            f"the plan cannot be written to {file}: {error.strerror}", hint="Nothing was changed."
        ) from error
