"""The variables that the team already has set, and nothing else, against an S3 server and a PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import postgres
from tests.acceptance.conftest import SECRET
from tests.acceptance.projects import Project
from tests.buckets import bucket_at

PASSWORD = "secret"  # of the roles that tests.postgres makes


def test_plan_apply_plan(team: Project, s3_url: str, bucket: str) -> None:
    planned = team.elmify("plan", "--format", "json")
    applied = team.apply("--format", "json")

    assert len(planned.json["resource_changes"]) == 3
    assert (applied.events[-1]["event"], applied.events[-1]["changes"]) == ("complete", 3)
    assert team.nothing_to_do()
    store = bucket_at(s3_url, bucket)
    facts = store.head("Ali/Quran/01 - The Opening.mp3")
    store.close()
    assert facts is not None
    assert (facts.media_type, facts.metadata) == ("audio/mpeg", {"sha256": team.media["opening.mp3"].sha256})
    assert not (team.root / ".elmify").exists()


def test_a_database_url_may_carry_its_jdbc_prefix(team: Project) -> None:
    planned = team.elmify("plan", env={"DATABASE_URL": f"jdbc:{team.database_url}"})

    assert "ali/quran/opening" in planned.out


@pytest.mark.parametrize(
    "missing", ["R2_ENDPOINT", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET_NAME", "DATABASE_URL"]
)
@pytest.mark.parametrize("how", ["unset", "empty"])
def test_half_set_variables_are_an_error_that_names_the_missing_one(
    team: Project, missing: str, how: str
) -> None:
    url = team.environ.pop(missing)
    if how == "empty":
        team.environ[missing] = ""

    failed = team.elmify("plan", status=1)

    assert missing in failed.err
    assert url not in failed.err
    assert not (team.root / ".elmify").exists()


@pytest.fixture
def with_secrets(team: Project) -> Iterator[Project]:
    """The same, with a database role whose password can be looked for."""
    url = team.database_url
    grants = "grant all on all tables in schema public to {role};"
    with postgres.role(url, grants) as theirs:
        team.environ["DATABASE_URL"] = theirs
        yield team


def test_no_secret_is_in_any_output_or_file(with_secrets: Project, s3_url: str) -> None:
    project = with_secrets
    said = [
        project.elmify("plan", "--out", "plan.json", "--json-into", "other.json"),
        project.elmify("apply", "plan.json", status=1),  # the role may not create schema elmify
        project.elmify("doctor", status=1),
        project.elmify("plan", "--format", "json", env={"R2_BUCKET_NAME": "absent"}, status=1),
        project.elmify("plan", env={"R2_ENDPOINT": "http://127.0.0.1:1"}, status=1),
    ]

    texts = [text for ran in said for text in (ran.out, ran.err)]
    texts += [path.read_text("utf-8") for path in files_of(project.root)]
    texts += [path.read_text("utf-8", errors="replace") for path in files_of(project.root.parent / "home")]
    assert [text for text in texts if SECRET in text or f":{PASSWORD}@" in text] == []


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".mp3"]


def test_a_role_without_rights_is_told_the_grant_it_lacks(with_secrets: Project) -> None:
    refused = with_secrets.apply(status=1)

    role = urlsplit(with_secrets.database_url).username
    assert "grant create on database" in refused.err
    assert f'to "{role}";' in refused.err
    assert with_secrets.sql("select * from speakers") == []
