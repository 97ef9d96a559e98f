import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.escape import arrow, harmless, harmless_json, looks_the_same, quoted, value_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("a\x00b\x7fc\x9bd", "a\\x00b\\x7fc\\x9bd"),
        ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
        ("soft\xadhyphen\u200b\ufeff", "soft\\xadhyphen\\u200b\\ufeff"),
        ("line\u2028separator", "line\\u2028separator"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half\ud800", "half\\ud800"),
        ("::error::x", "\\x3a:error::x"),
        ("  ::add-mask::x", "  \\x3a:add-mask::x"),
        ("see ##[error]x", "see #\\x23[error]x"),
    ],
)
def test_what_would_act_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "محمد ﷺ",
        "\u06dd\u0661",
        "می\u200cخواهم",
        "👩\u200d🏫",
        "Al-Fātiḥah’s & (opener)",
        "e\u0301",
        "a :: b",
        "# [x]",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(st.text())
def test_nothing_harmless_holds_a_control_a_line_break_or_an_override(text: str) -> None:
    shown = harmless(text)

    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(one) in {"Cc", "Cs"} for one in shown)
    assert not any("\u202a" <= one <= "\u202e" or "\u2066" <= one <= "\u2069" for one in shown)
    assert not shown.lstrip().startswith("::")


@given(st.text(), st.text())
def test_different_texts_are_quoted_differently(one: str, other: str) -> None:
    assert (one == other) == (quoted(one) == quoted(other))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        ('a "b"\\', '"a \\"b\\"\\\\"'),
        (("a", "b"), '["a", "b"]'),
    ],
)
def test_values_are_shown_as_json_people_know(
    value: str | int | bool | tuple[str, ...] | None, shown: str
) -> None:
    assert value_text(value) == shown


@pytest.mark.parametrize("twin", ["cafe\u0301", "caf\u00e9\u200c", "ｃafé"])
def test_texts_that_differ_only_to_a_computer_look_the_same(twin: str) -> None:
    assert looks_the_same("caf\u00e9", twin)


def test_equal_texts_and_texts_that_differ_to_the_eye_do_not() -> None:
    assert not looks_the_same("a", "a")
    assert not looks_the_same("a", "a ")


def test_an_arrow_between_arabic_texts_keeps_pointing_at_the_new_one() -> None:
    assert arrow('"قديم"', '"جديد"') == '"قديم"\u200e -> "جديد"'
    assert arrow('"old"', '"جديد"') == '"old" -> "جديد"'


@given(st.text(), st.sampled_from(["\x9b[2J", "\u202e", "##[error]", "\ud800", "ﷺ"]))
def test_harmless_json_says_the_same(text: str, acting: str) -> None:
    shown = harmless_json(json.dumps(text + acting, ensure_ascii=False))

    assert json.loads(shown) == text + acting
    assert not any(one in shown for one in ("\x9b", "\u202e", "##[", "\ud800"))
