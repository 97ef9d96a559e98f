"""Whose place lies behind the end of a recording that becomes shorter."""

from reconciler.model.ports import PositionsPastEnd
from tests.content import a_user, database_at, one_lecture, run_sql


def positions_past_end(url: str, ends: dict[int, int]) -> PositionsPastEnd:
    with database_at(url).read() as session:
        return session.library.positions_past_end(ends)


def listen(url: str, user: int, row: int, seconds: int) -> None:
    statement = "insert into playback_positions (user_id, lecture_id, current_position) values (%s, %s, %s)"
    run_sql(url, statement, (user, row, seconds))


def test_places_behind_the_end_are_counted_by_lecture_and_users_once(database_url: str) -> None:
    first, second = one_lecture(database_url, "1"), one_lecture(database_url, "2")
    maryam, hamza = a_user(database_url, "maryam@example.org"), a_user(database_url, "hamza@example.org")
    for user, row, seconds in ((maryam, first, 31), (hamza, first, 99), (maryam, second, 61)):
        listen(database_url, user, row, seconds)

    assert positions_past_end(database_url, {first: 30, second: 60}) == PositionsPastEnd(
        rows={first: 2, second: 1}, users=2
    )


def test_a_place_at_the_very_end_is_not_behind_it(database_url: str) -> None:
    row = one_lecture(database_url)
    listen(database_url, a_user(database_url, "maryam@example.org"), row, 30)

    assert positions_past_end(database_url, {row: 30}) == PositionsPastEnd()
    assert positions_past_end(database_url, {row: 29}) == PositionsPastEnd(rows={row: 1}, users=1)


def test_only_the_lectures_that_were_asked_are_counted(database_url: str) -> None:
    row, other = one_lecture(database_url, "1"), one_lecture(database_url, "2")
    listen(database_url, a_user(database_url, "maryam@example.org"), other, 500)

    assert positions_past_end(database_url, {row: 1}) == PositionsPastEnd()
    assert positions_past_end(database_url, {}) == PositionsPastEnd()


def test_a_table_of_places_that_came_later_is_found(database_url: str) -> None:
    row = one_lecture(database_url)
    run_sql(
        database_url,
        "create table bookmarks (lecture bigint references lectures on delete cascade,"
        " current_position double precision)",
    )
    run_sql(database_url, "insert into bookmarks values (%s, 12.5), (%s, 10)", (row, row))

    assert positions_past_end(database_url, {row: 12}) == PositionsPastEnd(rows={row: 1}, users=0)


def test_a_database_without_any_such_table_has_no_places(database_url: str) -> None:
    row = one_lecture(database_url)
    run_sql(database_url, "drop table playback_positions")

    assert positions_past_end(database_url, {row: 0}) == PositionsPastEnd()
