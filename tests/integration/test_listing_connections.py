"""A listing that is left behind gives its connection back, and opens no other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from providers.objects.r2 import R2Bucket
from reconciler.applying.refresh import read_bucket
from reconciler.concurrency import Background

_PAGE = """<?xml version="1.0"?><ListBucketResult><Name>b</Name><KeyCount>1</KeyCount>
<IsTruncated>true</IsTruncated><NextContinuationToken>{number}</NextContinuationToken>
<Contents><Key>{number:09}.mp3</Key><Size>1</Size><ETag>"e"</ETag>
<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"""

_PATIENCE_SECONDS = 30


class EndlessStore:
    """A store with one object on each page of an endless listing. From page `held` on it waits for `go_on`.

    `status` is what it answers then. `open` counts the connections.
    """

    def __init__(self, held: int, status: int) -> None:
        self.held, self.status = held, status
        self.numbers = count(1)
        self.requests = 0
        self.open = 0
        self.changed = threading.Condition()
        self.is_held = threading.Event()
        self.go_on = threading.Event()

    def connections(self, change: int) -> None:
        with self.changed:
            self.open += change
            self.changed.notify_all()

    def answer(self) -> tuple[int, bytes]:
        number = self.requests = next(self.numbers)
        if number < self.held:
            return 200, _PAGE.format(number=number).encode()
        self.is_held.set()
        assert self.go_on.wait(_PATIENCE_SECONDS)
        body = (
            _PAGE.format(number=number) if self.status == 200 else "<Error><Code>InternalError</Code></Error>"
        )
        return self.status, body.encode()


@contextmanager
def served(store: EndlessStore) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            store.connections(+1)

        def finish(self) -> None:
            super().finish()
            store.connections(-1)

        def do_GET(self) -> None:
            status, body = store.answer()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Refused(Exception):
    """What makes a plan impossible while the listing goes on."""


@pytest.mark.parametrize("status", [200, 500], ids=["answered", "failed"])
@pytest.mark.parametrize("held", [1, 3])
def test_a_listing_left_behind_ends_with_its_page_and_its_connection(held: int, status: int) -> None:
    store = EndlessStore(held, status)

    def refused(bucket: R2Bucket) -> None:
        with Background(size=1, name="elmify-list") as background:
            background.begin(lambda: read_bucket(bucket, background.stop))
            assert store.is_held.wait(_PATIENCE_SECONDS)
            raise Refused

    with served(store) as endpoint:
        bucket = R2Bucket(endpoint=endpoint, bucket="b", access_key="a", secret_key="s")
        with pytest.raises(Refused):
            refused(bucket)
        bucket.close()
        store.go_on.set()
        for thread in threading.enumerate():
            if thread.name.startswith("elmify-list"):
                thread.join(_PATIENCE_SECONDS)

        with store.changed:
            assert store.changed.wait_for(lambda: store.open == 0, _PATIENCE_SECONDS)
        assert store.requests == held
