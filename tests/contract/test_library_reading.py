"""What a session reads from the content tables."""

from reconciler.model.errors import ProviderError
from reconciler.model.kinds import DATABASE_DEFAULTS, TABLES, Kind
from tests.content import database_at, insert, lecture, one_lecture, run_sql
from tests.failures import failing


def test_a_row_holds_every_managed_column_in_order(database_url: str) -> None:
    values = {
        "speaker_id": None,
        "collection_id": None,
        "title": "Al-Baqarah ﷺ’s",
        "description": "",
        "lecture_number": 102,
        "year": 2025,
        "genre": "tafsir",
        "is_public": True,
        "file_name": "102.mp3",
        "file_path": "a/102.mp3",
        "file_size": 5_000_000_000,
        "file_format": "mp3",
        "file_hash": "ab" * 32,
        "duration": 61,
        "bitrate": 128_000,
        "sample_rate": 44_100,
        "audio_url": "https://cdn.example.org/a/102.mp3",
        "thumbnail_url": "tab\t, newline\n and \\ backslash",
        "categories": ("seerah", "quran"),
    }
    (row,) = insert(database_url, Kind.LECTURE, values)

    with database_at(database_url).read() as session:
        (read,) = session.library.rows(Kind.LECTURE)

    assert (read.kind, read.id) == (Kind.LECTURE, row)
    assert (
        dict(zip((column.name for column in TABLES[Kind.LECTURE].columns), read.values, strict=True))
        == values
    )
    assert read["is_public"] is True


def test_what_the_database_chooses_is_what_a_plan_says(database_url: str) -> None:
    run_sql(database_url, "insert into speakers (id, name) values (1, 'S')")
    run_sql(database_url, "insert into collections (id, speaker_id, title) values (1, 1, 'C')")
    run_sql(
        database_url,
        "insert into lectures (id, title, duration, file_name, file_path, file_size, file_format) "
        "values (1, 'L', 1, 'l.mp3', 'l.mp3', 1, 'mp3')",
    )

    with database_at(database_url).read() as session:
        rows = {kind: next(iter(session.library.rows(kind))) for kind in Kind}

    for kind, row in rows.items():
        optional = {c.name for c in TABLES[kind].columns if c.nullable and c.name != "categories"}
        chosen = {name: row[name] for name in optional if row[name] is not None}
        assert chosen == DATABASE_DEFAULTS[kind]


def test_rows_come_in_id_order_whatever_order_they_were_written_in(database_url: str) -> None:
    for number in (30, 10, 20):
        run_sql(
            database_url, "insert into speakers (id, name) values (%s, %s)", (number, f"Speaker {number}")
        )
    with database_at(database_url).read() as session:
        assert [row.id for row in session.library.rows(Kind.SPEAKER)] == [10, 20, 30]


def test_the_primary_category_comes_first_and_the_others_by_slug(database_url: str) -> None:
    one_lecture(database_url, categories=("tafsir", "quran", "duas"))
    with database_at(database_url).read() as session:
        (row,) = session.library.rows(Kind.LECTURE)
    assert row["categories"] == ("tafsir", "duas", "quran")


def test_a_row_in_no_category_has_an_empty_tuple(database_url: str) -> None:
    one_lecture(database_url)
    with database_at(database_url).read() as session:
        (row,) = session.library.rows(Kind.LECTURE)
    assert row["categories"] == ()


def test_categories_are_read_by_slug(database_url: str) -> None:
    expected = dict(run_sql(database_url, "select slug, id from categories"))
    with database_at(database_url).read() as session:
        assert session.library.categories() == expected
    assert "quran" in expected


def test_an_older_deployment_has_no_categories(older_database_url: str) -> None:
    one_lecture(older_database_url)
    with database_at(older_database_url).read() as session:
        (row,) = session.library.rows(Kind.LECTURE)
        assert session.library.categories() is None
    assert row["categories"] == ()


def test_an_older_deployment_refuses_a_category(older_database_url: str) -> None:
    with failing(ProviderError, "no-category-tables"):
        one_lecture(older_database_url, categories=("quran",))
    assert run_sql(older_database_url, "select * from lectures") == []


def test_an_older_deployment_takes_an_empty_list_of_categories(older_database_url: str) -> None:
    one_lecture(older_database_url, categories=())
    assert run_sql(older_database_url, "select title from lectures") == [("Al-Fatiha",)]


def test_a_session_sees_one_moment(database_url: str) -> None:
    with database_at(database_url).read() as session:
        assert session.library.rows(Kind.LECTURE) == []
        one_lecture(database_url)
        assert session.library.rows(Kind.LECTURE) == []


def test_a_missing_table_is_named_and_is_not_an_empty_one(database_url: str) -> None:
    run_sql(database_url, "drop table lectures cascade")
    with (
        failing(ProviderError, "no-table", "lectures"),
        database_at(database_url).read() as session,
    ):
        session.library.rows(Kind.LECTURE)


def test_locked_rows_show_what_they_hold_now_and_gone_ones_are_absent(database_url: str) -> None:
    first, second = insert(database_url, Kind.LECTURE, lecture("One"), lecture("Two", categories=("quran",)))
    run_sql(database_url, "delete from lectures where id = %s", (first,))
    with database_at(database_url).write() as unit:
        locked = unit.library.lock(Kind.LECTURE, [second, first])
    assert locked.keys() == {second}
    assert (locked[second]["title"], locked[second]["categories"]) == ("Two", ("quran",))
