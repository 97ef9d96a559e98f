"""What is wrong with the media on disk, without hashing any of it."""

from collections.abc import Iterator, Mapping

from reconciler.loading import media_codes as codes
from reconciler.loading.facts import Unfit, read_facts
from reconciler.loading.media import MediaFolder, MediaRefused
from reconciler.loading.stat_cache import StatCache
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.errors import ObjectMissing
from reconciler.model.values import nfc


def check_media(
    folder: MediaFolder,
    references: Mapping[str, Position],
    files: Mapping[str, MediaFile],
    cache: StatCache | None = None,
) -> Iterator[Diagnostic]:
    """Yield what is wrong with each file that the catalog names, where the catalog names it.

    `files` is the lockfile by NFC. A file that is absent here but locked is no mistake: a plan never needs
    the media. Files that `cache` knows with their present size and time were sound when they were hashed,
    and are not read again.
    """
    for path, position in references.items():
        locked = files.get(nfc(path))
        try:
            _check(folder, path, locked, cache or StatCache())
        except MediaRefused as refused:
            yield codes.media_diagnostic(refused.diagnosis, refused.detail, position)
        except Unfit as unfit:
            yield codes.media_diagnostic(unfit.code, unfit.detail, position)
        except OSError as error:
            yield codes.media_diagnostic(codes.MEDIA_UNREADABLE, f"{path}: {error.strerror}.", position)


def _check(folder: MediaFolder, path: str, locked: MediaFile | None, cache: StatCache) -> None:
    status = folder.stat(path)
    if status is None:
        if locked is None:
            raise Unfit(codes.MEDIA_MISSING, f"{path} is not under the media root.")
        return
    if cache.get(path, status) is None:
        _read(folder, path, status.st_size)
    if locked is None:
        raise Unfit(codes.MEDIA_NOT_LOCKED, f"{path} has no line in the lockfile.")
    if status.st_size != locked.size_bytes:
        sizes = f"{status.st_size:,} bytes, and {locked.size_bytes:,} are locked"
        raise Unfit(codes.MEDIA_CHANGED, f"{path} has {sizes}.")


def _read(folder: MediaFolder, path: str, size_bytes: int) -> None:
    try:
        with folder.open_path(path) as handle:
            read_facts(handle, path, size_bytes)
    except ObjectMissing as error:
        raise Unfit(codes.MEDIA_UNSTABLE, f"{path} vanished.") from error
