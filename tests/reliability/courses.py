"""Which faults are tried where, and which of them today."""

import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.reliability.points import Fault, Place, Point, faults_at
from tests.reliability.scenarios import SCENARIOS, SERVER, Scenario

#: `make test` tries one part of all faults, another one each day.
PARTS = 10

#: The day whose part is tried, counted from the year 1; or `all`.
SEED_VARIABLE = "ELMIFY_FAULTS_SEED"


@dataclass(frozen=True)
class Course:
    """A scenario at a place."""

    scenario: Scenario
    place: str

    def __str__(self) -> str:
        return f"{self.scenario.name}, {self.place}".replace(" ", "-").replace(",", "")

    def faults(self, points: Iterable[Point]) -> list[Fault]:
        """Return every fault that is tried.

        What the database makes of a statement does not depend on the bucket: on the server only what lies
        between the two counts, its own requests and the commits.
        """
        tried = (p for p in points if self.place != SERVER or p.place is Place.BUCKET or p.what == "commit")
        return [fault for point in tried for fault in faults_at(point)]

    def chosen(self, points: Iterable[Point], seed: str) -> Sequence[Fault]:
        """Return the faults of a seed; the seeds of as many days in a row as there are parts cover all."""
        faults = self.faults(points)
        if seed == "all":
            return faults
        random.Random(str(self)).shuffle(faults)
        return faults[int(seed) % PARTS :: PARTS]


COURSES = tuple(Course(scenario, place) for scenario in SCENARIOS for place in scenario.places)


def todays_seed() -> str:
    """Return the seed that the environment names, else that of today in UTC."""
    return os.environ.get(SEED_VARIABLE) or str(datetime.now(UTC).date().toordinal())
