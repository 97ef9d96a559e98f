"""The object stores under contract: each test of `bucket` runs against every one of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.model.ports import ObjectStore
from tests.buckets import Bucket, bucket_at
from tests.servers import make_bucket, ministack_server, moto_server


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack_server(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(params=["directory", "moto", "ministack"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bucket]:
    if request.param == "directory":
        yield Bucket(DirectoryBucket(tmp_path / "bucket"), folds=True)
        return
    url = request.getfixturevalue(f"{request.param}_url")
    requests: list[str] = []
    store = bucket_at(url, make_bucket(url), on_request=requests.append)
    yield Bucket(store, folds=False, requests=requests)
    store.close()


@pytest.fixture
def store(bucket: Bucket) -> ObjectStore:
    return bucket.store
