import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project
from reconciler.model.errors import Exit
from reconciler.model.staging import Whereabouts


@click.command("stage")
@click.option("--check", is_flag=True, help="Put nothing; exit 1 when something is missing.")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, check: bool, format_: str) -> int:
    """Stage the bytes that the lockfile names and the library lacks.

    They are put where `elmify apply` finds them: under `staged/<sha256>` of R2_STAGING_BUCKET, or
    under `.elmify/staged/` of the library's own bucket. When a database is named, only what the plan
    needs is staged; a contributor may have keys to the buckets alone. Exits 1 when bytes are neither
    live nor staged, and not on this disk.
    """
    from reconciler.operations.stage import check_staged, stage
    from reconciler.operations.workspace import open_workspace
    from reconciler.render.status import staging_json, staging_text

    project = open_project(directory)
    by_lockfile = bool(project.settings.stores.database_mistakes)
    with open_workspace(project, database_optional=True) as workspace:
        work = check_staged if check else stage
        located = work(workspace, by_lockfile=by_lockfile)
    result(staging_json(located) if format_ == "json" else staging_text(located))
    return Exit.ERROR if any(one.where is Whereabouts.MISSING for one in located) else Exit.OK
