"""`make reliability`: every fault at every point, more of the state machine, and the page that says so."""

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.reliability import results
from tests.reliability.courses import COURSES, SEED_VARIABLE

HERE = Path(__file__).absolute().parent
PAGE = HERE.parents[1] / "docs" / "reliability.md"


def main() -> int:
    """Run the suite, write the page of a complete run, and return the suite's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, SEED_VARIABLE: "all", results.FOLDER_VARIABLE: folder}
        suite = [sys.executable, "-m", "pytest", str(HERE), "--timeout", "0", *sys.argv[1:]]
        status = subprocess.run(suite, env=environ, check=False).returncode
        found = results.read(Path(folder))
    if len(found) == len(COURSES):
        PAGE.write_text(results.page(found, datetime.now(UTC).date()), "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
