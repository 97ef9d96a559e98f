"""Advisory file locks (flock): they end with the last process that holds the file open, killed or not."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def open_lock(path: Path) -> int:
    """Return a descriptor of the lock file, created where it is absent; no lock is taken yet."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def lock(descriptor: int, *, exclusive: bool) -> None:
    """Take the lock, or change the one that is held; waits for as long as it takes."""
    fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)


def try_lock(descriptor: int, *, exclusive: bool) -> bool:
    """Take the lock if that needs no waiting. When it does, a lock held before is lost."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's exclusive lock for the time of the block."""
    descriptor = open_lock(path)
    try:
        lock(descriptor, exclusive=True)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether any process holds a lock on the file."""
    descriptor = open_lock(path)
    try:
        return not try_lock(descriptor, exclusive=True)
    finally:
        os.close(descriptor)
