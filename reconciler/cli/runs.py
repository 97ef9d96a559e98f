import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_workspace


@click.command("runs")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, limit: int, format_: str) -> None:
    """List the last runs, newest first."""
    from reconciler.operations.status import last_runs
    from reconciler.render.history import runs_json, runs_text

    with open_workspace(directory) as workspace:
        runs = last_runs(workspace, limit)
    result(runs_json(runs) if format_ == "json" else runs_text(runs))
