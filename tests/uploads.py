"""Uploads for tests, made of bytes at hand."""

import hashlib
import io
from collections.abc import Callable, Mapping

from reconciler.model.ports import Upload, ignore_bytes


def md5_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def upload(
    key: str,
    data: bytes = b"bytes",
    *,
    md5: str | None = None,
    size_bytes: int | None = None,
    metadata: Mapping[str, str] | None = None,
    cache_control: str | None = None,
    part_bytes: int | None = None,
    on_bytes: Callable[[int], None] = ignore_bytes,
) -> Upload:
    """Return an upload of `data`; `md5` and `size_bytes` say otherwise only to lie about it."""
    return Upload(
        key=key,
        body=io.BytesIO(data),
        size_bytes=len(data) if size_bytes is None else size_bytes,
        md5=md5 or md5_of(data),
        media_type="audio/mpeg",
        cache_control=cache_control,
        metadata=metadata or {},
        part_bytes=part_bytes,
        on_bytes=on_bytes,
    )
