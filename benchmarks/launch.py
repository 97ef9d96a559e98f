"""Runs one command and writes down what it took.

A bare interpreter runs this file as a program. A process inherits its parent's peak memory at its birth, so
the one that measures has to be smaller than anything that is measured.
"""

import json
import os
import sys
import time

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def main(result: str, output: str, *command: str) -> None:
    """Run `command`, its output into the file `output`, and leave what it took in `result` as JSON."""
    actions = [(os.POSIX_SPAWN_OPEN, 1, output, _CREATE, 0o644), (os.POSIX_SPAWN_DUP2, 1, 2)]
    began = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    facts = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * _PEAK_UNIT_BYTES,
        "status": os.waitstatus_to_exitcode(status),
    }
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would cost what is measured
        json.dump(facts, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
