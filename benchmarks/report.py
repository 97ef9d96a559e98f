"""What a benchmark found, and how it is printed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.measure import Timing

#: The name that elmify has in the tables.
OURSELVES = "elmify"

_MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One program doing one job. `size` says on how much; `rate` is in words, where the job has one."""

    job: str
    size: str
    program: str
    timing: Timing
    rate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What was aimed at, and what came of it."""

    what: str
    wanted: str
    measured: str
    met: bool


@dataclass(slots=True)
class Report:
    """Everything found so far."""

    rows: list[Row] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)

    def find(self, job: str, size: str, program: str = OURSELVES) -> Timing | None:
        """Return one program's timing; None when it was not measured."""
        found = (row.timing for row in self.rows if (row.job, row.size, row.program) == (job, size, program))
        return next(found, None)

    def tables(self) -> str:
        """Return both tables as Markdown, which a terminal shows just as well."""
        rows = _table(_ROW_HEAD, map(_row_cells, self.rows))
        return f"{rows}\n\n{_table(_AIM_HEAD, map(_aim_cells, self.aims))}"


_ROW_HEAD = ("job", "size", "program", "seconds", "min to max", "CPU seconds", "peak MiB", "rate")
_AIM_HEAD = ("aim", "wanted", "measured", "met")


def _row_cells(row: Row) -> Sequence[str]:
    timing = row.timing
    shortest, longest = timing.spread
    return (
        row.job,
        row.size,
        row.program,
        _seconds(timing.seconds),
        f"{_seconds(shortest)} to {_seconds(longest)}",
        _seconds(timing.cpu_seconds) if timing.cpu_seconds else "",
        f"{timing.peak_bytes / _MIB:.0f}" if timing.peak_bytes else "",
        row.rate,
    )


def _aim_cells(aim: Aim) -> Sequence[str]:
    return aim.what, aim.wanted, aim.measured, "yes" if aim.met else "no"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    rule = ["-" * width for width in widths]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [padded[0], rule, *padded[1:]])
