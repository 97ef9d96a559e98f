from pathlib import Path

import click

from reconciler.cli.console import result, say
from reconciler.cli.project import open_project


@click.group("export")
def command() -> None:
    """Write the catalog in another form."""


@command.command("manifest")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
@click.pass_obj
def manifest(directory: str, out: Path | None) -> None:
    """Write the team's manifest JSON, from the catalog and the lockfile alone."""
    from reconciler.operations.catalog import write_output
    from reconciler.operations.imports import export_manifest

    text = export_manifest(open_project(directory))
    if out is None:
        result(text)
    else:
        write_output(out, f"{text}\n", "the manifest")
        say(f"Wrote {out}.")
