from pathlib import Path

import pytest

from tests.acceptance.projects import Project, clean_environment


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Project:
    """A project with one lecture, on a directory bucket and a database of its own; nothing is applied yet."""
    root, home = tmp_path / "project", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    project = Project(root, clean_environment(home, DATABASE_URL=database_url))
    project.lecture("opening", number=1)
    return project
