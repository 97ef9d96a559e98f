"""The launcher from outside: running commands in processes that may die."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.projects import PATIENCE_SECONDS
from tests.reliability.points import Fault, Point, read_points

ROOT = Path(__file__).absolute().parents[2]
LAUNCHER = (sys.executable, "-m", "tests.reliability.launcher")

#: The same order of every set, so that a statement has the same words in each process.
_ENVIRON = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}


@dataclass(frozen=True)
class Ran:
    """A command that has ended; `status` is negative for a signal."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stdout holds, as JSON."""
        return json.loads(self.out)


class Launcher:
    """A process with everything imported, which forks the processes that run elmify."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, commands: Sequence[Sequence[str]], folder: Path, environ: Mapping[str, str]) -> list[Ran]:
        """Run commands one after the other, in one process, and return how each ended."""
        status = self._ask(commands, folder, environ)
        assert status >= 0, f"killed by signal {-status}"
        return [_answer(folder, number) for number in range(len(commands))]

    def run_with(
        self,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        log: Path,
        fault: Fault | None,
        statement: str = "",
    ) -> Ran:
        """Run one command whose points are written to `log`, with a fault at one of them."""
        faults = [str(fault)] if fault else []
        status = self._ask([command], folder, environ, log=str(log), faults=faults, statement=statement)
        return _answer(folder, 0) if status >= 0 else Ran(status, "", "")

    def _ask(
        self, commands: Sequence[Sequence[str]], folder: Path, environ: Mapping[str, str], **more: object
    ) -> int:
        asked = {
            "commands": [list(command) for command in commands],
            "cwd": str(folder),
            "environ": dict(environ),
            "answers": str(_answers(folder)),
            "log": None,
            **more,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _answers(folder: Path) -> Path:
    """Return where commands leave what they say: beside the project, whose files are points."""
    answers = folder.with_name(f"{folder.name}-answers")
    answers.mkdir(exist_ok=True)
    return answers


def _answer(folder: Path, number: int) -> Ran:
    answers = _answers(folder)
    status, out, err = (
        (answers / f"{number}.{part}").read_text("utf-8") for part in ("status", "out", "err")
    )
    return Ran(int(status), out, err)


@dataclass
class Paused:
    """A command in a process of its own, which stands still wherever it was told to."""

    process: "subprocess.Popen[str]"
    log: Path

    def wait_until_paused(self) -> Point:
        """Return where it stands, as soon as it stands still."""
        state = os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert state is not None
        assert state.si_code == os.CLD_STOPPED, f"it ended before it paused: {self.end()}"
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
        return read_points(self.log)[-1]

    def go_on(self) -> None:
        """Let it run on; by its own clock two minutes have passed."""
        self.process.send_signal(signal.SIGCONT)

    def wait_for(self, event: str) -> None:
        """Wait until a command that prints JSON has printed that event."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if json.loads(line)["event"] == event:
                return
        raise AssertionError(f"it ended without the event {event}: {self.end()}")

    def kill(self) -> None:
        """End it, wherever it stands. No error when it has ended."""
        with self.process:
            self.process.kill()

    def end(self) -> Ran:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return Ran(self.process.returncode, out, err)


def start(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], log: Path, faults: Sequence[Fault]
) -> "subprocess.Popen[str]":
    """Start a command whose points are written to `log`."""
    waiting = [part for fault in faults for part in ("--fault", str(fault))]
    return subprocess.Popen(
        [*LAUNCHER, "--log", str(log), *waiting, "--", *command],
        cwd=folder,
        env={**environ, **_ENVIRON},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@contextmanager
def launcher() -> Iterator[Launcher]:
    """Start a launcher that serves, and end it after the block."""
    with subprocess.Popen(
        [*LAUNCHER, "--serve"],
        cwd=ROOT,
        env={**os.environ, **_ENVIRON},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield Launcher(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
