from pathlib import Path

import click

from reconciler.cli.import_report import report
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project


@click.group("import")
def command() -> None:
    """Declare what exists already: live, in a folder, or in a manifest.

    Entries that are written stay as they are; what cannot be joined is listed with its reason.
    """


@command.command("live")
@click.option("--as-is", is_flag=True, help="Put up with every column that a plan would correct.")
@click.option("--hash", "hash_", is_flag=True, help="Stream the objects whose hash nobody knows.")
@click.option(
    "--clean",
    multiple=True,
    type=click.Choice(["names", "titles", "numbers"]),
    help="Tidy names of speakers, titles, or numbers of lectures, declared ones too.",
)
@option_format("text", "json")
@click.pass_obj
def live(directory: str, as_is: bool, hash_: bool, clean: tuple[str, ...], format_: str) -> int:
    """Declare what the bucket and the database hold. Changes nothing live.

    Names, titles and numbers are declared as the rows have them; numbers that the names of recordings prove
    wrong, where more lectures play for it, are corrected.
    """
    from reconciler.model.outcomes import Tidied
    from reconciler.operations.imports import import_live
    from reconciler.operations.workspace import open_workspace

    project = open_project(directory)
    with open_workspace(project) as workspace:
        imported = import_live(
            project, workspace, as_is=as_is, learn_hashes=hash_, clean=[Tidied(each) for each in clean]
        )
    return report(imported, format_)


@command.command("files")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@option_format("text", "json")
@click.pass_obj
def files(directory: str, folder: Path, format_: str) -> int:
    """Declare the files of a content folder in the catalog.

    Names, sidecars and tags give the entries; the files are hashed into the lockfile.
    """
    from reconciler.operations.imports import import_files

    return report(import_files(open_project(directory), folder), format_)


@command.command("manifest")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@option_format("text", "json")
@click.pass_obj
def manifest(directory: str, file: Path, format_: str) -> int:
    """Declare what the team's manifest JSON names."""
    from reconciler.operations.imports import import_manifest

    return report(import_manifest(open_project(directory), file), format_)
