"""Measures elmify beside its peers: `python -m benchmarks`, or `make bench`."""

import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import click

from benchmarks import jobs
from benchmarks.aims import aims
from benchmarks.machine import describe
from benchmarks.peers import ROOT
from benchmarks.report import Report, Row
from benchmarks.servers import database_server

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"

_QUICK_SIZES, _QUICK_RUNS, _QUICK_LOCK_FILES = (1_000,), 2, 8
_LOCK_FILES = 64  # long enough that starting an interpreter is a small part of it


def _parse_sizes(_context: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    parts = text.replace("_", "").split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise click.BadParameter("write numbers of lectures: 1000,10000")
    return tuple(int(part) for part in parts)


@click.command()
@click.option(
    "--sizes", default="1000,10000,100000", show_default=True, callback=_parse_sizes, help="Lectures."
)
@click.option("--runs", default=5, show_default=True, help="Runs of each command, after one to warm up.")
@click.option("--quick", is_flag=True, help="1,000 lectures, two runs and less to hash: does it work at all?")
@click.option("--write", is_flag=True, help=f"Put the result into {PAGE.name}.")
def main(sizes: tuple[int, ...], runs: int, quick: bool, write: bool) -> None:
    """Print how long elmify and its peers take, and whether the aims are met.

    Everything runs on this machine, on servers that are started for it and stopped afterwards. A command
    that fails ends the whole.
    """
    if quick:
        sizes, runs = _QUICK_SIZES, _QUICK_RUNS
    signal.signal(signal.SIGTERM, _stop)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="elmify-bench-") as folder:
        _measure(report, Path(folder), sizes, runs, _QUICK_LOCK_FILES if quick else _LOCK_FILES)
    report.aims += aims(report)
    result = f"{describe()}\n\n{report.tables()}"
    click.echo(result)
    if write:
        write_page(PAGE, result)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C, so that no server outlives a benchmark that is told to stop."""
    raise KeyboardInterrupt


def _measure(report: Report, folder: Path, sizes: Sequence[int], runs: int, lock_files: int) -> None:
    with database_server(folder / "postgres") as postgres:
        steps: list[tuple[str, Callable[[Path], Sequence[Row]]]] = [
            ("help", lambda _: jobs.measure_help(runs)),
            ("lock", lambda place: jobs.measure_lock(place, lock_files, runs)),
            ("apply", lambda place: jobs.measure_apply(place, postgres, runs)),
            *((f"library-{size}", _library(postgres, size, runs)) for size in sizes),
        ]
        for name, step in steps:
            click.echo(f"measuring {name} ...", err=True)
            place = folder / name
            place.mkdir()
            report.rows += step(place)
            shutil.rmtree(place)


def _library(postgres: str, lectures: int, runs: int) -> Callable[[Path], Sequence[Row]]:
    return lambda place: jobs.measure_library(place, postgres, lectures, runs)


def write_page(page: Path, result: str) -> None:
    """Replace what stands between the page's two marks."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end_mark, after = rest.partition(END)
    if not (mark and end_mark):
        raise click.ClickException(f"{page} has lost its marks {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{result}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
