# ruff: noqa: S603, PLW1509 - the programs are PostgreSQL's own; a supervisor has one thread when it forks
"""Supervisor process of an embedded server: start, wait until idle, stop.

It runs apart from the command that started it, in a separate session, so neither Ctrl-C nor
SIGKILL of that command reaches it. The operating system releases a killed command's lock, and the
supervisor sees that.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from providers.embedded_postgres.cluster import POLL_SECONDS, Cluster, lock, open_lock
from providers.embedded_postgres.privileges import Account, account_for, entry

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
