import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.gc import GcScope, collect
from reconciler.model.errors import Denied, Leased, PutsFailed, Unavailable, Unfinished, UsageError
from reconciler.model.history import RunKind
from reconciler.model.outcomes import Collected
from reconciler.model.ports import ObjectStore, UnfinishedUpload
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import Apply, MakePlan
from reconciler.model.staging import staging_inside
from tests.failures import failing
from tests.stand import Stand
from tests.uploads import upload

MONTH = timedelta(days=30)


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library whose lecture was recorded again: a copy of its first recording is kept, and retired."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.apply()
    stand.record("ali/quran/opening.mp3", b"recorded again")
    stand.apply()
    return stand


PLAIN_KEY = "Ali/Quran/01 - The Opening.mp3"
NEW_KEY = "Ali/Quran/01 - The Opening~e979a8dc.mp3"
OLD_KEY = "Ali/Quran/01 - The Opening~4f3b940a.mp3"


def run_gc(
    stand: Stand,
    *,
    older_than: timedelta = MONTH,
    staged_older_than: timedelta = MONTH,
    now: tuple[str, ...] = (),
    dry_run: bool = False,
    objects: ObjectStore | None = None,
) -> Collected:
    wanted = GcScope(older_than=older_than, staged_older_than=staged_older_than, now=now)
    return collect(stand.workspace(objects=objects or stand.objects), wanted, dry_run=dry_run)


def age(stand: Stand, days: int) -> None:
    stand.sql("update elmify.object set changed_at = changed_at - %s * interval '1 day'", days)


def state(stand: Stand, key: str) -> KeyState:
    with stand.database.read() as session:
        return session.records.load().keys[key].state


def test_a_retired_object_stays_while_its_retention_lasts(stand: Stand) -> None:
    age(stand, days=29)

    collected = run_gc(stand)

    assert collected.objects == ()
    assert OLD_KEY in stand.object_keys()


def test_a_retired_object_goes_after_its_retention(stand: Stand) -> None:
    age(stand, days=31)

    collected = run_gc(stand)

    assert [item.record.key for item in collected.objects] == [OLD_KEY]
    assert stand.object_keys() == [PLAIN_KEY, NEW_KEY]
    assert state(stand, OLD_KEY) is KeyState.DELETED
    assert stand.plan().changes == ()


def test_a_dry_run_deletes_nothing(stand: Stand) -> None:
    age(stand, days=31)

    collected = run_gc(stand, dry_run=True)

    assert [item.record.key for item in collected.objects] == [OLD_KEY]
    assert OLD_KEY in stand.object_keys()
    assert state(stand, OLD_KEY) is KeyState.RETIRED


def take_out(stand: Stand) -> None:
    stand.drop("ali/quran/opening")
    stand.apply()


def test_a_takedown_does_not_wait(stand: Stand) -> None:
    take_out(stand)

    collected = run_gc(stand, now=("ali/quran/opening",))

    assert [item.why for item in collected.objects] == ["taken down"] * 3
    assert {item.record.key for item in collected.objects} == {PLAIN_KEY, OLD_KEY, NEW_KEY}
    assert stand.object_keys() == []


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("asked", ["ali/quran/opening", "ali/**"])
def test_a_takedown_of_what_still_plays_deletes_nothing(stand: Stand, asked: str, *, dry_run: bool) -> None:
    before = stand.object_keys()

    with failing(UsageError, "still-live", "ali/quran/opening") as refused:
        run_gc(stand, now=(asked,), dry_run=dry_run)

    assert refused.value.remedies[:2] == (MakePlan(), Apply())
    assert stand.object_keys() == before
    assert state(stand, OLD_KEY) is KeyState.RETIRED


def test_a_takedown_leaves_what_other_addresses_had(stand: Stand) -> None:
    stand.declare("ali/tafsir", title="Tafsir")
    stand.declare("ali/tafsir/first", title="First")
    stand.apply()
    stand.drop("ali/tafsir/first")
    stand.apply()

    collected = run_gc(stand, now=("ali/tafsir",))

    assert {item.record.address for item in collected.objects} == {"ali/tafsir/first"}
    assert {item.record.key for item in collected.objects} == {"Ali/Tafsir/01 - First.mp3"}
    assert OLD_KEY in stand.object_keys()


def test_a_takedown_of_an_address_nobody_knows_is_an_error(stand: Stand) -> None:
    with pytest.raises(UsageError):
        run_gc(stand, now=("ali/qruan",))


