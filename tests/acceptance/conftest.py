from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.projects import Project, clean_environment
from tests.servers import ACCESS_KEY, make_bucket, ministack_server

#: ministack takes any secret; this one is looked for where it must not be.
SECRET = "planted-secret-access-key"


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Project:
    """A project with one lecture, on a directory bucket and a database of its own; nothing is applied yet."""
    home = tmp_path / "home"
    root = tmp_path / "project"
    home.mkdir()
    root.mkdir()
    project = Project(root, clean_environment(home, DATABASE_URL=database_url))
    project.lecture("opening", number=1, title="The Opening")
    return project


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack_server(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture
def bucket(s3_url: str) -> str:
    """The name of an empty bucket on the S3 server."""
    return make_bucket(s3_url)


@pytest.fixture
def team(project: Project, s3_url: str, bucket: str) -> Project:
    """The same project, whose elmify.yaml names no store: the variables that the team has set do."""
    project.environ |= {
        "R2_ENDPOINT": s3_url,
        "R2_ACCESS_KEY_ID": ACCESS_KEY,
        "R2_SECRET_ACCESS_KEY": SECRET,
        "R2_BUCKET_NAME": bucket,
    }
    project.settings = ""
    project.write()
    return project
