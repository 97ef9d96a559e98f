"""Drift on real stores: other hands change rows and objects, and elmify tells what and nothing else."""

import os
import shutil
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from reconciler.applying.gc import GcScope, collect
from reconciler.model.address import Address
from reconciler.model.drift import DriftKind, DriftReport
from reconciler.model.errors import IdentityMismatch
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from reconciler.operations.drift import read_drift
from reconciler.planning.world import Request
from tests import postgres
from tests.buckets import bucket_at
from tests.content import database_at
from tests.live.project import LiveProject, ambiguous
from tests.live.reimport import reimport_everything, reimport_lectures
from tests.live.system import CONTENT, dump_users, query
from tests.servers import make_bucket, moto_server
from tests.stand import Stand

pytest_plugins = ["tests.live.fixtures"]

_READING = """
    grant usage on schema elmify, public to {role};
    grant select on all tables in schema elmify, public to {role};
"""

A, B = "ali/quran/a", "ali/quran/b"


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    stand = Stand(tmp_path, database_url)
    stand.declare("ali")
    stand.declare("ali/quran")
    stand.declare(A, title="A", number=1)
    stand.declare(B, title="B", number=2)
    return stand


def drift(stand: Stand) -> DriftReport:
    return read_drift(stand.workspace())


def told(report: DriftReport) -> list[tuple[DriftKind, str, str]]:
    return [(each.what, each.address, each.attribute) for each in report.findings]


def later(file: Path) -> None:
    """Date a file after everything that has happened, whatever the clock's grain."""
    moment = time.time() + 3600
    os.utime(file, (moment, moment))


def put_by_hand(stand: Stand, key: str, content: bytes) -> None:
    file = stand.folder / "bucket" / "objects" / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    later(file)


def test_before_anything_was_applied_there_is_nothing_to_compare_with(stand: Stand) -> None:
    report = drift(stand)

    assert report.clean
    assert report.since is None


def test_what_elmify_did_itself_is_never_drift(stand: Stand) -> None:
    outcome = stand.apply()
    assert drift(stand).clean
    assert (since := drift(stand).since) is not None
    assert since.id == outcome.run

    stand.change(A, title="Another")
    stand.record(f"{B}.mp3", b"other bytes")
    stand.declare("ali/quran/c")
    stand.apply()
    stand.drop(B)
    stand.apply()

    assert drift(stand).clean


def test_what_is_not_yet_applied_is_no_drift(stand: Stand) -> None:
    stand.apply()
    stand.change(A, title="Another")
    stand.drop(B)

    assert stand.plan().changes
    assert drift(stand).clean


def test_every_sort_of_outside_change_is_told(stand: Stand) -> None:
    stand.apply()
    bucket = stand.folder / "bucket" / "objects"
    keys = {name: next(k for k in stand.object_keys() if k.endswith(f"{name}.mp3")) for name in "AB"}
    stand.sql("update lectures set title = 'By hand', lecture_number = null where title = 'A'")
    stand.sql("insert into speakers (name) values ('Nobody''s')")
    (bucket / keys["A"]).write_bytes(b"not what was recorded")
    (bucket / keys["B"]).unlink()
    put_by_hand(stand, "Nobody's/new.mp3", b"new")

    report = drift(stand)

    (new_speaker,) = stand.sql("select max(id) as id from speakers")
    assert told(report) == [
        (DriftKind.ROW_EDITED, A, "lecture_number"),
        (DriftKind.ROW_EDITED, A, "title"),
        (DriftKind.ROW_NEW, f"unmanaged.speakers[{new_speaker['id']}]", "row"),
        (DriftKind.WAY_BROKEN, A, "stream"),
        (DriftKind.OBJECT_MISSING, B, "audio"),
        (DriftKind.OBJECT_REPLACED, A, "audio"),
        (DriftKind.OBJECT_NEW, "unmanaged.object[Nobody's/new.mp3]", "object"),
    ]


def test_a_deleted_row_is_missing_and_what_it_had_as_well(stand: Stand) -> None:
    stand.apply()
    stand.sql("delete from collections")

    assert told(drift(stand)) == [
        (DriftKind.ROW_MISSING, "ali/quran", "row"),
        (DriftKind.ROW_MISSING, A, "row"),
        (DriftKind.ROW_MISSING, B, "row"),
    ]


def test_columns_of_the_app_never_count(stand: Stand) -> None:
    stand.apply()
    stand.favourite(stand.sql("select id from lectures where title = 'A'")[0]["id"])
    stand.sql(
        "update lectures set play_count = 9, waveform_data = '[1]', directory_id = 3, last_played_at = now()"
    )
    stand.sql("update speakers set allowed_user_ids = '7', updated_at = now()")

    assert drift(stand).clean


