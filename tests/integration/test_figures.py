"""The numbers, read from real stores."""

from pathlib import Path

import pytest

from reconciler.model.history import RunKind, RunResult
from reconciler.model.kinds import Kind
from reconciler.model.status import Figures
from reconciler.operations.metrics import read_figures
from reconciler.planning.world import Request
from tests.stand import Stand


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    stand = Stand(tmp_path, database_url)
    stand.declare("ali")
    stand.declare("ali/quran")
    stand.declare("ali/quran/a")
    stand.declare("ali/quran/b")
    return stand


def numbers(stand: Stand) -> Figures:
    return read_figures(stand.workspace())


def test_before_the_first_apply_there_are_zeros(stand: Stand) -> None:
    found = numbers(stand)

    assert (found.runs, found.last_upload, found.drift) == ((), None, 0)
    assert set(found.objects.values()) | set(found.rows.values()) == {0}
    assert found.database_bytes > 1_000_000


def test_an_apply_is_counted_with_its_bytes(stand: Stand) -> None:
    stand.apply()
    size = sum(len(f"ali/quran/{name}") for name in "ab")
    stand.record("ali/quran/b.mp3", b"other bytes")
    outcome = stand.apply()

    found = numbers(stand)

    [applies] = found.runs
    assert (applies.kind, applies.counts, applies.ended) == (RunKind.APPLY, {RunResult.OK: 2}, 2)
    with stand.database.read() as session:
        run = session.records.run(outcome.run or 0)
    assert run is not None
    assert run.finished_at is not None
    assert applies.last_success == run.finished_at
    assert applies.last_duration == run.finished_at - run.begun_at
    assert applies.duration > applies.last_duration
    assert (run.changes, run.uploaded_files, run.uploaded_bytes) == (1, 1, len(b"other bytes"))
    assert found.uploaded_bytes == size + len(b"other bytes")
    assert found.last_upload is not None
    assert found.last_upload.size_bytes == len(b"other bytes")
    assert found.last_upload.took.total_seconds() > 0
    assert found.objects == {"live": 3, "retired": 1, "condemned": 0, "intended": 0, "unmanaged": 0}
    assert found.storage_bytes == size + 2 * len(b"other bytes")  # the object and its playback copy


def test_what_cannot_be_played_and_what_is_not_managed_show(stand: Stand) -> None:
    stand.apply()
    stand.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format)"
        " values ('Not there', 0, 'x', 'x.mp3', 0, 'mp3')"
    )
    lost = next(key for key in stand.object_keys() if key.endswith("A.mp3"))
    (stand.folder / "bucket" / "objects" / lost).write_bytes(b"")
    (stand.folder / "bucket" / "objects" / "other.mp3").write_bytes(b"other")

    found = numbers(stand)

    assert (found.rows[Kind.LECTURE], found.managed[Kind.LECTURE]) == (3, 2)
    assert {each.way: each.plays for each in found.playing} == {"stream": 1, "playlist": 1, "link": 1}
    assert found.pending_aliases == 0
    assert found.objects["unmanaged"] == 1
    assert found.drift >= 2  # the row, and the empty object


def test_user_rows_that_were_lost_are_never_forgotten(stand: Stand) -> None:
    stand.apply()
    stand.favourite(stand.sql("select id from lectures where title = 'B'")[0]["id"])
    stand.drop("ali/quran/b")
    stand.apply(Request(allowances={"user-rows": 1}))
    stand.apply()

    assert numbers(stand).user_rows_lost == 1
