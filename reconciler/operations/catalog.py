"""Catalog files: validated, locked and formatted. No network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.loading.atomic_write import write_whole
from reconciler.loading.catalog_files import SourceFile, find_files
from reconciler.loading.fmt import FormattedFile, format_catalog
from reconciler.loading.hashing import StatCache
from reconciler.loading.lockfile import REPAIRABLE, read_lockfile, without_lines, write_lockfile
from reconciler.loading.locking import Locked, survey
from reconciler.loading.locking import lock as lock_files
from reconciler.loading.media import MediaFolder, check_media
from reconciler.loading.media_codes import MEDIA_CODES
from reconciler.model.catalog import Catalog, MediaFile
from reconciler.model.diagnostics import Diagnostic, has_errors, in_reading_order
from reconciler.model.errors import ElmifyError, InvalidInput
from reconciler.operations.project import Project


def validate(project: Project) -> tuple[Sequence[Diagnostic], Catalog | None]:
    """Return all problems of catalog, lockfile and local media.

    Also return the catalog if it loads. Only the media on this machine are checked, and they are not
    hashed. Diagnostics come in reading order.
    """
    settings, loaded = project.settings, project.load()
    locked, _ = read_lockfile(settings.lock_path, settings.root)
    cache = StatCache.read(settings.media_cache)
    media = check_media(MediaFolder(settings.media_root), loaded.media_references(), locked, cache)
    found = in_reading_order((*loaded.diagnostics, *without_lines(media)))  # `loaded` tells of lines already
    return found, loaded.catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOutcome:
    """Result of locking the media.

    `outdated` says that the lockfile on disk differs from this result, or is not in order.
    """

    locked: Locked
    outdated: bool


def lock(project: Project, *, rehash: bool, check: bool) -> LockOutcome:
    """Hash the media that the catalog names, and update the lockfile.

    A file is read again when its size or its time has changed, or with `rehash`. With `check` nothing
    is written. `InvalidInput` carries what only a person can settle: mistakes of the catalog, a merge
    conflict or two lines for one path in the lockfile, files that cannot be locked.
    """
    previous, is_tidy = _previous_lines(project)
    locked = _hash(project, previous, rehash=rehash)
    if locked.diagnostics:
        raise InvalidInput(project.of_media(locked.diagnostics))
    outdated = locked.differs or not is_tidy
    path = project.settings.lock_path
    if not check and (outdated or not path.exists()):
        write_lockfile(path, locked.files.values())
    return LockOutcome(locked=locked, outdated=outdated)


def _previous_lines(project: Project) -> tuple[Mapping[str, MediaFile], bool]:
    """Return the lockfile's lines and whether they are in order."""
    previous, mistakes = read_lockfile(project.settings.lock_path, project.settings.root)
    grave = [mistake for mistake in mistakes if mistake.code not in REPAIRABLE]
    if grave:
        raise InvalidInput(grave)
    return previous, not mistakes


def _hash(project: Project, previous: Mapping[str, MediaFile], *, rehash: bool) -> Locked:
    settings, loaded = project.settings, project.load()
    mistakes = [mistake for mistake in loaded.diagnostics if mistake.code not in MEDIA_CODES]
    if has_errors(mistakes):
        raise InvalidInput(mistakes)  # a file that cannot be read would seem to name no media
    cache = StatCache.read(settings.media_cache)
    found = survey(
        MediaFolder(settings.media_root),
        loaded.media_references(),
        previous,
        cache,
        settings.policy.transfer,
        rehash=rehash,
        cancel=project.cancel,
    )
    size_bytes = found.pending_bytes
    with project.observer.meter("Hashing", files=len(found.pending), size_bytes=size_bytes) as meter:
        locked = lock_files(found, on_bytes=meter.bytes_done, on_file=meter.file_done, cancel=project.cancel)
    if found.pending:
        cache.write(settings.media_cache)
    return locked


def format_files(project: Project, *, write: bool) -> Iterator[FormattedFile]:
    """Yield each file that differs from its canonical form.

    With `write` a file is written first and then yielded. At the end raises `InvalidInput` with the
    files whose YAML cannot be read; they are left alone.
    """
    settings = project.settings
    found = list(find_files(settings.root, settings.catalog_dir))
    problems = [item for item in found if isinstance(item, Diagnostic)]
    for file in format_catalog([item for item in found if isinstance(item, SourceFile)]):
        problems += file.problems
        if file.formatted is None or not file.differs:
            continue
        if write:
            write_whole(settings.root / Path(file.name), file.formatted.after)
        yield file
    if problems:
        raise InvalidInput(problems)


def write_output(file: Path, text: str, what: str) -> None:
    """Write a result to a file that the user named, whole or not at all.

    `what` is the name of the result in a failure message.
    """
    try:
        write_whole(file, text)
    except OSError as error:
        raise ElmifyError(
            f"{what} cannot be written to {file}: {error.strerror}",
            code="not-written",
            hint="Nothing was changed.",
        ) from error
