from pathlib import Path

import click

from reconciler.cli.console import result, say
from reconciler.cli.project import open_workspace


@click.command("metrics")
@click.option(
    "--textfile",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write them there, whole or not at all, for node_exporter's textfile collector.",
)
@click.pass_obj
def command(directory: str, textfile: Path | None) -> None:
    """Print how it stands in numbers, as Prometheus reads them.

    The last success of each command, runs by outcome and how long they took, bytes put, objects and rows,
    drift, lectures that play by each way, the size of both stores, and user rows lost. Reads both stores
    once; read-only rights are enough.
    """
    from reconciler.operations.catalog import write_output
    from reconciler.operations.metrics import read_figures
    from reconciler.render.metrics import metrics_text

    with open_workspace(directory) as workspace:
        text = metrics_text(read_figures(workspace))
    if textfile is None:
        result(text)
        return
    write_output(textfile, text, "the metrics")
    say(f"Written to {textfile}.")
