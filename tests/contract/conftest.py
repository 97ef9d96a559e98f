"""The object stores under contract: each test of `bucket` runs against every one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.model.ports import ObjectStore
from tests.buckets import Bucket, bucket_at
from tests.proxies import WHOLE_PAGE_KEYS, proxy
from tests.servers import free_port, make_bucket, ministack_server, moto_server


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack_server(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="session")
def r2_url(moto_url: str) -> Iterator[str]:
    """A server that knows R2's conditions on copies."""
    with proxy(moto_url, page_keys=WHOLE_PAGE_KEYS, conditional_copies=True) as between:
        yield between.url


@contextmanager
def bucket_of(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[Bucket]:
    """Open an empty bucket of a kind."""
    if kind == "directory":
        yield Bucket(DirectoryBucket(folder), folds=True, place=str(folder))
        return
    url = request.getfixturevalue(f"{kind}_url")
    requests: list[str] = []
    name = make_bucket(url)
    store = bucket_at(url, name, on_request=requests.append, conditional_copies=kind == "r2")
    yield Bucket(store, folds=False, requests=requests, place=f"{url}/{name}")
    store.close()


@pytest.fixture(params=["directory", "moto", "ministack", "r2"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bucket(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Iterator[Bucket]:
    with bucket_of(request, kind, tmp_path / "bucket") as bucket:
        yield bucket


@pytest.fixture
def another(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Iterator[Bucket]:
    """A second bucket of the same store."""
    with bucket_of(request, kind, tmp_path / "another") as bucket:
        yield bucket


@pytest.fixture
def foreign(kind: str, tmp_path: Path) -> Iterator[ObjectStore]:
    """A bucket of another store."""
    if kind != "directory":
        yield DirectoryBucket(tmp_path / "foreign")
        return
    store = bucket_at(f"http://127.0.0.1:{free_port()}", "elmify")
    yield store
    store.close()


@pytest.fixture
def store(bucket: Bucket) -> ObjectStore:
    return bucket.store
