from pathlib import Path

import click

from reconciler.cli.console import result
from reconciler.cli.import_report import report
from reconciler.cli.options import option_format
from reconciler.cli.project import open_project


@click.group("new")
def command() -> None:
    """Declare a new speaker, collection or lecture."""


@command.command("speaker")
@click.argument("name")
@click.option("--id", "id_", metavar="ID", help="The id, which never changes. [default: made of the name]")
@click.pass_obj
def speaker(directory: str, name: str, id_: str | None) -> None:
    """Declare a speaker. Prints the address."""
    _declare(directory, name, None, id_)


@command.command("collection")
@click.argument("speaker")
@click.argument("title")
@click.option("--id", "id_", metavar="ID", help="The id, which never changes. [default: made of the title]")
@click.pass_obj
def collection(directory: str, speaker: str, title: str, id_: str | None) -> None:
    """Declare a collection of SPEAKER, an address. Prints its address."""
    _declare(directory, title, speaker, id_)


def _declare(directory: str, name: str, speaker: str | None, id_: str | None) -> None:
    from reconciler.operations.imports import new_parent

    result(new_parent(open_project(directory), name, speaker, id_))


@command.command("lecture")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option("--collection", metavar="ADDRESS", help="Where it belongs. [default: what its folder says]")
@option_format("text", "json")
@click.pass_obj
def lecture(directory: str, files: tuple[Path, ...], collection: str | None, format_: str) -> int:
    """Declare recordings and hash them into the lockfile.

    Their names and tags give the entries. A bare name, such as fresh.mp3, is replaced by the title in
    the tags. A file outside the media folder is copied into it.
    """
    from reconciler.operations.imports import new_lectures

    return report(new_lectures(open_project(directory), files, collection), format_)
