"""A gate in front of an S3 server: requests that a test wants to hold stay there, unanswered."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from urllib.parse import urlsplit

from tests.acceptance.projects import PATIENCE_SECONDS
from tests.servers import HOST

#: Decides by method and path whether a request is held.
Wanted = Callable[[str, str], bool]

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


@dataclass
class Gate:
    """Lets everything through until `hold`. What was held is never forwarded: its sender is gone."""

    url: str = ""
    _wanted: Wanted = lambda _method, _path: False
    _held: list[str] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)
    _open: bool = True

    def hold(self, wanted: Wanted) -> None:
        """Hold the requests that are wanted, from now on."""
        with self._changed:
            self._wanted, self._open = wanted, False

    def release(self) -> None:
        """Hang up on whoever is held, and let everything through again."""
        with self._changed:
            self._open = True
            self._held.clear()
            self._changed.notify_all()

    def wait_until_held(self, count: int = 1) -> list[str]:
        """Return the paths of the held requests as soon as there are that many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._held) >= count, PATIENCE_SECONDS), (
                "nothing is held"
            )
            return list(self._held)

    def passes(self, method: str, path: str) -> bool:
        """Return True at once for what is not wanted; False, when the gate is opened, for what was held."""
        with self._changed:
            if self._open or not self._wanted(method, path):
                return True
            self._held.append(path)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open)
            return False


def puts_of(suffix: str) -> Wanted:
    return lambda method, path: method == "PUT" and path.endswith(suffix)


@contextmanager
def gate(upstream: str) -> Iterator[Gate]:
    """Run a gate in front of the server at `upstream`."""
    gate = Gate()
    place = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            if not gate.passes(self.command, self.path.partition("?")[0]):
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            connection = http.client.HTTPConnection(place)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            length = answer.getheader("content-length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = forward  # noqa: N815 -- http.server's names

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that was killed is no error of the gate's."""

    with Server((HOST, 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever)
        thread.start()
        gate.url = f"http://{HOST}:{server.server_port}"
        try:
            yield gate
        finally:
            gate.release()
            server.shutdown()
            thread.join()
