"""What a transaction does to the content tables, set-wise."""

from collections.abc import Callable

import pytest

from reconciler.model.errors import ProviderError
from reconciler.model.kinds import Kind
from reconciler.model.ports import Library, NewRow
from reconciler.model.values import Value
from tests.content import a_shelf, database_at, insert, lecture, one_lecture, run_sql
from tests.failures import failing


def write(url: str, work: Callable[[Library], None]) -> None:
    with database_at(url).write() as unit:
        work(unit.library)


def update(url: str, kind: Kind, changes: dict[int, dict[str, Value]]) -> None:
    write(url, lambda library: library.update(kind, changes))


def test_columns_that_are_absent_take_the_defaults_of_the_table(database_url: str) -> None:
    one_lecture(database_url)
    ((play_count, is_public, created, updated),) = run_sql(
        database_url, "select play_count, is_public, created_at, updated_at from lectures"
    )
    assert (play_count, is_public) == (0, False)
    assert None not in {created, updated}


def test_rows_with_different_columns_are_inserted_together(database_url: str) -> None:
    insert(
        database_url,
        Kind.SPEAKER,
        {"name": "Yusuf Karim"},
        {"name": "Maryam Noor", "is_premium": True, "visibility_type": "premium"},
        {"name": "Hamza Idris", "bio": None},
    )
    assert run_sql(database_url, "select name, is_premium, visibility_type from speakers order by id") == [
        ("Yusuf Karim", False, "public"),
        ("Maryam Noor", True, "premium"),
        ("Hamza Idris", False, "public"),
    ]


def test_reserved_ids_are_new_and_never_given_twice(database_url: str) -> None:
    with database_at(database_url).write() as unit:
        first = unit.library.reserve_ids(Kind.LECTURE, 3)
    with database_at(database_url).write() as unit:
        second = unit.library.reserve_ids(Kind.LECTURE, 2)
        assert unit.library.reserve_ids(Kind.LECTURE, 0) == []
    assert len({*first, *second}) == 5


def test_reserved_ids_skip_rows_that_were_imported_with_their_ids(database_url: str) -> None:
    run_sql(
        database_url,
        "insert into speakers (id, name) select n, 'Speaker ' || n from generate_series(1, 40) n",
    )
    (row,) = insert(database_url, Kind.SPEAKER, {"name": "Yusuf Karim"})
    assert row == 41


def test_claimed_ids_are_never_given_to_another_row(database_url: str) -> None:
    with database_at(database_url).write() as unit:
        assert unit.library.claim_ids(Kind.SPEAKER, [7, 30, 12]) == frozenset()

    with database_at(database_url).write() as unit:
        assert unit.library.reserve_ids(Kind.SPEAKER, 2) == [31, 32]


def test_claiming_ids_that_the_sequence_gave_long_ago_takes_one_at_most(database_url: str) -> None:
    with database_at(database_url).write() as unit:
        unit.library.reserve_ids(Kind.SPEAKER, 40)
        unit.library.claim_ids(Kind.SPEAKER, [7, 30])

        assert unit.library.reserve_ids(Kind.SPEAKER, 1) == [42]


def test_claimed_ids_that_a_row_has_are_told(database_url: str) -> None:
    run_sql(database_url, "insert into speakers (id, name) values (7, 'Yusuf Karim'), (9, 'Maryam Noor')")

    with database_at(database_url).write() as unit:
        assert unit.library.claim_ids(Kind.SPEAKER, [7, 8]) == {7}


def test_ids_of_a_table_without_a_sequence_can_be_claimed(database_url: str) -> None:
    run_sql(database_url, "alter sequence speakers_id_seq owned by none")

    with database_at(database_url).write() as unit:
        assert unit.library.claim_ids(Kind.SPEAKER, [7]) == frozenset()


def test_a_table_whose_sequence_is_not_its_own_is_explained(database_url: str) -> None:
    run_sql(database_url, "alter sequence speakers_id_seq owned by none")
    with failing(ProviderError, "no-sequence", "speakers"):
        insert(database_url, Kind.SPEAKER, {"name": "Yusuf Karim"})


def test_an_update_sets_the_given_columns_of_each_row_and_no_others(database_url: str) -> None:
    first, second = insert(
        database_url, Kind.LECTURE, lecture("One", year=2001, genre="a"), lecture("Two", year=2002, genre="b")
    )
    update(database_url, Kind.LECTURE, {first: {"title": "Uno", "genre": None}, second: {"year": 1999}})
    assert run_sql(database_url, "select title, year, genre from lectures order by id") == [
        ("Uno", 2001, None),
        ("Two", 1999, "b"),
    ]


def test_an_update_leaves_the_columns_of_the_backend_alone(database_url: str) -> None:
    row = one_lecture(database_url)
    run_sql(
        database_url,
        "update lectures"
        " set play_count = 7, last_played_at = '2025-01-02', waveform_data = 'w', directory_id = 3",
    )
    update(database_url, Kind.LECTURE, {row: lecture("Renamed", audio_url="https://cdn.example.org/a")})
    assert run_sql(
        database_url, "select play_count, last_played_at::text, waveform_data, directory_id from lectures"
    ) == [(7, "2025-01-02 00:00:00", "w", 3)]