def test_a_shorter_retention_than_a_day_is_refused(stand: Stand) -> None:
    with pytest.raises(UsageError):
        run_gc(stand, older_than=timedelta(hours=23))
    with pytest.raises(UsageError):
        run_gc(stand, staged_older_than=timedelta(hours=23))


def test_an_object_that_any_row_names_is_left_alone(stand: Stand) -> None:
    age(stand, days=31)
    stand.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format, audio_url) "
        "values ('Unmanaged', 0, 'x', 'x', 0, 'mp3', 'https://old.example.org/Ali/Quran/01%20-%20The%20Opening~4f3b940a.mp3')"
    )

    assert run_gc(stand).objects == ()
    assert OLD_KEY in stand.object_keys()


def test_a_deleted_key_is_used_again_when_nothing_is_under_it(stand: Stand) -> None:
    age(stand, days=31)
    run_gc(stand)
    stand.record("ali/quran/opening.mp3", b"ali/quran/opening")

    stand.apply()

    [row] = stand.sql("select file_path from lectures")
    assert row["file_path"] == OLD_KEY
    assert state(stand, OLD_KEY) is KeyState.LIVE
    assert OLD_KEY in stand.object_keys()


def test_a_deleted_key_is_not_used_while_something_is_under_it(stand: Stand) -> None:
    age(stand, days=31)
    run_gc(stand)
    stand.objects.put(upload(OLD_KEY, b"by hand"))
    stand.record("ali/quran/opening.mp3", b"ali/quran/opening")

    stand.apply()

    [row] = stand.sql("select file_path from lectures")
    assert row["file_path"] == "Ali/Quran/01 - The Opening~4f3b940a974dd750.mp3"
    with stand.objects.stream(OLD_KEY) as blocks:
        assert b"".join(blocks) == b"by hand"


def test_a_gc_killed_after_condemning_is_finished_by_the_next(stand: Stand) -> None:
    with stand.database.write() as work:
        [record] = [k for k in work.records.load().keys.values() if k.state is KeyState.RETIRED]
        stand.sql("update elmify.object set state = 'condemned' where key = %s", record.key)

    collected = run_gc(stand)

    assert [item.why for item in collected.objects] == ["condemned by an earlier gc"]
    assert state(stand, OLD_KEY) is KeyState.DELETED


def test_leftovers_of_a_failed_run_are_not_unmanaged_and_go_after_their_retention(stand: Stand) -> None:
    stand.declare("ali/quran/the-cow", title="The Cow", number=2)
    stand.declare("ali/quran/the-family", title="The Family", number=3)
    (stand.media_root / "ali/quran/the-family.mp3").unlink()
    with failing(PutsFailed, "puts-failed", "the-family.mp3"):
        stand.apply()
    stand.drop("ali/quran/the-cow", "ali/quran/the-family")

    assert dict(stand.plan().unmanaged.objects) == {}
    age(stand, days=31)
    run_gc(stand)
    assert all("The Cow" not in key for key in stand.object_keys())


# What no row ever named.


def put_staged(stand: Stand, sha256: str, *, days_ago: int) -> str:
    """Stage bytes under a hash, some days ago; their key."""
    key = staging_inside(stand.objects).key_of(sha256)
    stand.objects.put(upload(key, sha256.encode()))
    then = (datetime.now(UTC) - timedelta(days=days_ago)).timestamp()
    (file,) = [path for path in (stand.folder / "bucket").rglob(f"*{sha256}*") if path.is_file()]
    os.utime(file, (then, then))
    return key


def staged_keys(stand: Stand) -> list[str]:
    return [stored.key for stored in stand.objects.list(".elmify/staged/")]


def intend(stand: Stand, key: str, sha256: str) -> None:
    """Note that a run means to put those bytes, and did not come to its commit."""
    with stand.database.write() as work:
        run = work.records.begin_run(RunKind.APPLY, stand.workspace().actor)
        intended = KeyRecord(key=key, state=KeyState.INTENDED, size_bytes=64, sha256=sha256, run=run)
        work.records.save_keys([intended])


def test_a_staged_copy_stays_until_it_had_its_time(stand: Stand) -> None:
    old = put_staged(stand, "a" * 64, days_ago=31)
    young = put_staged(stand, "b" * 64, days_ago=29)

    collected = run_gc(stand)

    assert [stored.key for stored in collected.expired.staged] == [old]
    assert staged_keys(stand) == [young]


def test_a_dry_run_leaves_staged_copies_where_they_are(stand: Stand) -> None:
    old = put_staged(stand, "a" * 64, days_ago=31)

    collected = run_gc(stand, dry_run=True)

    assert [stored.key for stored in collected.expired.staged] == [old]
    assert staged_keys(stand) == [old]


