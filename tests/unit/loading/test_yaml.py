import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.yaml import (
    DEPTH_MAX,
    FILE_MAX_BYTES,
    NODES_MAX,
    NOTHING,
    PROBLEMS_MAX,
    Document,
    Odd,
    read_document,
)
from reconciler.model.diagnostics import Position


def read(text: str | bytes) -> Document:
    return read_document(text.encode() if isinstance(text, str) else text, "f.yaml")


def problems(text: str | bytes) -> list[tuple[str, str]]:
    return [(each.code, str(each.position).removeprefix("f.yaml:")) for each in read(text).problems]


def test_a_sound_file_becomes_plain_values() -> None:
    document = read("a: text\nb: [1, true, null, '2']\nc: {d: \"x\\ty\"}\n")

    assert document.value == {"a": "text", "b": [1, True, None, "2"], "c": {"d": "x\ty"}}
    assert document.problems == ()


@pytest.mark.parametrize(
    "raw", ["22:22", "2025-01-01", "010", "0x1F", "1_000", ".5", "1.0e+3", ".inf", "=", "+5", "9" * 5000]
)
def test_what_no_field_takes_keeps_the_text_it_was_written_as(raw: str) -> None:
    assert read(f"a: {raw}").value == {"a": Odd(raw)}


@pytest.mark.parametrize(
    "raw", ["no", "Yes", "on", "off", "true", "~", "null", "7", "-7", "0", "text", "1.x"]
)
def test_plain_scalars_mean_what_pyyaml_makes_of_them(raw: str) -> None:
    assert read(f"a: {raw}").value == yaml.safe_load(f"a: {raw}")


def test_quoted_scalars_are_text_whatever_they_look_like() -> None:
    assert read("a: ['no', \"22:22\", '~', '', '010']").value == {"a": ["no", "22:22", "~", "", "010"]}


def test_nothing_behind_a_colon_is_not_null() -> None:
    assert read("a:\nb: ~\n").value == {"a": NOTHING, "b": None}


def test_every_value_and_key_has_its_place() -> None:
    places = read("a: x\nlectures:\n  - {id: one, title: 'One'}\n  - id: two\n").places

    assert places.of_value(("a",)) == Position("f.yaml", 1, 4)
    assert places.of_value(("lectures", 0)) == Position("f.yaml", 3, 5)
    assert places.of_value(("lectures", 0, "title")) == Position("f.yaml", 3, 22)
    assert places.of_key(("lectures", 1, "id")) == Position("f.yaml", 4, 5)
    assert places.of_value(("lectures", 1, "absent")) == Position("f.yaml", 4, 5)
    assert places.raw(("a",)) == "x"
    assert places.raw(("lectures", 0, "title")) is None


def test_columns_count_characters_and_not_bytes() -> None:
    assert problems("{سورة: x, a: 1, a: 2}") == [("EL102", "1:17")]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: 1\nb: 2\na: 3\n", "EL102", "3:1"),
        ("a: {b: 1, b: 2}", "EL102", "1:11"),
        ("a: &x 1", "EL111", "1:4"),
        ("a: &x [1]", "EL111", "1:4"),
        ("&x a: 1", "EL111", "1:1"),
        ("<<: {a: 1}", "EL111", "1:1"),
        ("a: *x", "EL111", "1:4"),
        ("a: !!str 5", "EL112", "1:4"),
        ("a: !x {b: 1}", "EL112", "1:4"),
        ("a: !!python/object:os.system [b]", "EL112", "1:4"),
        ("a: 1\n---\nb: 2\n", "EL113", "2:1"),
        ("a: 'x\n", "EL101", "2:1"),
        ("a: b: c", "EL101", "1:5"),
        ("a:\n\t- b", "EL101", "2:1"),
        ("a: @b", "EL101", "1:4"),
        ("a: [1, 2", "EL101", "2:1"),
        ("a: {b: 1", "EL101", "2:1"),
        ("- a\nb: c", "EL101", "2:1"),
        ("a: 'x' y", "EL101", "1:8"),
        ('a: "\\q"', "EL101", "1:5"),
        ("a: {{ speaker.name }}", "EL101", "1:5"),
        ("? [a]\n: 1", "EL101", "1:3"),
        ("a\nb: 1", "EL101", "2:2"),
    ],
)
def test_broken_or_refused_notation_is_reported_at_its_place(text: str, code: str, place: str) -> None:
    assert problems(text) == [(code, place)]


def test_the_first_of_two_equal_keys_is_kept_and_the_second_names_it() -> None:
    document = read("title: One\nyear: 1\ntitle: Two\n")

    assert document.value["title"] == "One"
    (problem,) = document.problems
    assert (problem.code, str(problem.position)) == ("EL102", "f.yaml:3:1")
    assert re.findall(r"`\w+`|\d+", problem.detail) == ["`title`", "1"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("a: 1\nb: ä".encode("latin-1"), "2:4"),
        ("a: 1".encode("utf-16"), "1:1"),
        (b"\xef\xbb\xbfa: 1", "1:1"),
        (b"a: x\x00y", "1:5"),
        (b"a: 1\nb: \x1b[31m", "2:4"),
        ("a: x\u0085\ufeffy".encode(), "1:6"),
        (b'a: "\xed\xa0\x80"', "1:5"),
    ],
)
def test_what_is_no_plain_utf8_text_is_refused_at_the_byte(data: bytes, place: str) -> None:
    assert problems(data) == [("EL115", place)]


