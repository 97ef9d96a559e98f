"""Progress display of file transfers.

Bars on a terminal; otherwise one line every ten seconds, or NDJSON events.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import click

from reconciler.cli.console import say
from reconciler.model.ports import Meter
from reconciler.model.values import readable_size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Without a terminal one line in this many seconds keeps a CI log alive and short.
LINE_EVERY_SECONDS = 10.0


@contextmanager
def meter(label: str, *, files: int, size_bytes: int, style: str = "auto") -> Iterator[Meter]:
    """Show the progress of a transfer while the block runs.

    It covers `files` files of `size_bytes` in all. `style` is `auto` (bars on a terminal, lines
    elsewhere), or `json` (NDJSON events on stdout).
    """
    if style == "json":
        yield _Events(label, files, size_bytes)
    elif sys.stderr.isatty() and files:
        with _Bars(label, files, size_bytes) as bars:
            yield bars
    else:
        yield _Lines(label, files, size_bytes)


class _Tally:
    def __init__(self, label: str, files: int, size_bytes: int) -> None:
        self.label, self.files, self.size_bytes = label, files, size_bytes
        self.done_files = self.done_bytes = 0
        self.began = time.monotonic()
        self.lock = threading.Lock()

    @property
    def rate(self) -> float:
        return self.done_bytes / max(time.monotonic() - self.began, 0.001)

    @property
    def seconds_left(self) -> int:
        return round((self.size_bytes - self.done_bytes) / self.rate) if self.rate else 0


class _Lines(_Tally):
    def __init__(self, label: str, files: int, size_bytes: int) -> None:
        super().__init__(label, files, size_bytes)
        self.next_line = self.began + LINE_EVERY_SECONDS

    def bytes_done(self, count: int) -> None:
        with self.lock:
            self.done_bytes += count
            if time.monotonic() >= self.next_line:
                self.next_line = time.monotonic() + LINE_EVERY_SECONDS
                self._line()

    def file_done(self, name: str) -> None:  # noqa: ARG002
        with self.lock:
            self.done_files += 1

    def _line(self) -> None:
        done, all_ = readable_size(self.done_bytes), readable_size(self.size_bytes)
        rate = f"{readable_size(round(self.rate))}/s, {self.seconds_left} s left"
        say(f"{self.label}: {self.done_files:,} of {self.files:,} files, {done} of {all_}, {rate}")


class _Events(_Tally):
    def bytes_done(self, count: int) -> None:
        with self.lock:
            self.done_bytes += count

    def file_done(self, name: str) -> None:
        with self.lock:
            self.done_files += 1
            emit(
                "file",
                label=self.label,
                name=name,
                files=self.done_files,
                of_files=self.files,
                bytes=self.done_bytes,
                of_bytes=self.size_bytes,
            )


class _Bars(_Tally):
    def __enter__(self) -> Self:
        self.progress, self.task = _rich_progress(self.label, self.files, self.size_bytes)
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def bytes_done(self, count: int) -> None:
        self.progress.update(self.task, advance=count)

    def file_done(self, name: str) -> None:  # noqa: ARG002
        with self.lock:
            self.done_files += 1
            self.progress.update(self.task, done=self.done_files)


def _rich_progress(label: str, files: int, size_bytes: int) -> "tuple[Progress, TaskID]":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.fields[files]} files"),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    return progress, progress.add_task(label, total=size_bytes, done=0, files=files)


def emit(event: str, **fields: object) -> None:
    """Print one NDJSON event to stdout."""
    click.echo(json.dumps({"event": event, **fields}, ensure_ascii=False))
