from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import colours, result, say, show_diagnostics
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project
from reconciler.model.diagnostics import has_errors
from reconciler.model.errors import Exit
from reconciler.model.values import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.model.address import Address
    from reconciler.model.outcomes import Imported


@click.group("import")
def command() -> None:
    """Declare what exists already: live, in a folder, or in a manifest.

    Entries that are written stay as they are; what cannot be joined is listed with its reason.
    """


@command.command("live")
@click.option("--as-is", is_flag=True, help="Put up with every column that a plan would correct.")
@click.option("--hash", "hash_", is_flag=True, help="Stream the objects whose hash nobody knows.")
@option_format("text", "json")
@click.pass_obj
def live(directory: str, as_is: bool, hash_: bool, format_: str) -> int:
    """Declare what the bucket and the database hold. Changes nothing live."""
    from reconciler.operations.imports import import_live
    from reconciler.operations.workspace import open_workspace

    project = open_project(directory)
    with open_workspace(project) as workspace:
        imported = import_live(project, workspace, as_is=as_is, learn_hashes=hash_)
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


def _next_step(imported: "Imported") -> str:
    from reconciler.model.outcomes import Reason

    unlocked = sum(each.reason is Reason.NOT_LOCKED for each in imported.findings)
    if not unlocked:
        return "Nothing live was changed. See what an apply would do with\n    elmify plan"
    return (
        f"Nothing live was changed. The lockfile does not know {counted(unlocked, 'file')} yet: "
        "put them under the media folder, then\n    elmify lock\n    elmify plan"
    )


def report(
    imported: "Imported", format_: str, accepted: "Mapping[Address, Sequence[str]] | None" = None
) -> int:
    """Print the result of an import and return the exit status.

    The status says whether the catalog has mistakes now.
    """
    from shutil import get_terminal_size

    from reconciler.render.import_report import report_json, report_text

    if format_ == "json":
        result(report_json(imported, accepted))
    else:
        show_diagnostics(imported.diagnostics)
        width = max(get_terminal_size((120, 24)).columns, 60)
        result(report_text(imported, accepted, width=width, colour=colours()))
        say(_next_step(imported))
    return Exit.ERROR if has_errors(imported.diagnostics) else Exit.OK
