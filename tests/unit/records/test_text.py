import json
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from reconciler.records.bulk import is_storable, json_text, storable, storable_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


@given(ANY_TEXT)
def test_made_storable_every_text_can_be_stored_and_keeps_its_length(text: str) -> None:
    made = storable(text)

    assert is_storable(made)
    assert len(made) == len(text)
    made.encode()


@given(ANY_TEXT)
def test_a_text_that_can_be_stored_is_left_alone(text: str) -> None:
    assert (storable(text) == text) == is_storable(text)


@given(ANY_JSON)
def test_the_json_for_a_column_is_the_storable_form_of_the_value(value: object) -> None:
    text = json_text(value)

    assert (text is None) == (value is None)
    if text is not None:
        assert json.loads(text) == storable_json(value)
        assert is_storable(text)


def test_a_nul_is_shown_and_a_written_escape_is_kept() -> None:
    assert json_text({"a": "\0", "b": "\\u0000"}) == '{"a":"\u2400","b":"\\\\u0000"}'


def test_any_mapping_is_an_object_and_a_tuple_a_list() -> None:
    assert json_text(MappingProxyType({"a": (1, 2)})) == '{"a":[1,2]}'
    assert storable_json(MappingProxyType({"a": (1, "\0")})) == {"a": [1, "\u2400"]}