def test_an_updated_lecture_says_so_in_utc(database_url: str) -> None:
    first, second = insert(database_url, Kind.LECTURE, lecture("One"), lecture("Two"))
    run_sql(database_url, "update lectures set updated_at = '2001-01-01'")
    update(database_url, Kind.LECTURE, {first: {"year": 2025}})
    assert run_sql(
        database_url,
        "select id, (now() at time zone 'utc') - updated_at between '-1 minute' and '1 minute'"
        " from lectures order by id",
    ) == [(first, True), (second, False)]


def test_a_table_without_updated_at_is_updated_all_the_same(database_url: str) -> None:
    row = one_lecture(database_url)
    run_sql(database_url, "alter table lectures drop column updated_at")
    update(database_url, Kind.LECTURE, {row: {"title": "Renamed"}})
    assert run_sql(database_url, "select title from lectures") == [("Renamed",)]


def test_names_of_speakers_can_be_exchanged(database_url: str) -> None:
    first, second, third = insert(database_url, Kind.SPEAKER, {"name": "A"}, {"name": "B"}, {"name": "C"})
    update(database_url, Kind.SPEAKER, {first: {"name": "B"}, second: {"name": "C"}, third: {"name": "A"}})
    assert run_sql(database_url, "select name from speakers order by id") == [("B",), ("C",), ("A",)]


def test_a_name_can_be_taken_over_from_a_row_that_gives_it_up(database_url: str) -> None:
    first, second = insert(database_url, Kind.SPEAKER, {"name": "A"}, {"name": "B"})
    update(database_url, Kind.SPEAKER, {first: {"name": "B"}, second: {"name": "B the Elder"}})
    assert run_sql(database_url, "select name from speakers order by id") == [("B",), ("B the Elder",)]


def test_titles_of_collections_can_be_exchanged_while_other_columns_change(database_url: str) -> None:
    (speaker,) = insert(database_url, Kind.SPEAKER, {"name": "Yusuf Karim"})
    one, two, three = insert(
        database_url,
        Kind.COLLECTION,
        *({"speaker_id": speaker, "title": title, "year": 2000} for title in ("Tafsir", "Seerah", "Duas")),
    )
    update(
        database_url,
        Kind.COLLECTION,
        {one: {"title": "Seerah"}, two: {"title": "Tafsir", "year": 2001}, three: {"description": "short"}},
    )
    assert run_sql(database_url, "select title, year, description from collections order by id") == [
        ("Seerah", 2000, None),
        ("Tafsir", 2001, None),
        ("Duas", 2000, "short"),
    ]


def test_collections_of_one_title_can_exchange_their_speakers(database_url: str) -> None:
    """Only the speaker changes, so the title that was set aside on the way has to come back."""
    first, second = insert(database_url, Kind.SPEAKER, {"name": "A"}, {"name": "B"})
    one, two = insert(
        database_url,
        Kind.COLLECTION,
        {"speaker_id": first, "title": "Tafsir"},
        {"speaker_id": second, "title": "Tafsir"},
    )
    update(database_url, Kind.COLLECTION, {one: {"speaker_id": second}, two: {"speaker_id": first}})
    assert run_sql(database_url, "select speaker_id, title from collections order by id") == [
        (second, "Tafsir"),
        (first, "Tafsir"),
    ]


def test_names_can_be_exchanged_under_a_length_limit_and_a_check(database_url: str) -> None:
    run_sql(
        database_url,
        "alter table speakers alter column name type varchar(30),"
        " add check (trim(name) = name and name <> '')",
    )
    first, second = insert(database_url, Kind.SPEAKER, {"name": "A" * 30}, {"name": "B" * 30})
    update(database_url, Kind.SPEAKER, {first: {"name": "B" * 30}, second: {"name": "A" * 30}})
    assert run_sql(database_url, "select left(name, 1) from speakers order by id") == [("B",), ("A",)]


def test_a_name_that_another_row_keeps_is_refused_and_nothing_changes(database_url: str) -> None:
    first, _ = insert(database_url, Kind.SPEAKER, {"name": "A"}, {"name": "B"})
    with pytest.raises(ProviderError) as raised:
        update(database_url, Kind.SPEAKER, {first: {"name": "B"}})
    assert not raised.value.transient
    assert any("23505" in line for line in raised.value.details)
    assert run_sql(database_url, "select name from speakers order by id") == [("A",), ("B",)]


def test_updating_a_row_that_is_gone_is_an_error(database_url: str) -> None:
    row = one_lecture(database_url)
    with failing(ProviderError, "rows-gone", 1, "lectures"):
        update(database_url, Kind.LECTURE, {row: {"year": 1}, row + 1000: {"year": 2}})
    assert run_sql(database_url, "select year from lectures") == [(None,)]


