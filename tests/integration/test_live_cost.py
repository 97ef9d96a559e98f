"""What a plan asks of the stores does not grow with the library."""

import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.applying.refresh import make_plan
from reconciler.model.plan import Action, Plan
from reconciler.model.ports import ObjectStore
from reconciler.model.staging import staging_inside
from reconciler.operations.project import Project
from reconciler.operations.workspace import open_workspace
from reconciler.planning.world import Request
from reconciler.settings import load_settings
from tests import postgres
from tests.buckets import bucket_at
from tests.content import database_at
from tests.live.mess import make_mess
from tests.live.project import LiveProject, declare
from tests.live.system import fill_database, fill_store
from tests.live.truth import FULL, SMALL, library
from tests.servers import make_bucket, moto_server

#: The rows and objects of a library of 50 lectures, and of one of 467.
SIZES = ((SMALL, 50, 120), (FULL, 467, 532))


@dataclass
class Cost:
    """A first plan, the requests and the statements that it took."""

    plan: Plan
    requests: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def costs(
    postgres_server: str, production_template: str, tmp_path_factory: pytest.TempPathFactory
) -> list[Cost]:
    """The cost of a plan of the small library, and of the large one."""
    found = []
    with moto_server() as server:
        for sizes, rows, objects in SIZES:
            with postgres.clone(postgres_server, production_template) as url:
                bucket = make_bucket(server)
                with closing(bucket_at(server, bucket)) as store:
                    folder = tmp_path_factory.mktemp("cost")
                    project = remote_project(folder, url, store, sizes, rows, objects)
                start_upload(server, bucket)
                found.append(measured(project, server, bucket, url))
    return found


def measured(project: Project, server: str, bucket: str, url: str) -> Cost:
    requests: list[str] = []
    statements: list[str] = []
    with (
        closing(bucket_at(server, bucket, on_request=requests.append)) as store,
        open_workspace(project) as workspace,
    ):
        database = database_at(url, statements.append)
        watched = replace(workspace, objects=store, database=database, staging=staging_inside(store))
        plan, _ = make_plan(watched, Request())
    return Cost(plan, requests, statements)


def start_upload(server: str, bucket: str) -> None:
    """Begin a multipart upload that nobody will ever complete."""
    url = f"{server}/{bucket}/Never/Completed.mp3?uploads"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST")):
        return


def remote_project(
    folder: Path, url: str, store: ObjectStore, sizes: Sequence[int], rows: int, objects: int
) -> Project:
    mess = make_mess(library(sizes), rows=rows, objects=objects)
    fill_store(store, mess.objects)
    live = LiveProject(root=folder, url=url, truth=library(sizes), mess=mess, rows=fill_database(url, mess))
    declare(live, store)
    live.write()
    return Project(load_settings(folder, {"DATABASE_URL": url}))


def test_a_plan_lists_the_bucket_once_and_heads_no_object(costs: list[Cost]) -> None:
    small, large = (Counter(cost.requests) for cost in costs)

    assert small == large == {"ListObjectsV2": 1, "GetObject": 1}
    assert [cost.plan.listed for cost in costs] == [120, 532]


def test_a_plan_takes_as_many_statements_for_467_lectures_as_for_50(costs: list[Cost]) -> None:
    small, large = costs

    assert len(small.statements) == len(large.statements) < 25


def test_an_upload_that_was_never_completed_is_no_object(costs: list[Cost]) -> None:
    assert not any("Never/Completed.mp3" in cost.plan.unmanaged.objects for cost in costs)


def test_a_live_library_behind_s3_creates_deletes_and_uploads_nothing(costs: list[Cost]) -> None:
    for cost in costs:
        assert {change.action for change in cost.plan.changes} == {Action.ADOPT}
        assert cost.plan.upload_bytes == 0
