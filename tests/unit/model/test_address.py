"""Addresses: ids joined by slashes, and globs over them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import (
    ID_MAX_CHARS,
    Address,
    is_id,
    join,
    kind_of,
    matches_any,
    parent_of,
    parse_address,
    slug,
)
from reconciler.model.kinds import Kind

LECTURE = Address("abdul-rashid-sufi/quran-hafs/al-fatiha")


@pytest.mark.parametrize("text", ["a", "a1", "1", "a-b-c", "x" * ID_MAX_CHARS])
def test_an_id_is_made_of_lower_case_letters_digits_and_single_hyphens(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize(
    "text", ["", "A", "a_b", "a b", "-a", "a-", "a--b", "é", "a/b", "a\n", "x" * (ID_MAX_CHARS + 1)]
)
def test_nothing_else_is_an_id(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize(
    ("text", "kind"), [("s", Kind.SPEAKER), ("s/c", Kind.COLLECTION), ("s/c/l", Kind.LECTURE)]
)
def test_the_depth_of_an_address_is_its_kind(text: str, kind: Kind) -> None:
    assert kind_of(parse_address(text)) is kind


@pytest.mark.parametrize("text", ["", "/", "s/", "/s", "s//l", "s/c/l/x", "S/c", "unmanaged.lectures[4]"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(repr(text))} "):
        parse_address(text)


def test_a_parent_is_one_level_up() -> None:
    assert parent_of(LECTURE) == "abdul-rashid-sufi/quran-hafs"
    assert parent_of(Address("s")) is None
    assert join("s/c", "l") == "s/c/l"


@pytest.mark.parametrize(
    ("glob", "matches"),
    [
        ("abdul-rashid-sufi", True),
        ("abdul-rashid-sufi/", True),
        ("abdul-rashid-sufi/quran-hafs", True),
        (LECTURE, True),
        ("*", True),
        ("*/al-fatiha", True),
        ("abdul-*", True),
        ("*/quran-?afs/*", True),
        ("abdul", False),
        ("abdul-rashid-sufi/quran", False),
        (f"{LECTURE}/x", False),
        ("ABDUL-*", False),
        (f"={LECTURE}", True),
        ("=abdul-rashid-sufi", False),
        ("=*", False),
    ],
)
def test_a_glob_names_an_address_and_everything_under_it(glob: str, matches: bool) -> None:
    assert matches_any(LECTURE, [glob]) is matches


@pytest.mark.parametrize(
    ("glob", "matches"),
    [
        ("unmanaged.object[old/*]", True),
        ("unmanaged.object[old/a.mp3]", True),
        ("=unmanaged.object[old/a.mp3]", True),
        ("unmanaged.*", True),
        ("unmanaged.object[o]", False),
        ("unmanaged.object[b-z]*", False),
    ],
)
def test_the_brackets_of_what_is_unmanaged_stand_for_themselves(glob: str, matches: bool) -> None:
    assert matches_any("unmanaged.object[old/a.mp3]", [glob]) is matches


def test_one_of_several_globs_is_enough_and_none_is_none() -> None:
    assert matches_any(LECTURE, ["x", "abdul-rashid-sufi"])
    assert not matches_any(LECTURE, [])


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Al-Fatiha (The opener)", "al-fatiha-the-opener"),
        ("it's", "its"),
        ("Café", "cafe"),
        ("سورة", ""),
        ("--", ""),
        ("x" * 99 + " yz", "x" * 99),
    ],
)
def test_a_slug_is_what_latin_letters_and_digits_are_left(text: str, made: str) -> None:
    assert slug(text) == made


@given(st.text())
def test_a_slug_is_an_id_or_empty(text: str) -> None:
    assert slug(text) == "" or is_id(slug(text))
