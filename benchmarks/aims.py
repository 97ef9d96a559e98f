"""What is aimed at, held against what was measured."""

from collections.abc import Iterator

from benchmarks import jobs
from benchmarks.measure import Timing
from benchmarks.report import OURSELVES, Aim, Report

_SMALLER, _LARGER = jobs.size_of(10_000), jobs.size_of(100_000)
_MEGABYTE = 1_000_000


def aims(report: Report) -> Iterator[Aim]:
    """Yield every aim that the report has the rows for."""
    yield from _of_a_plan(report)
    yield from _of_growth(report)
    yield from _of_locking(report)
    yield from _of_applying(report)
    if helped := report.find(jobs.HELP, ""):
        yield _under("`elmify --help`", 0.25, helped.seconds, "s")


def _of_a_plan(report: Report) -> Iterator[Aim]:
    ours = report.find(jobs.PLAN, _SMALLER)
    s5cmd = report.find(jobs.PLAN, _SMALLER, jobs.S5CMD)
    aws = report.find(jobs.PLAN, _SMALLER, jobs.AWSCLI)
    if ours and s5cmd:
        what = "plan, no changes, 10,000 lectures, by `s5cmd sync --dry-run`"
        yield _at_most(what, 2, _ratio(ours, s5cmd), "x")
    if ours and aws:
        what = "plan, no changes, 10,000 lectures, by `aws s3 sync --dryrun`"
        yield _under(what, 0.6, _ratio(ours, aws), "x")


def _of_growth(report: Report) -> Iterator[Aim]:
    for job in (jobs.VALIDATE_ANEW, jobs.VALIDATE, jobs.PLAN, jobs.PLAN_CHANGES):
        small, large = report.find(job, _SMALLER), report.find(job, _LARGER)
        if small and large:
            yield _at_most(f"{job}: time of 100,000 by 10,000 lectures", 11, _ratio(large, small), "x")
        if large:
            yield _under(f"{job}: peak memory at 100,000", 600, large.peak_bytes / _MEGABYTE, "MB")


def _of_locking(report: Report) -> Iterator[Aim]:
    timings = {row.program: row.timing for row in report.rows if row.job == jobs.LOCK}
    if timings:
        what = "lock: rate by that of SHA-256 and MD5 alone, on all processors"
        yield _at_least(what, 0.8, _ratio(timings[jobs.BARE_LOOP], timings[OURSELVES]), "x")


def _of_applying(report: Report) -> Iterator[Aim]:
    ours = report.find(jobs.APPLY, jobs.UPLOAD_SIZE)
    aws = report.find(jobs.APPLY, jobs.UPLOAD_SIZE, jobs.AWSCLI)
    if ours and aws:
        what = "apply of 1,000 files of 16 KiB: rate by `aws s3 cp --recursive`"
        yield _at_least(what, 1, _ratio(aws, ours), "x")
    if committed := report.find(jobs.COMMIT, _SMALLER):
        yield _under("commit of 10,000 new lectures", 3, committed.seconds, "s")


def _ratio(one: Timing, other: Timing) -> float:
    return one.seconds / other.seconds


def _under(what: str, limit: float, measured: float, unit: str) -> Aim:
    return _aim(what, f"under {limit:g} {unit}", f"{measured:.3g} {unit}", met=measured < limit)


def _at_most(what: str, limit: float, measured: float, unit: str) -> Aim:
    return _aim(what, f"at most {limit:g} {unit}", f"{measured:.3g} {unit}", met=measured <= limit)


def _at_least(what: str, limit: float, measured: float, unit: str) -> Aim:
    return _aim(what, f"at least {limit:g} {unit}", f"{measured:.3g} {unit}", met=measured >= limit)


def _aim(what: str, wanted: str, measured: str, *, met: bool) -> Aim:
    return Aim(what=what, wanted=wanted, measured=measured, met=met)
