"""The one transaction: what it locks, what it counts again, and what it is when its answer is lost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from reconciler.applying.apply import apply
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Guarded, ProviderError, Stale, Unavailable, Unfinished
from reconciler.model.history import RunState
from reconciler.model.ports import CommitUnknown, Database, ObjectStore, UnitOfWork, Upload
from reconciler.model.remedies import Apply, MakePlan
from reconciler.planning.world import Request
from tests.failures import failing, named_in
from tests.stand import EVERYTHING, Stand

Fault = Callable[[], object]


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library that was applied: a speaker, a collection and a lecture."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.apply()
    return stand


class FaultyDatabase:
    """The real database, in which transactions that changed content end as the faults say, in turn.

    A fault is called before the commit or after it; `None` lets a transaction be.
    """

    def __init__(self, database: Database, *, before: list[Fault | None], after: list[Fault | None]) -> None:
        self._database = database
        self._before, self._after = before, after
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        commits = False
        with self._database.write() as work:
            yield work
            commits = work.records.audit_head().seq > self._head()
            if commits:
                self.commits += 1
                _next(self._before)
        if commits:
            _next(self._after)

    def _head(self) -> int:
        with self._database.read() as session:
            return session.records.audit_head().seq


def _next(faults: list[Fault | None]) -> None:
    fault = faults.pop(0) if faults else None
    if fault is not None:
        fault()


def fail(error: BaseException) -> Fault:
    def fault() -> None:
        raise error

    return fault


def run_apply(stand: Stand, *, before: Fault | None = None, after: Fault | None = None) -> FaultyDatabase:
    """Apply with a database that fails the first commit."""
    database = FaultyDatabase(stand.database, before=[before], after=[after])
    apply(stand.workspace(database=database), EVERYTHING, [stand.plan()])
    return database


def titles(stand: Stand) -> list[Any]:
    return [row["title"] for row in stand.sql("select title from lectures order by id")]


def last_run(stand: Stand) -> tuple[RunState, str | None]:
    with stand.database.read() as session:
        [run] = session.records.runs(1)
        return run.state, run.outcome


LOST = CommitUnknown("the connection was lost while it waited for COMMIT")


def test_a_lost_answer_to_a_commit_that_stands_is_no_failure(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")

    database = run_apply(stand, after=fail(LOST))

    assert database.commits == 1
    assert titles(stand) == ["Al-Fatiha"]
    assert last_run(stand) == (RunState.DONE, "ok")
    assert stand.plan().changes == ()


def test_a_lost_answer_to_a_commit_that_does_not_stand_is_tried_again(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")

    database = run_apply(stand, before=fail(LOST))

    assert database.commits == 2
    assert titles(stand) == ["Al-Fatiha"]
    assert "commit-retried" in stand.observer.events
    assert stand.plan().changes == ()


def test_a_commit_that_met_a_lock_is_tried_again_as_a_whole(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")

    database = run_apply(stand, before=fail(Unavailable("a lock timeout")))

    assert database.commits == 2
    assert titles(stand) == ["Al-Fatiha"]


def test_a_commit_that_never_gets_through_changes_nothing(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")
    faults: list[Fault | None] = [fail(Unavailable("a lock timeout"))] * 20
    database = FaultyDatabase(stand.database, before=faults, after=[])

    with failing(Unavailable, "store-unavailable", 5, "a lock timeout") as raised:
        apply(stand.workspace(database=database), EVERYTHING, [stand.plan()])

    assert raised.value.remedies == (Apply(),)
    assert database.commits == 5
    assert titles(stand) == ["The Opening"]
    assert last_run(stand)[0] is RunState.FAILED


def test_a_lost_answer_that_nobody_can_look_up_is_not_called_a_failure(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")
    stand_database = stand.database

    class Gone(FaultyDatabase):
        @contextmanager
        def write(self) -> Iterator[UnitOfWork]:
            if self.commits:
                raise Unavailable("could not be reached")
            with super().write() as work:
                yield work

    database = Gone(stand_database, before=[], after=[fail(LOST)])
    with failing(Unfinished, "outcome-unknown"):
        apply(stand.workspace(database=database), EVERYTHING, [stand.plan()])

    assert "outcome-not-recorded" in stand.observer.events
    assert titles(stand) == ["Al-Fatiha"]


def test_a_lost_answer_under_a_lease_that_was_taken_over_is_looked_up_all_the_same(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")

    def taken_over() -> None:
        stand.sql("update elmify.lease set token = token + 1")
        raise LOST

    run_apply(stand, after=taken_over)

    assert titles(stand) == ["Al-Fatiha"]
    assert last_run(stand) == (RunState.DONE, "ok")


@pytest.mark.parametrize("stands", [True, False])
def test_an_interrupt_at_the_commit_tells_the_truth(stand: Stand, *, stands: bool) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")

    def interrupted() -> None:
        raise CommitUnknown("interrupted") from KeyboardInterrupt()

    faults = {"after": interrupted} if stands else {"before": interrupted}
    with pytest.raises(Unfinished if stands else KeyboardInterrupt):
        run_apply(stand, **faults)

    assert titles(stand) == (["Al-Fatiha"] if stands else ["The Opening"])
    assert last_run(stand) == (RunState.DONE if stands else RunState.FAILED, "interrupted")
    assert stand.sql("select run from elmify.lease") == [{"run": None}]


def test_a_favourite_that_arrives_before_the_delete_is_counted(stand: Stand) -> None:
    [row] = stand.sql("select id from lectures")
    stand.drop("ali/quran/opening")
    reviewed = stand.plan()
    stand.favourite(row["id"])

    with pytest.raises((Guarded, Stale)):
        stand.apply(reviewed=[reviewed])

    assert len(stand.sql("select * from favorites")) == 1
    assert titles(stand) == ["The Opening"]


class Beforehand:
    """A database in which something happens after the plan under the lease, just before the commit begins."""

    def __init__(self, database: Database, happens: Fault) -> None:
        self._database, self._happens = database, happens
        self._planned = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def planned(self) -> None:
        self._planned = True

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        if self._planned:
            self._planned = False
            self._happens()
        with self._database.write() as work:
            yield work


def apply_when(stand: Stand, happens: Fault, request: Request = EVERYTHING) -> None:
    """Apply, and let something happen between the plan under the lease and the commit."""
    database = Beforehand(stand.database, happens)

    class Telling(type(stand.observer)):  # type: ignore[misc]
        def event(self, name: str, **facts: object) -> None:
            super().event(name, **facts)
            if name == "planned":
                database.planned()

    apply(stand.workspace(database=database, observer=Telling()), request, [stand.plan(request)])


def test_a_favourite_between_plan_and_delete_is_refused_and_nothing_is_lost(stand: Stand) -> None:
    [row] = stand.sql("select id from lectures")
    stand.drop("ali/quran/opening")

    with pytest.raises(Guarded) as caught:
        apply_when(stand, lambda: stand.favourite(row["id"]))

    assert caught.value.remedies == (MakePlan(review=True),)
    assert "public.favorites" in caught.value.details[0]
    assert len(stand.sql("select * from favorites")) == 1
    assert titles(stand) == ["The Opening"]


def test_one_favourite_more_than_was_allowed_is_refused(stand: Stand) -> None:
    [row] = stand.sql("select id from lectures")
    stand.favourite(row["id"], user=1)
    stand.drop("ali/quran/opening")

    with pytest.raises(Guarded):
        apply_when(stand, lambda: stand.favourite(row["id"], user=2), Request(allowances={"user-rows": 1}))

    assert len(stand.sql("select * from favorites")) == 2


def upload_by_hand(stand: Stand, collection: dict[str, Any], title: str) -> None:
    """Add a lecture as somebody does who does not know elmify."""
    stand.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format, collection_id) "
        "values (%s, 1, 'x.mp3', 'x.mp3', 1, 'mp3', %s)",
        title,
        collection["id"],
    )


def test_content_that_came_under_a_doomed_parent_meanwhile_is_refused(stand: Stand) -> None:
    [row] = stand.sql("select id from collections")
    stand.drop("ali/quran")

    with pytest.raises(Guarded) as caught:
        apply_when(stand, lambda: upload_by_hand(stand, row, "New"))

    assert any(detail.startswith("unmanaged.lectures[2] ") for detail in caught.value.details)
    assert titles(stand) == ["The Opening", "New"]


def test_content_that_nobody_declared_blocks_the_delete_of_its_parent(stand: Stand) -> None:
    [row] = stand.sql("select id from collections")
    upload_by_hand(stand, row, "Old")
    stand.drop("ali/quran")

    plan = stand.plan()

    assert [blocked.guard for blocked in plan.blocked] == ["undeclared-content"]
    with pytest.raises(Guarded):
        stand.apply()
    assert titles(stand) == ["The Opening", "Old"]


def test_a_favourite_waits_while_the_lecture_it_hangs_off_is_being_deleted(stand: Stand) -> None:
    """It then finds no lecture any more: the app hears of it, and nothing was counted wrongly."""
    [row] = stand.sql("select id from lectures")
    stand.sql("insert into users (id, email) values (1, 'one@example.com')")
    stand.drop("ali/quran/opening")
    heard: list[BaseException] = []

    def favour() -> None:
        try:
            stand.sql("insert into favorites (user_id, lecture_id) values (1, %s)", row["id"])
        except psycopg.Error as error:
            heard.append(error)

    someone = threading.Thread(target=favour)

    def while_locked() -> None:
        someone.start()
        wait_for_a_lock(stand)

    run_apply(stand, before=while_locked)
    someone.join()

    assert [type(error) for error in heard] == [psycopg.errors.ForeignKeyViolation]
    assert titles(stand) == []
    assert stand.plan().changes == ()


def wait_for_a_lock(stand: Stand) -> None:
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with psycopg.connect(stand.url, autocommit=True) as looking:
        while not looking.execute(waiting.encode()).fetchone():
            looking.execute("select pg_stat_clear_snapshot()")


def test_a_row_edited_after_the_plan_stops_the_commit_with_nothing_visible(stand: Stand) -> None:
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    stand.change("ali/quran/opening", title="Al-Fatiha")

    with pytest.raises(Stale) as caught:
        apply_when(stand, lambda: stand.sql("update lectures set title = 'Edited'"))

    [detail] = caught.value.details
    assert named_in(detail, "ali/quran/opening", "title")
    assert titles(stand) == ["Edited"]
    assert last_run(stand)[0] is RunState.FAILED


def test_a_row_that_vanished_after_the_plan_stops_the_commit(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")

    with pytest.raises(Stale) as caught:
        apply_when(stand, lambda: stand.sql("delete from lectures"))

    [detail] = caught.value.details
    assert named_in(detail, "ali/quran/opening", 1)
    assert not named_in(detail, "title")


def test_what_was_put_before_a_stale_commit_is_used_by_the_next_apply(stand: Stand) -> None:
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    stand.change("ali/quran/opening", title="Al-Fatiha")

    class Editing:
        def __getattr__(self, name: str) -> Any:
            return getattr(stand.objects, name)

        def put(self, upload: Upload) -> StoredObject:
            stand.sql("update lectures set lecture_number = 9")
            return stand.objects.put(upload)

    objects: ObjectStore = Editing()
    with pytest.raises(Stale):
        apply(stand.workspace(objects=objects), EVERYTHING, [stand.plan()])
    assert titles(stand) == ["The Opening"]

    outcome = stand.apply()

    assert outcome.uploaded_files == 0
    assert titles(stand) == ["Al-Fatiha", "The Cow"]
    assert stand.plan().changes == ()


def heir_takes_the_title(stand: Stand) -> int | None:
    """Delete a collection, and let another one have its title in the same commit; the run."""
    stand.declare("ali/tafsir", title="Tafsir")
    stand.apply()
    stand.drop("ali/quran")
    stand.change("ali/tafsir", title="Quran")
    return stand.apply().run


def test_a_unique_title_goes_from_a_deleted_collection_to_another_in_one_commit(stand: Stand) -> None:
    heir_takes_the_title(stand)

    assert stand.sql("select id, title from collections") == [{"id": 2, "title": "Quran"}]
    assert titles(stand) == []
    assert stand.plan().changes == ()


def test_captured_rows_carry_their_true_names_although_they_were_parked(stand: Stand) -> None:
    [old] = stand.sql("select * from collections")

    run = heir_takes_the_title(stand)

    captured = captured_of(stand, run)
    [row] = captured["public.collections"]
    assert (row["id"], row["title"], row["speaker_id"]) == (old["id"], "Quran", old["speaker_id"])
    assert [lecture["title"] for lecture in captured["public.lectures"]] == ["The Opening"]


def captured_of(stand: Stand, run: int | None) -> dict[str, Any]:
    assert run is not None
    with stand.database.read() as session:
        [captured] = [step.captured for step in session.records.steps(run) if step.captured is not None]
    return dict(captured)


def test_a_speaker_goes_with_all_that_was_declared_under_it(stand: Stand) -> None:
    [row] = stand.sql("select id from lectures")
    stand.favourite(row["id"], user=1)
    stand.favourite(row["id"], user=2)
    stand.drop("ali")
    stand.declare("yusuf", name="Yusuf")

    outcome = stand.apply(Request(allowances={"user-rows": 2}))

    assert [speaker["name"] for speaker in stand.sql("select name from speakers")] == ["Yusuf"]
    assert stand.sql("select * from collections") == []
    assert stand.sql("select * from lectures") == []
    captured = captured_of(stand, outcome.run)
    assert {table: len(rows) for table, rows in captured.items()} == {
        "public.speakers": 1,
        "public.collections": 1,
        "public.lectures": 1,
        "public.favorites": 2,
    }
    assert stand.object_keys() == ["Ali/Quran/01 - The Opening.mp3"]
    assert stand.plan().changes == ()


def test_captured_rows_can_be_inserted_again_as_they_were(stand: Stand) -> None:
    [row] = stand.sql("select * from lectures")
    stand.favourite(row["id"])
    before = {
        table: stand.sql(f"select * from {table}") for table in ("collections", "lectures", "favorites")
    }
    stand.drop("ali/quran")
    outcome = stand.apply(Request(allowances={"user-rows": 1}))

    for table, rows in captured_of(stand, outcome.run).items():
        for captured in rows:
            insert = f"insert into {table} select * from jsonb_populate_record(null::{table}, %s)"
            stand.sql(insert, Jsonb(captured))

    assert {table: stand.sql(f"select * from {table}") for table in before} == before


def test_a_failure_in_the_commit_leaves_rows_records_and_audit_as_they_were(stand: Stand) -> None:
    stand.change("ali/quran/opening", title="Al-Fatiha")
    remembered = "select address, row_id, applied from elmify.resource order by 1"
    before = (stand.sql(remembered), stand.sql("select * from elmify.audit"), titles(stand))

    odd = ProviderError("odd")
    with pytest.raises(ProviderError, check=lambda error: error is odd):
        run_apply(stand, before=fail(odd))

    assert (stand.sql(remembered), stand.sql("select * from elmify.audit"), titles(stand)) == before
    assert last_run(stand) == (RunState.FAILED, "odd")
    assert stand.sql("select run from elmify.lease") == [{"run": None}]
