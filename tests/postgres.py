"""Where the tests' PostgreSQL comes from, and how each test gets a database of its own.

`ELMIFY_TEST_DATABASE_URL` names a server, by a role that may create databases. Without it the embedded
server is used, one for all the workers of a session. `ELMIFY_TEST_DOCKER=1` asks for a container instead.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from providers.embedded_postgres import server as embedded

SQL_FOLDER = Path(embedded.__file__).parent
PRODUCTION_TABLES = (SQL_FOLDER / "public.sql").read_text() + (SQL_FOLDER / "seed.sql").read_text()
WITHOUT_CATEGORIES = "drop table lecture_categories, collection_categories, categories;"

#: What the tests can lose in a power cut is worth nothing, so nothing waits for the disk.
UNSAFE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "200"}

DOCKER_IMAGE = "postgres:15-alpine"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Yield the URL of a server, where databases may be created; `folder` is shared by all workers."""
    if named := os.environ.get("ELMIFY_TEST_DATABASE_URL"):
        yield named
    elif os.environ.get("ELMIFY_TEST_DOCKER"):
        yield from _in_a_container()
    else:
        with embedded.EmbeddedServer(folder, UNSAFE) as own:
            yield own.start()


def _in_a_container() -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(DOCKER_IMAGE, driver=None) as container:
        yield container.get_connection_url()


def in_database(server_url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def template(server_url: str, script: str) -> str:
    """Return the name of a database that `script` was run in, made once for each script and server."""
    name = f"elmify_template_{hashlib.sha256(script.encode()).hexdigest()[:12]}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(hashtext('elmify test templates'))")
        if admin.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is None:
            _build(admin, server_url, script, name)
    return name


def _build(admin: psycopg.Connection, server_url: str, script: str, name: str) -> None:
    """Build under another name, so that a template is complete or absent."""
    building = f"{name}_building"
    admin.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(building)))
    admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(building)))
    with psycopg.connect(in_database(server_url, building)) as connection:
        connection.execute(script.encode())
    admin.execute(
        sql.SQL("alter database {} rename to {}").format(sql.Identifier(building), sql.Identifier(name))
    )


@contextmanager
def clone(server_url: str, template_name: str) -> Iterator[str]:
    """Yield the URL of a fresh copy of a template; it is dropped afterwards, whoever is still connected."""
    name = f"elmify_test_{uuid4().hex[:16]}"
    copy = sql.SQL("create database {} template {} strategy file_copy")
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(copy.format(sql.Identifier(name), sql.Identifier(template_name)))
        try:
            yield in_database(server_url, name)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def role(url: str, grants: str = "", *, password: str = "secret") -> Iterator[str]:
    """Yield the URL of the same database for a new role; `{role}` in `grants` stands for its name."""
    name = f"elmify_role_{uuid4().hex[:16]}"
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"create role {name} login password '{password}'".encode())
        try:
            admin.execute(grants.replace("{role}", name).encode())
            yield urlunsplit(parts._replace(netloc=f"{name}:{password}@{place}"))
        finally:
            admin.execute(f"drop owned by {name}; drop role {name}".encode())
