"""Putting captured rows back, and changing rows that listeners own, as far as they are still the same."""

from reconciler.model.errors import Unavailable
from reconciler.model.kinds import Kind
from reconciler.model.plan import Merged, Restored
from reconciler.model.ports import Captured, Edit
from tests.content import a_shelf, a_user, database_at, favourite, insert, lecture, one_lecture, run_sql
from tests.failures import failing


def deleted(url: str, row: int) -> Captured:
    """Delete a lecture; what went with it."""
    with database_at(url).write() as unit:
        captured = unit.library.capture({Kind.LECTURE: [row]})
        unit.library.delete({Kind.LECTURE: [row]})
    return captured


def restorable(url: str, captured: Captured) -> Restored:
    with database_at(url).read() as session:
        return session.library.restorable(captured)


def restore(url: str, captured: Captured) -> Restored:
    with database_at(url).write() as unit:
        return unit.library.restore(captured)


def test_nothing_captured_is_nothing_restored(database_url: str) -> None:
    assert restore(database_url, {}) == restorable(database_url, {}) == Restored()


def test_what_can_come_back_is_counted_without_writing_and_then_comes_back(database_url: str) -> None:
    row = one_lecture(database_url, categories=("quran",))
    maryam = a_user(database_url, "maryam@example.org")
    favourite(database_url, maryam, row)
    tables = ("lectures", "lecture_categories", "favorites")
    before = {table: run_sql(database_url, f"select * from {table}") for table in tables}
    captured = deleted(database_url, row)

    counted = restorable(database_url, captured)
    assert run_sql(database_url, "select 1 from lectures") == []
    done = restore(database_url, captured)

    assert counted == done == Restored(rows={"public.favorites": 1}, users=1)
    assert {table: run_sql(database_url, f"select * from {table}") for table in tables} == before


def test_a_row_that_hangs_off_one_that_is_left_out_is_left_out_at_any_depth(database_url: str) -> None:
    run_sql(
        database_url,
        """
        create table comments (
            id bigint primary key, user_id bigint references users on delete cascade,
            lecture_id bigint references lectures on delete cascade,
            reply_to bigint references comments on delete cascade);
        create table likes (comment bigint references comments on delete cascade);
        """,
    )
    row = one_lecture(database_url)
    maryam, hamza = a_user(database_url, "maryam@example.org"), a_user(database_url, "hamza@example.org")
    run_sql(
        database_url,
        "insert into comments values"
        " (1, %s, %s, null), (2, %s, null, 1), (3, %s, null, 2), (4, %s, %s, null)",
        (maryam, row, hamza, hamza, hamza, row),
    )
    run_sql(database_url, "insert into likes values (3), (4)")
    captured = deleted(database_url, row)
    run_sql(database_url, "delete from users where id = %s", (maryam,))

    done = restore(database_url, captured)

    assert done.orphaned == {"public.comments": 3, "public.likes": 1}
    assert done.rows == {"public.comments": 1, "public.likes": 1}
    assert run_sql(database_url, "select id from comments") == [(4,)]


def test_a_row_under_another_id_that_has_the_same_place_is_left_alone(database_url: str) -> None:
    run_sql(
        database_url,
        "create table notes (id bigserial primary key, name text unique,"
        " lecture_id bigint references lectures on delete cascade)",
    )
    first, second = insert(database_url, Kind.LECTURE, lecture("1"), lecture("2"))
    run_sql(database_url, "insert into notes (name, lecture_id) values ('a', %s), ('b', %s)", (first, first))
    captured = deleted(database_url, first)
    run_sql(database_url, "insert into notes (name, lecture_id) values ('a', %s)", (second,))

    done = restore(database_url, captured)

    assert (done.rows, done.present) == ({"public.notes": 1}, {"public.notes": 1})


def test_columns_that_the_table_no_longer_has_are_let_be(database_url: str) -> None:
    row = one_lecture(database_url)
    run_sql(
        database_url,
        "create table notes (text text, old text, lecture bigint references lectures on delete cascade)",
    )
    run_sql(database_url, "insert into notes values ('kept', 'gone', %s)", (row,))
    captured = deleted(database_url, row)
    run_sql(
        database_url, "alter table notes drop old, add double text generated always as (text || text) stored"
    )

    restore(database_url, captured)

    assert run_sql(database_url, "select text, lecture, double from notes") == [("kept", row, "keptkept")]