def test_a_byte_order_mark_hides_no_other_mistake() -> None:
    assert [code for code, _ in problems(b"\xef\xbb\xbfa: 1\na: 2\n")] == ["EL115", "EL102"]


def test_an_escaped_surrogate_is_refused() -> None:
    assert problems('a: "\\ud800"') == [("EL101", "1:7")]


def test_an_empty_file_holds_nothing() -> None:
    assert read("# only a comment\n").value == NOTHING
    assert read("").value == NOTHING


def test_a_file_over_the_limit_is_refused_unread() -> None:
    assert problems(b"[" * (FILE_MAX_BYTES + 1)) == [("EL114", "1:1")]


def test_nesting_deeper_than_the_limit_is_refused_at_once() -> None:
    assert problems("[" * 100_000) == [("EL114", f"1:{DEPTH_MAX + 2}")]
    assert problems("[" * DEPTH_MAX + "]" * DEPTH_MAX) == []


@pytest.mark.parametrize(
    "opener", ["[", "{", "[\n", "{\n", "- ", "? ", "{a: ", "{? ", "[é, ", "[{a: ", '[ "é", ']
)
@pytest.mark.parametrize("end", ["", "@", "]", "\n\t- a", " 'b"])
def test_the_limit_for_nesting_decides_before_any_limit_of_libyaml(opener: str, end: str) -> None:
    (little,) = problems(opener * (DEPTH_MAX + 3) + "a")

    assert little[0] == "EL114"
    assert [problems(opener * depth + end) for depth in (50, 999, 1001, 20_000)] == [[little]] * 4


def test_the_limit_for_nesting_holds_for_indented_mappings() -> None:
    text = "".join(f"{' ' * depth}a:\n" for depth in range(1200))

    assert problems(text) == [("EL114", f"{DEPTH_MAX + 2}:{DEPTH_MAX + 2}")]


def test_mistakes_before_nesting_that_is_too_deep_are_kept() -> None:
    assert [code for code, _ in problems("a: &x 1\nb: " + "[" * 2000)] == ["EL111", "EL114"]


def test_more_values_than_the_limit_are_refused() -> None:
    (problem,) = read("[" + "a," * NODES_MAX + "]").problems
    assert problem.code == Mistake.TOO_LARGE.code


# VmHWM begins anew with each program; ru_maxrss would begin with what the test runner needs.
_MEASURE = """
import re, sys
from reconciler.loading.yaml import read_document
problems = read_document(sys.stdin.buffer.read(), "f.yaml").problems
print(len(problems), re.search(r"VmHWM:\\s+([0-9]+) kB", open("/proc/self/status").read()).group(1))
"""

BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a [1]\nb: [" + "*a," * 300_000 + "]",
        "[" + "a," * (FILE_MAX_BYTES // 2 - 1) + "]",
        "{" * 100_000,
        "a: " + "'" * 1_000_000,
    ],
    ids=["bomb", "aliases", "list", "braces", "quotes"],
)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_hostile_files_cost_little_memory(text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE], input=text.encode(), stdout=subprocess.PIPE, check=True
    )
    problems, peak_kib = map(int, done.stdout.split())

    assert problems <= PROBLEMS_MAX + 1
    assert peak_kib < 150 * 1024


def test_reading_stops_after_a_hundred_mistakes() -> None:
    found = read("a: &x 1\n" * 500).problems

    assert len(found) == PROBLEMS_MAX + 1
    assert found[-1].code == Mistake.TOO_MANY.code


@given(st.binary(max_size=400))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    document = read(data)
    assert document.problems or _is_plain(document.value)


_PIECES = (
    *("a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "&x ", "*x", "!!t ", "'", '"', "|", ">", "#"),
    *("? ", "---", "...", "%", "<<: ", "~", "\t", ":", "010", "2025-01-01", "\\"),
)
_NOTATION = st.lists(st.sampled_from(_PIECES), max_size=30)


@given(_NOTATION)
def test_no_notation_makes_the_reader_raise(pieces: list[str]) -> None:
    document = read("".join(pieces))
    assert document.problems or _is_plain(document.value)


# YAML folds NEL even between quotes, so two keys that differ in it alone are one key.
_KEY = st.text(st.characters(codec="utf-8", exclude_characters="\x85"), max_size=5)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEY, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_KEY, _PLAIN, max_size=4), st.booleans())
def test_what_pyyaml_writes_is_read_as_it_reads_it(value: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    if "&id" in text or "!!" in text:
        return

    document = read(text)

    assert document.problems == ()
    assert document.value == yaml.load(text, Loader=yaml.CSafeLoader)


def _is_plain(value: object) -> bool:
    match value:
        case dict():
            return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
        case list():
            return all(_is_plain(inner) for inner in value)
        case _:
            return value is None or isinstance(value, str | int | bool | Odd)
