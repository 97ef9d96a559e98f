from pathlib import Path

import pytest

from tests.stand import Stand


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    return stand


def test_a_new_library_is_created_in_both_stores(stand: Stand) -> None:
    outcome = stand.apply()

    assert outcome.uploaded_files == 1
    assert stand.keys() == ["Ali/Quran/01 - The Opening.mp3"]
    [row] = stand.sql("select * from lectures")
    assert row["file_path"] == "Ali/Quran/01 - The Opening.mp3"
    assert row["audio_url"] == "https://cdn.example.com/Ali/Quran/01%20-%20The%20Opening.mp3"
    assert row["duration"] == 12


def test_after_an_apply_there_is_nothing_to_change(stand: Stand) -> None:
    stand.apply()

    plan = stand.plan()

    assert plan.empty
    assert plan.changes == ()
    assert plan.unchanged == 3
    assert not plan.unmanaged.objects
    assert not plan.drift
