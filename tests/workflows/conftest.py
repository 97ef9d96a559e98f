from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.loading.workflows import workflow_texts
from tests import postgres
from tests.acceptance.projects import Project, clean_environment
from tests.buckets import bucket_at
from tests.servers import ACCESS_KEY, SECRET_KEY, make_bucket, moto_server
from tests.workflows.github import GitHub, Pull, github
from tests.workflows.package import Package, make_package
from tests.workflows.runner import Runner

READ_ONLY = Path("reconciler/records/sql/read_only_grants.sql").read_text("utf-8")


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The elmify under test, as pip installs it from a URL and a commit."""
    return make_package(tmp_path_factory.mktemp("package"))


@dataclass
class Team:
    """A repository on GitHub with our workflows, its two stores, and a person who works in a clone.

    The library of main, one lecture, is applied.
    """

    hub: GitHub
    runner: Runner
    desk: Project
    bucket: str
    s3_url: str

    def propose(self, branch: str, message: str = "a change") -> Pull:
        """Push what is on the desk to a branch, and open its pull request."""
        self.hub.push(self.desk.root, branch, message)
        return self.hub.open_pull(branch)

    def amend(self, pull: Pull, message: str = "once more") -> None:
        """Push what is on the desk to the branch of a pull request."""
        self.hub.push(self.desk.root, pull.branch, message)

    def main(self) -> None:
        """Put the desk back to what main holds."""
        self.hub.git(self.desk.root, "fetch", "--quiet", "origin")
        self.hub.git(self.desk.root, "checkout", "--quiet", "-B", "main", "origin/main")

    def titles(self) -> list[str]:
        return [row["title"] for row in self.desk.sql("select title from lectures order by lecture_number")]

    def keys(self) -> list[str]:
        store = bucket_at(self.s3_url, self.bucket)
        keys = [stored.key for stored in store.list() if not stored.key.startswith(".elmify/")]
        store.close()
        return keys


@pytest.fixture
def team(tmp_path: Path, database_url: str, moto_url: str, package: Package) -> Iterator[Team]:
    bucket = make_bucket(moto_url)
    (tmp_path / "home").mkdir()
    store = {
        "R2_ENDPOINT": moto_url,
        "R2_ACCESS_KEY_ID": ACCESS_KEY,
        "R2_SECRET_ACCESS_KEY": SECRET_KEY,
        "R2_BUCKET_NAME": bucket,
        "R2_STAGING_BUCKET": make_bucket(moto_url),
    }
    with github(tmp_path) as hub:
        root = hub.clone(tmp_path / "desk")
        desk = Project(root, clean_environment(tmp_path / "home", DATABASE_URL=database_url, **store), "")
        desk.lecture("opening", number=1, title="The Opening")
        (root / ".gitignore").write_text("media/\n.elmify/\n", encoding="utf-8")
        for name, text in workflow_texts(branch="main", package=package.requirement).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        hub.push(root, "main", "the library as it is")
        desk.apply()
        grants = READ_ONLY.replace(':"role"', "{role}")
        with postgres.role(database_url, grants) as reading:
            secrets = {
                "elmify-plan": {**store, "DATABASE_URL": reading},
                "elmify-apply": {**store, "DATABASE_URL": database_url},
            }
            yield Team(hub, Runner(hub, tmp_path, secrets), desk, bucket, moto_url)
    assert hub.refused == []
    assert hub.leaked == []
