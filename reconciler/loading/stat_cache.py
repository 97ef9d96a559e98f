"""What was hashed before on this machine, so that an unchanged file is not read again."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from reconciler.loading.lockfile import format_line, parse_line
from reconciler.loading.writing import write_whole
from reconciler.model.catalog import MediaFile

#: A file written this shortly before it was hashed is not remembered: the coarsest file systems count time
#: in steps of two seconds, so a second write could leave its time as it was.
_SETTLED_NS = 2 * 10**9
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells a file that was not touched: its size, its time and its inode."""

    size_bytes: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the stamp of a file's status."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class StatCache:
    """Lockfile lines of files by path, each valid as long as the file has the stamp it had when hashed.

    The times of a checkout say nothing to another machine, so this never stands in the lockfile.
    """

    def __init__(self, entries: Mapping[str, tuple[Stamp, MediaFile]] | None = None) -> None:
        self._entries = dict(entries or {})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the cache; one that is absent or damaged is empty, which costs time and nothing else."""
        try:
            text = json.loads(path.read_text("utf-8"))
            entries = text["files"] if text["format"] == _FORMAT else []
            return cls(dict(filter(None, map(_entry, entries))))
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        """Replace the cache file, whole or not at all."""
        files = [
            [stamp.size_bytes, stamp.mtime_ns, stamp.inode, format_line(media)]
            for stamp, media in self._entries.values()
        ]
        write_whole(path, json.dumps({"format": _FORMAT, "files": files}, ensure_ascii=False) + "\n")

    def get(self, path: str, status: os.stat_result) -> MediaFile | None:
        """Return what is known of a file, if it still has the stamp it had when it was hashed."""
        stamp, media = self._entries.get(path, (None, None))
        return media if stamp == Stamp.of(status) else None

    def put(self, media: MediaFile, status: os.stat_result, *, hashed_at_ns: int) -> None:
        """Remember a file that was hashed from `hashed_at_ns` on, in nanoseconds since the epoch."""
        if status.st_mtime_ns < hashed_at_ns - _SETTLED_NS:
            self._entries[media.path] = (Stamp.of(status), media)
        else:
            self._entries.pop(media.path, None)


def _entry(entry: tuple[int, int, int, str]) -> tuple[str, tuple[Stamp, MediaFile]] | None:
    size_bytes, mtime_ns, inode, line = entry
    media = parse_line(line)
    return None if media is None else (media.path, (Stamp(size_bytes, mtime_ns, inode), media))


def now_ns() -> int:
    """Return the present, in nanoseconds since the epoch, on the clock that file times are on."""
    return time.time_ns()
