"""How rows name objects: by key or by URL, compared by base and decoded key."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.kinds import TABLES, Kind
from reconciler.model.policy import Layout, ReferenceStyle
from reconciler.planning.references import (
    key_in,
    keys_named,
    reference,
    says_the_same,
    split_reference,
    style_of,
    url_of,
)
from tests.unit.planning.worlds import CDN, lecture_row, speaker_row

IMAGE = TABLES[Kind.SPEAKER].column("image_url")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_url_is_the_base_and_the_percent_encoded_key(key: str) -> None:
    assert url_of(CDN, key) == f"{CDN}/{quote(key)}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_key_survives_its_url(key: str) -> None:
    assert split_reference(url_of(CDN, key)) == (CDN, split_reference(key)[1]) or "://" in key


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a/b.jpg", (None, "a/b.jpg")),
        ("a%20b.jpg", (None, "a%20b.jpg")),
        (f"{CDN}/a%20b.jpg", (CDN, "a b.jpg")),
        ("http://x.test/é", ("http://x.test", "é")),
        (f"{CDN}", (CDN, "")),
        ("ftp://x.test/a", (None, "ftp://x.test/a")),
    ],
)
def test_a_value_is_a_base_and_a_decoded_key(value: str, found: tuple[str | None, str]) -> None:
    assert split_reference(value) == found


@pytest.mark.parametrize(
    ("value", "key"), [(None, None), ("", None), (7, None), (CDN, None), ("e\u0301", "é"), (f"{CDN}/a", "a")]
)
def test_a_key_is_found_in_a_column_whatever_it_holds(value: object, key: str | None) -> None:
    assert key_in(value) == key  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layout", "style"),
    [
        (Layout(base_url=CDN), ReferenceStyle.URL),
        (Layout(), ReferenceStyle.KEY),
        (Layout(base_url=CDN, references={"speakers.image_url": ReferenceStyle.KEY}), ReferenceStyle.KEY),
        (Layout(base_url=CDN, references={"speakers.other": ReferenceStyle.KEY}), ReferenceStyle.URL),
    ],
)
def test_the_style_of_an_image_column_is_the_settings_or_follows_the_base_url(
    layout: Layout, style: ReferenceStyle
) -> None:
    assert style_of(IMAGE, Kind.SPEAKER, layout) is style


def test_audio_url_is_always_a_url() -> None:
    column = TABLES[Kind.LECTURE].column("audio_url")

    assert style_of(column, Kind.LECTURE, Layout()) is ReferenceStyle.URL
    assert reference(ReferenceStyle.URL, None, "a") is None


@pytest.mark.parametrize(
    ("actual", "same"),
    [
        (f"{CDN}/a%26b", True),
        (f"{CDN}/a&b", True),
        (f"{CDN}/%61%26b", True),
        ("https://last-year.test/a%26b", False),
        ("a&b", False),
        (None, False),
    ],
)
def test_two_values_say_the_same_by_base_and_decoded_key(actual: str | None, same: bool) -> None:
    assert says_the_same(actual, f"{CDN}/a%26b") is same


def test_a_row_names_objects_by_every_column_that_can() -> None:
    lecture = lecture_row(1, "L", "a.mp3", audio_url="https://x.test/b.mp3", thumbnail_url="c.jpg")

    assert keys_named(lecture) == {"a.mp3", "b.mp3", "c.jpg"}
    assert keys_named(speaker_row(1, "S", image_url="", image_small_url=f"{CDN}/d.jpg")) == {"d.jpg"}
