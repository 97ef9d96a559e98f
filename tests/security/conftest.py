from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.gates import Gate, gate
from tests.acceptance.projects import Project, clean_environment
from tests.servers import ministack_server


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Project:
    """A project with one lecture, on a directory bucket and a database of its own; nothing is applied yet."""
    root, home = tmp_path / "project", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    project = Project(root, clean_environment(home, DATABASE_URL=database_url))
    project.lecture("opening", number=1)
    return project


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack_server(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture
def entrance(s3_url: str) -> Iterator[Gate]:
    """A gate in front of the S3 server."""
    with gate(s3_url) as entrance:
        yield entrance
