from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import colours, result, say, show_diagnostics
from reconciler.cli.options import option_format
from reconciler.cli.project import Project, open_project
from reconciler.model.diagnostics import has_errors
from reconciler.model.errors import Exit
from reconciler.model.values import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.bootstrap import Stores
    from reconciler.importing.declare import Folder, Imported
    from reconciler.importing.live_hashes import Learning
    from reconciler.model.address import Address


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
    from reconciler.bootstrap import open_stores
    from reconciler.importing.live import import_live, learn_nothing, read_world

    project = open_project(directory)
    policy = project.settings.policy
    with open_stores(project.settings) as stores:
        world = read_world(stores.objects, stores.database, policy.environment)
        learn = _learning(project, stores) if hash_ else learn_nothing
        imported = import_live(folder_of(project), policy, world, as_is=as_is, learn=learn)
    return report(imported, format_)


@command.command("files")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@option_format("text", "json")
@click.pass_obj
def files(directory: str, folder: Path, format_: str) -> int:
    """Declare what a content folder holds, from names, sidecars and tags, and hash it into the lockfile."""
    from reconciler.cli.new import hashing_of
    from reconciler.importing.files import import_files

    project = open_project(directory)
    media_root = project.settings.media_root
    imported = import_files(folder_of(project), folder, media_root, hashing_of(project))
    return report(imported, format_)


@command.command("manifest")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@option_format("text", "json")
@click.pass_obj
def manifest(directory: str, file: Path, format_: str) -> int:
    """Declare what the team's manifest JSON names."""
    from reconciler.importing.declare import declare
    from reconciler.importing.files import without_unseen
    from reconciler.importing.manifest import read_manifest

    project = open_project(directory)
    folder, settings = folder_of(project), project.settings
    found, lines, findings = read_manifest(file)
    found, unseen = without_unseen(folder, settings.media_root, found, lines)
    imported = declare(folder, settings.policy.layout, found, lines, (*findings, *unseen), hashed=False)
    return report(imported, format_)


def _learning(project: Project, stores: "Stores") -> "Learning":
    from reconciler.cli.progress import meter
    from reconciler.importing.live_hashes import Learning, Learnt

    settings = project.settings
    return Learning(
        objects=stores.objects,
        learnt=Learnt(settings.state_dir / "cache" / "objects.ndjson"),
        limits=settings.policy.transfer,
        meter=lambda files, size_bytes: meter("Hashing", files=files, size_bytes=size_bytes),
    )


def folder_of(project: Project) -> "Folder":
    """Return where the project's catalog is."""
    from reconciler.importing.declare import Folder

    settings = project.settings
    return Folder(root=settings.root, catalog_dir=settings.catalog_dir, lock_path=settings.lock_path)


def _next_step(imported: "Imported") -> str:
    from reconciler.importing.declare import Reason

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
    """Print what an import came to; the status says whether the catalog has mistakes now."""
    from shutil import get_terminal_size

    from reconciler.importing.report import report_json, report_text

    if format_ == "json":
        result(report_json(imported, accepted))
    else:
        show_diagnostics(imported.diagnostics)
        width = max(get_terminal_size((120, 24)).columns, 60)
        result(report_text(imported, accepted, width=width, colour=colours()))
        say(_next_step(imported))
    return Exit.ERROR if has_errors(imported.diagnostics) else Exit.OK
