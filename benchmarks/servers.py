"""The servers of a run, on this machine only: a neutral object store, and the embedded PostgreSQL."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from benchmarks.peers import RCLONE
from providers.embedded_postgres.server import EmbeddedServer, prepare

HOST = "127.0.0.1"
ACCESS_KEY, SECRET_KEY, REGION = "benchmark", "secret-of-the-benchmark", "us-east-1"

_START_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.05


@contextmanager
def object_server(folder: Path) -> Iterator[str]:
    """Serve the folders in `folder` as buckets, and yield the server's URL."""
    url = f"http://{HOST}:{_free_port()}"
    address, keys = url.removeprefix("http://"), f"{ACCESS_KEY},{SECRET_KEY}"
    environment = os.environ | {"RCLONE_CONFIG": os.devnull}
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        server = subprocess.Popen(
            [RCLONE, "serve", "s3", folder, "--addr", address, "--auth-key", keys],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=_START_SECONDS).close()  # noqa: S310 - a URL of ours
        except urllib.error.HTTPError:
            return  # it answers: without a signature, with a refusal
        except OSError:
            time.sleep(_LOOK_EVERY_SECONDS)
        else:
            return
    raise RuntimeError("the object server has not started")


@contextmanager
def database_server(folder: Path) -> Iterator[str]:
    """Run the embedded PostgreSQL with its files in `folder`, and yield its URL."""
    with EmbeddedServer(folder) as server:
        yield server.start()


def new_database(server_url: str, name: str) -> str:
    """Make a database with the production tables, in place of one of that name, and return its URL."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    prepare(url)
    return url
