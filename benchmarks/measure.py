"""Whole commands, timed from outside: several runs of each, taken in turns."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import launch

_LAST_LINES = 20


class CommandFailed(Exception):
    """A measured command ended with another status than 0, so there is nothing to compare."""

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        tail = "\n".join(output.splitlines()[-_LAST_LINES:])
        super().__init__(f"exit {status}: {' '.join(command)}\n{tail}")


def do_nothing() -> None:
    """Need no preparation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A command that takes part. `prepare` runs before each run of it, unmeasured."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    prepare: Callable[[], None] = do_nothing


#: Who runs in a turn; turn 0 is the warm-up. A command that fills a bucket needs another one each time.
LineUp = Callable[[int], Sequence[Contestant]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run of a command took. `cpu_seconds` and `peak_bytes` are those of its process alone."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Every run of one command but the warm-up."""

    runs: tuple[Run, ...]

    @property
    def seconds(self) -> float:
        """The median wall time."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def spread(self) -> tuple[float, float]:
        """The shortest and the longest wall time."""
        return min(run.seconds for run in self.runs), max(run.seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        """The median of the processor time."""
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """The largest resident memory of all runs."""
        return max(run.peak_bytes for run in self.runs)


def compete(line_up: LineUp, runs: int) -> dict[str, Timing]:
    """Run every contestant once to warm up and then `runs` times, and return what each took, by name.

    They take turns, so that whatever else the machine does meanwhile meets all of them alike. Raises
    `CommandFailed` at the first one that fails.
    """
    taken: defaultdict[str, list[Run]] = defaultdict(list)
    for turn in range(runs + 1):
        for contestant in line_up(turn):
            contestant.prepare()
            run = run_once(contestant.command, contestant.environment)
            if turn:
                taken[contestant.name].append(run)
    return {name: Timing(tuple(each)) for name, each in taken.items()}


def run_once(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a command to its end and return what it took; `CommandFailed` unless its status is 0."""
    with TemporaryDirectory(prefix="elmify-bench-") as folder:
        result, output = Path(folder, "result"), Path(folder, "output")
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(result), str(output), *command]
        _run_group(launcher, environment)
        facts = json.loads(result.read_text())
        status = facts.pop("status")
        if status:
            raise CommandFailed(command, status, output.read_text(errors="replace"))
        return Run(**facts)


def _run_group(launcher: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a launcher to its end; if we are interrupted, what it launched ends with it."""
    with subprocess.Popen(
        launcher, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if status:
        raise CommandFailed(launcher, status, "the launcher failed")


def read_output(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what a command prints on stdout; `CommandFailed` unless its status is 0."""
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandFailed(command, done.returncode, done.stdout + done.stderr)
    return done.stdout


def read_events(command: Sequence[str], environment: Mapping[str, str]) -> Mapping[str, float]:
    """Run a command that prints NDJSON events; return when each name was first heard.

    In seconds of `time.perf_counter`. Raises `CommandFailed` unless its status is 0.
    """
    heard: dict[str, float] = {}
    last: dict[str, Any] = {}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # it is a pipe
        for line in process.stdout:
            last = json.loads(line)
            heard.setdefault(str(last.get("event")), time.perf_counter())
    if process.returncode:
        raise CommandFailed(command, process.returncode, json.dumps(last))
    return heard
