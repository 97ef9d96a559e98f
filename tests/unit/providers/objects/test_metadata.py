from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.objects.etag import MAX_BYTES, decoded, encoded
from reconciler.model.errors import ProviderError

VALUES = st.text(st.characters(codec="utf-8"), max_size=80)


@given(VALUES)
def test_any_text_comes_back(value: str) -> None:
    assert decoded(encoded({"title": value})) == {"title": value}


@given(VALUES)
def test_what_goes_out_is_what_a_header_can_carry(value: str) -> None:
    sent = encoded({"title": value})["title"]

    assert sent.isascii()
    assert sent == "" or sent.isprintable()
    assert sent == sent.strip()


def test_plain_text_goes_out_as_it_is_and_other_text_as_encoded_words() -> None:
    sent = encoded({"SHA256": "ab" * 32, "title": "ﷺ"})

    assert sent["sha256"] == "ab" * 32
    assert sent["title"].startswith("=?utf-8?")
    assert str(make_header(decode_header(sent["title"]))) == "ﷺ"


@pytest.mark.parametrize("name", ["", "größe", "a b", "a:b", "a\n"])
def test_a_name_that_is_none_for_a_header_is_refused(name: str) -> None:
    with pytest.raises(ProviderError):
        encoded({name: "value"})


def test_as_much_as_fits_is_taken_and_no_more() -> None:
    assert encoded({"a": "x" * (MAX_BYTES - 1)})
    with pytest.raises(ProviderError):
        encoded({"a": "x" * MAX_BYTES})
