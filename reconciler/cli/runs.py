import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project


@click.command("runs")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, limit: int, format_: str) -> None:
    """List the last runs, newest first."""
    from reconciler.bootstrap import open_stores
    from reconciler.render.history import runs_json, runs_text

    with open_stores(open_project(directory).settings) as stores, stores.database.read() as session:
        runs = session.records.runs(limit)
    result(runs_json(runs) if format_ == "json" else runs_text(runs))
