"""The live system as tests ask for it. A test module names this one in `pytest_plugins`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.live.project import LiveProject, live_project
from tests.live.seen import FirstDay, look
from tests.live.system import lecture_ids
from tests.live.truth import SMALL


@pytest.fixture(scope="session")
def first_day(
    postgres_server: str, production_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FirstDay]:
    """A live system that was planned, applied and planned again; no test changes it any more."""
    with postgres.clone(postgres_server, production_template) as url:
        project = live_project(tmp_path_factory.mktemp("live"), url)
        found = look(project)
        plan = project.plan()
        planned = look(project)
        outcome = project.apply(plan)
        yield FirstDay(
            project=project,
            found=found,
            plan=plan,
            planned=planned,
            outcome=outcome,
            applied=look(project),
            next_plan=project.plan(),
            recorded=lecture_ids(url),
        )


@pytest.fixture
def live(first_day: FirstDay, postgres_server: str, tmp_path: Path) -> Iterator[LiveProject]:
    """The reconciled system: a copy for a test that goes on from there."""
    database = first_day.project.url.rpartition("/")[2].partition("?")[0]
    with postgres.clone(postgres_server, database) as url:
        yield first_day.project.copied(tmp_path, url)


@pytest.fixture
def untouched(database_url: str, tmp_path: Path) -> LiveProject:
    """A small live system that elmify has never seen."""
    return live_project(tmp_path, database_url, SMALL, rows=sum(SMALL) + 10, objects=120)
