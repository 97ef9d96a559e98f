"""Numbered points: every effect of a command outside of its own memory, and the fault that waits at one.

A point is a request to the bucket, a connection to the database or a statement sent to it, or a change to a
file of the project. Points are counted from 1 in the order in which they are met.
"""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self, assert_never

#: Names that are new each time: uuids, hashes, temporary files.
_ARBITRARY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8,}")


#: By the clock of the process, whenever the SIGCONT comes: longer than a lease.
PAUSE_LASTS = timedelta(minutes=2)


class Place(StrEnum):
    """What a point has an effect on."""

    BUCKET = "bucket"
    DATABASE = "database"
    FILE = "file"


class Mode(StrEnum):
    """What happens at a point."""

    KILL = "kill-before"  # SIGKILL: nothing of the process runs on
    FAIL = "fail-before"  # the call fails, once, and had no effect
    LOSE = "fail-after"  # the call had its effect, and its answer is lost, once
    OUTAGE = "outage-from"  # from here on, nothing of the same place can be reached or written
    MEANWHILE = "meanwhile-at"  # somebody else does something in the database, and then it goes on
    PAUSE = "pause-before"  # SIGSTOP: it stands still, its threads too, for longer than a lease lasts


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What happens at which point; written as `kill-before:17`."""

    mode: Mode
    point: int

    def __str__(self) -> str:
        return f"{self.mode}:{self.point}"

    @classmethod
    def parse(cls, text: str) -> Self:
        mode, _, point = text.partition(":")
        return cls(Mode(mode), int(point))


@dataclass(frozen=True, slots=True)
class Point:
    """A point as it was met."""

    number: int
    place: Place
    what: str

    def __str__(self) -> str:
        return f"{self.number} {self.place} {self.what}"


def faults_at(point: Point) -> list[Fault]:
    """Return the faults that are tried at a point.

    An outage in the middle of a transaction, or of writing a file, is noticed when the next one begins.
    """
    begins = point.place is Place.BUCKET or point.what.partition(" ")[0] in {"connect", "commit", "open"}
    modes = [Mode.KILL, Mode.FAIL, Mode.LOSE, *([Mode.OUTAGE] if begins else [])]
    return [Fault(mode, point.number) for mode in modes]


def read_points(log: Path) -> list[Point]:
    """Return the points that a run has met, in order."""
    lines = (line.split(" ", 2) for line in log.read_text("utf-8").splitlines())
    return [Point(int(number), Place(place), what) for number, place, what in lines]


def do_nothing() -> None:
    """Do nothing."""


@dataclass
class Points:
    """Counts the points of this process, writes each to `log` before it happens, and lets faults happen."""

    log: Path
    faults: Mapping[int, Mode] = field(default_factory=dict)
    meanwhile: Callable[[], None] = do_nothing
    stood_still: timedelta = timedelta(0)
    _met: int = 0
    _out: set[Place] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def effect(self, place: Place, what: str, failure: Callable[[], Exception]) -> Iterator[None]:
        """Have the effect in the block, as one point. `failure` breaks off what is under way."""
        mode = self._meet(place, " ".join(_ARBITRARY.sub("*", what).split()))
        if place in self._out:
            raise failure()
        match mode:
            case None:
                yield
            case Mode.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Mode.PAUSE:
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this thread stops first
                self.stood_still += PAUSE_LASTS
                yield
            case Mode.MEANWHILE:
                self.meanwhile()
                yield
            case Mode.FAIL | Mode.OUTAGE:
                raise failure()
            case Mode.LOSE:
                yield
                raise failure()
            case _ as unreachable:
                assert_never(unreachable)

    def _meet(self, place: Place, what: str) -> Mode | None:
        with self._lock, self.log.open("ab", buffering=0) as log:
            self._met += 1
            log.write(f"{Point(self._met, place, what)}\n".encode())
            mode = self.faults.get(self._met)
            if mode is Mode.OUTAGE:
                self._out.add(place)
            return mode
