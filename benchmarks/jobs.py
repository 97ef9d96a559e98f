"""The jobs that are measured, each beside the peers that do a part of it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import bare as bare_loop
from benchmarks.measure import Contestant, Run, Timing, compete, read_output
from benchmarks.peers import AWS, ELMIFY, RCLONE, ROOT, s5cmd
from benchmarks.report import OURSELVES, Row
from benchmarks.stands import Stand, empty_stands
from benchmarks.worlds import write_world

HELP = "help"
VALIDATE, VALIDATE_ANEW = "validate", "validate, nothing cached"
PLAN, PLAN_CHANGES = "plan, no changes", "plan, 1 % changed"
COMMIT = "commit of new lectures"
APPLY = "apply of new files"
LOCK = "lock, every file read"

S5CMD, AWSCLI, RCLONE_CHECK, RCLONE_SIZES = "s5cmd", "aws s3", "rclone check", "rclone check --size-only"
RCLONE_COPY = "rclone copy"
BARE_LOOP = "hashlib alone"

#: Small, so that what is measured is the work on each object and not the disk.
LIBRARY_AUDIO_BYTES = 1024
UPLOAD_FILES, UPLOAD_AUDIO_BYTES = 1_000, 16 * 1024
UPLOAD_SIZE = f"{UPLOAD_FILES:,} x 16 KiB"
LOCK_AUDIO_BYTES = 48 * 1024**2  # what goes up in one put: larger files get a third hash

#: From this size on, a run takes long enough to be its own average.
_LARGE = 100_000
_LARGE_RUNS = 3
_COMMITS = 3


def size_of(lectures: int) -> str:
    """Return what the tables call a library of that many lectures."""
    return f"{lectures:,} lectures"


def measure_help(runs: int) -> Sequence[Row]:
    """Time `elmify --help`."""
    helped = Contestant(name=OURSELVES, command=[str(ELMIFY), "--help"], environment=os.environ)
    return _rows(HELP, "", compete(lambda _: [helped], runs))


def measure_library(folder: Path, postgres: str, lectures: int, runs: int) -> Sequence[Row]:
    """Make a library of that size with matching stores, and measure everything that only looks at it."""
    is_large = lectures >= _LARGE
    with empty_stands(folder, postgres, lectures, LIBRARY_AUDIO_BYTES, 1 if is_large else _COMMITS) as stands:
        for stand in stands:
            stand.fill_bucket()
        committed = Timing(tuple(_unweighed(stand.commit()) for stand in stands))
        stand = stands[0]
        stand.check_matching()
        size, runs = size_of(lectures), min(runs, _LARGE_RUNS) if is_large else runs
        rows = [Row(job=COMMIT, size=size, program=OURSELVES, timing=committed)]
        rows += _alone(stand, VALIDATE_ANEW, size, runs, "validate", anew=True)
        read_output(stand.elmify("lock"), stand.environment)  # from then on the media are known
        rows += _alone(stand, VALIDATE, size, runs, "validate")
        rows += _rows(PLAN, size, compete(lambda _: _comparing(stand), runs))
        stand.world.edit(lectures // 100)
        return rows + _alone(stand, PLAN_CHANGES, size, runs, "plan")


def _rows(job: str, size: str, timings: dict[str, Timing]) -> list[Row]:
    return [Row(job=job, size=size, program=name, timing=timing) for name, timing in timings.items()]


def _alone(stand: Stand, job: str, size: str, runs: int, command: str, *, anew: bool = False) -> list[Row]:
    contestant = stand.contestant(OURSELVES, stand.elmify(command), anew=anew)
    return _rows(job, size, compete(lambda _: [contestant], runs))


def _comparing(stand: Stand) -> Sequence[Contestant]:
    """Return everybody who can say whether the bucket holds what the media folder holds."""
    media, bucket = str(stand.world.media), stand.bucket
    rclone = [str(RCLONE), "check", "--fast-list", "--one-way", media, f"peer:{bucket}"]
    return [
        stand.contestant(OURSELVES, stand.elmify("plan")),
        stand.contestant(S5CMD, _s5cmd(stand, "--dry-run", "sync", f"{media}/", f"s3://{bucket}/")),
        stand.contestant(AWSCLI, _aws(stand, "sync", "--dryrun", media, f"s3://{bucket}")),
        stand.contestant(RCLONE_CHECK, rclone),
        stand.contestant(RCLONE_SIZES, [*rclone, "--size-only"]),
    ]


def measure_apply(folder: Path, postgres: str, runs: int) -> Sequence[Row]:
    """Measure storing 1,000 new files, in a new bucket and (for elmify) a new database each time."""
    with empty_stands(folder, postgres, UPLOAD_FILES, UPLOAD_AUDIO_BYTES, 4 * (runs + 1)) as stands:
        timings = compete(lambda turn: _storing(stands[4 * turn : 4 * turn + 4]), runs)
    return [
        Row(
            job=APPLY,
            size=UPLOAD_SIZE,
            program=name,
            timing=timing,
            rate=f"{UPLOAD_FILES / timing.seconds:,.0f} files/s",
        )
        for name, timing in timings.items()
    ]


def _storing(stands: Sequence[Stand]) -> Sequence[Contestant]:
    media = str(stands[0].world.media)
    first, second, third, fourth = stands
    return [
        first.contestant(OURSELVES, first.elmify("apply", "--auto-approve")),
        second.contestant(S5CMD, _s5cmd(second, "cp", f"{media}/", f"s3://{second.bucket}/")),
        third.contestant(AWSCLI, _aws(third, "cp", "--recursive", media, f"s3://{third.bucket}")),
        fourth.contestant(
            RCLONE_COPY, [str(RCLONE), "copy", "--transfers", "8", media, f"peer:{fourth.bucket}"]
        ),
    ]


def _s5cmd(stand: Stand, *arguments: str) -> Sequence[str]:
    return [str(s5cmd()), "--endpoint-url", stand.endpoint, *arguments]


def _aws(stand: Stand, *arguments: str) -> Sequence[str]:
    return [str(AWS), "--endpoint-url", stand.endpoint, "s3", *arguments]


def measure_lock(folder: Path, files: int, runs: int) -> Sequence[Row]:
    """Measure `lock`, beside the same hashes of the same files with nothing around them."""
    world = write_world(folder / "world", files, LOCK_AUDIO_BYTES)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home")}
    lock = [str(ELMIFY), "--project", str(world.root), "lock", "--rehash"]
    bare = [sys.executable, bare_loop.__file__, str(world.media)]
    contestants = [
        Contestant(name=OURSELVES, command=lock, environment=environment),
        Contestant(name=BARE_LOOP, command=bare, environment={**environment, "PYTHONPATH": str(ROOT)}),
    ]
    size_bytes = files * LOCK_AUDIO_BYTES
    return [
        Row(
            job=LOCK,
            size=f"{files} x {LOCK_AUDIO_BYTES // 1024**2} MiB",
            program=name,
            timing=timing,
            rate=f"{size_bytes / timing.seconds / 1e9:.2f} GB/s",
        )
        for name, timing in compete(lambda _: contestants, runs).items()
    ]


def _unweighed(seconds: float) -> Run:
    """Return a run of which nothing but its time is known."""
    return Run(seconds=seconds, cpu_seconds=0, peak_bytes=0)
