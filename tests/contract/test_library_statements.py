"""The number of statements depends on tables and columns, never on rows."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from reconciler.model.kinds import TABLES, Kind
from reconciler.model.ports import Library, NewRow
from reconciler.model.values import Value
from tests.content import a_user, database_at, lecture, run_sql


def statements_of(url: str, work: Callable[[Library], object]) -> int:
    statements: list[str] = []
    with database_at(url, statements.append).write() as unit:
        begun = len(statements)
        work(unit.library)
        return len(statements) - begun


def trees(ids: dict[Kind, list[int]]) -> dict[Kind, list[dict[str, Value]]]:
    """Return the values of speakers that have a collection each, which has a lecture."""
    return {
        Kind.SPEAKER: [{"name": f"Speaker {n}"} for n in ids[Kind.SPEAKER]],
        Kind.COLLECTION: [{"title": "Tafsir", "speaker_id": parent} for parent in ids[Kind.SPEAKER]],
        Kind.LECTURE: [lecture(f"{parent}", collection_id=parent) for parent in ids[Kind.COLLECTION]],
    }


def fill(url: str, count: int) -> dict[Kind, list[int]]:
    """Insert so many rows of each kind, and a favourite of one user for each lecture."""
    user = a_user(url, "maryam@example.org")
    with database_at(url).write() as unit:
        ids = {kind: list(unit.library.reserve_ids(kind, count)) for kind in Kind}
        for kind, rows in trees(ids).items():
            unit.library.insert(
                kind, [NewRow(id=i, values=row) for i, row in zip(ids[kind], rows, strict=True)]
            )
    run_sql(url, "insert into favorites (user_id, lecture_id) select %s, id from lectures", (user,))
    return ids


def rename(library: Library, ids: dict[Kind, list[int]]) -> None:
    """Give each row the name of the next one, and every third another category."""
    for kind in (Kind.SPEAKER, Kind.LECTURE):
        key = "name" if kind is Kind.SPEAKER else "title"
        names = [str(library.lock(kind, [row])[row][key]) for row in ids[kind][:3]]
        changes: dict[int, dict[str, Value]] = {
            row: {key: name} for row, name in zip(ids[kind], [*names[1:], names[0]], strict=False)
        }
        if kind is Kind.LECTURE:
            changes |= {row: {"categories": ("quran",)} for row in ids[kind][3:]}
            changes |= {row: {"year": 2025, "genre": None} for row in ids[kind][4::2]}
        library.update(kind, changes)


WORK: dict[str, Callable[[Library, dict[Kind, list[int]]], object]] = {
    "read every table": lambda library, _ids: [list(library.rows(kind)) for kind in Kind],
    "count dependents": lambda library, ids: library.dependents(ids),
    "count rows of users": lambda library, _ids: library.user_rows(),
    "find younger rows": lambda library, _ids: library.created_after(datetime(2020, 1, 1, tzinfo=UTC)),
    "claim ids": lambda library, ids: library.claim_ids(Kind.LECTURE, ids[Kind.LECTURE]),
    "reserve ids": lambda library, ids: library.reserve_ids(Kind.LECTURE, len(ids[Kind.LECTURE])),
    "lock": lambda library, ids: library.lock(Kind.LECTURE, ids[Kind.LECTURE]),
    "update": rename,
    "capture": lambda library, ids: library.capture(ids),
    "delete": lambda library, ids: library.delete(ids),
    "insert": lambda library, ids: library.insert(
        Kind.LECTURE,
        [
            NewRow(id=row + 100_000, values=lecture(f"{row}", categories=("quran",)))
            for row in ids[Kind.LECTURE]
        ],
    ),
}


@pytest.mark.parametrize("name", WORK)
def test_ten_rows_and_a_thousand_take_as_many_statements(database_url: str, name: str) -> None:
    few = fill(database_url, 10)
    for_few = statements_of(database_url, lambda library: WORK[name](library, few))
    run_sql(database_url, "delete from speakers; delete from lectures; delete from users")
    many = fill(database_url, 1000)
    assert statements_of(database_url, lambda library: WORK[name](library, many)) == for_few


def test_reading_everything_takes_one_statement_a_table_and_one_a_junction(database_url: str) -> None:
    fill(database_url, 10)
    statements: list[str] = []
    with database_at(database_url, statements.append).read() as session:
        begun = len(statements)
        for kind in Kind:
            list(session.library.rows(kind))
        whether_there_are_categories = 1
        assert len(statements) - begun == len(TABLES) + 2 + whether_there_are_categories
