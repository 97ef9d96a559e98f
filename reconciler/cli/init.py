import json
from pathlib import Path

import click

from reconciler.cli.console import result, say


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
def command(directory: Path) -> None:
    """Write a commented elmify.yaml and an example catalog.

    Nothing that is there already is overwritten.
    """
    from reconciler.loading.init import init_project
    from reconciler.loading.schema import catalog_schema

    done = init_project(directory, json.dumps(catalog_schema(), indent=2, ensure_ascii=False) + "\n")
    for name in done.written:
        result(f"wrote  {directory / name}")
    for name in done.kept:
        result(f"kept   {directory / name}")
    if not done.written:
        say("Everything is there already. Nothing was written.")
        return
    enter = "" if directory == Path() else f"    cd {directory}\n"
    say(
        "\nThe example is ready for a bucket and a database of its own under .elmify/:\n"
        f"{enter}    elmify plan\n"
        "    elmify apply\n"
        "Then replace it with your own speakers, run `elmify lock`, and plan again."
    )
