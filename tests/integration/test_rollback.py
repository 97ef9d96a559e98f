"""Taking a run back: what returns, what is left out and named, and what stands in the way."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from providers.database.postgres import PostgresDatabase
from reconciler.applying.apply import apply, request_of
from reconciler.applying.gc import GcScope, collect
from reconciler.model.errors import Guarded, NotReversible, Stale, UsageError
from reconciler.model.plan import Action, Plan
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import MakePlan, Rollback
from reconciler.planning.guards import lifted
from reconciler.planning.rollback_conflicts import ConflictReason
from reconciler.planning.world import Request
from reconciler.records import records_on
from reconciler.records.schema import sql_file
from reconciler.render.plan.json import dump_plan, load_plan
from tests.failures import failing, named_in, names
from tests.postgres import role
from tests.stand import Stand
from tests.uploads import upload

ALLOWED = {"user-rows": 100}
COW = "ali/quran/cow"


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library that was applied: a speaker, a collection and two lectures."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.declare(COW, title="The Cow", number=2)
    stand.apply()
    return stand


def taking_back(run: int | None, **allowances: int) -> Request:
    assert run is not None
    return Request(rolls_back=run, allowances={name.replace("_", "-"): n for name, n in allowances.items()})


def row_of(stand: Stand, title: str) -> int:
    [row] = stand.sql("select id from lectures where title = %s", title)
    return int(row["id"])


def rows(stand: Stand, table: str) -> list[dict[str, Any]]:
    return stand.sql(f"select * from {table} order by 1")


def deleting_the_cow(stand: Stand) -> int:
    """Delete a lecture with whatever hangs off it; the number of the run."""
    stand.drop(COW)
    run = stand.apply(Request(allowances=ALLOWED)).run
    assert run is not None
    return run


def changes_of(plan: Plan) -> dict[str, Action]:
    return {change.address: change.action for change in plan.changes}


# What comes back.


def test_a_favourite_comes_back_with_its_id_on_the_same_row(stand: Stand) -> None:
    row = row_of(stand, "The Cow")
    stand.favourite(row, user=7)
    lectures, favorites = rows(stand, "lectures"), rows(stand, "favorites")
    run = deleting_the_cow(stand)
    assert rows(stand, "favorites") == []

    plan = stand.plan(taking_back(run))
    outcome = stand.apply(taking_back(run))

    assert changes_of(plan) == {COW: Action.CREATE}
    assert (plan.restored.rows, plan.restored.users) == ({"public.favorites": 1}, 1)
    assert outcome.restored == plan.restored
    assert rows(stand, "favorites") == favorites
    assert rows(stand, "lectures") == lectures
    assert stand.sql("select state from elmify.object where key = 'Ali/Quran/02 - The Cow.mp3'") == [
        {"state": "live"}
    ]


def test_new_rows_get_new_ids_after_a_rollback(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    stand.apply(taking_back(run))
    stand.declare(COW, title="The Cow", number=2)
    stand.declare("ali/quran/third", title="Third")

    stand.apply()

    ids = [row["id"] for row in rows(stand, "lectures")]
    assert len(set(ids)) == 3


def test_tables_that_appeared_later_are_covered_and_what_hangs_off_them(stand: Stand) -> None:
    stand.sql(
        "create table public.notes (id bigint generated always as identity primary key, user_id bigint"
        " references users on delete cascade, lecture_id bigint references lectures on delete cascade,"
        " reply_to bigint references public.notes on delete cascade, score numeric(30, 20))"
    )
    stand.sql(
        'create table public."Shared Notes" (note bigint references public.notes on delete cascade, at date)'
    )
    row = row_of(stand, "The Cow")
    stand.favourite(row, user=7)
    stand.sql(
        "insert into public.notes (user_id, lecture_id, score) values (7, %s, 0.12345678901234567890)", row
    )
    stand.sql("insert into public.notes (user_id, reply_to) values (7, 1), (7, 2)")
    stand.sql('insert into public."Shared Notes" values (3, now())')
    before = {table: rows(stand, table) for table in ("favorites", "public.notes", 'public."Shared Notes"')}
    run = deleting_the_cow(stand)
    assert rows(stand, "public.notes") == []

    outcome = stand.apply(taking_back(run))

    assert {table: rows(stand, table) for table in before} == before
    assert outcome.restored.rows == {"public.favorites": 1, "public.notes": 3, 'public."Shared Notes"': 1}


def test_rows_of_users_deleted_since_are_named_and_left_out(stand: Stand) -> None:
    row = row_of(stand, "The Cow")
    stand.favourite(row, user=7)
    stand.favourite(row, user=8)
    stand.sql(
        "create table public.reminders (favorite_id bigint references favorites on delete cascade, note text)"
    )
    stand.sql("insert into public.reminders select id, 'read' from favorites")
    run = deleting_the_cow(stand)
    stand.sql("delete from users where id = 7")

    plan = stand.plan(taking_back(run))
    outcome = stand.apply(taking_back(run))

    assert plan.restored.orphaned == {"public.favorites": 1, "public.reminders": 1}
    assert outcome.restored.orphaned == plan.restored.orphaned
    assert outcome.restored.rows == {"public.favorites": 1, "public.reminders": 1}
    assert [found["user_id"] for found in rows(stand, "favorites")] == [8]


def test_rows_that_are_there_again_are_left_alone(stand: Stand) -> None:
    stand.sql("create table public.pins (user_id bigint primary key, lecture bigint)")
    stand.sql("alter table public.pins add foreign key (lecture) references lectures on delete cascade")
    stand.sql("insert into public.pins values (1, %s), (2, %s)", *[row_of(stand, "The Cow")] * 2)
    run = deleting_the_cow(stand)
    stand.sql("insert into public.pins values (1, %s)", row_of(stand, "The Opening"))

    outcome = stand.apply(taking_back(run))

    assert outcome.restored.present == {"public.pins": 1}
    assert {pin["user_id"]: pin["lecture"] for pin in rows(stand, "public.pins")} == {
        1: row_of(stand, "The Opening"),
        2: row_of(stand, "The Cow"),
    }


def test_rows_of_a_table_that_is_gone_are_named(stand: Stand) -> None:
    stand.sql("create table public.notes (lecture bigint references lectures on delete cascade)")
    stand.sql("insert into public.notes values (%s)", row_of(stand, "The Cow"))
    run = deleting_the_cow(stand)
    stand.sql("drop table public.notes")

    assert stand.apply(taking_back(run)).restored.orphaned == {"public.notes": 1}


def test_a_column_that_the_table_got_since_takes_its_default(stand: Stand) -> None:
    stand.favourite(row_of(stand, "The Cow"))
    run = deleting_the_cow(stand)
    stand.sql("alter table favorites add colour text not null default 'red'")
    stand.sql("alter table lectures add mood text not null default 'calm'")

    stand.apply(taking_back(run))

    assert [found["colour"] for found in rows(stand, "favorites")] == ["red"]


def test_a_category_deleted_since_is_left_out(stand: Stand) -> None:
    stand.change("ali/quran/opening", categories=("fiqh", "quran"))
    stand.apply()
    stand.change("ali/quran/opening", categories=("quran",))
    run = stand.apply().run
    stand.sql("delete from categories where slug = 'fiqh'")

    stand.apply(taking_back(run))

    assert len(rows(stand, "lecture_categories")) == 1


# What a run created goes again.


def test_favourites_of_what_the_run_created_are_counted_and_guarded(stand: Stand) -> None:
    stand.declare("ali/quran/third", title="Third")
    run = stand.apply().run
    stand.favourite(row_of(stand, "Third"))

    plan = stand.plan(taking_back(run))

    assert plan.impact.lost == {"public.favorites": 1}
    assert [blocked.guard for blocked in plan.blocked] == ["user-rows"]
    assert lifted(plan) == MakePlan(rolls_back=run, allowances={"user-rows": 1})
    with pytest.raises(Guarded):
        stand.apply(taking_back(run))
    stand.apply(taking_back(run, user_rows=1))
    assert {row["title"] for row in rows(stand, "lectures")} == {"The Opening", "The Cow"}
    assert stand.sql("select state from elmify.object where key = 'Ali/Quran/01 - Third.mp3'") == [
        {"state": "retired"}
    ]


def test_a_row_of_the_run_that_others_have_deleted_is_only_forgotten(stand: Stand) -> None:
    stand.declare("ali/quran/third", title="Third")
    run = stand.apply().run
    stand.sql("delete from lectures where title = 'Third'")

    plan = stand.plan(taking_back(run))
    stand.apply(taking_back(run))

    assert changes_of(plan) == {"ali/quran/third": Action.FORGET}
    assert stand.sql("select 1 from elmify.resource where address = 'ali/quran/third'") == []
    assert stand.sql("select state from elmify.object where key = 'Ali/Quran/01 - Third.mp3'") == [
        {"state": "retired"}
    ]


# What others did meanwhile.


def test_a_column_that_others_changed_gets_its_value_and_the_change_is_shown_as_drift(stand: Stand) -> None:
    stand.change(COW, title="Al-Baqarah", number=3)
    run = stand.apply().run
    stand.sql("update lectures set title = 'The Heifer', play_count = 9 where title = 'Al-Baqarah'")

    plan = stand.plan(taking_back(run))
    stand.apply(taking_back(run))

    assert [(found.attribute, found.recorded, found.actual) for found in plan.drift] == [
        ("title", "Al-Baqarah", "The Heifer")
    ]
    [row] = stand.sql("select lecture_number, play_count from lectures where title = 'The Cow'")
    assert row == {"lecture_number": 2, "play_count": 9}


def test_a_column_that_the_run_left_alone_stays_as_others_have_set_it(stand: Stand) -> None:
    stand.change(COW, title="Al-Baqarah")
    run = stand.apply().run
    stand.sql("update lectures set lecture_number = 77 where title = 'Al-Baqarah'")

    stand.apply(taking_back(run))

    assert stand.sql("select lecture_number from lectures where title = 'The Cow'")[0] == {
        "lecture_number": 77
    }


def test_a_row_that_others_have_deleted_cannot_be_put_back_to_what_it_was(stand: Stand) -> None:
    stand.change(COW, title="Al-Baqarah")
    run = stand.apply().run
    stand.sql("delete from lectures where title = 'Al-Baqarah'")

    with pytest.raises(NotReversible) as raised:
        stand.plan(taking_back(run))

    assert raised.value.reasons == (ConflictReason.ROW_GONE,)
    assert names(raised.value, COW)


def test_a_row_that_is_another_one_now_is_not_written_to(stand: Stand) -> None:
    stand.change(COW, title="Al-Baqarah")
    run = stand.apply().run
    stand.sql(
        "update lectures set title = 'Strange', file_path = 'strange.mp3', file_hash = null where id = %s",
        row_of(stand, "Al-Baqarah"),
    )

    with pytest.raises(NotReversible) as raised:
        stand.plan(taking_back(run))

    assert raised.value.reasons == (ConflictReason.ROW_REPLACED,)
    assert names(raised.value, COW, row_of(stand, "Strange"))


def test_a_name_that_another_row_has_taken_is_said_beforehand(stand: Stand) -> None:
    stand.change("ali", name="Ali ibn Abi")
    run = stand.apply().run
    stand.sql("insert into speakers (name) values ('Ali')")

    with pytest.raises(NotReversible) as raised:
        stand.plan(taking_back(run))

    assert raised.value.reasons == (ConflictReason.NAME_TAKEN,)
    assert names(raised.value, "ali", "row 2", "speakers")


def test_a_parent_that_others_have_deleted_is_said_beforehand(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    stand.sql("delete from collections")

    with pytest.raises(NotReversible) as raised:
        stand.plan(taking_back(run))

    assert raised.value.reasons == (ConflictReason.PARENT_GONE,)
    assert names(raised.value, COW, "collection", "row 1")


def test_a_world_that_moves_after_the_yes_stops_it(stand: Stand) -> None:
    stand.change(COW, title="Al-Baqarah")
    run = stand.apply().run
    reviewed = stand.plan(taking_back(run))
    stand.sql("update lectures set title = 'The Heifer' where title = 'Al-Baqarah'")

    with pytest.raises(Stale) as raised:
        stand.apply(request_of([reviewed]), [reviewed])

    assert raised.value.remedies == (MakePlan(rolls_back=run, review=True),)


# Runs.


def test_a_later_run_that_touched_the_same_is_named(stand: Stand) -> None:
    stand.change(COW, title="Al-Baqarah")
    run = stand.apply().run
    stand.change(COW, title="The Heifer")
    later = stand.apply().run
    assert later is not None

    with pytest.raises(NotReversible) as raised:
        stand.plan(taking_back(run))

    [detail] = raised.value.details
    assert named_in(detail, f"run {later}", COW)
    assert Rollback(run=later) in raised.value.remedies


def test_following_the_advice_leads_to_the_run_that_was_to_be_taken_back(stand: Stand) -> None:
    titled = []
    for title in ("A", "B", "C"):
        stand.change(COW, title=title)
        titled.append(stand.apply().run)
    [first, *later] = titled
    with pytest.raises(NotReversible) as raised:
        stand.plan(taking_back(first))
    named = [remedy.run for remedy in raised.value.remedies if isinstance(remedy, Rollback)]

    for run in [*named, first]:
        stand.apply(taking_back(run))

    assert named == later[::-1]
    assert row_of(stand, "The Cow")


def test_an_older_run_can_be_taken_back_when_later_ones_touched_other_things(stand: Stand) -> None:
    row = row_of(stand, "The Cow")
    favourite = stand.favourite(row)
    run = deleting_the_cow(stand)
    stand.change("ali/quran/opening", title="Al-Fatiha")
    stand.apply()

    stand.apply(taking_back(run))

    assert [(found["id"], found["lecture_id"]) for found in rows(stand, "favorites")] == [(favourite, row)]
    assert row_of(stand, "Al-Fatiha")


def test_a_rollback_can_be_rolled_back(stand: Stand) -> None:
    stand.favourite(row_of(stand, "The Cow"))
    run = deleting_the_cow(stand)
    back = stand.apply(taking_back(run)).run
    before = rows(stand, "lectures"), rows(stand, "favorites")

    again = stand.apply(taking_back(back, user_rows=1)).run
    assert [row["title"] for row in rows(stand, "lectures")] == ["The Opening"]
    stand.apply(taking_back(again))

    assert (rows(stand, "lectures"), rows(stand, "favorites")) == before


def test_a_row_that_changed_hands_is_recorded_as_before_and_back_and_forth(stand: Stand) -> None:
    def told() -> tuple[Any, Any, Any]:
        return (
            stand.sql("select address, row_id, keys, applied from elmify.resource order by address"),
            stand.sql("select id, title, lecture_number, file_path, file_hash from lectures order by id"),
            stand.sql("select key, address from elmify.object where state = 'live' order by key"),
        )

    before = told()
    stand.drop(COW)
    stand.declare("ali/quran/heifer", title="The Heifer", row=row_of(stand, "The Cow"))
    run = stand.apply().run
    after = told()

    back = stand.apply(taking_back(run)).run
    assert told() == before
    stand.apply(taking_back(back))

    assert told() == after


def test_a_run_that_was_taken_back_already_has_nothing_left_to_do(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    reviewed = stand.plan(taking_back(run))
    stand.apply(request_of([reviewed]), [reviewed])

    outcome = stand.apply(request_of([reviewed]), [reviewed])

    assert outcome.plan.changes == ()


def test_the_catalog_is_not_asked_and_may_be_broken(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    reviewed = [stand.plan(taking_back(run))]
    workspace = stand.workspace()
    object.__setattr__(workspace, "load_catalog", None)

    apply(workspace, taking_back(run), reviewed)

    assert row_of(stand, "The Cow")


def test_the_next_plan_would_do_the_run_again_and_after_git_revert_there_is_nothing_to_do(
    stand: Stand,
) -> None:
    run = deleting_the_cow(stand)
    stand.apply(taking_back(run))
    assert changes_of(stand.plan()) == {COW: Action.DELETE}

    stand.declare(COW, title="The Cow", number=2)

    assert stand.plan().changes == ()


def test_a_run_that_changed_nothing_cannot_be_taken_back(stand: Stand) -> None:
    idle = stand.apply().run
    with failing(UsageError, "nothing-to-roll-back"):
        stand.plan(taking_back(idle))
    with failing(UsageError, "no-run", 99):
        stand.plan(taking_back(99))


def test_the_last_run_that_changed_something_is_found(stand: Stand) -> None:
    stand.apply()
    stand.change(COW, title="Al-Baqarah")
    run = stand.apply().run
    stand.declare(COW, title="Al-Baqarah", number=2, protect=True)
    stand.apply()  # only remembered

    with stand.database.read() as session:
        assert session.records.last_change() == run


# Objects.


def test_an_object_that_gc_has_deleted_is_said_beforehand(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    day = timedelta(days=30)
    collect(stand.workspace(), GcScope(older_than=day, staged_older_than=day, now=(COW,)), dry_run=False)

    with pytest.raises(NotReversible) as raised:
        stand.plan(taking_back(run))

    assert raised.value.reasons == (ConflictReason.OBJECT_COLLECTED,)
    assert names(raised.value, COW, "Ali/Quran/02 - The Cow.mp3", KeyState.DELETED)
    assert [row["title"] for row in rows(stand, "lectures")] == ["The Opening"]


def test_an_object_that_others_have_deleted_or_replaced_is_said_beforehand(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    key = "Ali/Quran/02 - The Cow.mp3"
    stand.objects.delete(key)
    with pytest.raises(NotReversible) as missing:
        stand.plan(taking_back(run))

    stand.objects.put(upload(key, b"x" * len(COW.encode())))
    with pytest.raises(NotReversible) as replaced:
        stand.plan(taking_back(run))

    assert missing.value.reasons == (ConflictReason.OBJECT_GONE,)
    assert replaced.value.reasons == (ConflictReason.OBJECT_REPLACED,)
    assert names(missing.value, COW, key)
    assert names(replaced.value, COW, key)


def test_replaced_bytes_are_live_again_and_the_new_ones_retired(stand: Stand) -> None:
    stand.record(f"{COW}.mp3", b"recorded again", duration_seconds=3.0)
    run = stand.apply().run
    new = stand.sql("select file_path from lectures where title = 'The Cow'")[0]["file_path"]

    stand.apply(taking_back(run))

    [row] = stand.sql("select file_path, file_hash, duration from lectures where title = 'The Cow'")
    assert row["file_path"] == f"Ali/Quran/02 - The Cow~{row['file_hash'][:8]}.mp3"
    assert stand.objects.read("Ali/Quran/02 - The Cow.mp3") == stand.objects.read(row["file_path"])
    states = {found["key"]: found["state"] for found in stand.sql("select key, state from elmify.object")}
    assert (states[row["file_path"]], states[new]) == ("live", "retired")


# Review.


def test_a_saved_rollback_is_what_happens_and_holds_nobodys_rows(stand: Stand) -> None:
    stand.sql("insert into users (id, email) values (4711, 'listener@example.org')")
    stand.favourite(row_of(stand, "The Cow"), user=4711)
    run = deleting_the_cow(stand)
    saved = dump_plan(stand.plan(taking_back(run)))

    reviewed = load_plan(saved, "plan.json")
    stand.apply(request_of([reviewed]), [reviewed])

    assert reviewed.rolls_back == run
    assert "4711" not in saved
    assert len(rows(stand, "favorites")) == 1
    runs = stand.sql("select kind, subject from elmify.run order by id desc limit 1")
    assert runs == [{"kind": "rollback", "subject": [str(run)]}]


def test_a_rollback_is_not_applied_beside_other_plans(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    with failing(UsageError, "plans-of-several-sorts"):
        request_of([stand.plan(taking_back(run)), stand.plan()])


def test_a_fingerprint_says_which_run_is_taken_back(stand: Stand) -> None:
    run = deleting_the_cow(stand)
    assert stand.plan(taking_back(run)).fingerprint != stand.plan().fingerprint


# Rights.


def test_the_documented_rights_are_enough_for_a_rollback(stand: Stand) -> None:
    stand.favourite(row_of(stand, "The Cow"))
    run = deleting_the_cow(stand)
    with role(stand.url) as url, psycopg.connect(stand.url, autocommit=True) as owner:
        name = psycopg.conninfo.conninfo_to_dict(url)["user"]
        database = owner.info.dbname
        grants = sql_file("apply_grants.sql").replace(':"role"', str(name)).replace(':"DBNAME"', database)
        owner.execute(grants.encode())
        stand.database = PostgresDatabase(url, records=records_on)

        stand.apply(taking_back(run))

    assert len(rows(stand, "favorites")) == 1
