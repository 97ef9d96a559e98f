# ruff: noqa: S603, PLW1509 - the programs are PostgreSQL's own; a supervisor has one thread when it forks
"""Supervisor process of an embedded server: start, wait until idle, stop.

It runs apart from the command that started it, in a separate session, so neither Ctrl-C nor
SIGKILL of that command reaches it. The operating system releases a killed command's lock, and the
supervisor sees that.

PostgreSQL refuses to run as root, so as root the server runs as another user.
That user sees no more than it needs. The data folder then belongs to that user. The project may
be in a private home directory, mode 0700, that no other user can enter; its mode is not changed.
Instead the server keeps one of root's capabilities across the change of user, CAP_DAC_OVERRIDE,
which lets it pass. This also needs `SECBIT_NO_SETUID_FIXUP`, because PostgreSQL checks its own
program by access(2), which otherwise drops every capability of a user who is not root. Containers
grant all of this to root by default.
"""

import ctypes
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from providers.embedded_postgres.cluster import POLL_SECONDS, Cluster, lock, open_lock

NOBODY = 65534  # has an entry in /etc/passwd wherever there is one, which initdb insists on

_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inherited", ctypes.c_uint32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """User account that PostgreSQL's programs run as.

    `passes` is true when private folders are in the way of that user, so it needs the right to pass
    them.
    """

    uid: int
    passes: bool

    def become(self) -> None:
        """Switch this process to that user, permanently.

        For a child process between fork and exec. Raises `OSError`.
        """
        if self.passes:
            _call("prctl", _PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        os.setgroups([])
        os.setresgid(self.uid, self.uid, self.uid)
        os.setresuid(self.uid, self.uid, self.uid)
        if self.passes:
            _keep_passing()


def account_for(data: Path, programs: Path) -> Account | None:
    """Return the account that runs the server on `data`.

    None means the current user. A data folder that another user owns keeps its owner.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    uid = owner or NOBODY
    return Account(uid=uid, passes=not _passable((data, programs), uid))


def entry(account: Account | None) -> Callable[[], None] | None:
    """Return what a child does between fork and exec to become that user."""
    return None if account is None else account.become


def _passable(paths: Iterable[Path], uid: int) -> bool:
    folders = {folder for path in paths for folder in path.resolve().parents}
    return all(_may_enter(folder.stat(), uid) for folder in folders)


def _may_enter(folder: os.stat_result, uid: int) -> bool:
    return bool(folder.st_mode & (stat.S_IXUSR if folder.st_uid == uid else stat.S_IXOTH))


def _keep_passing() -> None:
    only = 1 << _CAP_DAC_OVERRIDE
    sets = (_CapabilitySet * 2)(_CapabilitySet(only, only, only), _CapabilitySet(0, 0, 0))
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _call("capset", ctypes.byref(header), ctypes.byref(sets))
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _call(function: str, *arguments: object) -> None:
    if sys.platform != "linux":
        raise PermissionError("only Linux lets a server pass private folders")
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{function}: {os.strerror(errno)}")


START_PATIENCE = timedelta(seconds=60)  # a start after a crash replays the log first
READY = "ready"

#: PostgreSQL's programs need no more of the environment; naming the zone saves initdb a search for it.
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


_NO_OTHER_USER = (
    "PostgreSQL refuses to run as root, and this root may not start it as another user:"
    " it lacks CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_CHOWN or CAP_DAC_OVERRIDE"
)


class StartFailed(Exception):
    """The server could not be started.

    The message goes to the command that asked for the server.
    """


class ServerEnded(Exception):
    """The server has ended without being asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTask:
    """Supervisor task: folder, PostgreSQL's programs and server settings."""

    folder: Path
    programs: Path
    settings: Mapping[str, str]

    def as_json(self) -> str:
        """Return the task as an argument of a process."""
        values = {"folder": str(self.folder), "programs": str(self.programs), "settings": dict(self.settings)}
        return json.dumps(values)

    @staticmethod
    def from_json(text: str) -> "ServerTask":
        """Read what `as_json` has written."""
        values = json.loads(text)
        return ServerTask(
            folder=Path(values["folder"]), programs=Path(values["programs"]), settings=values["settings"]
        )


