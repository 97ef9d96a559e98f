"""PostgreSQL data folder of the embedded server: files and flock locks."""

import fcntl
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


def open_lock(path: Path) -> int:
    """Open the lock file and return its descriptor.

    The file is created where it is absent. No lock is taken yet.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def lock(descriptor: int, *, exclusive: bool) -> None:
    """Take the lock, or convert the one that is held.

    Waits for as long as it takes.
    """
    fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)


def try_lock(descriptor: int, *, exclusive: bool) -> bool:
    """Try to take the lock without waiting; return whether it was taken.

    If it would have to wait, a lock held before is lost.
    """
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
    """Return whether any process holds a lock on the file."""
    descriptor = open_lock(path)
    try:
        return not try_lock(descriptor, exclusive=True)
    finally:
        os.close(descriptor)


SOCKET_NAME = ".s.PGSQL.5432"
#: A socket's path fits 104 bytes on macOS and 108 on Linux; PostgreSQL appends `.lock` beside it.
SOCKET_FOLDER_MAX_BYTES = 103 - len(f"/{SOCKET_NAME}.lock")

#: How long each kind of stop may take before the next, harder one is tried.
STOP_PATIENCE = timedelta(seconds=15)
POLL_SECONDS = 0.005

_SOCKET_PREFIX = "elmify-"
_STATUS_LINE = 7
_SOCKET_LINE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Server state as `postmaster.pid` describes it."""

    pid: int
    socket: Path | None
    ready: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """The folder of one embedded server.

    Three locks stand in it. `users`: shared by every command that uses the server; who holds it alone may
    stop it. `starting`: held while a command looks whether the server runs, and starts it. `server`:
    inherited by every process of the server, so it is held exactly while one of them lives.
    """

    folder: Path

    @property
    def data(self) -> Path:
        """The data folder, complete or absent: initdb works beside it."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """Log file: the server's output since its last start."""
        return self.folder / "server.log"

    @property
    def users(self) -> Path:
        """The lock of those who use the server."""
        return self.folder / "users.lock"

    @property
    def starting(self) -> Path:
        """The lock of who starts the server."""
        return self.folder / "starting.lock"

    @property
    def server(self) -> Path:
        """The lock of the server's processes."""
        return self.folder / "server.lock"

    @property
    def supervisor(self) -> Path:
        """The lock of the process that stops the server once nobody uses it."""
        return self.folder / "keeper.lock"

    @property
    def prepared(self) -> Path:
        """A file that is there once the production tables are."""
        return self.folder / "prepared"

    @property
    def is_up(self) -> bool:
        """True while any process of the server is alive."""
        return is_locked(self.server)

    def running(self) -> Running | None:
        """Return what the server last wrote about itself.

        The server may be dead, see `is_up`.
        """
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None  # absent, or being written
        socket = lines[_SOCKET_LINE] if len(lines) > _SOCKET_LINE else ""
        ready = len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
        return Running(pid=pid, socket=Path(socket) if socket else None, ready=ready)

    def socket_folder(self) -> Path:
        """Return the folder for the socket.

        It is inside the cluster's folder or, if that path would be too long, a short private folder.
        """
        inside = self.folder / "socket"
        if _fits(inside):
            return inside
        base = Path(tempfile.gettempdir())
        roomy = base if _fits(base / f"{_SOCKET_PREFIX}{'x' * 8}") else Path("/tmp")  # noqa: S108 - made private
        return Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=roomy))

    def stop(self) -> None:
        """Stop the server and remove its socket.

        Starts with the gentlest way of stopping. No error if the server is down. Only for a process that
        holds the `users` lock alone, or that starts the server.
        """
        server = self.running()
        if server is None:
            return
        for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._ends_after(server.pid, request):
                break
        if server.socket is not None:
            remove_socket_folder(server.socket)

    def _ends_after(self, pid: int, request: signal.Signals) -> bool:
        if self.is_up:
            with suppress(ProcessLookupError):  # its last children are still ending
                os.kill(pid, request)
        deadline = time.monotonic() + STOP_PATIENCE.total_seconds()
        while still_up := self.is_up:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        return not still_up


def remove_socket_folder(folder: Path) -> None:
    """Take away a socket folder of ours, with what a killed server left in it."""
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir():
        folder.rmdir()


def _fits(folder: Path) -> bool:
    text = os.fspath(folder)
    plain = not any(character in text for character in ',"@')  # PostgreSQL reads a list of folders here
    return plain and len(os.fsencode(text)) <= SOCKET_FOLDER_MAX_BYTES
