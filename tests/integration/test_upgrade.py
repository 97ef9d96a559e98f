"""The first commands of a new elmify, on records that the first version wrote."""

import json
from pathlib import Path

import psycopg
import pytest

from reconciler.records.schema import VERSION, grants
from tests import postgres
from tests.inside import InsideProject, inside_project
from tests.records import back_to_version_1


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> InsideProject:
    """A project of an earlier elmify, with an apply and a rollback behind it."""
    project = inside_project(tmp_path, database_url)
    project.apply()
    project.lecture("cow", number=2, title="The Cow")
    project.apply()
    project.elmify("rollback", "2", "--auto-approve")
    back_to_version_1(database_url)
    return project


LOOKING = (
    ("plan", 0),
    ("drift", 0),
    ("verify", 2),
    ("status", 0),
    ("metrics", 0),
    ("runs", 0),
    ("audit", 0),
    ("lease", 0),
)


def test_a_role_that_may_only_read_can_look_before_the_upgrade(
    project: InsideProject, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        granted = grants("read_only_grants.sql", "{role}", connection.info.dbname)
    with postgres.role(database_url, granted.replace('"{role}"', "{role}")) as limited:
        seen = {
            command: project.elmify(command, env={"DATABASE_URL": limited}, status=status).out
            for command, status in LOOKING
        }

    assert "rollback 2" in seen["runs"]
    assert "rollback 2" in seen["status"]
    assert 'elmify_runs_total{command="rollback",environment="test",outcome="ok"} 1.0' in seen["metrics"]
    assert project.sql("select schema_version from elmify.identity") == [{"schema_version": 1}]


def test_the_next_apply_upgrades_and_all_runs_are_as_they_were(project: InsideProject) -> None:
    before = json.loads(project.elmify("runs", "--format", "json").out)
    project.apply()
    after = json.loads(project.elmify("runs", "--format", "json").out)

    assert after[1:] == before
    assert [(run["kind"], run["subject"]) for run in after] == [
        ("apply", []),
        ("rollback", ["2"]),
        ("apply", []),
        ("apply", []),
    ]
    assert project.sql("select schema_version from elmify.identity") == [{"schema_version": VERSION}]


def test_gc_upgrades_too(project: InsideProject) -> None:
    project.elmify("gc")

    [run] = json.loads(project.elmify("runs", "--format", "json", "--limit", "1").out)
    assert (run["kind"], run["state"]) == ("gc", "done")


def test_a_run_of_the_first_version_is_taken_back(project: InsideProject) -> None:
    project.elmify("rollback", "1", "--auto-approve")

    assert project.sql("select * from lectures") == []
