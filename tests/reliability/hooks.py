"""Where the points are: beneath boto3, psycopg, sqlite3 and the file functions that the program calls.

Nothing of elmify is replaced, so a point is met whichever of its functions leads there.
"""

import builtins
import io
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.reliability.points import Place, Points


def install(points: Points, project: Path) -> None:
    """Count every effect of this process from now on; of files, those below `project`."""
    _hook_database(points)
    _hook_bucket(points)
    _hook_files(points, os.path.realpath(project))
    _step_threads()
    monotonic = time.monotonic
    replace(time, "monotonic", lambda: monotonic() + points.stood_still.total_seconds())
    replace(time, "sleep", _do_not_wait)  # between two attempts at a call that failed


def replace(owner: object, name: str, new: object) -> None:
    """Put something of a library's aside for the rest of this process."""
    setattr(owner, name, new)


def _do_not_wait(_seconds: float) -> None:
    return


def _step_threads() -> None:
    """Let nothing run beside anything else, so that the order of the points is always the same.

    What is given to a pool is done before the caller goes on, and no heartbeat falls among the points.
    """
    from concurrent.futures import Future, wait

    from reconciler.applying import lease
    from reconciler.concurrency import DaemonThreads

    submit = DaemonThreads.submit

    def stepped(*arguments: Any, **options: Any) -> "Future[Any]":
        future = submit(*arguments, **options)
        wait([future])
        return future

    replace(DaemonThreads, "submit", stepped)
    lease.hold.__wrapped__.__kwdefaults__["beat"] = timedelta(days=1)  # type: ignore[attr-defined]


# The database.


def _hook_database(points: Points) -> None:
    import psycopg

    connect, execute = psycopg.connect, psycopg.Cursor.execute
    stream, copy = psycopg.Cursor.stream, psycopg.Cursor.copy

    def lost(connection: "psycopg.Connection[Any] | None") -> psycopg.OperationalError:
        if connection is not None:
            connection.close()
        return psycopg.OperationalError("server closed the connection unexpectedly")

    def statement(cursor: Any, query: Any) -> Any:
        text = query if isinstance(query, (str, bytes)) else query.as_string(cursor)
        plain = text.decode() if isinstance(text, bytes) else text
        return points.effect(Place.DATABASE, plain, lambda: lost(cursor.connection))

    def connect_(*arguments: Any, **options: Any) -> Any:
        with points.effect(Place.DATABASE, "connect", lambda: lost(None)):
            return connect(*arguments, **options)

    def execute_(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        with statement(self, query):
            return execute(self, query, *arguments, **options)

    def stream_(self: Any, query: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        with statement(self, query):
            yield from stream(self, query, *arguments, **options)

    @contextmanager
    def copy_(self: Any, query: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        with statement(self, query), copy(self, query, *arguments, **options) as copying:
            yield copying

    replace(psycopg, "connect", connect_)
    for name, hooked in (("execute", execute_), ("stream", stream_), ("copy", copy_)):
        replace(psycopg.Cursor, name, hooked)


def send(statement: str, answer: Path) -> None:
    """Send a statement as somebody else, past the points, and write down whether it stands.

    It does not wait for a lock: who holds it may be this very process, which does not go on meanwhile.
    """
    from psycopg import pq

    connection = pq.PGconn.connect(os.environ["DATABASE_URL"].encode())
    connection.exec_(b"set lock_timeout = 100")
    status = connection.exec_(statement.encode()).status
    connection.finish()
    answer.write_text("stands" if status == pq.ExecStatus.COMMAND_OK else "refused", "utf-8")


# The bucket on a server.


def _hook_bucket(points: Points) -> None:
    from botocore.exceptions import ConnectionClosedError
    from botocore.httpsession import URLLib3Session

    send = URLLib3Session.send

    def send_(self: Any, request: Any) -> Any:
        url = urlsplit(request.url)
        key = unquote(url.path).lstrip("/").partition("/")[2]
        named = "&".join(sorted(part.partition("=")[0] for part in url.query.split("&")))
        what = f"{request.method} {key}{'?' if named else ''}{named}"
        stood_still = points.stood_still
        with points.effect(Place.BUCKET, what, lambda: ConnectionClosedError(endpoint_url=request.url)):
            if _lasted(url.query) < points.stood_still - stood_still:
                return _expired(request.url)
            return send(self, request)

    replace(URLLib3Session, "send", send_)


def _lasted(query: str) -> timedelta:
    """Return how long a link lasts; other requests last for ever here."""
    lasts = parse_qs(query).get("X-Amz-Expires")
    return timedelta(seconds=int(lasts[0])) if lasts else timedelta.max


def _expired(url: str) -> object:
    """Return what R2 answers to a link that came too late: the server's clock knows of no pause."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders
    from urllib3 import HTTPResponse

    body = b"<Error><Code>ExpiredRequest</Code><Message>Request has expired</Message></Error>"
    return AWSResponse(url, 400, HTTPHeaders(), HTTPResponse(io.BytesIO(body), preload_content=False))


# Files, those of a directory bucket among them.


def _hook_files(points: Points, project: str) -> None:
    inside = f"{project}{os.sep}"

    def effect(verb: str, path: Any) -> Any:
        what = f"{verb} {os.path.relpath(path, project)}"
        return points.effect(Place.FILE, what, lambda: OSError(5, "Input/output error", str(path)))

    def is_ours(path: Any) -> bool:
        return isinstance(path, (str, os.PathLike)) and os.path.realpath(path).startswith(inside)

    def hook(name: str) -> None:
        original = getattr(os, name)

        def hooked(path: Any, *arguments: Any, **options: Any) -> Any:
            if not is_ours(path):
                return original(path, *arguments, **options)
            with effect(name, path):
                return original(path, *arguments, **options)

        replace(os, name, hooked)

    open_ = io.open

    class Written(io.FileIO):
        """An unbuffered file, whose every write is a point."""

        def write(self, content: Any, /) -> int:
            with effect("write", self.name):
                return super().write(content)

    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        writes = not set(mode).isdisjoint("wxa+") and is_ours(file)
        if not writes or ("w" not in mode and Path(file).exists()):  # to open a lock again is no effect
            return open_(file, mode, *arguments, **options)
        with effect("open", file):
            if options.get("buffering") == 0:
                return Written(file, mode.replace("b", ""))
            return open_(file, mode, *arguments, **options)

    class Index(sqlite3.Connection):
        """A connection whose every commit is a point."""

        def __exit__(self, *raised: Any) -> Any:  # noqa: PYI036 -- they are passed on
            if raised[0] is not None or not self.in_transaction:
                return super().__exit__(*raised)
            failure = lambda: sqlite3.OperationalError("disk I/O error")  # noqa: E731
            with points.effect(Place.FILE, "commit to the index", failure):
                return super().__exit__(*raised)

    connect = sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{"factory": Index, **options})

    for name in ("rename", "replace", "unlink", "mkdir", "rmdir"):
        hook(name)
    for module, name, hooked in (
        (io, "open", opened),
        (builtins, "open", opened),
        (sqlite3, "connect", connected),
    ):
        replace(module, name, hooked)
