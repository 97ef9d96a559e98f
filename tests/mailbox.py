"""A webhook that keeps what it is sent: the other end of Apprise's `json://`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.servers import HOST


@dataclass
class Mailbox:
    """`status` is what the webhook answers; `messages` are the bodies that were posted, in order."""

    url: str = ""
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Run a webhook."""
    box = Mailbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            box.messages.append(json.loads(body))
            self.send_response(box.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        place = f"reader:planted-mail-password@{HOST}:{server.server_port}"
        box.url = (
            f"json://{place}/hook?cto=60&rto=60"  # Apprise's own patience of 4 s is short on a busy machine
        )
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        serving.start()
        try:
            yield box
        finally:
            server.shutdown()
            serving.join()
