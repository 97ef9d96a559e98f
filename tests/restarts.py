"""A PostgreSQL server of a test's own, which can be killed and started again under a connection."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from providers.embedded_postgres.cluster import Cluster
from providers.embedded_postgres.server import EmbeddedServer
from tests.postgres import PRODUCTION_TABLES, UNSAFE, in_database


class Restartable:
    """An embedded server at one URL for good: its folder's path is short enough to hold the socket."""

    def __init__(self, folder: Path) -> None:
        self._cluster = Cluster(folder)
        self._server = EmbeddedServer(folder, UNSAFE)
        self.url = self._server.start()

    def new_database(self) -> str:
        """Return the URL of a database with the production tables, which nobody is connected to."""
        name = f"elmify_{uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        url = in_database(self.url, name)
        with psycopg.connect(url) as connection:
            connection.execute(PRODUCTION_TABLES.encode())
        return url

    def restart(self) -> None:
        """End every connection and the server with them, and return when it accepts connections again."""
        self._server.close()
        assert not self._cluster.is_up
        again = self._server.start()
        assert again == self.url

    def close(self) -> None:
        """Stop the server."""
        self._server.close()


@contextmanager
def restartable_server() -> Iterator[Restartable]:
    """Run a server, and take its files away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="elmify-", dir="/tmp"))
    try:
        server = Restartable(folder)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
