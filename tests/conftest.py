"""What every tier of tests may ask for."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from reconciler.logs import ROOT as ROOT_LOGGER
from tests import postgres

# In CI a change is judged by the same examples each time; on a developer's machine new ones are tried.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets what it runs in the background ignore SIGINT, and the commands under test inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """Take down the log handlers that a test has put up: they are the process's own."""
    yield
    logger = logging.getLogger(ROOT_LOGGER)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder that all workers of this session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def postgres_server(session_folder: Path) -> Iterator[str]:
    """URL of a PostgreSQL server, by a role that may create databases and roles."""
    with postgres.server(session_folder / "postgres") as url:
        yield url


@pytest.fixture(scope="session")
def production_template(postgres_server: str) -> str:
    return postgres.template(postgres_server, postgres.PRODUCTION_TABLES)


@pytest.fixture(scope="session")
def older_template(postgres_server: str) -> str:
    return postgres.template(postgres_server, postgres.PRODUCTION_TABLES + postgres.WITHOUT_CATEGORIES)


@pytest.fixture
def database_url(postgres_server: str, production_template: str) -> Iterator[str]:
    """URL of a database of the test's own: the production tables and a few categories, no other rows."""
    with postgres.clone(postgres_server, production_template) as url:
        yield url


@pytest.fixture
def older_database_url(postgres_server: str, older_template: str) -> Iterator[str]:
    """As `database_url`, of an older deployment that has no category tables."""
    with postgres.clone(postgres_server, older_template) as url:
        yield url
