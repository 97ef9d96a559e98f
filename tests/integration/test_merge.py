"""Two rows of one recording made one: what goes over, what is combined, and how it is taken back."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from providers.database.postgres import PostgresDatabase
from reconciler.applying.apply import request_of
from reconciler.model.errors import Guarded, NotReversible, ProviderError, UsageError
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from reconciler.model.remedies import Merge
from reconciler.planning.world import Request
from reconciler.records import records_on
from reconciler.records.schema import sql_file
from reconciler.render.plan.json import dump_plan, load_plan
from tests.content import insert, lecture
from tests.failures import failing
from tests.postgres import role
from tests.stand import Stand
from tests.uploads import upload

COW = "ali/quran/cow"
TABLES = (
    "favorites",
    "playback_positions",
    "user_saved_lectures",
    "listening_stats",
    "lecture_play_credits",
    "lectures",
)


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """An applied lecture, and beside it a row of the same recording that nobody declared."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare(COW, title="The Cow")
    stand.apply()
    stand.objects.put(upload("old/cow.mp3"))
    insert(database_url, Kind.LECTURE, lecture("The cow", file_path="old/cow.mp3"))
    for user in (1, 2, 3):
        stand.sql("insert into users (id, email) values (%s, %s)", user, f"{user}@example.org")
    return stand


def ids(stand: Stand) -> tuple[int, int]:
    """Return the row that nobody declared, and that of the catalog."""
    [old] = stand.sql("select id from lectures where title = 'The cow'")
    [new] = stand.sql("select id from lectures where title = 'The Cow'")
    return old["id"], new["id"]


def merging(row: object, into: object) -> Request:
    return Request(merges=(str(row), str(into)))


def rows(stand: Stand, table: str) -> list[dict[str, Any]]:
    return stand.sql(f"select * from {table} order by 1, 2")


def everything(stand: Stand) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [
            {name: value for name, value in row.items() if name != "updated_at"} for row in rows(stand, table)
        ]
        for table in TABLES
    }


def let_people_listen(stand: Stand, row: int, users: tuple[int, ...], day: str) -> None:
    """Let users keep something of every sort for a row, on that day; its number is where they stopped."""
    position = int(day[-2:])
    for user in users:
        for statement, *values in (
            ("favorites (user_id, lecture_id, created_at)", day),
            ("playback_positions (user_id, lecture_id, last_updated, current_position)", day, position),
            ("user_saved_lectures (user_id, lecture_id, created_at)", day),
            ("lecture_play_credits (user_id, lecture_id, day)", day),
            (
                "listening_stats (user_id, lecture_id, date, total_play_time, play_count, completion_rate)",
                *("2026-01-01", 100, 2, position / 12),
            ),
        ):
            marks = ", ".join(["%s"] * (2 + len(values)))
            stand.sql(f"insert into {statement} values ({marks})", user, row, *values)


def test_what_listeners_keep_goes_over_and_the_empty_row_goes(stand: Stand) -> None:
    old, new = ids(stand)
    let_people_listen(stand, old, (1, 2), "2026-01-03")
    favorites = [row["id"] for row in rows(stand, "favorites")]

    plan = stand.plan(merging(old, COW))
    outcome = stand.apply(merging(old, COW))

    assert {change.address: change.action for change in plan.changes} == {
        COW: Action.NO_OP,
        f"unmanaged.lectures[{old}]": Action.DELETE,
    }
    assert plan.merged.moved == dict.fromkeys((f"public.{table}" for table in TABLES[:5]), 2)
    assert (plan.merged.users, plan.blocked) == (2, ())
    assert outcome.merged == plan.merged
    assert [(row["id"], row["lecture_id"]) for row in rows(stand, "favorites")] == [
        (favorite, new) for favorite in favorites
    ]
    assert [row["id"] for row in rows(stand, "lectures")] == [new]
    assert stand.plan().changes == ()


def test_the_object_is_retired_when_nothing_names_it_any_more(stand: Stand) -> None:
    old, new = ids(stand)

    stand.apply(merging(f"unmanaged.lectures[{old}]", new))

    assert stand.sql("select state from elmify.object where key = 'old/cow.mp3'") == [{"state": "retired"}]


def test_an_object_that_another_row_names_stays(stand: Stand) -> None:
    old, new = ids(stand)
    insert(stand.url, Kind.LECTURE, lecture("Third", file_path="old/cow.mp3"))

    stand.apply(merging(old, new))

    assert stand.sql("select state from elmify.object where key = 'old/cow.mp3'") == []


