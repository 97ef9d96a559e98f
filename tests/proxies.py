"""A proxy in front of an object store, which breaks requests in every way that networks have.

It can also hold copies to R2's conditions, which the stores behind it do not know.
"""

import http.client
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from unicodedata import normalize
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.servers import HOST, Answer, Request

#: Of the pages that the store behind a proxy is made to answer, so that a few objects take several.
PAGE_KEYS = 3

#: Of a page as stores give them.
WHOLE_PAGE_KEYS = 1_000

ALWAYS = 1_000_000

POLL_SECONDS = 0.02  # how long a proxy that is shut down goes on

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


#: Who asks, which is all that a store behind a proxy makes of them.
_SIGNED = frozenset({"host", "authorization", "x-amz-date", "x-amz-content-sha256"})


class CopyConditions:
    """R2's conditions on the target and the source of a copy, checked at one moment with the copy.

    Whatever writes to a key through the proxy waits for its turn, by NFC, as R2 takes keys.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys: dict[str, Lock] = {}

    @contextmanager
    def held(self, request: Request) -> Iterator[None]:
        """Let no other write to the request's key through."""
        if request.method in {"GET", "HEAD"} or "partNumber=" in request.query:
            yield
            return
        with self._lock:
            turn = self._keys.setdefault(normalize("NFC", unquote(request.path)), Lock())
        with turn:
            yield

    def refusal(self, request: Request, ask: Callable[[Request], Answer]) -> Answer | None:
        """Return the answer to a copy one of whose conditions does not hold; `ask` asks the store."""
        source = request.headers.get("x-amz-copy-source")
        if source is None or "partNumber=" in request.query:  # R2 knows no conditions on parts
            return None

        def etag(path: str) -> str | None:
            signed = {name: value for name, value in request.headers.items() if name in _SIGNED}
            head = ask(Request("HEAD", path, "", signed, b""))
            assert head.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}
            return next((value for name, value in head.headers.items() if name.lower() == "etag"), None)

        meant = request.headers.get("x-amz-copy-source-if-match")
        wanted = request.headers.get("cf-copy-destination-if-match")
        nothing = request.headers.get("cf-copy-destination-if-none-match") == "*"
        changed = (wanted is not None or nothing) and etag(request.path) != wanted
        if not changed and meant in {None, etag(f"/{source.lstrip('/')}")}:
            return None
        return Answer(412, b"<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>")


