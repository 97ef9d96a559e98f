"""What a run of the suite has found, gathered from its workers, and written down as a page."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Self

from tests.reliability.courses import Course
from tests.reliability.points import Fault, Mode

#: The folder in which results are gathered; without it they are not.
FOLDER_VARIABLE = "ELMIFY_FAULTS_RESULTS"

_PAGE = """\
# Reliability

elmify is run as a real process, and at each of its effects on the outside something happens to it. An
effect is a request to the bucket, a connection to the database or a statement sent over it, COMMIT
included, or a file that is made, written, renamed or removed. They are numbered in the order in which they
happen, and the numbers are the same each time. What happens at one of them:

- **kill**: SIGKILL before the effect;
- **fail**: the call fails, and had no effect;
- **lose**: the call had its effect, and its answer is lost;
- **outage**: from here on the store cannot be reached, or the disk not be written, until the process ends.

At once both stores are read as the apps read them: every lecture is fetched by every way, over HTTP, and
what comes are the bytes of the row's hash, or, while an alias is pending, what its key gave before; every
URL that an app has kept still leads somewhere; the library is the old one or the new one as a whole; no user
row is gone but those whose loss the plan announced; the exit status says what is true; every object is live,
retired, or left over and known as such; the lease ends within a minute. Then the minute passes, and one more
`elmify apply` has to bring about the very library that an undisturbed run brings about, with nothing left to
plan, an audit log that verifies, and the lease free.

| Catalog | Store | Points | Kills | Fails | Loses | Outages | Violations |
|---|---|--:|--:|--:|--:|--:|--:|
{rows}
| **Together** | | {points} | {kill} | {fail} | {lose} | {outage} | **{violations}** |

{runs:,} runs on {day}. The directory bucket takes the NFC and NFD spellings of a key for one object, as R2
does; the server is ministack. On the server every request to it and every commit is tried, on the directory
every point. `make test` tries a tenth of this, another one each day; `make reliability` tries all of it and
writes this page.
"""


@dataclass(frozen=True)
class Result:
    """What was tried of one scenario at one place."""

    catalog: str
    store: str
    points: int
    kill: int
    fail: int
    lose: int
    outage: int
    violations: int

    @classmethod
    def of(cls, course: Course, tried: Sequence[Fault], violations: Sequence[str]) -> Self:
        """Count what was tried, by its mode."""
        modes = Counter(fault.mode for fault in tried)
        return cls(
            catalog=course.scenario.name,
            store=course.place,
            points=len({fault.point for fault in tried}),
            kill=modes[Mode.KILL],
            fail=modes[Mode.FAIL],
            lose=modes[Mode.LOSE],
            outage=modes[Mode.OUTAGE],
            violations=len(violations),
        )


def save(result: Result) -> None:
    """Keep a result, if somebody gathers them."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        name = f"{result.catalog}-{result.store}.json"
        (Path(folder) / name).write_text(json.dumps(asdict(result)), "utf-8")


def read(folder: Path) -> list[Result]:
    """Return what was kept in a folder."""
    return [Result(**json.loads(file.read_text("utf-8"))) for file in folder.glob("*.json")]


def page(results: Iterable[Result], day: date) -> str:
    """Return the page that is published."""
    ordered = sorted(results, key=lambda result: (result.store, result.catalog))
    numbers = ("points", "kill", "fail", "lose", "outage", "violations")
    total = {name: sum(getattr(result, name) for result in ordered) for name in numbers}
    rows = [
        _row(result.catalog, result.store, *(getattr(result, name) for name in numbers)) for result in ordered
    ]
    runs = sum(total[name] for name in ("kill", "fail", "lose", "outage"))
    return _PAGE.format(rows="\n".join(rows), day=day.isoformat(), runs=runs, **total)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
