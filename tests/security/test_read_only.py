"""What only looks works with a key that can only read and a role that can only select, and writes nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.records import sql
from tests import postgres
from tests.acceptance.gates import Gate
from tests.acceptance.projects import Project
from tests.servers import ACCESS_KEY, make_bucket

#: What a reviewer, a nightly job and somebody who finds a killed run may call.
LOOKS = (
    ("plan",),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("plan", "--format", "html"),
    ("verify",),
    ("verify", "--deep", "--repair-plan", "repair.json"),
    ("status",),
    ("status", "--format", "json"),
    ("drift", "--exit-zero"),
    ("stage", "--check"),
    ("metrics",),
    ("runs",),
    ("lease",),
    ("audit", "--verify"),
    ("identity",),
)

_READS = frozenset({"GET", "HEAD"})


@pytest.fixture
def applied(project: Project, s3_url: str, entrance: Gate) -> Project:
    """A library that was applied by somebody else, and differs from its catalog again."""
    project.environ |= {
        "R2_ENDPOINT": entrance.url,
        "R2_ACCESS_KEY_ID": ACCESS_KEY,
        "R2_SECRET_ACCESS_KEY": "any",
        "R2_BUCKET_NAME": make_bucket(s3_url),
    }
    project.settings = "staging: {prefix_is_private: true}\n"
    project.write()
    project.apply()
    project.sql("update lectures set title = 'Edited by hand'")
    project.lecture("later", number=2)
    return project


@pytest.fixture
def reader(applied: Project) -> Iterator[Project]:
    """The same library, for a role with the documented rights of a reader."""
    text = (Path(sql.__path__[0]) / "read_only_grants.sql").read_text("utf-8")
    grants = re.sub(r"--.*", "", text).replace(':"role"', "{role}")
    owner = applied.environ["DATABASE_URL"]
    with postgres.role(owner, grants) as url:
        applied.environ["DATABASE_URL"] = url
        yield applied


def test_what_looks_needs_no_right_to_write_and_sends_no_write(reader: Project, entrance: Gate) -> None:
    sent: list[str] = []

    def noted(method: str, _path: str) -> bool:
        sent.append(method)
        return False

    entrance.hold(noted)

    for arguments in LOOKS:
        ran = reader.start(*arguments).end()
        assert ran.status in {0, 2}, (arguments, ran.err)

    assert sent
    assert set(sent) <= _READS


@pytest.mark.parametrize("table", ["identity", "resource", "object"])
def test_records_that_may_not_be_read_are_never_no_records(
    reader: Project, database_url: str, table: str
) -> None:
    role = reader.environ["DATABASE_URL"].partition("://")[2].partition(":")[0]
    Project(reader.root, {"DATABASE_URL": database_url}).sql(f"revoke select on elmify.{table} from {role}")

    for arguments in (("plan",), ("verify",), ("status",), ("drift",), ("apply", "--auto-approve")):
        refused = reader.start(*arguments).end()
        assert refused.status == 1, (arguments, refused.out)
        assert "error[denied]" in refused.err, (arguments, refused.err)
