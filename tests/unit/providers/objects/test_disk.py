"""Each failure here is a real one: of a full device, of SQLite, of the operating system."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from providers.objects.directory_files import translated
from reconciler.model.errors import Denied, ProviderError, Unavailable


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_named_with_the_key_and_what_to_do(tmp_path: Path) -> None:
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(ProviderError, match=r"'a\.mp3'") as raised,
        translated(tmp_path, "a.mp3"),
    ):
        full.write(b"x")

    assert (raised.value.code, raised.value.transient) == ("disk-full", False)
    assert str(tmp_path) in raised.value.hint
    assert isinstance(raised.value.__cause__, OSError)


def test_a_full_index_is_a_full_disk(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "index")) as index,
        pytest.raises(ProviderError) as raised,
        translated(tmp_path),
    ):
        index.executescript("PRAGMA max_page_count = 1; CREATE TABLE a (b)")

    assert raised.value.code == "disk-full"


def test_an_index_that_may_not_be_written_is_denied(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "index").close()

    with (
        closing(sqlite3.connect(f"file:{tmp_path / 'index'}?mode=ro", uri=True)) as index,
        pytest.raises(Denied),
        translated(tmp_path),
    ):
        index.execute("CREATE TABLE a (b)")


def test_an_index_that_another_process_holds_is_tried_again_later(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "index")) as holder,
        closing(sqlite3.connect(tmp_path / "index", timeout=0)) as waiting,
        closing(holder.execute("BEGIN EXCLUSIVE")),
        pytest.raises(Unavailable),
        translated(tmp_path),
    ):
        waiting.execute("CREATE TABLE a (b)")


def test_an_index_that_is_none_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"no database at all" * 100)

    with (
        closing(sqlite3.connect(tmp_path / "index")) as index,
        pytest.raises(ProviderError) as raised,
        translated(tmp_path),
    ):
        index.execute("CREATE TABLE a (b)")

    assert "index.sqlite" in raised.value.hint


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_missing_right_is_denied(tmp_path: Path, number: int) -> None:
    with pytest.raises(Denied), translated(tmp_path):
        raise OSError(number, os.strerror(number))


def test_any_other_failure_of_the_disk_keeps_its_words(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="Input/output error"), translated(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