def test_what_was_unmanaged_before_the_apply_is_no_drift(stand: Stand) -> None:
    stand.sql("insert into speakers (name) values ('Long there')")
    put_by_hand(stand, "Long there/old.mp3", b"old")
    os.utime(stand.folder / "bucket" / "objects" / "Long there/old.mp3", (1, 1))
    stand.apply()

    assert drift(stand).clean


def test_taking_a_run_back_is_no_drift_and_makes_none(stand: Stand) -> None:
    stand.sql("insert into speakers (name) values ('Long there')")
    stand.apply()
    stand.drop(B)
    run = stand.apply().run
    stand.apply(Request(rolls_back=run))

    assert drift(stand).clean
    assert len(stand.sql("select id from lectures")) == 2


def test_what_gc_deletes_is_no_drift(stand: Stand) -> None:
    stand.apply()
    stand.drop(B)
    stand.apply()
    put_by_hand(stand, "new.mp3", b"since the last apply")
    kept = timedelta(days=30)
    collect(stand.workspace(), GcScope(older_than=kept, staged_older_than=kept, now=(B,)), dry_run=False)

    assert told(drift(stand)) == [(DriftKind.OBJECT_NEW, "unmanaged.object[new.mp3]", "object")]


def test_a_row_that_was_let_go_is_no_new_row(stand: Stand) -> None:
    stand.apply()
    stand.drop(B)
    stand.forget = frozenset({Address(B)})
    stand.apply()

    assert drift(stand).clean


def test_an_apply_takes_back_what_was_drift(stand: Stand) -> None:
    stand.apply()
    stand.sql("update lectures set title = 'By hand' where title = 'A'")

    stand.apply()

    assert drift(stand).clean
    assert stand.sql("select title from lectures order by id") == [{"title": "A"}, {"title": "B"}]


def test_reading_drift_writes_nothing_and_needs_no_right_to_write(stand: Stand) -> None:
    stand.apply()
    stand.sql("update lectures set title = 'By hand' where title = 'A'")
    before = stand.sql("select count(*) as n from elmify.audit"), list(stand.objects.list())

    with postgres.role(stand.url, _READING) as url, closing(database_at(url)) as database:
        report = read_drift(stand.workspace(database=database))

    assert {each.what for each in report.findings} == {DriftKind.ROW_EDITED, DriftKind.WAY_BROKEN}
    assert (stand.sql("select count(*) as n from elmify.audit"), list(stand.objects.list())) == before


def test_stores_that_do_not_belong_together_are_no_drift_but_an_error(stand: Stand) -> None:
    stand.apply()
    shutil.rmtree(stand.folder / "bucket")

    with pytest.raises(IdentityMismatch):
        drift(stand)


# A messy live system of 467 lectures.


def drift_of(live: LiveProject) -> DriftReport:
    with live.opened() as workspace:
        return read_drift(workspace)


def test_a_reconciled_live_system_has_no_drift(live: LiveProject) -> None:
    report = drift_of(live)

    assert report.findings == ()
    assert report.clean


def test_wiping_and_importing_467_lectures_is_one_event(live: LiveProject) -> None:
    reimport_lectures(live.url)

    report = drift_of(live)

    (event,) = report.reimports
    assert report.count == 1
    assert event.kind is Kind.LECTURE
    assert len(event.found) + len(event.missing) <= event.recorded == len(live.addresses())
    assert len(event.found) > 0.9 * event.recorded
    assert event.edited > event.recorded  # durations, hashes and numbers are gone


def test_the_rows_it_found_again_are_those_that_the_next_apply_takes(live: LiveProject) -> None:
    reimport_lectures(live.url)
    (event,) = drift_of(live).reimports
    asked_about = {address.rpartition("/")[0] for address in ambiguous(live)}
    collections = {address.rpartition("/")[0] for address in live.addresses()} - asked_about

    plan = live.plan(Request(scope=tuple(collections)))

    bound = {c.address: c.row for c in plan.changes if c.action is Action.ADOPT and c.kind is Kind.LECTURE}
    assert len(bound) > 300
    assert {address: event.found[address] for address in bound if address in event.found} == {
        address: row for address, row in bound.items() if address in event.found
    }


def test_importing_everything_anew_is_one_event_too(live: LiveProject) -> None:
    reimport_everything(live.url)

    report = drift_of(live)

    assert (report.findings, report.count) == ((), 1)
    assert {event.kind for event in report.reimports} == set(Kind)


# A wipe that kept the ids.


def count_users(live: LiveProject) -> dict[str, int]:
    """Return how many rows the tables of users have that hang off lectures."""
    counts = {
        table: query(live.url, f"select count(*) from {table}")[0]["count"]
        for table in dump_users(live.url)
        if table != "public.users"
    }
    return {table: count for table, count in counts.items() if count}


