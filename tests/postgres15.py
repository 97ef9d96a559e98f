"""Run a command, such as the tests, on a throw-away server of PostgreSQL 15: the oldest that is supported.

    python -m tests.postgres15 pytest -q

Debian's package `postgresql-15` has the programs. Where they are absent this says so and runs nothing.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from providers.embedded_postgres.server import EmbeddedServer
from tests.postgres import UNSAFE

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


def main(command: Sequence[str]) -> int:
    if not PROGRAMS.is_dir():
        print(f"PostgreSQL 15 is not installed ({PROGRAMS} is absent): skipped", file=sys.stderr)  # noqa: T201
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="elmify-15-") as folder,
        EmbeddedServer(Path(folder), UNSAFE, PROGRAMS) as server,
    ):
        environment = {**os.environ, "ELMIFY_TEST_DATABASE_URL": server.start()}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
