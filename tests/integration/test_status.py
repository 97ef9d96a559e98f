"""Where things stand, read from real stores."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from providers.database.postgres import PostgresDatabase
from reconciler.applying.apply import apply
from reconciler.applying.refresh import MARKER_KEY
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied, PutsFailed, Unavailable, Unfinished
from reconciler.model.ports import ObjectStore, UnfinishedUpload, Upload
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import Apply, CollectGarbage, MakePlan, Rebind
from reconciler.model.staging import staging_inside
from reconciler.model.status import Advice, Found, Status, Why
from reconciler.operations.status import read_status
from reconciler.planning.advice import advise
from reconciler.records import records_on
from tests.postgres import role
from tests.stand import EVERYTHING, Stand
from tests.uploads import upload

READER = (
    "grant usage on schema public, elmify to {role}; "
    "grant select on all tables in schema public, elmify to {role};"
)


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    return stand


class Watched:
    """The bucket, all writes to which fail the test; with multipart uploads that somebody began."""

    def __init__(self, objects: ObjectStore, *uploads: UnfinishedUpload) -> None:
        self._objects, self._uploads = objects, uploads

    def __getattr__(self, name: str) -> Any:
        assert name not in {"put", "copy", "delete", "abort"}, f"status writes: {name}"
        return getattr(self._objects, name)

    def __str__(self) -> str:
        return str(self._objects)

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        yield from self._uploads


def status_of(stand: Stand, objects: ObjectStore | None = None) -> Status:
    store = objects or Watched(stand.objects)
    return read_status(stand.workspace(objects=store, staging=staging_inside(store)))


def advice_on(stand: Stand) -> Advice:
    return advise(status_of(stand))


def fail_halfway(stand: Stand) -> None:
    """Apply without the audio of one lecture: the other's is stored, and nothing committed."""
    (stand.media_root / "ali/quran/cow.mp3").unlink()
    with pytest.raises(PutsFailed):
        stand.apply()


def test_where_nothing_was_applied_a_plan_is_next(stand: Stand) -> None:
    status = status_of(stand)

    assert (status.identity, status.marker, status.lease, status.runs) == (None, None, None, ())
    assert advise(status).remedy == MakePlan()


def test_after_an_apply_there_is_nothing_to_go_on_with(stand: Stand) -> None:
    stand.apply()

    status = status_of(stand)

    assert status.identity is not None
    assert status.marker == status.identity.id
    assert (status.leftovers, status.unfinished, status.foreign, status.condemned) == ((), (), (), 0)
    assert status.unanchored is None
    assert advise(status).remedy is None


def test_what_a_failed_apply_stored_and_what_it_did_not_is_told_by_the_bucket(stand: Stand) -> None:
    fail_halfway(stand)

    status = status_of(stand)

    assert {leftover.record.key: leftover.found for leftover in status.leftovers} == {
        "Ali/Quran/01 - The Opening.mp3": Found.STORED,
        "Ali/Quran/02 - The Cow.mp3": Found.ABSENT,
    }
    assert advise(status).remedy == Apply()


def test_a_note_of_something_stored_is_not_believed(stand: Stand) -> None:
    fail_halfway(stand)
    stand.objects.delete("Ali/Quran/01 - The Opening.mp3")
    stand.objects.put(upload("Ali/Quran/02 - The Cow.mp3", b"something else"))

    assert {leftover.record.key: leftover.found for leftover in status_of(stand).leftovers} == {
        "Ali/Quran/01 - The Opening.mp3": Found.ABSENT,
        "Ali/Quran/02 - The Cow.mp3": Found.OTHER,
    }


def test_the_apply_that_was_advised_leaves_nothing_to_go_on_with(stand: Stand) -> None:
    fail_halfway(stand)
    stand.record("ali/quran/cow.mp3", b"ali/quran/cow")

    stand.apply()

    assert status_of(stand).leftovers == ()
    assert advice_on(stand).remedy is None


def test_a_success_after_a_failure_settles_it_even_when_something_was_left(stand: Stand) -> None:
    fail_halfway(stand)
    stand.drop("ali/quran/cow", "ali/quran/opening")

    stand.apply()

    assert len(status_of(stand).leftovers) == 2
    assert advice_on(stand).remedy is None


