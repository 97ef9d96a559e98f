import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_workspace


@click.command("status")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, format_: str) -> None:
    """Show the status of this environment and the command to run next.

    It shows who may apply now, the last runs, and what an interrupted run left: uploads that no row
    names, multipart uploads that were never completed, staged copies. Reads only, and needs no more
    than read rights.
    """
    from reconciler.operations.status import read_status
    from reconciler.planning.advice import advise
    from reconciler.render.status import status_json, status_text

    with open_workspace(directory) as workspace:
        status = read_status(workspace)
    render = status_json if format_ == "json" else status_text
    result(render(status, advise(status)))
