"""The names of the stores in a plan, which may stand in a public pull request."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.model.plan import Stores
from reconciler.operations.workspace import stores_of
from reconciler.settings import load_settings

SECRETS = ("k3y-id", "s3cr3t", "pa55", "app-role")
R2 = {
    "R2_ENDPOINT": "https://abc.r2.cloudflarestorage.com",
    "R2_ACCESS_KEY_ID": "k3y-id",
    "R2_SECRET_ACCESS_KEY": "s3cr3t",
    "R2_BUCKET_NAME": "audio",
}
BUCKET = "bucket audio at abc.r2.cloudflarestorage.com"
EMBEDDED = "embedded PostgreSQL in .elmify/postgres"
DIRECTORY = "directory .elmify/bucket"


def names(root: Path, environ: Mapping[str, str], text: str = "environment: trial\n") -> Stores:
    (root / "elmify.yaml").write_text(text, encoding="utf-8")
    return stores_of(load_settings(root, environ))


def test_embedded_stores_are_named_by_their_place_in_the_project(tmp_path: Path) -> None:
    assert names(tmp_path, {}) == Stores(bucket=DIRECTORY, database=EMBEDDED)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://app-role:pa55@db.example.org:5432/app", "database app at db.example.org:5432"),
        ("postgresql://app-role:pa55@db.example.org/app?sslmode=require", "database app at db.example.org"),
        (
            "jdbc:postgresql://db.example.org/app?user=app-role&password=pa55",
            "database app at db.example.org",
        ),
        ("postgresql://app-role:pa55@192.0.2.7/app", "database app at 192.0.2.7"),
        ("postgresql:///app?host=/var/run/own&user=app-role", "database app at a socket of this machine"),
    ],
)
def test_a_remote_store_is_named_by_host_and_name_without_a_secret(
    tmp_path: Path, url: str, told: str
) -> None:
    stores = names(tmp_path, {**R2, "DATABASE_URL": url})

    assert stores == Stores(bucket=BUCKET, database=told)
    assert not any(secret in str(stores) for secret in SECRETS)


def test_no_path_of_the_machine_is_in_a_name(tmp_path: Path) -> None:
    project, outside = tmp_path / "project", tmp_path / "data" / "library"
    project.mkdir()
    text = f"environment: trial\nobjects:\n  store: directory\n  directory: {outside}\n"

    stores = names(project, {}, text)

    assert stores == Stores(bucket="directory library", database=EMBEDDED)
    assert str(tmp_path) not in str(stores)