def test_of_two_positions_the_newer_counts_and_of_two_favourites_the_earlier(stand: Stand) -> None:
    old, new = ids(stand)
    let_people_listen(stand, old, (1,), "2026-01-03")
    let_people_listen(stand, new, (1,), "2026-01-09")
    let_people_listen(stand, old, (2,), "2026-01-09")
    let_people_listen(stand, new, (2,), "2026-01-03")

    outcome = stand.apply(merging(old, COW))

    assert outcome.merged.combined == dict.fromkeys(
        (
            "public.favorites",
            "public.playback_positions",
            "public.user_saved_lectures",
            "public.listening_stats",
        ),
        2,
    )
    assert outcome.merged.moved == {"public.lecture_play_credits": 2}
    assert [(row["user_id"], f"{row['created_at']:%d}") for row in rows(stand, "favorites")] == [
        (1, "03"),
        (2, "03"),
    ]
    positions = {row["user_id"]: row for row in rows(stand, "playback_positions")}
    assert [positions[user]["current_position"] for user in (1, 2)] == [9, 9]
    assert {f"{row['last_updated']:%d}" for row in positions.values()} == {"09"}


def test_a_days_statistics_are_added_up_and_the_larger_ratio_counts(stand: Stand) -> None:
    old, new = ids(stand)
    let_people_listen(stand, old, (1,), "2026-01-03")
    let_people_listen(stand, new, (1,), "2026-01-09")

    stand.apply(merging(old, new))

    [row] = rows(stand, "listening_stats")
    assert (row["total_play_time"], row["play_count"], row["completion_rate"]) == (200, 4, 0.75)


def test_tables_that_appeared_later_go_over_and_what_hangs_off_a_combined_row_too(stand: Stand) -> None:
    stand.sql(
        "create table public.reminders (favorite bigint references favorites on delete cascade, note text)"
    )
    stand.sql(
        "create table public.shares (id bigserial primary key,"
        " lecture bigint references lectures on delete set null)"
    )
    old, new = ids(stand)
    kept, combined = stand.favourite(new, 1), stand.favourite(old, 1)
    moved = stand.favourite(old, 2)
    stand.sql("insert into public.reminders values (%s, 'a'), (%s, 'b')", combined, moved)
    stand.sql("insert into public.shares (lecture) values (%s)", old)

    stand.apply(merging(old, COW))

    assert {row["note"]: row["favorite"] for row in rows(stand, "public.reminders")} == {
        "a": kept,
        "b": moved,
    }
    assert [row["lecture"] for row in rows(stand, "public.shares")] == [new]


def test_a_merge_is_taken_back_as_if_it_had_never_been(stand: Stand) -> None:
    old, new = ids(stand)
    let_people_listen(stand, old, (1, 2), "2026-01-03")
    let_people_listen(stand, new, (2, 3), "2026-01-09")
    before = everything(stand)
    run = stand.apply(merging(old, COW)).run

    outcome = stand.apply(Request(rolls_back=run))

    assert everything(stand) == before
    assert outcome.restored.rows["public.favorites"] == 3
    assert stand.plan().changes == ()
    with pytest.raises(NotReversible) as raised:
        stand.plan(Request(rolls_back=outcome.run))
    assert raised.value.remedies == (Merge(row=str(old), into=str(new)),)
    stand.apply(merging(old, new))
    assert [row["id"] for row in rows(stand, "lectures")] == [new]


def test_what_a_listener_did_since_the_merge_is_not_undone_with_it(stand: Stand) -> None:
    old, new = ids(stand)
    let_people_listen(stand, old, (1, 2), "2026-01-03")
    let_people_listen(stand, new, (1,), "2026-01-01")
    run = stand.apply(merging(old, COW)).run
    stand.sql("update playback_positions set current_position = 77, last_updated = now()")
    stand.sql("delete from favorites where user_id = 2")

    stand.apply(Request(rolls_back=run))

    found = {
        (row["user_id"], row["lecture_id"]): row["current_position"]
        for row in rows(stand, "playback_positions")
    }
    assert found == {(1, new): 77, (1, old): 3, (2, old): 77}
    assert {(row["user_id"], row["lecture_id"]) for row in rows(stand, "favorites")} == {(1, new), (1, old)}


