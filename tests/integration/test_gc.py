from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.applying.gc import Collected, collect
from reconciler.model.errors import UsageError
from reconciler.model.recorded import KeyState
from tests.stand import Stand

MONTH = timedelta(days=30)


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library whose lecture was recorded again: its first object is retired."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.apply()
    stand.record("ali/quran/opening.mp3", b"recorded again")
    stand.apply()
    return stand


OLD_KEY = "Ali/Quran/01 - The Opening.mp3"


def run_gc(
    stand: Stand, *, older_than: timedelta = MONTH, now: tuple[str, ...] = (), dry_run: bool = False
) -> Collected:
    return collect(stand.job(), older_than=older_than, now=now, dry_run=dry_run)


def age(stand: Stand, days: int) -> None:
    stand.sql("update elmify.object set changed_at = changed_at - %s * interval '1 day'", days)


def state(stand: Stand, key: str) -> KeyState:
    with stand.database.read() as session:
        return session.records.load().keys[key].state


def test_a_retired_object_stays_while_its_retention_lasts(stand: Stand) -> None:
    age(stand, days=29)

    collected = run_gc(stand)

    assert collected.rubbish == ()
    assert OLD_KEY in stand.object_keys()


def test_a_retired_object_goes_after_its_retention(stand: Stand) -> None:
    age(stand, days=31)

    collected = run_gc(stand)

    assert [item.record.key for item in collected.rubbish] == [OLD_KEY]
    assert OLD_KEY not in stand.object_keys()
    assert len(stand.object_keys()) == 1
    assert state(stand, OLD_KEY) is KeyState.DELETED
    assert stand.plan().changes == ()


def test_a_dry_run_deletes_nothing(stand: Stand) -> None:
    age(stand, days=31)

    collected = run_gc(stand, dry_run=True)

    assert [item.record.key for item in collected.rubbish] == [OLD_KEY]
    assert OLD_KEY in stand.object_keys()
    assert state(stand, OLD_KEY) is KeyState.RETIRED


def test_a_takedown_does_not_wait(stand: Stand) -> None:
    collected = run_gc(stand, now=("ali/quran/opening",))

    assert [item.why for item in collected.rubbish] == ["taken down"]
    assert OLD_KEY not in stand.object_keys()


def test_a_takedown_of_another_address_takes_nothing(stand: Stand) -> None:
    stand.declare("ali/tafsir", title="Tafsir")
    stand.declare("ali/tafsir/first", title="First")
    stand.apply()

    assert run_gc(stand, now=("ali/tafsir",)).rubbish == ()


def test_a_takedown_of_an_address_nobody_knows_is_an_error(stand: Stand) -> None:
    with pytest.raises(UsageError):
        run_gc(stand, now=("ali/qruan",))


def test_a_shorter_retention_than_a_day_is_refused(stand: Stand) -> None:
    with pytest.raises(UsageError):
        run_gc(stand, older_than=timedelta(hours=23))


def test_an_object_that_any_row_names_is_left_alone(stand: Stand) -> None:
    age(stand, days=31)
    stand.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format, audio_url) "
        "values ('Unmanaged', 0, 'x', 'x', 0, 'mp3', 'https://old.example.org/Ali/Quran/01%20-%20The%20Opening.mp3')"
    )

    assert run_gc(stand).rubbish == ()
    assert OLD_KEY in stand.object_keys()


def test_a_deleted_key_is_never_used_again(stand: Stand) -> None:
    age(stand, days=31)
    run_gc(stand)
    stand.record("ali/quran/opening.mp3", b"ali/quran/opening")

    stand.apply()

    [row] = stand.sql("select file_path from lectures")
    assert row["file_path"] != OLD_KEY
    assert row["file_path"] in stand.object_keys()


def test_a_gc_killed_after_condemning_is_finished_by_the_next(stand: Stand) -> None:
    with stand.database.write() as work:
        [record] = [k for k in work.records.load().keys.values() if k.state is KeyState.RETIRED]
        stand.sql("update elmify.object set state = 'condemned' where key = %s", record.key)

    collected = run_gc(stand)

    assert [item.why for item in collected.rubbish] == ["condemned by an earlier gc"]
    assert state(stand, OLD_KEY) is KeyState.DELETED


def test_leftovers_of_a_failed_run_are_not_unmanaged_and_go_after_their_retention(stand: Stand) -> None:
    stand.declare("ali/quran/the-cow", title="The Cow", number=2)
    stand.declare("ali/quran/the-family", title="The Family", number=3)
    (stand.media_root / "ali/quran/the-family.mp3").unlink()
    with pytest.raises(Exception, match="could not be stored"):
        stand.apply()
    stand.drop("ali/quran/the-cow", "ali/quran/the-family")

    assert dict(stand.plan().unmanaged.objects) == {}
    age(stand, days=31)
    run_gc(stand)
    assert all("The Cow" not in key for key in stand.object_keys())
