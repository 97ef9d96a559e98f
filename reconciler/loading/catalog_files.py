"""Discovery of the catalog's files.

Files are found in a fixed order and each is read once. Links must stay inside the catalog.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.yaml import FILE_MAX_BYTES
from reconciler.loading.yaml_errors import too_large
from reconciler.model.diagnostics import Diagnostic, Position

_SUFFIXES = frozenset({".yaml", ".yml"})

# Without O_NONBLOCK, opening a named pipe would wait for its writer for ever.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One YAML file of the catalog.

    `name` is relative to the project and uses slashes.
    """

    name: str
    data: bytes
    sha256: str

    @property
    def folder(self) -> str:
        """Return the name of the folder it stands in."""
        return str(PurePosixPath(self.name).parent)


def find_files(root: Path, catalog_dir: Path) -> Iterator[SourceFile | Diagnostic]:
    """Yield every YAML file under the catalog directory, or its diagnostic.

    The order is by folder and name. The diagnostic says why a file is not read. Hidden files and
    folders are skipped. A link to a file inside the catalog is read as that file.
    """
    finder = _Finder(root, catalog_dir.resolve())
    if not catalog_dir.is_dir():
        yield Mistake.NO_CATALOG.at(Position(finder.name(catalog_dir)), "There is no such folder.")
        return
    yield from finder.folder(catalog_dir)


@dataclass(frozen=True, slots=True)
class _Finder:
    root: Path
    real_catalog: Path

    def name(self, path: Path) -> str:
        """Return the path as diagnostics show it.

        A name that is not UTF-8 is shown escaped.
        """
        shown = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return os.fsencode(shown.as_posix()).decode("utf-8", "backslashreplace")

    def folder(self, path: Path) -> Iterator[SourceFile | Diagnostic]:
        try:
            children = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        except OSError as error:
            yield self._unreadable(path, f"The folder cannot be read: {error.strerror}.")
            return
        for child in children:
            if child.is_symlink():
                yield from self._link(child)
            elif child.is_dir():
                yield from self.folder(child)
            elif child.suffix.lower() in _SUFFIXES:
                yield self._file(child, child)

    def _link(self, path: Path) -> Iterator[SourceFile | Diagnostic]:
        target = Path(os.path.realpath(path))
        if path.suffix.lower() not in _SUFFIXES and not target.is_dir():
            return
        if not target.is_relative_to(self.real_catalog):
            yield Mistake.LINK_OUTSIDE.at(Position(self.name(path)), f"It leads to {target}.")
        elif target.is_dir():
            hint = "Delete the link: what it leads to is read where it is."
            yield self._unreadable(path, "It is a link to a folder of the catalog.", hint)
        else:
            yield self._file(path, target)

    def _file(self, path: Path, real: Path) -> SourceFile | Diagnostic:
        """Read the file at `path`, or return a diagnostic that refuses it.

        `real` is the same place without any link. A link that was put there after `real` was resolved is
        refused.
        """
        name = self.name(path)
        try:
            with os.fdopen(os.open(real, _READ), "rb") as handle:
                status = os.fstat(handle.fileno())
                if not stat.S_ISREG(status.st_mode):
                    return self._unreadable(path, "It is no ordinary file.")
                if status.st_size > FILE_MAX_BYTES:
                    return too_large(name, status.st_size, FILE_MAX_BYTES)
                data = handle.read(FILE_MAX_BYTES + 1)  # it may grow meanwhile: the reader refuses that
        except OSError as error:
            return self._unreadable(path, f"It cannot be read: {error.strerror}.")
        return SourceFile(name, data, hashlib.sha256(data).hexdigest())

    def _unreadable(self, path: Path, detail: str, hint: str = "") -> Diagnostic:
        return Mistake.UNREADABLE.at(Position(self.name(path)), detail, hint)
