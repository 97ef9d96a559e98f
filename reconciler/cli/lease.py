import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project


@click.command("lease")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, format_: str) -> None:
    """Show who may apply now."""
    from reconciler.bootstrap import open_stores
    from reconciler.render.history import lease_json, lease_text

    with open_stores(open_project(directory).settings) as stores, stores.database.read() as session:
        lease = session.records.lease()
    result(lease_json(lease) if format_ == "json" else lease_text(lease))