def test_an_audit_head_that_the_bucket_lacks_is_named(stand: Stand) -> None:
    class NoAnchors:
        def __getattr__(self, name: str) -> Any:
            return getattr(stand.objects, name)

        def put(self, wanted: Upload) -> StoredObject:
            if wanted.key.startswith(".elmify/audit/"):
                raise Unavailable("not now")
            return stand.objects.put(wanted)

    with pytest.raises(Unfinished):
        apply(stand.workspace(objects=NoAnchors()), EVERYTHING, [stand.plan()])

    status = status_of(stand)

    assert status.unanchored is not None
    assert advise(status).remedy == Apply()
    stand.apply()
    assert status_of(stand).unanchored is None


def test_a_first_apply_that_was_cut_short_between_the_stores_is_taken_up(stand: Stand) -> None:
    with stand.database.write() as work:
        work.records.install("test", "6f1d0000-0000-0000-0000-000000000000")

    assert advice_on(stand).remedy == Apply()
    stand.apply()
    assert advice_on(stand).remedy is None


def test_stores_that_are_no_pair_are_said_to_be_none(stand: Stand) -> None:
    stand.apply()
    stand.objects.delete(MARKER_KEY)

    status = status_of(stand)

    assert status.marker is None
    assert (advise(status).why, advise(status).remedy) == (Why.NOT_A_PAIR, Rebind())


def test_another_environment_than_the_databases_has_no_command_that_mends_it(stand: Stand) -> None:
    stand.apply()

    advice = advise(read_status(stand.workspace(policy=replace(stand.policy, environment="other"))))

    assert (advice.why, advice.remedy) == (Why.NOT_A_PAIR, None)
    assert "`environment:`" in str(advice.problem)


def test_a_marker_that_nobody_can_read_is_put_right_by_rebinding(stand: Stand) -> None:
    stand.apply()
    stand.objects.delete(MARKER_KEY)
    stand.objects.put(upload(MARKER_KEY, b"{"))

    assert advice_on(stand).remedy == Rebind()


def test_unfinished_uploads_are_told_apart_by_whose_they_are(stand: Stand) -> None:
    fail_halfway(stand)
    now = datetime.now(UTC)

    def begun(key: str, hours_ago: int) -> UnfinishedUpload:
        return UnfinishedUpload(key=key, upload_id="u", begun_at=now - timedelta(hours=hours_ago))

    ours = begun("Ali/Quran/02 - The Cow.mp3", 30)
    staged = begun(staging_inside(stand.objects).key_of("a" * 64), 1)
    foreign = begun("by-hand.mp3", 30)

    status = status_of(stand, Watched(stand.objects, ours, staged, foreign))

    assert (status.unfinished, status.foreign, status.given_up) == ((ours, staged), (foreign,), 1)


def test_staged_copies_are_counted(stand: Stand) -> None:
    stand.apply()
    stand.objects.put(upload(staging_inside(stand.objects).key_of("a" * 64), b"staged"))

    assert [stored.size_bytes for stored in status_of(stand).staged.values()] == [6]


def test_a_gc_that_was_cut_short_is_finished_by_gc(stand: Stand) -> None:
    stand.apply()
    stand.record("ali/quran/cow.mp3", b"again")
    stand.apply()
    stand.sql("update elmify.object set state = 'condemned' where state = 'retired'")

    status = status_of(stand)

    assert status.condemned == 1
    assert advise(status).remedy == CollectGarbage()


def test_rights_to_read_suffice(stand: Stand) -> None:
    stand.apply()

    class Limited(Watched):
        def unfinished(self) -> Iterator[UnfinishedUpload]:
            raise Denied("may read objects alone")

    with role(stand.url, READER) as url:
        database = PostgresDatabase(url, records=records_on)
        objects = Limited(stand.objects)
        status = read_status(
            stand.workspace(objects=objects, database=database, staging=staging_inside(objects))
        )
        database.close()

    assert (status.unfinished, status.foreign) == (None, None)
    assert advise(status).remedy is None


def test_records_that_may_not_be_read_are_never_nothing(stand: Stand) -> None:
    stand.apply()

    with role(stand.url, "grant usage on schema public to {role};") as url:
        database = PostgresDatabase(url, records=records_on)
        with pytest.raises(Denied):
            read_status(stand.workspace(database=database))
        database.close()


def test_leftovers_keep_their_state_by_being_looked_at(stand: Stand) -> None:
    fail_halfway(stand)

    status_of(stand)

    with stand.database.read() as session:
        states = {record.state for record in session.records.load().keys.values()}
    assert states == {KeyState.INTENDED}