def test_a_row_that_came_back_by_itself_makes_the_transaction_one_to_try_again(database_url: str) -> None:
    row = one_lecture(database_url)
    captured = deleted(database_url, row)
    restore(database_url, captured)

    with failing(Unavailable, "restore-raced"):
        restore(database_url, captured)


# Categories.


def test_junction_rows_get_back_what_they_held(database_url: str) -> None:
    row = one_lecture(database_url, categories=("quran",))
    run_sql(database_url, "update lecture_categories set created_at = '2020-01-01', is_primary = null")
    before = run_sql(database_url, "select * from lecture_categories")
    with database_at(database_url).write() as unit:
        captured = unit.library.capture_categories(Kind.LECTURE, [row])
        unit.library.update(Kind.LECTURE, {row: {"categories": ("fiqh",)}})
        unit.library.update(Kind.LECTURE, {row: {"categories": ("quran",)}})

        unit.library.restore_categories(Kind.LECTURE, captured)

    assert run_sql(database_url, "select * from lecture_categories") == before


def test_without_category_tables_there_is_nothing_to_keep_of_them(older_database_url: str) -> None:
    row = one_lecture(older_database_url)
    with database_at(older_database_url).write() as unit:
        assert unit.library.capture_categories(Kind.LECTURE, [row]) == []
        unit.library.restore_categories(Kind.LECTURE, [{"lecture_id": row, "category_id": 1}])


# Edits and merges.


def test_an_edit_writes_only_the_columns_it_changes_and_only_what_is_as_it_found_it(
    database_url: str,
) -> None:
    _, _, row = a_shelf(database_url)
    for user in ("maryam@example.org", "hamza@example.org"):
        run_sql(
            database_url,
            "insert into playback_positions (user_id, lecture_id, current_position) values (%s, %s, 5)",
            (a_user(database_url, user), row),
        )
    found = [
        row for (row,) in run_sql(database_url, "select to_jsonb(p) from playback_positions p order by id")
    ]
    edits = [
        Edit(table="public.playback_positions", before=one, after={**one, "current_position": 9})
        for one in found
    ]
    run_sql(
        database_url, "update playback_positions set current_position = 6 where id = %s", (found[1]["id"],)
    )
    run_sql(database_url, "update playback_positions set last_updated = '2030-01-01'")

    with database_at(database_url).write() as unit:
        done = unit.library.edit([*edits, Edit(table="public.favorites", before=found[0], after=found[0])])

    assert done == edits[:1]
    assert run_sql(
        database_url,
        "select current_position, extract(year from last_updated)::int from playback_positions order by id",
    ) == [(9, 2030), (6, 2030)]


def test_a_merge_is_counted_without_writing(database_url: str) -> None:
    first, second = insert(database_url, Kind.LECTURE, lecture("1"), lecture("2"))
    maryam, hamza = a_user(database_url, "maryam@example.org"), a_user(database_url, "hamza@example.org")
    for user, row in ((maryam, first), (maryam, second), (hamza, first)):
        favourite(database_url, user, row)
    before = run_sql(database_url, "select * from favorites order by id")

    with database_at(database_url).read() as session:
        counted = session.library.mergeable(first, second)

    assert counted == Merged(moved={"public.favorites": 1}, combined={"public.favorites": 1}, users=2)
    assert run_sql(database_url, "select * from favorites order by id") == before
    with database_at(database_url).write() as unit:
        done, edits = unit.library.merge(first, second)
    assert done == counted
    moved = [edit for edit in edits if edit.before["lecture_id"] != edit.after["lecture_id"]]
    assert [(edit.before["user_id"], edit.after["lecture_id"]) for edit in moved] == [(hamza, second)]
    assert edits[0].inverse.inverse == edits[0]


def test_a_table_without_any_key_is_known_by_all_that_its_rows_hold(database_url: str) -> None:
    run_sql(
        database_url,
        "create table pins (user_id bigint, lecture bigint references lectures on delete cascade)",
    )
    first, second = insert(database_url, Kind.LECTURE, lecture("1"), lecture("2"))
    run_sql(database_url, "insert into pins values (1, %s), (2, %s)", (first, first))

    with database_at(database_url).write() as unit:
        _, edits = unit.library.merge(first, second)
        unit.library.edit([edit.inverse for edit in edits if edit.after["user_id"] == 1])

    assert run_sql(database_url, "select * from pins order by 1") == [(1, first), (2, second)]
