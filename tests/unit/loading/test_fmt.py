import textwrap
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.loading.fmt import format_catalog_file


def formatted(text: str, file: str = "someone/quran.yaml") -> str:
    result = format_catalog_file(textwrap.dedent(text).lstrip("\n"), file)
    assert not result.problems
    return result.after


def test_keys_are_put_into_one_order_with_lectures_last() -> None:
    text = formatted("""
        lectures: []
        year: 2025
        zeal: 1
        title: T
        collection: t
        """)

    assert list(yaml.safe_load(text)) == ["collection", "title", "year", "zeal", "lectures"]


def test_lists_and_mappings_are_indented_by_two() -> None:
    text = formatted("""
        collection: t
        lectures:
        -   id: a
            title: A
        """)

    assert text == "collection: t\nlectures:\n  - id: a\n    title: A\n"


def test_quotes_go_where_they_are_not_needed() -> None:
    assert (
        formatted("collection: 'quran'\ntitle: \"Al-Fatiha ﷺ\"\n")
        == "collection: quran\ntitle: Al-Fatiha ﷺ\n"
    )


@pytest.mark.parametrize(
    "title",
    [
        "no",
        "Yes",
        "22:22",
        "2025-01-01",
        "010",
        "7",
        "1e3",
        "0o7",
        "y",
        "~",
        "null",
        "",
        ".5",
        "=",
        "<<",
        "a: b",
        "a #b",
    ],
)
def test_text_that_would_read_as_something_else_keeps_its_quotes(title: str) -> None:
    text = formatted(f'collection: t\ntitle: "{title}"\n')

    assert text == f'collection: t\ntitle: "{title}"\n'


@pytest.mark.parametrize("value", ["no", "22:22", "010", "2025-01-01", "", "1e3"])
def test_unquoted_surprises_are_left_for_the_author(value: str) -> None:
    assert formatted(f"collection: t\ntitle: {value}\n") == f"collection: t\ntitle: {value}".rstrip() + "\n"


def test_quoting_prefers_what_needs_no_backslash() -> None:
    text = formatted("""
        collection: t
        title: '"quoted": title'
        description: 'it''s: so'
        """)

    assert "title: '\"quoted\": title'" in text
    assert 'description: "it\'s: so"' in text


def test_a_comment_moves_with_the_entry_below_it() -> None:
    text = formatted("""
        title: T
        # how it is called everywhere
        collection: t  # never changes
        year: 2025
        """)

    assert text == ("# how it is called everywhere\ncollection: t  # never changes\ntitle: T\nyear: 2025\n")


def test_the_comments_at_the_top_stay_at_the_top() -> None:
    text = formatted("# yaml-language-server: $schema=x\ntitle: T\ncollection: t\n")

    assert text.splitlines()[:2] == ["# yaml-language-server: $schema=x", "collection: t"]


def test_commented_out_lectures_at_the_end_stay_under_the_lectures() -> None:
    text = formatted("""
        collection: t
        lectures:
          - id: a
            title: A
          # - id: b

        # not yet
        forget: [c]
        """)

    assert text == (
        "collection: t\n\n# not yet\nforget: [c]\nlectures:\n  - id: a\n    title: A\n  # - id: b\n"
    )


def test_a_comment_above_a_key_that_becomes_first_stands_above_the_dash() -> None:
    text = formatted("""
        collection: t
        lectures:
          - title: A
            # kept since 2019
            id: a
        """)

    assert "  # kept since 2019\n  - id: a\n    title: A\n" in text


def test_a_comment_behind_a_dash_stands_above_the_entry() -> None:
    text = formatted("""
        collection: t
        lectures:
          - # the first
            id: a
            title: A
        """)

    assert text == "collection: t\nlectures:\n  # the first\n  - id: a\n    title: A\n"


def test_a_comment_inside_braces_makes_them_a_block() -> None:
    text = formatted("""
        collection: t
        categories: [
          quran,  # first
          duas]
        """)

    assert text == "collection: t\ncategories:\n  - quran  # first\n  - duas\n"


def test_blocks_of_text_keep_their_lines() -> None:
    text = formatted("""
        collection: t
        description: |-
             one

               two
             # no comment
        title: T
        """)

    assert text == "collection: t\ntitle: T\ndescription: |-\n  one\n\n    two\n  # no comment\n"


def test_missing_lecture_ids_are_slugs_unique_among_siblings() -> None:
    text = formatted("""
        collection: t
        forget: [opener-3]
        lectures:
          - title: The Opener
            id: opener
          - title: Opener
          - {title: Opener!}
          - {title: سورة الفاتحة, number: 114}
          - {title: "15"}
        """)

    ids = [lecture["id"] for lecture in yaml.safe_load(text)["lectures"]]
    assert ids == ["opener", "opener-2", "opener-4", "lecture-114", "lecture-5"]