@dataclass
class Exchange:
    """One request that came to the proxy, and what can become of it. Nothing is answered by itself."""

    request: Request
    _upstream: str
    _connection: socket.socket
    _closing: Event
    _conditions: CopyConditions | None

    def forward(self, request: Request | None = None) -> Answer:
        """Ask the store, and return what it says."""
        asked = request or self.request
        if self._conditions is None:
            return self._ask(asked)
        with self._conditions.held(asked):
            return self._conditions.refusal(asked, self._ask) or self._ask(asked)

    def _ask(self, asked: Request) -> Answer:
        connection = http.client.HTTPConnection(self._upstream)
        try:
            connection.request(asked.method, _path_of(asked), asked.body, asked.headers)
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
            if asked.method == "HEAD":
                headers["Content-Length"] = answer.getheader("content-length", "0")
            return Answer(answer.status, answer.read(), headers)
        finally:
            connection.close()

    def send(self, answer: Answer) -> None:
        """Answer the client."""
        self._connection.sendall(_written(answer))

    def send_half(self, answer: Answer) -> None:
        """Answer half the body, or half the first line where there is none, and hang up."""
        whole = _written(answer)
        head_bytes = len(whole) - len(answer.body)
        sent_bytes = head_bytes + len(answer.body) // 2 if answer.body else len("HTTP/1.")
        self._connection.sendall(whole[:sent_bytes])

    def reset(self) -> None:
        """Let the client's connection end with a reset."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def wait(self) -> None:
        """Say nothing until the proxy is closed."""
        self._closing.wait()


#: What becomes of a request that is broken.
Fault = Callable[[Exchange], None]


def hang_up(_exchange: Exchange) -> None:
    """The request is lost, and nobody says so."""


def reset(exchange: Exchange) -> None:
    """The request is lost, and the connection reset."""
    exchange.reset()


def lose_the_answer(exchange: Exchange) -> None:
    """The store does what it is asked, and the connection is reset before it says so."""
    exchange.forward()
    exchange.reset()


def stall(exchange: Exchange) -> None:
    """Nothing happens any more."""
    exchange.wait()


def truncate(exchange: Exchange) -> None:
    """The answer ends in its middle."""
    exchange.send_half(exchange.forward())


def refuse(status: int, code: str) -> Fault:
    """Return a fault: the store answers an error, and does nothing."""

    def refusing(exchange: Exchange) -> None:
        body = f"<Error><Code>{code}</Code><Message>said {code}</Message></Error>".encode()
        exchange.send(Answer(status, b"" if exchange.request.method == "HEAD" else body))

    refusing.__name__ = f"refuse_with_{status}_{code}"
    return refusing


def sign_in_page(exchange: Exchange) -> None:
    """Something else answers, and all is well with it."""
    exchange.send(Answer(200, b"<html><body>Sign in to the hotel's network</body></html>"))


def _edited(name: str, pattern: bytes, replacement: bytes) -> Fault:
    def editing(exchange: Exchange) -> None:
        answer = exchange.forward()
        body = re.sub(pattern, replacement, answer.body, flags=re.DOTALL)
        exchange.send(Answer(answer.status, body, answer.headers))

    editing.__name__ = name
    return editing


#: The page is well-formed, of the right length, and its objects but the first are gone.
lose_objects = _edited("lose_objects", rb"(</Contents>).*</Contents>", rb"\1")
#: The page ends in its middle, at the length it names.
cut_the_page = _edited("cut_the_page", rb"(<Contents>).*", rb"\1<Key>")
#: The page says that the listing goes on, and not where.
lose_the_token = _edited("lose_the_token", rb"<NextContinuationToken>.*</NextContinuationToken>", b"")


class RepeatThePage:
    """The first page comes again and again, whichever is asked for."""

    __name__ = "repeat_the_page"

    def __call__(self, exchange: Exchange) -> None:
        asked = exchange.request
        query = [(name, value) for name, value in parse_qsl(asked.query) if name != "continuation-token"]
        exchange.send(
            exchange.forward(Request(asked.method, asked.path, urlencode(query), asked.headers, b""))
        )


class RepeatTheToken:
    """Every page but the first says that the second one follows."""

    __name__ = "repeat_the_token"

    def __init__(self) -> None:
        self._first: bytes | None = None

    def __call__(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        found = re.search(rb"<NextContinuationToken>(.*)</NextContinuationToken>", answer.body)
        self._first = self._first or (found[1] if found else None)
        token = b"<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>"
        body = re.sub(rb"<NextContinuationToken>.*</NextContinuationToken>", b"", answer.body)
        body = re.sub(rb"<IsTruncated>.*</IsTruncated>", token % (self._first or b""), body)
        exchange.send(Answer(answer.status, body, answer.headers))


Wanted = Callable[[Request], bool]


def everything(_request: Request) -> bool:
    return True


@dataclass
class Proxy:
    """Lets everything through until `break_`; `seen` are the requests that came, without their bodies."""

    url: str = ""
    seen: list[Request] = field(default_factory=list)
    _fault: Fault | None = None
    _wanted: Wanted = everything
    _left: int = 0
    _lock: Lock = field(default_factory=Lock)

    def break_(self, fault: Fault, wanted: Wanted = everything, times: int = ALWAYS) -> None:
        """Break that many of the requests that are wanted, from the next one on."""
        with self._lock:
            self._fault, self._wanted, self._left = fault, wanted, times

    def heal(self) -> None:
        """Let everything through again."""
        with self._lock:
            self._left = 0
            self.seen.clear()

    def take(self, request: Request) -> Fault | None:
        """Note a request, and return what is to become of it; None when it is to go through."""
        with self._lock:
            self.seen.append(replace(request, body=b""))
            if not self._left or not self._wanted(request):
                return None
            self._left -= 1
            return self._fault

    def asked(self, method: str) -> list[str]:
        """Return the paths of the requests of a method."""
        with self._lock:
            return [request.path for request in self.seen if request.method == method]


@contextmanager
def proxy(upstream: str, *, page_keys: int = PAGE_KEYS, conditional_copies: bool = False) -> Iterator[Proxy]:
    """Run a proxy in front of the S3 server at `upstream`, whose pages become small.

    With `conditional_copies` it knows R2's conditions on copies.
    """
    proxy, closing = Proxy(), Event()
    conditions = CopyConditions() if conditional_copies else None
    place = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        def exchange(self) -> None:
            exchange = Exchange(self._request(), place, self.connection, closing, conditions)
            fault = proxy.take(exchange.request)
            if fault is None:
                exchange.send(exchange.forward())
            else:
                fault(exchange)

        def _request(self) -> Request:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            size_bytes = int(headers.get("content-length", "0"))
            body = self.rfile.read(size_bytes)
            if len(body) < size_bytes:
                raise ConnectionAbortedError(self.path)  # its client died on the way: nothing arrived
            if "list-type=2" in query:
                query += f"&max-keys={page_keys}"
            return Request(self.command, path, query, headers, body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = exchange  # noqa: N815 -- http.server's names

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that gave up is no error of the proxy's."""

    with Server((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(POLL_SECONDS,))
        thread.start()
        proxy.url = f"http://{HOST}:{server.server_port}"
        try:
            yield proxy
        finally:
            closing.set()
            server.shutdown()
            thread.join()


def _path_of(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path


def _written(answer: Answer) -> bytes:
    headers = {"Content-Length": str(len(answer.body)), **answer.headers, "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
