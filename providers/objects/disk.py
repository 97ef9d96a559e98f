"""What the operating system and SQLite raise, as the failures that elmify knows."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.errors import Denied, ProviderError, Unavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # the last: a limit on files is as much an end
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_SQLITE_REFUSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_PRIMARY_CODE = 0xFF  # SQLite's extended result codes hold the primary one in their low byte


@contextmanager
def translated(root: Path, key: str = "") -> Iterator[None]:
    """Turn what a disk or the index raises in the block into a `ProviderError`."""
    where = f"{key!r} in {root}" if key else str(root)
    try:
        yield
    except OSError as error:
        raise _of_disk(error, root, where) from error
    except sqlite3.Error as error:
        raise _of_index(error, root, where) from error


def _full(root: Path, where: str) -> ProviderError:
    return ProviderError(f"the disk is full: {where}", hint=f"Make room on the disk that holds {root}.")


def _refused(root: Path, where: str) -> Denied:
    return Denied(f"no permission for {where}", hint=f"Give this user the right to read and write {root}.")


def _of_disk(error: OSError, root: Path, where: str) -> ProviderError:
    if error.errno in _FULL:
        return _full(root, where)
    if error.errno in _REFUSED:
        return _refused(root, where)
    return ProviderError(f"the disk failed: {where}: {error}", hint=f"Check the disk that holds {root}.")


def _of_index(error: sqlite3.Error, root: Path, where: str) -> ProviderError:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_FULL:
        return _full(root, where)
    if code in _SQLITE_REFUSED:
        return _refused(root, where)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Unavailable(f"another process holds the index: {where}", hint="Run the command again.")
    return ProviderError(
        f"the index of the bucket failed: {where}: {error}",
        hint=f"Move {root / 'index.sqlite'} away: it is made anew, without content types and metadata.",
    )