def test_two_updates_of_one_table_fit_into_one_transaction(database_url: str) -> None:
    row = one_lecture(database_url)

    def twice(library: Library) -> None:
        library.update(Kind.LECTURE, {row: {"year": 1}})
        library.update(Kind.LECTURE, {row: {"title": "Renamed"}})

    write(database_url, twice)
    assert run_sql(database_url, "select year, title from lectures") == [(1, "Renamed")]


@pytest.mark.parametrize("kind", [Kind.COLLECTION, Kind.LECTURE])
def test_categories_are_replaced_as_a_whole(database_url: str, kind: Kind) -> None:
    _, collection, row = a_shelf(database_url)
    target = {Kind.COLLECTION: collection, Kind.LECTURE: row}[kind]
    update(database_url, kind, {target: {"categories": ("quran", "tafsir")}})
    update(database_url, kind, {target: {"categories": ("seerah", "quran")}})
    with database_at(database_url).read() as session:
        (read,) = session.library.rows(kind)
    assert read["categories"] == ("seerah", "quran")
    update(database_url, kind, {target: {"categories": ()}})
    assert run_sql(database_url, f"select * from {kind}_categories") == []


def test_a_category_that_stays_keeps_when_it_was_given(database_url: str) -> None:
    row = one_lecture(database_url, categories=("quran", "tafsir"))
    run_sql(database_url, "update lecture_categories set created_at = '2020-02-02'")
    update(database_url, Kind.LECTURE, {row: {"categories": ("tafsir", "seerah")}})
    assert run_sql(
        database_url,
        "select slug, is_primary, j.created_at = '2020-02-02' from lecture_categories j"
        " join categories c on c.id = category_id order by slug",
    ) == [("seerah", False, False), ("tafsir", True, True)]


def test_the_counts_of_categories_stay_right(database_url: str) -> None:
    first, second = insert(
        database_url,
        Kind.LECTURE,
        lecture("One", categories=("quran", "duas")),
        lecture("Two", categories=("quran",)),
    )
    update(
        database_url,
        Kind.LECTURE,
        {first: {"categories": ("duas", "seerah")}, second: {"categories": ("quran",)}},
    )
    counts = dict(
        run_sql(database_url, "select slug, lecture_count from categories where lecture_count <> 0")
    )
    assert counts == {"quran": 1, "duas": 1, "seerah": 1}


def test_an_update_of_other_columns_leaves_categories_alone(database_url: str) -> None:
    row = one_lecture(database_url, categories=("quran",))
    update(database_url, Kind.LECTURE, {row: {"year": 2025}})
    with database_at(database_url).read() as session:
        (read,) = session.library.rows(Kind.LECTURE)
    assert (read["year"], read["categories"]) == (2025, ("quran",))


def test_an_unknown_category_is_named_and_nothing_is_inserted(database_url: str) -> None:
    with failing(ProviderError, "no-category", "quraan"):
        one_lecture(database_url, categories=("quraan",))
    assert run_sql(database_url, "select * from lectures") == []


def test_a_primary_category_can_change_where_only_one_is_allowed(database_url: str) -> None:
    run_sql(database_url, "create unique index on lecture_categories (lecture_id) where is_primary")
    row = one_lecture(database_url, categories=("quran", "tafsir"))
    update(database_url, Kind.LECTURE, {row: {"categories": ("tafsir", "quran")}})
    assert run_sql(
        database_url,
        "select slug from lecture_categories join categories on id = category_id where is_primary",
    ) == [("tafsir",)]


def test_a_delete_takes_children_first_and_what_hangs_off_them(database_url: str) -> None:
    speaker, collection, row = a_shelf(database_url)
    write(
        database_url,
        lambda library: library.delete(
            {Kind.SPEAKER: [speaker], Kind.COLLECTION: [collection], Kind.LECTURE: [row]}
        ),
    )
    assert run_sql(database_url, "select id from speakers union select id from collections") == []


def test_nothing_to_do_sends_no_statement(database_url: str) -> None:
    statements: list[str] = []
    with database_at(database_url, statements.append).write() as unit:
        begun = len(statements)
        unit.library.insert(Kind.LECTURE, [])
        unit.library.update(Kind.SPEAKER, {})
        unit.library.delete({Kind.LECTURE: []})
        unit.library.lock(Kind.LECTURE, [])
        assert len(statements) == begun


def test_a_new_row_can_name_a_parent_of_the_same_transaction(database_url: str) -> None:
    with database_at(database_url).write() as unit:
        (speaker,) = unit.library.reserve_ids(Kind.SPEAKER, 1)
        (collection,) = unit.library.reserve_ids(Kind.COLLECTION, 1)
        unit.library.insert(Kind.SPEAKER, [NewRow(id=speaker, values={"name": "Yusuf Karim"})])
        values: dict[str, Value] = {"speaker_id": speaker, "title": "Tafsir"}
        unit.library.insert(Kind.COLLECTION, [NewRow(id=collection, values=values)])
    assert run_sql(database_url, "select id, speaker_id from collections") == [(collection, speaker)]