def insert_again(live: LiveProject, *, dated: bool) -> None:
    """Wipe all content, and insert the rows again under the ids that they had, with their dates or not."""
    with psycopg.connect(live.url) as connection:
        for table in CONTENT:
            connection.execute(f"create temporary table dumped_{table} as select * from {table}".encode())
        connection.execute("truncate speakers, collections, lectures cascade")
        for table in CONTENT:
            names = [
                name
                for (name,) in connection.execute(
                    "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0", (table,)
                )
                if dated or not name.endswith("_at")
            ]
            columns = ", ".join(names)
            connection.execute(
                f"insert into {table} ({columns}) select {columns} from dumped_{table} order by id".encode()
            )


def test_a_wipe_that_kept_the_ids_is_one_event_and_the_lost_rows_of_users_are_named(
    live: LiveProject,
) -> None:
    kept = count_users(live)
    insert_again(live, dated=False)

    report = drift_of(live)

    assert (report.findings, report.count) == ((), 1)
    assert [(event.kind, event.kept_ids - event.recorded) for event in report.reimports] == [
        (kind, 0) for kind in Kind
    ]
    assert report.users_lost == kept


def test_a_wipe_that_kept_ids_and_dates_is_known_by_the_rows_of_users_that_are_gone(
    live: LiveProject,
) -> None:
    kept = count_users(live)
    insert_again(live, dated=True)

    report = drift_of(live)

    assert {each.attribute for each in report.findings} == {"categories"}
    assert report.users_lost == kept


def test_a_wipe_without_an_import_names_the_lost_rows_of_users(live: LiveProject) -> None:
    kept = count_users(live)
    query(live.url, "truncate speakers, collections, lectures cascade")

    report = drift_of(live)

    assert {each.what for each in report.findings} == {DriftKind.ROW_MISSING}
    assert report.users_lost == kept


def test_a_deleted_lecture_takes_rows_of_users_that_are_named(live: LiveProject) -> None:
    lecture = query(live.url, "select lecture_id as id from favorites order by id limit 1")[0]["id"]
    [count] = query(live.url, "select count(*) from favorites where lecture_id = %s", lecture)
    query(live.url, "delete from lectures where id = %s", lecture)

    assert drift_of(live).users_lost["public.favorites"] == count["count"]


def test_what_elmify_made_again_itself_is_no_drift(live: LiveProject) -> None:
    query(live.url, "truncate speakers, collections, lectures cascade")

    live.apply()

    assert drift_of(live).clean


def test_what_users_do_is_no_drift(live: LiveProject) -> None:
    query(live.url, "delete from favorites where id % 2 = 0")
    query(live.url, "update lectures set play_count = play_count + 1")

    assert drift_of(live).clean


# What it costs.


@dataclass(frozen=True)
class Cost:
    report: DriftReport
    requests: Counter[str]
    statements: int


@pytest.fixture(scope="module")
def costs(
    postgres_server: str, production_template: str, tmp_path_factory: pytest.TempPathFactory
) -> list[Cost]:
    """What a report of five lectures takes, and one of 150, each with drift."""
    found = []
    with moto_server() as server:
        for lectures in (5, 150):
            with postgres.clone(postgres_server, production_template) as url:
                found.append(measured(server, url, tmp_path_factory.mktemp("cost"), lectures))
    return found


def measured(server: str, url: str, folder: Path, lectures: int) -> Cost:
    name = make_bucket(server)
    requests: list[str] = []
    statements: list[str] = []
    with closing(bucket_at(server, name)) as bucket:
        stand = Stand(folder, url)
        stand.objects = bucket
        stand.declare("ali")
        stand.declare("ali/quran")
        for number in range(lectures):
            stand.declare(f"ali/quran/l{number}", number=number)
        stand.apply()
    stand.sql("update lectures set title = title || '!'")
    with (
        closing(bucket_at(server, name, on_request=requests.append)) as bucket,
        closing(database_at(url, statements.append)) as database,
    ):
        report = read_drift(stand.workspace(objects=bucket, database=database))
    return Cost(report, Counter(requests), len(statements))


def test_a_report_lists_the_bucket_once_and_heads_no_object(costs: list[Cost]) -> None:
    assert [cost.report.count for cost in costs] == [10, 300]  # each was renamed, and is not found by names
    assert [cost.requests for cost in costs] == [{"ListObjectsV2": 1, "GetObject": 1}] * 2


def test_a_report_takes_as_many_statements_for_150_lectures_as_for_5(costs: list[Cost]) -> None:
    small, large = costs

    assert small.statements == large.statements < 25
