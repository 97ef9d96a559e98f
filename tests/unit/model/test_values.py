"""Equality of content: by value and type, and by the canonical text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.values import canonical_json, digest, nfc, readable_size, same

values = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()).map(tuple))


@given(values, values)
def test_values_are_the_same_exactly_when_their_texts_are(left: object, right: object) -> None:
    assert same(left, right) is (canonical_json(left) == canonical_json(right))  # type: ignore[arg-type]


def test_true_is_not_one_and_false_is_not_zero() -> None:
    assert not same(True, 1)
    assert not same(0, False)
    assert same(True, True)


@given(st.dictionaries(st.text(), values))
def test_the_order_of_keys_leaves_the_text_and_the_digest(content: dict[str, object]) -> None:
    turned = dict(reversed(content.items()))

    assert canonical_json(turned) == canonical_json(content)
    assert digest(turned) == digest(content)


def test_the_text_is_json_without_spaces_and_readable() -> None:
    assert canonical_json({"b": ("é", 1), "a": None}) == '{"a":null,"b":["é",1]}'
    assert json.loads(canonical_json({"a": "ﷺ"})) == {"a": "ﷺ"}


def test_a_digest_takes_text_that_no_file_may_hold() -> None:
    assert len(digest("\udcff")) == 64


def test_two_spellings_fold_to_one() -> None:
    assert nfc("e\u0301") == "é"
    assert nfc("plain") == "plain"


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (14_541, "14.2 KiB"),
        (115 * 1024**2, "115.0 MiB"),
        (int(10.8 * 1024**3), "10.8 GiB"),
        (2 * 1024**4, "2.0 TiB"),
    ],
)
def test_sizes_are_said_as_people_say_them(size_bytes: int, said: str) -> None:
    assert readable_size(size_bytes) == said
