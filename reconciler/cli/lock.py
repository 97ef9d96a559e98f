from typing import TYPE_CHECKING

import click

from reconciler.cli.console import result, say
from reconciler.cli.progress import meter
from reconciler.cli.project import Project, open_project
from reconciler.model.diagnostics import has_errors
from reconciler.model.errors import ElmifyError, InvalidInput
from reconciler.model.values import counted, readable_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.loading.locking import Locked
    from reconciler.model.catalog import MediaFile


@click.command("lock")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when the lockfile would change.")
@click.option("--rehash", is_flag=True, help="Read every file, also those whose size and time are as before.")
@click.pass_obj
def command(directory: str, check: bool, rehash: bool) -> None:
    """Hash the media that the catalog names into the lockfile, elmify.lock.

    A file is read again when its size or its time has changed. Lines of files that are not on this machine
    stay; lines that the catalog no longer names leave.
    """
    project = open_project(directory)
    previous, is_tidy = _previous(project)
    locked = _lock(project, previous, rehash=rehash)
    if locked.diagnostics:
        raise InvalidInput(project.of_media(locked.diagnostics))
    _print(locked)
    if check and (locked.differs or not is_tidy):
        raise ElmifyError("the lockfile is out of date", hint="Bring it up to date with\n    elmify lock")
    if not check:
        _write(project, locked, is_tidy=is_tidy)


def _previous(project: Project) -> "tuple[Mapping[str, MediaFile], bool]":
    """Return the lockfile's lines and whether they are in order.

    `InvalidInput` carries what only a person can settle: a merge conflict, two lines for one path.
    """
    from reconciler.loading.lockfile import REPAIRABLE, read_lockfile

    previous, mistakes = read_lockfile(project.settings.lock_path, project.settings.root)
    grave = [mistake for mistake in mistakes if mistake.code not in REPAIRABLE]
    if grave:
        raise InvalidInput(grave)
    return previous, not mistakes


def _lock(project: Project, previous: "Mapping[str, MediaFile]", *, rehash: bool) -> "Locked":
    from reconciler.loading.hashing import StatCache
    from reconciler.loading.locking import lock, survey
    from reconciler.loading.media import MediaFolder
    from reconciler.loading.media_codes import MEDIA_CODES

    settings, loaded = project.settings, project.load()
    mistakes = [mistake for mistake in loaded.diagnostics if mistake.code not in MEDIA_CODES]
    if has_errors(mistakes):
        raise InvalidInput(mistakes)  # a file that cannot be read would seem to name no media
    cache_file = settings.state_dir / "cache" / "media.json"
    cache = StatCache.read(cache_file)
    found = survey(
        MediaFolder(settings.media_root),
        loaded.media_references(),
        previous,
        cache,
        settings.policy.transfer,
        rehash=rehash,
    )
    with meter("Hashing", files=len(found.pending), size_bytes=found.pending_bytes) as progress:
        locked = lock(found, on_bytes=progress.bytes_done, on_file=progress.file_done)
    if found.pending:
        cache.write(cache_file)
    return locked


def _print(locked: "Locked") -> None:
    for symbol, paths in (("+", locked.added), ("~", locked.changed), ("-", locked.removed)):
        for path in paths:
            result(f"  {symbol} {path}")
    if locked.absent:
        are, lines = (
            ("is", "its line stays as it is")
            if len(locked.absent) == 1
            else ("are", "their lines stay as they are")
        )
        say(f"{counted(len(locked.absent), 'file')} {are} not on this machine; {lines}.")
    if locked.hashed:
        say(f"Hashed {counted(locked.hashed, 'file')}, {readable_size(locked.hashed_bytes)}.")
    counts = f"{len(locked.added):,} added, {len(locked.changed):,} changed, {len(locked.removed):,} removed"
    result(f"Lockfile: {counts}, {len(locked.files):,} in all.")


def _write(project: Project, locked: "Locked", *, is_tidy: bool) -> None:
    from reconciler.loading.lockfile import write_lockfile

    path = project.settings.lock_path
    if locked.differs or not is_tidy or not path.exists():
        write_lockfile(path, locked.files.values())
