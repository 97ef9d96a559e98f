"""Which columns outside elmify's care name an object: in any table, any kind of text, any spelling."""

import json
from collections.abc import Iterable
from urllib.parse import quote

import pytest

from reconciler.model.kinds import Kind
from reconciler.model.plan import NamedBy
from tests.content import database_at, insert, lecture, one_lecture, run_sql
from tests.postgres import role

KEY = "Ali & Co/Qur’an/01 - Al-Fātiḥa.mp3"
IMAGE = "A/speaker.jpg"
CDN = "https://cdn.example.com/x/y"
READER = "grant usage on schema public to {role}; grant select on all tables in schema public to {role};"


def named(url: str, *keys: str, leaving: Iterable[int] = ()) -> dict[str, NamedBy]:
    with database_at(url).read() as session:
        found = session.library.named_elsewhere(keys, leaving={Kind.LECTURE: list(leaving)})
        return dict(found)


def holding(url: str, type_: str, value: object) -> None:
    """Make a table with one column of that type, and put the value there."""
    run_sql(url, f"create table playlists (id bigserial primary key, cover {type_})")
    run_sql(url, f"insert into playlists (cover) values (null), (%s::text::{type_})", (value,))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("text", f"{CDN}/{quote(KEY)}?v=3"),
        ("varchar(1024)", KEY),
        ("char(200)", f"/files/{KEY}"),
        ("json", json.dumps({"images": [{"cover": f"{CDN}/{KEY}"}]})),
        ("json", json.dumps([f"//cdn/{KEY}"], ensure_ascii=False).replace("/", "\\/")),
        ("jsonb", json.dumps({"html": f'<img src="{KEY.replace("&", "&amp;")}">'})),
        ("jsonb", json.dumps({KEY: True})),
        ("text[]", "{" + json.dumps(f"HTTPS://CDN.example.com/{KEY}", ensure_ascii=False) + "}"),
        ("varchar(200)[]", "{{" + json.dumps(KEY, ensure_ascii=False) + "}}"),
        ("jsonb[]", "{" + json.dumps(json.dumps({"a": KEY})) + "}"),
    ],
)
def test_a_column_of_any_kind_of_text_names_a_key(database_url: str, type_: str, value: str) -> None:
    holding(database_url, type_, value)

    assert named(database_url, KEY, IMAGE) == {KEY: NamedBy(column="public.playlists.cover")}


PARTITIONED = "create table t (id int, c text) partition by range (id)"
PARTITION = "create table t_1 partition of t for values from (0) to (9)"


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        (("create domain place as text", "create table t (id int, c place)"), IMAGE),
        (("create domain places as text[]", "create table t (id int, c places)"), f'{{"{IMAGE}"}}'),
        (("create type card as (n int, place text)", "create table t (id int, c card)"), f"(1,{IMAGE})"),
        ((PARTITIONED, PARTITION), IMAGE),
    ],
)
def test_a_column_behind_another_type_or_a_partition_names_a_key(
    database_url: str, definition: tuple[str, ...], value: str
) -> None:
    for statement in (*definition, f"insert into t values (1, '{value}')"):
        run_sql(database_url, statement)

    assert named(database_url, IMAGE) == {IMAGE: NamedBy(column="public.t.c")}


def test_other_schemas_views_that_keep_rows_and_tables_that_inherit_are_searched(database_url: str) -> None:
    for statement in (
        'create schema "App Data"',
        'create table "App Data"."Banners" ("Pay Load" jsonb, n int)',
        """insert into "App Data"."Banners" values ('{"cover": "A/1.jpg"}', 1)""",
        "create materialized view kept as select 'A/2.jpg'::text as cover",
        "create materialized view empty as select 'A/4.jpg'::text as cover with no data",
        "create table parent (cover text)",
        "create table child () inherits (parent)",
        "insert into child values ('A/3.jpg')",
    ):
        run_sql(database_url, statement)

    assert named(database_url, "A/1.jpg", "A/2.jpg", "A/3.jpg", "A/4.jpg") == {
        "A/1.jpg": NamedBy(column="App Data.Banners.Pay Load"),
        "A/2.jpg": NamedBy(column="public.kept.cover"),
        "A/3.jpg": NamedBy(column="public.child.cover"),
    }