def test_a_saved_merge_is_what_happens_and_holds_nobodys_rows(stand: Stand) -> None:
    old, _ = ids(stand)
    stand.sql("insert into users (id, email) values (4711, 'listener@example.org')")
    stand.favourite(old, user=4711)
    saved = dump_plan(stand.plan(merging(old, COW)))

    reviewed = load_plan(saved, "plan.json")
    stand.apply(request_of([reviewed]), [reviewed])

    assert "4711" not in saved
    assert reviewed.merges == (str(old), COW)
    assert stand.sql("select kind, subject from elmify.run order by id desc limit 1") == [
        {"kind": "merge", "subject": [str(old), COW]}
    ]


def test_a_lecture_that_the_catalog_declares_is_never_the_one_that_goes(stand: Stand) -> None:
    old, _ = ids(stand)

    with failing(UsageError, "merge-of-declared", COW) as raised:
        stand.plan(merging(COW, old))

    merge, otherwise = raised.value.remedies
    assert merge == Merge(row=str(old), into=COW)
    assert f"`row: {old}`" in str(otherwise)


def test_of_two_addresses_the_one_that_left_the_catalog_can_go(stand: Stand) -> None:
    stand.declare("ali/quran/heifer", title="The Heifer")
    stand.apply()
    [heifer] = stand.sql("select id from lectures where title = 'The Heifer'")
    favourite = stand.favourite(heifer["id"])
    with failing(UsageError, "merge-of-declared", "ali/quran/heifer") as raised:
        stand.plan(merging("ali/quran/heifer", COW))
    assert raised.value.remedies == (Merge(row=COW, into="ali/quran/heifer"),)
    assert "ali/quran/heifer" in raised.value.hint
    stand.drop("ali/quran/heifer")

    stand.apply(merging("ali/quran/heifer", COW))

    assert [(row["id"], row["lecture_id"]) for row in rows(stand, "favorites")] == [
        (favourite, ids(stand)[1])
    ]
    assert stand.plan().changes == ()


def test_a_protected_lecture_is_not_merged_away(stand: Stand) -> None:
    stand.declare("ali/quran/heifer", title="The Heifer", protect=True)
    stand.apply()
    stand.drop("ali/quran/heifer")

    with failing(Guarded, "guarded", "protected"):
        stand.apply(merging("ali/quran/heifer", COW))


@pytest.mark.parametrize(
    ("row", "into", "code"),
    [
        ("999", COW, "no-row"),
        ("ali/quran/nothing", COW, "no-row"),
        ("unmanaged.speakers[1]", COW, "no-row"),
        ("ali/quran", COW, "not-a-lecture"),
        (COW, COW, "merge-with-itself"),
    ],
)
def test_what_is_no_pair_of_lectures_is_refused(stand: Stand, row: str, into: str, code: str) -> None:
    with failing(UsageError, code, row):
        stand.plan(merging(row, into))


def test_a_reference_that_no_merge_can_follow_stops_it_before_anything_is_written(stand: Stand) -> None:
    old, _ = ids(stand)
    stand.sql("alter table lectures add unique (id, title)")
    stand.sql(
        "create table public.quotes (lecture bigint, title text,"
        " foreign key (lecture, title) references lectures (id, title) on delete cascade)"
    )

    with failing(ProviderError, "reference-not-mergeable", "public.quotes", "public.lectures"):
        stand.plan(merging(old, COW))


def test_rows_that_neither_go_over_nor_cascade_are_a_question_for_a_person(stand: Stand) -> None:
    stand.sql("create table public.covers (lecture bigint primary key references lectures)")
    old, new = ids(stand)
    stand.sql("insert into public.covers values (%s), (%s)", old, new)

    with failing(ProviderError, "rows-not-mergeable", "public.covers"):
        stand.plan(merging(old, COW))


def test_the_documented_rights_are_enough_for_a_merge_and_its_rollback(stand: Stand) -> None:
    old, new = ids(stand)
    let_people_listen(stand, old, (1, 2), "2026-01-03")
    let_people_listen(stand, new, (2,), "2026-01-09")
    before = everything(stand)
    with role(stand.url) as url, psycopg.connect(stand.url, autocommit=True) as owner:
        name = psycopg.conninfo.conninfo_to_dict(url)["user"]
        grants = sql_file("apply_grants.sql").replace(':"role"', str(name))
        owner.execute(grants.replace(':"DBNAME"', owner.info.dbname).encode())
        stand.database = PostgresDatabase(url, records=records_on)

        run = stand.apply(merging(old, COW)).run
        stand.apply(Request(rolls_back=run))

    assert everything(stand) == before
