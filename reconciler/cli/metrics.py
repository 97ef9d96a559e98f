from pathlib import Path

import click

from reconciler.cli.console import result, say
from reconciler.cli.project import open_project
from reconciler.model.errors import ElmifyError


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
    drift, playable lectures, the size of both stores, and user rows lost. Reads both stores once; read-only
    rights are enough.
    """
    from reconciler.bootstrap import open_stores
    from reconciler.inspecting.figures import read_figures
    from reconciler.loading.atomic_write import write_whole
    from reconciler.render.metrics import metrics_text

    settings = open_project(directory).settings
    with open_stores(settings) as stores:
        text = metrics_text(read_figures(settings.policy.environment, stores.objects, stores.database))
    if textfile is None:
        result(text)
        return
    try:
        write_whole(textfile, text)
    except OSError as error:
        raise ElmifyError(f"the metrics cannot be written to {textfile}: {error.strerror}") from error
    say(f"Written to {textfile}.")
