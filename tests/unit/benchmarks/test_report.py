from pathlib import Path

import click
import pytest

from benchmarks import jobs
from benchmarks.__main__ import BEGIN, END, PAGE, write_page
from benchmarks.aims import aims
from benchmarks.measure import Run, Timing
from benchmarks.report import OURSELVES, Report, Row


def timing(seconds: float, peak_bytes: int = 0) -> Timing:
    return Timing((Run(seconds=seconds, cpu_seconds=0, peak_bytes=peak_bytes),))


def plan_row(program: str, seconds: float) -> Row:
    return Row(job=jobs.PLAN, size=jobs.size_of(10_000), program=program, timing=timing(seconds))


@pytest.mark.parametrize(
    ("seconds", "met"), [(2.0, [True, True]), (2.5, [False, True]), (6.0, [False, False])]
)
def test_a_plan_is_held_against_both_peers(seconds: float, met: list[bool]) -> None:
    rows = [plan_row(OURSELVES, seconds), plan_row(jobs.S5CMD, 1.0), plan_row(jobs.AWSCLI, 5.0)]

    assert [aim.met for aim in aims(Report(rows=rows))] == met


def test_growth_and_memory_are_held_against_their_limits() -> None:
    rows = [
        Row(job=jobs.PLAN, size=jobs.size_of(10_000), program=OURSELVES, timing=timing(1)),
        Row(job=jobs.PLAN, size=jobs.size_of(100_000), program=OURSELVES, timing=timing(12, 500_000_000)),
    ]

    assert [(aim.measured, aim.met) for aim in aims(Report(rows=rows))] == [("12 x", False), ("500 MB", True)]


def test_what_was_not_measured_has_no_aim() -> None:
    assert list(aims(Report())) == []


def test_the_tables_line_up() -> None:
    lines = Report(rows=[plan_row(OURSELVES, 1.0)]).tables().split("\n\n")[0].splitlines()

    assert len({len(line) for line in lines}) == 1
    assert f"| {jobs.PLAN} " in lines[2]


def test_a_result_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_page(page, "new")

    assert page.read_text() == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_a_page_without_its_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n")

    with pytest.raises(click.ClickException):
        write_page(page, "new")

    assert page.read_text() == "before\n"


def test_the_documentation_has_the_marks() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert text.index(BEGIN) < text.index(END)
