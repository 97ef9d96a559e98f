import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.loading import hashing
from reconciler.loading.hashing import digest_file, sha256_of
from reconciler.model.policy import TransferLimits

LIMITS = TransferLimits(single_put_bytes=100, part_bytes=40)


def parts_etag(data: bytes, part_bytes: int) -> str:
    """Return a multipart ETag as the object store defines it."""
    md5s = [hashlib.md5(data[at : at + part_bytes]).digest() for at in range(0, len(data), part_bytes)]
    return f"{hashlib.md5(b''.join(md5s)).hexdigest()}-{len(md5s)}"


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("size", [0, 1, 100, 101, 120, 121, 1000])
def test_the_digests_are_those_of_the_bytes(size: int, split: bool) -> None:
    data = bytes(number % 251 for number in range(size))

    digests = digest_file(io.BytesIO(data), size, LIMITS, split=split)

    assert digests.size_bytes == size
    assert digests.sha256 == hashlib.sha256(data).hexdigest()
    assert digests.md5 == hashlib.md5(data).hexdigest()
    large = size > LIMITS.single_put_bytes
    assert digests.part_bytes == (40 if large else None)
    assert digests.parts_etag == (parts_etag(data, 40) if large else None)


@given(st.binary(max_size=300), st.integers(1, 70), st.integers(1, 90), st.booleans())
def test_neither_buffers_nor_threads_show_in_the_digests(
    data: bytes, buffer_bytes: int, part_bytes: int, split: bool
) -> None:
    limits = TransferLimits(single_put_bytes=0, part_bytes=part_bytes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "BUFFER_BYTES", buffer_bytes)
        patch.setattr(hashing, "SPLIT_BUFFER_BYTES", buffer_bytes)
        digests = digest_file(io.BytesIO(data), len(data), limits, split=split)

    assert digests.sha256 == hashlib.sha256(data).hexdigest()
    assert digests.md5 == hashlib.md5(data).hexdigest()
    assert digests.parts_etag == (parts_etag(data, part_bytes) if data else None)


def test_progress_adds_up_to_the_size() -> None:
    seen: list[int] = []

    digest_file(io.BytesIO(bytes(3_000_000)), 3_000_000, LIMITS, on_bytes=seen.append)

    assert sum(seen) == 3_000_000
    assert max(seen) <= hashing.BUFFER_BYTES


@pytest.mark.parametrize("split", [False, True])
def test_what_the_progress_report_raises_ends_the_reading(split: bool) -> None:
    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        digest_file(io.BytesIO(b"x" * 10), 10, LIMITS, on_bytes=stop, split=split)


def test_the_sha256_alone_starts_where_the_handle_stands() -> None:
    handle = io.BytesIO(b"skip-this")
    handle.seek(5)

    assert sha256_of(handle, 4) == hashlib.sha256(b"this").hexdigest()
