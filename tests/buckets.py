"""Buckets for tests."""

from collections.abc import Callable
from dataclasses import dataclass, field

from providers.objects.r2 import R2Bucket
from reconciler.model.ports import ObjectStore
from tests.servers import ACCESS_KEY, REGION, SECRET_KEY


@dataclass(frozen=True)
class Bucket:
    """An empty bucket. `requests` fills with the operations sent; it stays empty for a directory."""

    store: ObjectStore
    folds: bool
    requests: list[str] = field(default_factory=list)


def bucket_at(
    url: str, name: str, *, attempts: int = 3, on_request: Callable[[str], None] | None = None
) -> R2Bucket:
    """Open a bucket of a test server; close it after."""
    return R2Bucket(
        endpoint=url,
        bucket=name,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region=REGION,
        attempts=attempts,
        on_request=on_request,
    )