def test_other_columns_of_content_rows_are_searched_and_those_elmify_reads_are_not(database_url: str) -> None:
    row = one_lecture(database_url, file_path="A/a.mp3", thumbnail_url="A/b.jpg", description=f"see {IMAGE}")
    run_sql(database_url, "update lectures set waveform_data = 'A/wave.json' where id = %s", (row,))

    assert named(database_url, "A/a.mp3", "A/b.jpg", IMAGE, "A/wave.json") == {
        IMAGE: NamedBy(column="public.lectures.description"),
        "A/wave.json": NamedBy(column="public.lectures.waveform_data"),
    }


def test_rows_that_are_about_to_go_name_nothing(database_url: str) -> None:
    goes, stays = insert(
        database_url,
        Kind.LECTURE,
        lecture("1", description="see A/1.jpg and A/2.jpg"),
        lecture("2", description="see A/2.jpg"),
    )

    assert named(database_url, "A/1.jpg", "A/2.jpg", leaving=[goes]).keys() == {"A/2.jpg"}
    assert named(database_url, "A/1.jpg", "A/2.jpg", leaving=[goes, stays]) == {}


def test_a_key_without_an_extension_is_found_among_others(database_url: str) -> None:
    holding(database_url, "text", f"{CDN}/A/README")

    assert named(database_url, "A/README", IMAGE).keys() == {"A/README"}


def test_keys_that_nothing_names_and_no_keys_at_all_are_absent(database_url: str) -> None:
    holding(database_url, "text", "B/speaker.jpg and A/speaker.jpeg")

    assert named(database_url, IMAGE) == {}
    assert named(database_url) == {}


def test_a_table_that_may_not_be_read_is_taken_to_name_everything(database_url: str) -> None:
    holding(database_url, "text", IMAGE)
    run_sql(database_url, "create table notes (id int, body text)")
    with role(database_url, READER + "revoke select on notes from {role}") as url:
        assert named(url, IMAGE, KEY) == {
            IMAGE: NamedBy(column="public.playlists.cover"),
            KEY: NamedBy(column="public.notes", readable=False),
        }


@pytest.mark.parametrize(
    ("made", "where"),
    [
        ("create schema private; create table private.notes (body text)", "private.notes"),
        ("create table notes (body text); alter table notes enable row level security", "public.notes"),
    ],
)
def test_a_closed_schema_and_hidden_rows_are_taken_to_name_everything(
    database_url: str, made: str, where: str
) -> None:
    run_sql(database_url, made)
    with role(database_url, READER) as url:
        assert named(url, KEY) == {KEY: NamedBy(column=where, readable=False)}


def test_a_column_without_text_needs_no_right(database_url: str) -> None:
    run_sql(database_url, "create table counts (id int, body text); create table numbers (n bigint, at date)")
    grants = READER + "revoke select on counts, numbers from {role}; grant select (body) on counts to {role}"
    with role(database_url, grants) as url:
        assert named(url, KEY) == {}


def test_ten_thousand_keys_are_found_among_as_many_rows(database_url: str) -> None:
    run_sql(
        database_url,
        "create table playlists (cover text); insert into playlists"
        f" select '{CDN}/A%20B/' || n || '/collection.jpg?v=' || n from generate_series(1, 10000) n",
    )
    keys = [f"A B/{n}/collection.jpg" for n in range(5_001, 15_001)]
    statements: list[str] = []
    with database_at(database_url, statements.append).read() as session:
        begun = len(statements)
        found = session.library.named_elsewhere(keys)

        assert found.keys() == set(keys[:5_000])
        assert len(statements) - begun < 12  # one for each table
