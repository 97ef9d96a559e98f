import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_workspace


@click.command("lease")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, format_: str) -> None:
    """Show who may apply now."""
    from reconciler.operations.status import read_lease
    from reconciler.render.history import lease_json, lease_text

    with open_workspace(directory) as workspace:
        lease = read_lease(workspace)
    result(lease_json(lease) if format_ == "json" else lease_text(lease))
