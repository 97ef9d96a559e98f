"""The team's library in today's mess and healthy: what its listeners hear before elmify comes."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from tests.acceptance.projects import run_sql
from tests.listener.hearing import PLAYED, listening, playing
from tests.listener.urls import Way
from tests.live.backend import BASE_URL, USERS, backend, recordings
from tests.live.system import dump_users, fill_database, fill_directory


@pytest.mark.parametrize(
    ("healthy", "plays"),
    [(False, {Way.STREAM: 155, Way.PLAYLIST: 467}), (True, {Way.STREAM: 467, Way.PLAYLIST: 467})],
    ids=["today", "healthy"],
)
def test_this_many_lectures_play(
    tmp_path: Path, database_url: str, healthy: bool, plays: Mapping[Way, int]
) -> None:
    mess = backend(healthy=healthy)
    rows = fill_database(database_url, mess, users=USERS)
    bucket = DirectoryBucket(tmp_path / "bucket")
    fill_directory(tmp_path / "bucket", mess.objects, bucket)

    with listening(database_url, bucket, BASE_URL) as listener:
        heard = listener.heard(PLAYED)

    known = recordings(mess, rows.lectures)
    assert {way: len(playing(heard, known, way)) for way in plays} == plays
    assert len(playing(heard, known, Way.OBJECT)) == 467


def test_it_has_as_many_rows_of_each_sort_as_the_team(database_url: str) -> None:
    fill_database(database_url, backend(healthy=False), users=USERS)

    counted = {
        table: run_sql(database_url, f"select count(*) from {table}")[0]["count"]
        for table in ("speakers", "collections", "lectures")
    }
    users = sum(len(rows) for table, rows in dump_users(database_url).items() if table != "public.users")
    assert counted == {"speakers": 8, "collections": 12, "lectures": 467}
    assert 1_950 <= users <= 2_050


@pytest.mark.parametrize("healthy", [False, True], ids=["today", "healthy"])
def test_the_small_library_has_every_sort_and_plays_as_far(
    tmp_path: Path, database_url: str, healthy: bool
) -> None:
    mess = backend(healthy=healthy, small=True)
    rows = fill_database(database_url, mess, users=2)
    bucket = DirectoryBucket(tmp_path / "bucket")
    fill_directory(tmp_path / "bucket", mess.objects, bucket)

    with listening(database_url, bucket, BASE_URL) as listener:
        heard = listener.heard(PLAYED)

    known = recordings(mess, rows.lectures)
    by_file_path, by_names = (len(playing(heard, known, way)) for way in (Way.PLAYLIST, Way.STREAM))
    assert by_file_path == len(mess.lectures) < 50
    assert (by_names == by_file_path) is healthy