def test_a_staged_copy_that_an_interrupted_run_wants_stays(stand: Stand) -> None:
    wanted = put_staged(stand, "a" * 64, days_ago=31)
    intend(stand, "Ali/Quran/new.mp3", "a" * 64)

    run_gc(stand)

    assert staged_keys(stand) == [wanted]
    age(stand, days=31)
    run_gc(stand)
    assert staged_keys(stand) == []


def test_a_takedown_takes_the_staged_copy_along(stand: Stand) -> None:
    taken = stand.sql("select sha256 from elmify.object where key = %s", OLD_KEY)[0]["sha256"]
    put_staged(stand, taken, days_ago=0)
    other = put_staged(stand, "b" * 64, days_ago=0)
    take_out(stand)

    run_gc(stand, now=("ali/quran/opening",))

    assert staged_keys(stand) == [other]


def test_a_stray_object_beside_the_staged_copies_is_left_alone(stand: Stand) -> None:
    stand.objects.put(upload(".elmify/staged/README"))

    run_gc(stand, staged_older_than=timedelta(days=1))

    assert staged_keys(stand) == [".elmify/staged/README"]


@dataclass
class Unfinishing:
    """The bucket, with multipart uploads that somebody began; those that were aborted are remembered."""

    objects: ObjectStore
    uploads: list[UnfinishedUpload]
    aborted: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def __str__(self) -> str:
        return str(self.objects)

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        yield from self.uploads

    def abort(self, upload: UnfinishedUpload) -> None:
        self.aborted.append(upload.key)


def begun(key: str, hours_ago: int) -> UnfinishedUpload:
    return UnfinishedUpload(
        key=key, upload_id=f"id of {key}", begun_at=datetime.now(UTC) - timedelta(hours=hours_ago)
    )


def test_only_elmifys_own_unfinished_uploads_are_given_up_and_only_after_a_day(stand: Stand) -> None:
    intend(stand, "Ali/Quran/intended.mp3", "c" * 64)
    intend(stand, "Ali/Quran/under-way.mp3", "d" * 64)
    staged = staging_inside(stand.objects).key_of("e" * 64)
    objects = Unfinishing(
        stand.objects,
        [
            begun("Ali/Quran/intended.mp3", 25),
            begun("Ali/Quran/under-way.mp3", 23),
            begun(staged, 25),
            begun("Ali/old/by-hand.mp3", 25),
            begun(stand.object_keys()[0], 25),
        ],
    )

    collected = run_gc(stand, objects=objects)

    assert objects.aborted == ["Ali/Quran/intended.mp3", staged]
    assert [found.key for found in collected.expired.foreign] == [
        "Ali/old/by-hand.mp3",
        stand.object_keys()[0],
    ]


def test_a_key_that_may_not_list_unfinished_uploads_says_so_and_goes_on(stand: Stand) -> None:
    class Blind(Unfinishing):
        def unfinished(self) -> Iterator[UnfinishedUpload]:
            raise Denied("no")

    age(stand, days=31)

    collected = run_gc(stand, objects=Blind(stand.objects, []))

    assert collected.expired.unseen == (str(stand.objects),)
    assert OLD_KEY not in stand.object_keys()


def test_a_staged_copy_that_cannot_be_deleted_is_named_and_the_others_go(stand: Stand) -> None:
    stuck = put_staged(stand, "a" * 64, days_ago=31)
    put_staged(stand, "b" * 64, days_ago=31)

    class Stuck(Unfinishing):
        def delete(self, key: str, *, within: timedelta | None = None) -> None:
            if key == stuck:
                raise Unavailable("not now")
            self.objects.delete(key, within=within)

    with pytest.raises(Unfinished) as unfinished:
        run_gc(stand, objects=Stuck(stand.objects, []))

    assert stuck in unfinished.value.details[0]
    assert staged_keys(stand) == [stuck]


def test_a_gc_whose_lease_was_taken_over_deletes_no_staged_copy(stand: Stand) -> None:
    kept = put_staged(stand, "a" * 64, days_ago=31)

    class TakenOver(Unfinishing):
        def dated(self, prefix: str = "") -> Any:
            stand.sql("update elmify.lease set token = token + 1")
            return self.objects.dated(prefix)

    with pytest.raises(Leased):
        run_gc(stand, objects=TakenOver(stand.objects, []))

    assert staged_keys(stand) == [kept]