def test_an_id_that_yaml_would_misread_is_quoted() -> None:
    text = formatted("collection: t\nlectures:\n  - title: No\n")

    assert '- id: "no"\n' in text


def test_missing_ids_of_speakers_and_collections_are_written() -> None:
    assert formatted("name: Abdul Rashid Sufi\n", "x/speaker.yaml").startswith("speaker: abdul-rashid-sufi\n")
    assert formatted("title: قرآن\n", "x/Quran Hafs.yaml").startswith("collection: quran-hafs\n")


def test_new_collection_ids_avoid_those_that_are_taken() -> None:
    result = format_catalog_file("title: Tafsir\n", "x/a.yaml", taken={"tafsir"})

    assert result.after.startswith("collection: tafsir-2\n")


@pytest.mark.parametrize(
    "text",
    ["title: [\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n"],
)
def test_a_file_with_mistakes_in_its_notation_is_left_alone(text: str) -> None:
    result = format_catalog_file(text, "f.yaml")

    assert result.after == text
    assert result.problems


@pytest.mark.parametrize(
    "text",
    [
        "collection: t\ndescription: |2\n   x\n",
        "collection: t\ndescription: | # why\n  x\n",
        "lectures: []\ncollection: |-\n    t\n   # less indented than the text\n",
    ],
)
def test_what_could_not_be_kept_is_left_alone(text: str) -> None:
    assert formatted(text) == text


def test_windows_line_ends_become_unix_ones() -> None:
    assert formatted("collection: t\r\ntitle: T\r\n") == "collection: t\ntitle: T\n"


_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12
) | st.sampled_from(
    [
        "no",
        "22:22",
        "# x",
        "- a",
        "a: b",
        "ﷺ",
        "it's",
        'say "x"',
        "x ",
        " x",
        "line\nline",
        "?",
        "[a",
        "2025-01-01",
    ]
)
_comments = st.sampled_from(["", "", "", "# one", "# - id: x", "#two"])
_lectures = st.fixed_dictionaries(
    {"title": _texts},
    optional={
        "id": st.from_regex(r"[a-z]{1,3}", fullmatch=True),
        "number": st.integers(0, 300),
        "description": _texts,
    },
)
_collections = st.fixed_dictionaries(
    {"collection": st.just("t"), "lectures": st.lists(_lectures, max_size=4)},
    optional={"title": _texts, "categories": st.lists(_texts, max_size=3), "description": _texts},
)


@st.composite
def _files(draw: st.DrawFn) -> str:
    value: dict[str, Any] = draw(_collections)
    text = yaml.safe_dump(
        value,
        allow_unicode=draw(st.booleans()),
        sort_keys=draw(st.booleans()),
        default_flow_style=draw(st.sampled_from([False, None])),
        default_style=draw(st.sampled_from([None, "'", '"', "|"])),
        width=draw(st.sampled_from([20, 1000])),
        indent=draw(st.sampled_from([2, 4])),
    )
    lines: list[str] = []
    for line in text.split("\n"):
        comment = draw(_comments)
        indent = " " * draw(st.integers(0, 6))
        lines += [indent + comment, line] if comment else [line]
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(_files())
def test_formatting_keeps_the_data_and_the_comments_and_is_stable(text: str) -> None:
    result = format_catalog_file(text, "f.yaml")
    if result.problems:
        return

    before, after = yaml.safe_load(text), yaml.safe_load(result.after)
    for lecture in (lecture for lecture in after["lectures"] if "id" not in before):
        lecture.pop("id", None)
    for old, new in zip(before["lectures"], after["lectures"], strict=True):
        assert {**new, "id": None} == {**old, "id": None}
    assert {**before, "lectures": 0} == {**after, "lectures": 0}
    assert result.after.count("# one") == text.count("# one")
    assert format_catalog_file(result.after, "f.yaml").after == result.after


@settings(max_examples=300, deadline=None)
@given(_collections, st.booleans(), st.sampled_from([None, False]))
def test_files_of_plain_style_always_have_a_canonical_form(value: Any, sort: bool, flow: bool | None) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, sort_keys=sort, default_flow_style=flow)

    after = format_catalog_file(text, "f.yaml").after

    scrambled = "# a head\n\n" + yaml.safe_dump(
        dict(reversed(yaml.safe_load(after).items())),
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=False,
    )
    again = format_catalog_file(scrambled, "f.yaml").after
    assert list(yaml.safe_load(again)) == list(yaml.safe_load(after))
    assert again.startswith("# a head\n\ncollection: t\n")
