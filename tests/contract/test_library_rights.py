"""What a role may not do is said, with what would help, and is never read as 'there is nothing'."""

import psycopg
import pytest

from reconciler.model.errors import Denied, ProviderError
from reconciler.model.kinds import Kind
from tests.content import a_user, database_at, favourite, insert, one_lecture, run_sql
from tests.failures import failing
from tests.postgres import role

READER = "grant usage on schema public to {role}; grant select on all tables in schema public to {role};"


def test_a_plan_needs_rights_to_read_alone(database_url: str) -> None:
    row = one_lecture(database_url)
    with role(database_url, READER) as url, database_at(url).read() as session:
        assert [read.id for read in session.library.rows(Kind.LECTURE)] == [row]
        assert session.library.categories()
        assert session.library.dependents({Kind.LECTURE: [row]}).content == {Kind.LECTURE: frozenset({row})}


def test_a_table_that_may_not_be_read_is_denied_with_the_grant_that_helps(database_url: str) -> None:
    with role(database_url) as url:
        with pytest.raises(Denied) as raised, database_at(url).read() as session:
            session.library.rows(Kind.SPEAKER)
        assert "grant select" in raised.value.hint
        assert "on speakers to elmify_role_" in raised.value.hint


def test_user_rows_that_may_not_be_read_are_denied_not_absent(database_url: str) -> None:
    row = one_lecture(database_url)
    favourite(database_url, a_user(database_url, "maryam@example.org"), row)
    with role(database_url, READER + "revoke select on favorites from {role}") as url:
        with pytest.raises(Denied) as raised, database_at(url).read() as session:
            session.library.dependents({Kind.LECTURE: [row]})
        assert "on favorites to" in raised.value.hint


def test_user_rows_that_row_security_hides_are_denied_not_absent(database_url: str) -> None:
    row = one_lecture(database_url)
    favourite(database_url, a_user(database_url, "maryam@example.org"), row)
    run_sql(database_url, "alter table favorites enable row level security")
    with (
        role(database_url, READER) as url,
        failing(Denied, "denied", "42501", "favorites"),
        database_at(url).read() as session,
    ):
        session.library.dependents({Kind.LECTURE: [row]})


def test_a_role_that_may_only_read_cannot_write(database_url: str) -> None:
    with role(database_url, READER + "grant usage on all sequences in schema public to {role}") as url:
        with pytest.raises(Denied) as raised:
            insert(url, Kind.SPEAKER, {"name": "Yusuf Karim"})
        assert "insert" in raised.value.hint
    assert run_sql(database_url, "select * from speakers") == []


def test_a_reading_session_cannot_write(database_url: str) -> None:
    row = one_lecture(database_url)
    with pytest.raises(ProviderError) as raised, database_at(database_url).read() as session:
        session.library.delete({Kind.LECTURE: [row]})  # type: ignore[attr-defined]
    assert isinstance(raised.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)
    assert run_sql(database_url, "select id from lectures") == [(row,)]
