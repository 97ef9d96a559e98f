"""A request that is sent again, and a connection that is tried again, are worth a line in the log."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.buckets import bucket_at
from tests.servers import Answer, Request, scripted_server

_EMPTY = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>0</KeyCount>
<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"""


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record.getMessage(), getattr(record, "facts", {})))


@pytest.fixture
def store_log() -> Iterator[Lines]:
    logger, lines = logging.getLogger("elmify.store"), Lines()
    before = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(lines)
    logger.setLevel(before)


def test_a_request_that_is_sent_again_is_logged_and_the_first_is_not(store_log: Lines) -> None:
    answers = iter([Answer(503), Answer(200, _EMPTY)])

    def script(_request: Request) -> Answer | None:
        return next(answers)

    with scripted_server(script) as url, closing(bucket_at(url, "b", attempts=2)) as bucket:
        assert list(bucket.list()) == []

    assert store_log.seen == [("request-retried", {"operation": "ListObjectsV2", "attempt": 2})]
