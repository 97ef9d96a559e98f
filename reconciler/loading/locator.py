"""Where a field of an entry stands, found only once something is wrong with it."""

from collections.abc import Mapping
from functools import lru_cache

from reconciler.model.diagnostics import Position
from reconciler.text.yaml import Path, Places, read_document

_FILES_KEPT = 8  # diagnostics come file by file


class Locator:
    """Finds fields again in the bytes of the files they were read from."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._of_file = lru_cache(maxsize=_FILES_KEPT)(self._read)

    def field(self, entry: Position, *path: str | int) -> Position:
        """Return where that field of the entry at `entry` stands; the entry itself where it has none."""
        places, paths = self._of_file(entry.file)
        start = paths.get((entry.line, entry.column))
        return entry if start is None else places.of_value((*start, *path))

    def top(self, file: str, *path: str | int) -> Position:
        """Return where a value of a file stands, by its path from the top."""
        return self._of_file(file)[0].of_value(path)

    def _read(self, file: str) -> tuple[Places, Mapping[tuple[int, int], Path]]:
        places = read_document(self._files[file], file).places
        paths: dict[tuple[int, int], Path] = {}
        for path, place in places.values.items():
            paths.setdefault((place.line, place.column), path)
        return places, paths
