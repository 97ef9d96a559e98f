"""Whom a delete would touch, found from the foreign keys of whatever tables there are."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from reconciler.model.errors import ProviderError
from reconciler.model.kinds import Kind
from reconciler.model.ports import Dependents
from tests.content import a_shelf, a_user, database_at, favourite, insert, lecture, one_lecture, run_sql
from tests.failures import failing


def dependents(
    url: str, rows: dict[Kind, list[int]], leaving: dict[Kind, list[int]] | None = None
) -> Dependents:
    with database_at(url).read() as session:
        return session.library.dependents(rows, leaving=leaving)


def test_nothing_hangs_off_a_row_that_nobody_uses(database_url: str) -> None:
    row = one_lecture(database_url, categories=("quran",))
    assert dependents(database_url, {Kind.LECTURE: [row]}) == Dependents(
        content={Kind.LECTURE: frozenset({row})}
    )


def test_nothing_asked_is_nothing_found(database_url: str) -> None:
    one_lecture(database_url)
    assert dependents(database_url, {}) == Dependents()


def test_user_rows_are_counted_by_row_and_table_and_users_once(database_url: str) -> None:
    first, second, third = insert(database_url, Kind.LECTURE, lecture("1"), lecture("2"), lecture("3"))
    maryam, hamza = a_user(database_url, "maryam@example.org"), a_user(database_url, "hamza@example.org")
    for user, row in ((maryam, first), (hamza, first), (maryam, second), (hamza, third)):
        favourite(database_url, user, row)
    run_sql(
        database_url,
        "insert into listening_stats (user_id, lecture_id, date) values (%s, %s, '2025-01-01')",
        (maryam, first),
    )
    found = dependents(database_url, {Kind.LECTURE: [first, second]})
    assert found.user_rows == {
        (Kind.LECTURE, first): {"public.favorites": 2, "public.listening_stats": 1},
        (Kind.LECTURE, second): {"public.favorites": 1},
    }
    assert found.lost_rows == {"public.favorites": 3, "public.listening_stats": 1}
    assert found.users == 2
    assert found.users_of == {"public.favorites": 2, "public.listening_stats": 1}
    assert found.people == {(Kind.LECTURE, first): 2, (Kind.LECTURE, second): 1}


def test_every_table_of_user_data_is_found(database_url: str) -> None:
    row, user = one_lecture(database_url), a_user(database_url, "maryam@example.org")
    favourite(database_url, user, row)
    for statement in (
        "insert into playback_positions (user_id, lecture_id) values (%s, %s)",
        "insert into user_saved_lectures (user_id, lecture_id) values (%s, %s)",
        "insert into listening_stats (user_id, lecture_id, date) values (%s, %s, '2025-01-01')",
        "insert into lecture_play_credits (user_id, lecture_id, day) values (%s, %s, '2025-01-01')",
    ):
        run_sql(database_url, statement, (user, row))
    found = dependents(database_url, {Kind.LECTURE: [row]})
    assert found.lost_rows == {
        f"public.{table}": 1
        for table in (
            "favorites",
            "playback_positions",
            "user_saved_lectures",
            "listening_stats",
            "lecture_play_credits",
        )
    }
    assert found.users == 1


def test_a_row_that_hangs_off_two_asked_rows_is_counted_at_each_and_lost_once(database_url: str) -> None:
    speaker, collection, row = a_shelf(database_url)
    favourite(database_url, a_user(database_url, "maryam@example.org"), row)
    found = dependents(database_url, {Kind.SPEAKER: [speaker], Kind.LECTURE: [row]})
    assert found.user_rows == {
        (Kind.SPEAKER, speaker): {"public.favorites": 1},
        (Kind.LECTURE, row): {"public.favorites": 1},
    }
    assert found.lost_rows == {"public.favorites": 1}
    assert found.content == {
        Kind.SPEAKER: frozenset({speaker}),
        Kind.COLLECTION: frozenset({collection}),
        Kind.LECTURE: frozenset({row}),
    }


def test_content_that_leaves_is_not_reached_through_its_present_parents(database_url: str) -> None:
    speaker, collection, row = a_shelf(database_url)
    favourite(database_url, a_user(database_url, "maryam@example.org"), row)
    found = dependents(database_url, {Kind.SPEAKER: [speaker]}, {Kind.LECTURE: [row]})
    assert found.lost_rows == {}
    assert found.content == {Kind.SPEAKER: frozenset({speaker}), Kind.COLLECTION: frozenset({collection})}
    asked_itself = dependents(database_url, {Kind.LECTURE: [row]}, {Kind.LECTURE: [row]})
    assert asked_itself.lost_rows == {"public.favorites": 1}


def test_a_table_that_came_with_a_new_feature_is_found_in_any_schema(database_url: str) -> None:
    run_sql(
        database_url,
        """
        create schema "Social Life";
        create table "Social Life"."Shared Notes" (
            listener text, "the collection" bigint references collections on delete cascade);
        create table "Social Life".ignored (lecture_id bigint references lectures on delete set null);
        """,
    )
    _, collection, row = a_shelf(database_url)
    run_sql(database_url, 'insert into "Social Life"."Shared Notes" values (%s, %s)', ("m", collection))
    run_sql(database_url, 'insert into "Social Life".ignored values (%s)', (row,))
    found = dependents(database_url, {Kind.COLLECTION: [collection]})
    assert found.lost_rows == {'"Social Life"."Shared Notes"': 1}
    assert found.users == 0


def test_a_user_is_known_by_a_foreign_key_to_users_too(database_url: str) -> None:
    run_sql(
        database_url,
        "create table comments (listener bigint references users, lecture_id bigint"
        " references lectures on delete cascade)",
    )
    row, user = one_lecture(database_url), a_user(database_url, "maryam@example.org")
    run_sql(
        database_url,
        "insert into comments values (%s, %s), (%s, %s), (null, %s)",
        (user, row, user, row, row),
    )
    found = dependents(database_url, {Kind.LECTURE: [row]})
    assert (found.lost_rows, found.users) == ({"public.comments": 3}, 1)


def test_one_person_in_two_tables_is_one_user(database_url: str) -> None:
    row, user = one_lecture(database_url), a_user(database_url, "maryam@example.org")
    favourite(database_url, user, row)
    run_sql(
        database_url,
        "create table notes (user_id text, lecture_id bigint references lectures on delete cascade)",
    )
    run_sql(database_url, "insert into notes values (%s, %s)", (str(user), row))
    assert dependents(database_url, {Kind.LECTURE: [row]}).users == 1


def test_tables_that_hang_off_user_rows_are_followed_to_any_depth(database_url: str) -> None:
    run_sql(
        database_url,
        """
        create table reminders (
            id bigserial primary key, favorite_id bigint references favorites on delete cascade);
        create table sent (reminder_id bigint references reminders on delete cascade, at timestamp);
        """,
    )
    row, user = one_lecture(database_url), a_user(database_url, "maryam@example.org")
    favorite = favourite(database_url, user, row)
    ((reminder,),) = run_sql(
        database_url, "insert into reminders (favorite_id) values (%s) returning id", (favorite,)
    )
    run_sql(database_url, "insert into sent values (%s, now()), (%s, now())", (reminder, reminder))
    found = dependents(database_url, {Kind.LECTURE: [row]})
    assert found.user_rows == {
        (Kind.LECTURE, row): {"public.favorites": 1, "public.reminders": 1, "public.sent": 2}
    }


def test_rows_that_hang_off_rows_of_their_own_table_are_followed(database_url: str) -> None:
    run_sql(
        database_url,
        """
        create table comments (
            id bigint primary key, user_id bigint,
            lecture_id bigint references lectures on delete cascade,
            reply_to bigint references comments on delete cascade);
        """,
    )
    first, second = insert(database_url, Kind.LECTURE, lecture("1"), lecture("2"))
    run_sql(
        database_url,
        "insert into comments values"
        " (1, 1, %s, null), (2, 2, null, 1), (3, 3, null, 2), (4, 1, %s, 3), (5, 9, %s, null)",
        (first, second, second),
    )
    found = dependents(database_url, {Kind.LECTURE: [first]})
    assert found.user_rows == {(Kind.LECTURE, first): {"public.comments": 4}}
    assert found.users == 3


def test_keys_of_several_columns_and_keys_to_other_columns_than_the_id_are_followed(
    database_url: str,
) -> None:
    run_sql(
        database_url,
        """
        create table shelf_marks (
            user_id bigint, speaker bigint, title text,
            foreign key (speaker, title) references collections (speaker_id, title) on delete cascade);
        create table fans (user_id bigint, of_speaker text references speakers (name) on delete cascade);
        """,
    )
    speaker, collection, _ = a_shelf(database_url)
    insert(database_url, Kind.COLLECTION, {"speaker_id": speaker, "title": "Seerah"})
    run_sql(
        database_url,
        "insert into shelf_marks values (1, %s, 'Tafsir'), (2, %s, 'Seerah')",
        (speaker, speaker),
    )
    run_sql(database_url, "insert into fans values (3, 'Yusuf Karim')")
    assert dependents(database_url, {Kind.COLLECTION: [collection]}).lost_rows == {"public.shelf_marks": 1}
    found = dependents(database_url, {Kind.SPEAKER: [speaker]})
    assert (found.lost_rows, found.users) == ({"public.shelf_marks": 2, "public.fans": 1}, 3)


def test_rows_of_a_partitioned_table_are_counted_once(database_url: str) -> None:
    run_sql(
        database_url,
        """
        create table plays (user_id bigint, day date, lecture_id bigint references lectures on delete cascade)
            partition by range (day);
        create table plays_2024 partition of plays for values from ('2024-01-01') to ('2025-01-01');
        create table plays_2025 partition of plays for values from ('2025-01-01') to ('2026-01-01');
        """,
    )
    row = one_lecture(database_url)
    run_sql(database_url, "insert into plays values (1, '2024-05-05', %s), (1, '2025-05-05', %s)", (row, row))
    assert dependents(database_url, {Kind.LECTURE: [row]}).lost_rows == {"public.plays": 2}


def test_tables_that_cascade_in_a_circle_are_named(database_url: str) -> None:
    run_sql(
        database_url,
        """
        create table threads (id bigint primary key, lecture_id bigint references lectures on delete cascade);
        create table posts (id bigint primary key, thread bigint references threads on delete cascade);
        alter table threads add first_post bigint references posts on delete cascade;
        """,
    )
    row = one_lecture(database_url)
    with failing(ProviderError, "cascade-circle", "public.posts", "public.threads"):
        dependents(database_url, {Kind.LECTURE: [row]})


def test_captured_rows_can_be_inserted_again_table_by_table(database_url: str) -> None:
    run_sql(
        database_url,
        "create table scores (favorite_id bigint references favorites on delete cascade,"
        " score numeric(30, 20), ratio double precision, at timestamp)",
    )
    speaker, collection, row = a_shelf(database_url)
    favorite = favourite(database_url, a_user(database_url, "maryam@example.org"), row)
    run_sql(
        database_url,
        "insert into scores values (%s, 1234567890.12345678901234567890, 0.1, '2025-01-02 03:04:05.678901')",
        (favorite,),
    )
    tables = ("speakers", "collections", "lectures", "favorites", "scores")
    before = {table: run_sql(database_url, f"select * from {table}") for table in tables}

    with database_at(database_url).write() as unit:
        captured = unit.library.capture({Kind.SPEAKER: [speaker]})
        unit.library.delete({Kind.SPEAKER: [speaker]})
    assert list(captured) == [f"public.{table}" for table in tables]
    assert all(run_sql(database_url, f"select * from {table}") == [] for table in tables)

    for table, rows in captured.items():
        run_sql(
            database_url,
            f"insert into {table} select * from jsonb_populate_recordset(null::{table}, %s::jsonb)",
            (json.dumps(rows),),
        )
    assert {table: run_sql(database_url, f"select * from {table}") for table in tables} == before
    assert collection in {captured_row["id"] for captured_row in captured["public.collections"]}
    assert captured["public.lectures"][0]["play_count"] == 0


def test_capturing_takes_junction_rows_and_each_row_once(database_url: str) -> None:
    speaker, collection, row = a_shelf(database_url)
    with database_at(database_url).write() as unit:
        unit.library.update(Kind.LECTURE, {row: {"categories": ("quran",)}})
        captured = unit.library.capture({Kind.SPEAKER: [speaker], Kind.COLLECTION: [collection]})
    assert {table: len(rows) for table, rows in captured.items()} == {
        "public.speakers": 1,
        "public.collections": 1,
        "public.lectures": 1,
        "public.lecture_categories": 1,
    }


# All rows of users, and the age of rows.


def user_rows(url: str) -> Mapping[str, int]:
    with database_at(url).read() as session:
        return session.library.user_rows()


def test_rows_of_users_are_counted_in_every_table_that_hangs_off_content(database_url: str) -> None:
    row, user = one_lecture(database_url, categories=("quran",)), a_user(database_url, "maryam@example.org")
    favourite(database_url, user, row)
    run_sql(
        database_url,
        "create table notes (lecture_id bigint references lectures on delete cascade);"
        "insert into notes select id from lectures, generate_series(1, 3)",
    )

    counts = user_rows(database_url)

    assert {table: count for table, count in counts.items() if count} == {
        "public.favorites": 1,
        "public.notes": 3,
    }
    assert counts["public.listening_stats"] == 0
    assert not counts.keys() & {"public.users", "public.lectures", "public.lecture_categories"}


def test_tables_whose_rows_may_not_all_be_read_are_not_counted(database_url: str) -> None:
    one_lecture(database_url)
    run_sql(
        database_url,
        "create schema hidden;"
        "create table hidden.notes (lecture_id bigint references lectures on delete cascade);"
        "revoke all on favorites from public; alter table playback_positions enable row level security;"
        "create role counting; grant usage on schema public to counting;"
        "grant select on all tables in schema public to counting; revoke select on favorites from counting;"
        "grant counting to current_user",
    )
    with database_at(database_url).read() as session:
        session.connection.execute("set local role counting")  # type: ignore[attr-defined]
        counts = session.library.user_rows()
    run_sql(database_url, "drop owned by counting; drop role counting")

    assert "public.listening_stats" in counts
    assert not counts.keys() & {"hidden.notes", "public.favorites", "public.playback_positions"}


def test_tables_that_cascade_in_a_circle_stop_no_count(database_url: str) -> None:
    run_sql(
        database_url,
        "create table a (id bigint primary key, lecture_id bigint references lectures on delete cascade);"
        "create table b (id bigint primary key, a_id bigint references a on delete cascade);"
        "alter table a add b_id bigint references b on delete cascade",
    )

    assert user_rows(database_url) == {}


def test_younger_rows_are_those_that_were_made_after_a_moment(database_url: str) -> None:
    old = one_lecture(database_url)
    with database_at(database_url).read() as session:
        moment = session.now()
    new = one_lecture(database_url)

    with database_at(database_url).read() as session:
        younger = session.library.created_after(moment)

    assert old not in younger[Kind.LECTURE]
    assert younger == {
        Kind.SPEAKER: frozenset(),
        Kind.COLLECTION: frozenset(),
        Kind.LECTURE: frozenset({new}),
    }


def test_no_row_of_a_table_without_dates_is_younger(database_url: str) -> None:
    one_lecture(database_url)
    run_sql(database_url, "alter table lectures drop created_at")

    with database_at(database_url).read() as session:
        younger = session.library.created_after(datetime(2020, 1, 1, tzinfo=UTC))

    assert younger[Kind.LECTURE] == frozenset()
