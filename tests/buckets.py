"""Buckets for tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from providers.objects.directory import DirectoryBucket
from providers.objects.r2 import R2Bucket
from reconciler.model.ports import ObjectStore
from tests.servers import ACCESS_KEY, REGION, SECRET_KEY


@dataclass(frozen=True)
class Bucket:
    """An empty bucket. `requests` fills with the operations sent; it stays empty for a directory.

    `place` is where another process finds it, for `reopened`.
    """

    store: ObjectStore
    folds: bool
    requests: list[str] = field(default_factory=list)
    place: str = ""


def bucket_at(
    url: str,
    name: str,
    *,
    attempts: int = 3,
    idle: timedelta = timedelta(seconds=60),
    on_request: Callable[[str], None] | None = None,
    conditional_copies: bool = False,
) -> R2Bucket:
    """Open a bucket of a test server; close it after.

    `conditional_copies` says that it is behind a proxy which knows R2's conditions on copies.
    """
    return R2Bucket(
        endpoint=url,
        bucket=name,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region=REGION,
        attempts=attempts,
        idle=idle,
        on_request=on_request,
        conditional_copies=conditional_copies,
    )


def reopened(place: str) -> ObjectStore:
    """Open a bucket again, in a process of its own: `http://host:port/bucket`, or a directory."""
    url, _, name = place.rpartition("/")
    return bucket_at(url, name) if place.startswith("http://") else DirectoryBucket(Path(place))
