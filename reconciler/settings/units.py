"""Sizes and durations as people write them."""

import re
from datetime import timedelta

from reconciler.model.errors import UsageError

_SIZE = re.compile(r"([0-9]{1,12})\s*(B|KiB|MiB|GiB)")
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

_DURATION = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_size(text: str) -> int:
    """Return a size such as `64 MiB` in bytes. `UsageError` for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no size", hint="Write a number and B, KiB, MiB or GiB: 64 MiB")
    return int(match.group(1)) * _BYTES[match.group(2)]


def parse_duration(text: str) -> timedelta:
    """Return a duration such as `30s`, `10m`, `12h`, `30d` or `2w`. `UsageError` for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no duration", hint="Write a number and s, m, h, d or w: 30d")
    return timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})
