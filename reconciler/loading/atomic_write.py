"""Writing a text file whole or not at all."""

import os
import secrets
import stat
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Replace the content of `path` atomically.

    A reader finds either the old text or the new text, even if the process is killed at any moment.
    The folder of `path` is created when absent. An existing file keeps its permissions. If `path` is
    a link, it keeps pointing at the same file, and that file is replaced.
    """
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write_new(fresh, text, like=target)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _write_new(path: Path, text: str, *, like: Path) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as handle:
        if like.exists():
            os.fchmod(handle.fileno(), stat.S_IMODE(like.stat().st_mode))
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
