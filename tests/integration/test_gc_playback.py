"""What gc deletes of the copies that keep every way playing, and what may stand under a key after it."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.gc import GcScope, collect
from reconciler.applying.lease import LEASE_LASTS
from reconciler.model.errors import Unfinished
from reconciler.model.outcomes import Collected
from reconciler.model.ports import ObjectStore
from reconciler.model.recorded import KeyState
from tests.stand import Stand

MONTH = timedelta(days=30)
ADDRESS = "ali/quran/opening"
PLAIN, FIRST = "Ali/Quran/01 - The Opening.mp3", "Ali/Quran/01 - Opening.mp3"


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    return stand


def gc(stand: Stand, *, now: tuple[str, ...] = (), objects: ObjectStore | None = None) -> Collected:
    wanted = GcScope(older_than=MONTH, staged_older_than=MONTH, now=now)
    return collect(stand.workspace(objects=objects or stand.objects), wanted, dry_run=False)


def age(stand: Stand) -> None:
    stand.sql("update elmify.object set changed_at = changed_at - interval '31 days'")


def states(stand: Stand) -> dict[str, KeyState]:
    with stand.database.read() as session:
        keys = session.records.load().keys
    return {key: record.state for key, record in keys.items() if record.address == ADDRESS}


def with_fill(stand: Stand) -> None:
    """A lecture that was renamed: the key of its new name is filled."""
    stand.declare(ADDRESS, title="Opening", number=1)
    stand.apply()
    stand.change(ADDRESS, title="The Opening")
    stand.apply()
    assert set(states(stand)) == {FIRST, PLAIN}


def with_alias(stand: Stand) -> None:
    """A recording that was replaced: the plain key is an alias, the old bytes are kept."""
    stand.declare(ADDRESS, title="The Opening", number=1)
    stand.apply()
    stand.record(f"{ADDRESS}.mp3", b"recorded again")
    stand.apply()
    assert len(states(stand)) == 3
    assert stand.objects.read(PLAIN) == b"recorded again"


def with_alias_of_a_fill(stand: Stand) -> None:
    """Both: a filled key whose recording was replaced."""
    with_fill(stand)
    stand.record(f"{ADDRESS}.mp3", b"recorded again")
    stand.apply()
    assert stand.objects.read(PLAIN) == b"recorded again"


def with_another_name(stand: Stand) -> None:
    """A lecture that had the name before: its object stays beside the copy under the new name."""
    stand.declare(ADDRESS, title="The Opening", number=1)
    stand.apply()
    stand.change(ADDRESS, title="Al-Fatiha")
    stand.apply()


KINDS = [with_fill, with_alias, with_alias_of_a_fill, with_another_name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_takedown_takes_every_copy_that_the_address_had(stand: Stand, kind: Any) -> None:
    kind(stand)
    stand.drop(ADDRESS)
    stand.apply()
    had = set(states(stand))

    collected = gc(stand, now=(ADDRESS,))

    assert {item.record.key for item in collected.objects} == had
    assert stand.object_keys() == ["Ali/Quran/02 - The Cow.mp3"]
    assert set(states(stand).values()) == {KeyState.DELETED}


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_by_which_another_row_is_found_stays_and_is_told(stand: Stand, kind: Any) -> None:
    kind(stand)
    stand.drop(ADDRESS)
    stand.apply()
    stand.sql(
        "insert into lectures (title, lecture_number, duration, file_name, file_path, file_size, file_format,"
        " speaker_id, collection_id) select 'The Opening', 1, 1, 'x', 'elsewhere.mp3', 1, 'mp3', s.id, c.id"
        " from speakers as s, collections as c"
    )

    collected = gc(stand, now=(ADDRESS,))

    assert set(collected.kept) == {PLAIN}
    assert "way stream" in str(collected.kept[PLAIN])
    assert set(stand.object_keys()) == {PLAIN, "Ali/Quran/02 - The Cow.mp3"}


def test_what_is_still_heard_outlives_every_retention(stand: Stand) -> None:
    with_alias_of_a_fill(stand)
    age(stand)

    gc(stand)

    assert {key for key, state in states(stand).items() if state is KeyState.LIVE} <= set(stand.object_keys())
    assert stand.objects.read(PLAIN) == b"recorded again"


# Keys are used again.


@pytest.mark.parametrize("content", [b"ali/quran/opening", b"recorded again"], ids=["same", "other bytes"])
def test_a_name_that_comes_back_after_gc_has_its_plain_key_again(stand: Stand, content: bytes) -> None:
    stand.declare(ADDRESS, title="The Opening", number=1)
    stand.apply()
    stand.drop(ADDRESS)
    stand.apply()
    age(stand)
    gc(stand)
    assert states(stand) == {PLAIN: KeyState.DELETED}

    stand.record(f"{ADDRESS}.mp3", content)
    stand.declare(ADDRESS, title="The Opening", number=1)
    stand.apply()

    [row] = stand.sql("select file_path from lectures where lecture_number = 1")
    assert row["file_path"] == PLAIN
    assert stand.objects.read(PLAIN) == content
    assert states(stand) == {PLAIN: KeyState.LIVE}


@dataclass
class Stalled:
    """A bucket that gets every delete only after its time is over."""

    objects: ObjectStore
    within: list[timedelta | None]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def delete(self, key: str, *, within: timedelta | None = None) -> None:
        self.within.append(within)
        self.objects.delete(key, within=timedelta(0) if within is not None else None)


def test_a_delete_that_arrives_after_the_lease_removes_nothing_and_the_next_gc_does(stand: Stand) -> None:
    with_alias(stand)
    stand.drop(ADDRESS)
    stand.apply()
    before = stand.object_keys()
    stalled = Stalled(stand.objects, [])

    with pytest.raises(Unfinished):
        gc(stand, now=(ADDRESS,), objects=stalled)

    assert all(within is not None and timedelta(0) < within <= LEASE_LASTS for within in stalled.within)
    assert stand.object_keys() == before
    assert set(states(stand).values()) == {KeyState.CONDEMNED}

    gc(stand)
    assert set(states(stand).values()) == {KeyState.DELETED}


def test_a_condemned_key_is_not_used_again_before_it_is_deleted(stand: Stand) -> None:
    stand.declare(ADDRESS, title="The Opening", number=1)
    stand.apply()
    stand.drop(ADDRESS)
    stand.apply()
    with pytest.raises(Unfinished):
        gc(stand, now=(ADDRESS,), objects=Stalled(stand.objects, []))

    stand.declare(ADDRESS, title="The Opening", number=1)
    stand.apply()

    [row] = stand.sql("select file_path from lectures where lecture_number = 1")
    assert row["file_path"] != PLAIN
