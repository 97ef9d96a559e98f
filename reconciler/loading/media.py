"""Media folder: files found by catalog path, never outside the folder."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

from reconciler.loading import media_codes as codes
from reconciler.loading.hashing import StatCache, sha256_of
from reconciler.loading.media_facts import AUDIO_TYPES, IMAGE_TYPES, MEDIA_TYPES, Unfit, read_facts
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.errors import ObjectMissing, WrongBytes
from reconciler.model.kinds import Slot
from reconciler.model.values import nfc
from reconciler.planning.object_keys import extension_of

_DRIVE = re.compile(r"[A-Za-z]:")


def path_flaw(path: str) -> str | None:
    """Return the reason why a path does not stay under the media root.

    The reason is the end of a sentence. None when the path stays under the root.
    """
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return "is not relative to the media root"
    if "\\" in path:
        return "has a backslash"
    parts = path.split("/")
    if ".." in parts:
        return "has a `..` in it"
    if "." in parts or "" in parts:
        return "has an empty part or a `.` in it"
    return None


def wrong_sort(slot: Slot, path: str) -> str | None:
    """Return the problem of a file whose extension does not fit the slot.

    None when the extension fits, or when it is unknown.
    """
    extension = extension_of(path)
    wanted = AUDIO_TYPES if slot is Slot.LECTURE_AUDIO else IMAGE_TYPES
    if extension in wanted or extension not in MEDIA_TYPES:
        return None
    return "no audio" if slot is Slot.LECTURE_AUDIO else "no image"


# Without O_NONBLOCK, opening a named pipe would wait for its writer for ever.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}


class MediaRefused(WrongBytes):
    """A media file must not be read, or is not the one that was locked.

    `diagnosis` is a code of `MEDIA_CODES`.
    """

    def __init__(self, diagnosis: str, detail: str) -> None:
        summary, hint = codes.MEDIA_CODES[diagnosis]
        super().__init__(summary, hint=hint, details=[detail])
        self.diagnosis = diagnosis
        self.detail = detail


class MediaFolder:
    """The files under one media root.

    A path is found in the spelling it has, else in any that is equal by NFC: macOS and git disagree about
    accents. Links are followed as long as they stay inside. Safe to use from several threads.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._inside = os.path.join(self.root, "")  # noqa: PTH118 - what every path inside begins with
        self._folded = cache(_folded_names)
        self._real_folder = cache(partial(os.path.realpath, strict=True))

    def has(self, path: str) -> bool:
        """Return whether there is a regular file at that path.

        See `ports.MediaFiles`.
        """
        return (self.root / path).is_file()

    def open(self, media: MediaFile) -> BinaryIO:
        """Open the file whose bytes the lockfile names; see `ports.MediaFiles`."""
        handle = self.open_path(media.path)
        try:
            self._check(handle, media)
        except BaseException:
            handle.close()
            raise
        return handle

    def _check(self, handle: BinaryIO, media: MediaFile) -> None:
        size_bytes = os.fstat(handle.fileno()).st_size
        if size_bytes != media.size_bytes or sha256_of(handle, size_bytes) != media.sha256:
            raise MediaRefused(codes.MEDIA_CHANGED, f"{media.path} changed since it was locked.")
        handle.seek(0)

    def open_path(self, path: str) -> BinaryIO:
        """Open a regular file inside the root, whatever its bytes are.

        Raises `ObjectMissing` when it is absent, `MediaRefused` when the path leaves the root or names
        something else than a readable file. No component is a link by the time it is opened, so what was
        checked is what is read, even if someone swaps folders meanwhile.
        """
        parts = self.find(path)
        if parts is None:
            raise ObjectMissing(f"{path} is not under {self.root}", hint="Put the file there.")
        try:
            return os.fdopen(_open_inside(self.root, parts), "rb")
        except OSError as error:
            raise _refusal(path, error) from error

    def find(self, path: str) -> Sequence[str] | None:
        """Return the place that a path leads to, without any link.

        The result is the components under the root; None when the file is absent. Raises `MediaRefused`
        when the path leads out of the root, or when its links form a circle.
        """
        wanted = path.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in wanted):
            raise MediaRefused(codes.MEDIA_OUTSIDE, f"{path!r} is not a plain path under the media root.")
        try:
            found = self._real(wanted) or self._real(self._spelled_on_disk(wanted))
        except OSError as error:
            raise _refusal(path, error) from error
        if found is None:
            return None
        if not f"{found}/".startswith(self._inside):
            raise MediaRefused(codes.MEDIA_OUTSIDE, f"{path} leads to {found}.")
        return tuple(filter(None, found[len(self._inside) :].split("/")))  # none of them is the root itself

    def stat(self, path: str) -> os.stat_result | None:
        """Return the status of the file that a path leads to.

        None when it is absent. Raises as `find` does.
        """
        parts = self.find(path)
        try:
            return None if parts is None else self.root.joinpath(*parts).stat(follow_symlinks=False)
        except OSError as error:
            raise _refusal(path, error) from error

    def _real(self, parts: Sequence[str] | None) -> str | None:
        """Return the path without any link.

        None when nothing is there. The links of each folder are followed only once.
        """
        if parts is None:
            return None
        try:
            path = f"{self._real_folder(self._inside + '/'.join(parts[:-1]))}/{parts[-1]}"
            is_link = stat.S_ISLNK(os.lstat(path).st_mode)
            return os.path.realpath(path, strict=True) if is_link else path
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise

    def _spelled_on_disk(self, parts: Sequence[str]) -> Sequence[str] | None:
        """Return the path in the spelling that it has on disk.

        That spelling is equal to the given one by NFC. None when there is no such path.
        """
        folder, spelled = self.root, list[str]()
        for part in parts:
            name = self._folded(folder).get(nfc(part))
            if name is None:
                return None
            spelled.append(name)
            folder /= name
        return spelled


def _folded_names(folder: Path) -> dict[str, str]:
    """Return the names in a folder, keyed by their NFC.

    Where two names are equal by NFC, it is the first in order.
    """
    try:
        names = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208
    except OSError as error:
        if error.errno in _ABSENT:
            return {}
        raise
    return {nfc(name): name for name in names}


def _open_inside(root: Path, parts: Sequence[str]) -> int:
    """Open a regular file under the root, and return its descriptor.

    The path is walked down from the root, and no link is followed.
    """
    if not parts:
        raise OSError(errno.EINVAL, "it is the media root")
    with ExitStack() as folders:
        folder = os.open(root, _FOLDER)
        folders.callback(os.close, folder)
        for part in parts[:-1]:
            folder = os.open(part, _FOLDER, dir_fd=folder)
            folders.callback(os.close, folder)
        return _open_regular(parts[-1], folder)


def _open_regular(name: str, folder: int) -> int:
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    descriptor = os.open(name, _READ, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return descriptor


def _refusal(path: str, error: OSError) -> MediaRefused:
    return MediaRefused(codes.MEDIA_UNREADABLE, f"{path}: {error.strerror}.")


def check_media(
    folder: MediaFolder,
    references: Mapping[str, Position],
    files: Mapping[str, MediaFile],
    cache: StatCache | None = None,
) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each file of the catalog that is wrong.

    The position is where the catalog names the file. `files` is the lockfile, keyed by NFC. A file
    that is absent here but locked is not a mistake: a plan never needs the media. Files that `cache`
    knows with their present size and time were sound when they were hashed, and are not read again.
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
