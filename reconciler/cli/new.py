from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result
from reconciler.cli.import_ import folder_of, report
from reconciler.cli.options import option_format
from reconciler.cli.project import Project, open_project
from reconciler.model.errors import UsageError

if TYPE_CHECKING:
    from reconciler.importing.files import Hashing


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
    from reconciler.importing.new_entries import new_parent

    try:
        result(new_parent(folder_of(open_project(directory)), name, speaker, id_))
    except ValueError as error:
        raise UsageError(
            str(error), hint="An id is lower-case letters and digits, joined by hyphens."
        ) from error


@command.command("lecture")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option("--collection", metavar="ADDRESS", help="Where it belongs. [default: what its folder says]")
@option_format("text", "json")
@click.pass_obj
def lecture(directory: str, files: tuple[Path, ...], collection: str | None, format_: str) -> int:
    """Declare recordings, from their names and tags, and hash them into the lockfile.

    A bare name, such as fresh.mp3, gives way to the title in the tags. A file outside the media folder is
    copied into it.
    """
    from reconciler.importing.new_entries import new_lectures

    project = open_project(directory)
    hashing = hashing_of(project)
    imported = new_lectures(folder_of(project), files, project.settings.media_root, hashing, collection)
    return report(imported, format_)


def hashing_of(project: Project) -> "Hashing":
    """Return how this project's files are hashed."""
    from reconciler.cli.progress import meter
    from reconciler.importing.files import Hashing

    settings = project.settings
    return Hashing(
        policy=settings.policy,
        cache_file=settings.state_dir / "cache" / "media.json",
        meter=lambda files, size_bytes: meter("Hashing", files=files, size_bytes=size_bytes),
    )