def main(argument: str) -> int:
    """Start the server and return 0 once it accepts connections.

    A supervisor process is then left running. Otherwise stderr holds the sentence that says why the
    server did not start.
    """
    task = ServerTask.from_json(argument)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _keep(task, writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as reports:
        report = reports.read()
    if report == READY:
        return 0
    sys.stderr.write(report or "the supervisor of the server has died")
    return 1


def _keep(task: ServerTask, reports: int) -> None:
    os.setsid()
    os.chdir("/")
    cluster = Cluster(task.folder)
    users = open_lock(cluster.users)
    lock(open_lock(cluster.supervisor), exclusive=False)
    try:
        fresh = _ensure(cluster, task)
        os.write(reports, READY.encode())
    except subprocess.SubprocessError:  # how a failure between fork and exec shows
        os.write(reports, _NO_OTHER_USER.encode())
        return
    except (StartFailed, OSError) as error:
        os.write(reports, str(error).encode())
        return
    _let_go(reports)
    if fresh and task.settings.get("fsync") != "off":
        _sync(cluster, task)
    _wait_and_stop(cluster, users)


def _let_go(reports: int) -> None:
    """Detach from the command's standard streams.

    Nothing of the command's is kept, above all not its output, which a reader may wait to see closed.
    """
    os.close(reports)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _ensure(cluster: Cluster, task: ServerTask) -> bool:
    if _becomes_ready(cluster):
        return False
    fresh = not cluster.data.exists()
    account = account_for(cluster.data, task.programs)
    if fresh:
        _initialise(cluster, task, account)
    _start(cluster, task, account)
    return fresh


def _initialise(cluster: Cluster, task: ServerTask, account: Account | None) -> None:
    """Create the data folder under a temporary name, then rename it.

    The temporary folder is next to the final place, so an incomplete folder is never taken for the
    final one. `_sync` writes it to disk later, when no command waits for it any more.
    """
    unfinished = cluster.folder / "data.unfinished"
    if unfinished.exists():
        _remove(unfinished)
    unfinished.mkdir(mode=0o700)
    if account is not None:
        os.chown(unfinished, account.uid, account.uid)
    options = ("--username=elmify", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    _run((str(task.programs / "initdb"), f"--pgdata={unfinished}", *options), account)
    unfinished.rename(cluster.data)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


def _run(command: Sequence[str], account: Account | None) -> None:
    done = subprocess.run(
        command,
        env=_ENVIRONMENT,
        cwd="/",
        preexec_fn=entry(account),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StartFailed(done.stderr.strip() or f"{command[0]} ended with status {done.returncode}")


def _start(cluster: Cluster, task: ServerTask, account: Account | None) -> None:
    cluster.stop()  # what a killed server has left: it is known to be dead
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    sockets = cluster.socket_folder()
    sockets.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(sockets, account.uid, account.uid)
    held = open_lock(cluster.server)
    lock(held, exclusive=True)
    with cluster.log.open("wb") as log:
        server = _spawn(cluster, task, account, sockets, held, log)
    os.close(held)
    _await_ready(cluster, server)


def _spawn(
    cluster: Cluster, task: ServerTask, account: Account | None, sockets: Path, held: int, log: BinaryIO
) -> subprocess.Popen[bytes]:
    settings = {**task.settings, "unix_socket_directories": str(sockets)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return subprocess.Popen(
        (str(task.programs / "postgres"), "-D", str(cluster.data), *options),
        env=_ENVIRONMENT,
        cwd="/",
        preexec_fn=entry(account),
        pass_fds=(held,),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def _await_ready(cluster: Cluster, server: "subprocess.Popen[bytes]") -> None:
    if _becomes_ready(cluster):
        return
    if server.poll() is None:
        server.kill()
        server.wait()
        raise StartFailed(f"it was not ready within {START_PATIENCE.total_seconds():.0f} seconds")
    raise StartFailed(cluster.log.read_text(errors="replace").strip())


def _becomes_ready(cluster: Cluster) -> bool:
    """Wait for a starting server; return whether it became ready.

    False once the server is down or the waiting time is over.
    """
    deadline = time.monotonic() + START_PATIENCE.total_seconds()
    while cluster.is_up and time.monotonic() < deadline:
        running = cluster.running()
        if running is not None and running.ready:
            return True
        time.sleep(POLL_SECONDS)
    return False


def _sync(cluster: Cluster, task: ServerTask) -> None:
    """Write a new data folder to disk.

    If that fails, the first checkpoint of the server reports it.
    """
    account = account_for(cluster.data, task.programs)
    subprocess.run(
        (str(task.programs / "initdb"), f"--pgdata={cluster.data}", "--sync-only"),
        env=_ENVIRONMENT,
        cwd="/",
        preexec_fn=entry(account),
        check=False,
    )


def _wait_and_stop(cluster: Cluster, users: int) -> None:
    signal.signal(signal.SIGCHLD, _child_ended)
    try:
        if cluster.is_up:
            lock(users, exclusive=True)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            cluster.stop()
    except ServerEnded:
        pass  # its last user has stopped it, or it has crashed: either way there is nothing left to keep


def _child_ended(_signal: int, _frame: FrameType | None) -> None:
    raise ServerEnded
