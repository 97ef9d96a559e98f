"""Servers that tests talk to: object stores on 127.0.0.1, each on a free port of its own."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic
from urllib.error import URLError
from uuid import uuid4

from moto.moto_server.threaded_moto_server import ThreadedMotoServer

HOST = "127.0.0.1"
START_SECONDS = 60

#: Both servers take any credentials. Their buckets are in this region: R2's `auto` is none to them.
ACCESS_KEY, SECRET_KEY, REGION = "tester", "secret-of-tester", "us-east-1"


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's server in a thread, and yield its URL."""
    server = ThreadedMotoServer(HOST, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        if server._server is not None:
            server._server.server_close()


@contextmanager
def ministack_server(folder: Path) -> Iterator[str]:
    """Run ministack in a process of its own that keeps its files in `folder`, and yield its URL."""
    port = free_port()
    environment = os.environ | {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SERVICES": "s3",
        "LOG_LEVEL": "ERROR",
        "TMPDIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        # Whose signature on a link it believes: it checks that of nothing else.
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://{HOST}:{port}"
        _wait_until_it_answers(url, server)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@dataclass(frozen=True)
class Request:
    """What a scripted server was asked. `query` is still encoded; `headers` have lower-case names."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What a scripted server answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def scripted_server(script: Callable[[Request], Answer | None]) -> Iterator[str]:
    """Run a server that answers what `script` says, and yield its URL. On None it hangs up without a word."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            answer = script(Request(self.command, path, query, headers, body))
            if answer is None:
                return
            self.send_response_only(answer.status)
            said = {"Content-Length": str(len(answer.body)), "Date": self.date_time_string()}
            for name, value in {**said, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_PUT = do_HEAD = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 -- http.server's names

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def make_bucket(url: str) -> str:
    """Make an empty bucket with a name of its own, and return the name."""
    name = f"elmify-{uuid4().hex}"
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT")):
        return name


def _wait_until_it_answers(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = monotonic() + START_SECONDS
    while monotonic() < deadline:
        assert server.poll() is None, "the server ended before it answered"
        try:
            with urllib.request.urlopen(url, timeout=START_SECONDS):
                return
        except (URLError, ConnectionError):
            try:
                server.wait(timeout=0.05)  # the pause between two tries ends at once if the server does
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"{url} did not answer in {START_SECONDS} seconds")
