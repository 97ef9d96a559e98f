import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.objects.etag import ContentDigest, part_sizes


def md5(data: bytes) -> "hashlib._Hash":
    return hashlib.md5(data, usedforsecurity=False)


@pytest.mark.parametrize(
    ("size", "sizes"), [(0, (0,)), (1, (1,)), (4, (4,)), (5, (4, 1)), (8, (4, 4)), (9, (4, 4, 1))]
)
def test_parts_are_equal_but_for_the_last(size: int, sizes: tuple[int, ...]) -> None:
    assert part_sizes(size, 4) == sizes


@given(st.lists(st.binary(max_size=20)), st.integers(1, 30))
def test_a_digest_does_not_mind_in_which_pieces_the_bytes_come(pieces: list[bytes], part_bytes: int) -> None:
    data = b"".join(pieces)
    digest = ContentDigest(part_bytes)

    for piece in pieces:
        digest.update(piece)

    starts = range(0, max(len(data), 1), part_bytes)
    parts = [md5(data[start : start + part_bytes]).digest() for start in starts]
    assert digest.etag == f"{md5(b''.join(parts)).hexdigest()}-{len(parts)}"
    assert len(parts) == len(part_sizes(len(data), part_bytes))
    assert digest.md5 == md5(data).hexdigest()


def test_the_etag_of_a_single_put_is_the_md5() -> None:
    digest = ContentDigest()
    digest.update(b"bytes")

    assert digest.etag == digest.md5 == md5(b"bytes").hexdigest()
