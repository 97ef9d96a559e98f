import os
import sys
from collections.abc import Sequence

import pytest

from benchmarks.measure import CommandFailed, Contestant, Run, Timing, compete, read_events, run_once

MIB = 1024**2


def python(script: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", script]


def test_a_run_knows_the_peak_of_its_own_process_and_not_of_ours() -> None:
    ours = bytearray(256 * MIB)

    idle = run_once(python(""), os.environ)
    busy = run_once(python(f"x = bytearray({64 * MIB}); x[::4096] = bytes(len(x[::4096]))"), os.environ)

    assert len(ours) > idle.peak_bytes
    assert 64 * MIB < busy.peak_bytes < 128 * MIB
    assert idle.seconds > 0


def test_a_command_that_fails_is_never_measured() -> None:
    with pytest.raises(CommandFailed, match=r"(?s)exit 3: .*a reason"):
        run_once(python("import sys; print('a reason'); sys.exit(3)"), os.environ)


def test_contestants_take_turns_and_the_warm_up_does_not_count() -> None:
    seen: list[tuple[int, str]] = []

    def line_up(turn: int) -> Sequence[Contestant]:
        return [
            Contestant(
                name=name,
                command=python(""),
                environment=os.environ,
                prepare=lambda name=name: seen.append((turn, name)),  # type: ignore[misc]
            )
            for name in ("one", "two")
        ]

    timings = compete(line_up, runs=2)

    assert seen == [(turn, name) for turn in range(3) for name in ("one", "two")]
    assert {name: len(timing.runs) for name, timing in timings.items()} == {"one": 2, "two": 2}


def test_the_median_run_and_the_largest_peak_count() -> None:
    runs = [Run(seconds=s, cpu_seconds=c, peak_bytes=p) for s, c, p in ((9, 1, 5), (1, 3, 6), (2, 2, 4))]

    timing = Timing(tuple(runs))

    assert (timing.seconds, timing.spread, timing.cpu_seconds, timing.peak_bytes) == (2, (1, 9), 2, 6)


def test_events_are_heard_in_their_order() -> None:
    heard = read_events(python('print(\'{"event": "a"}\'); print(\'{"event": "b"}\')'), os.environ)

    assert list(heard) == ["a", "b"]
    assert heard["a"] <= heard["b"]
