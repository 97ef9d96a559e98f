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
    from reconciler.importing.manifest import manifest_json
    from reconciler.loading.atomic_write import write_whole

    project = open_project(directory)
    text = manifest_json(project.catalog(), project.settings.policy.layout)
    if out is None:
        result(text)
    else:
        write_whole(out, f"{text}\n")
        say(f"Wrote {out}.")
