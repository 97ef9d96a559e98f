"""Lines are put into elmify.yaml, and nothing else of it changes."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import matches_any
from reconciler.model.errors import UsageError
from reconciler.model.policy import Ignored
from reconciler.settings import NotWritable, ignored, with_ignored

NOTES = Ignored(what="=unmanaged.object[notes.txt]", reason="the editors' own")

HEAD = "# About us.\nenvironment: live  # ours\n\n# How long.\nretention: 30d\n"


def test_a_file_without_the_key_gets_it_at_its_end() -> None:
    assert with_ignored(HEAD, [NOTES]) == (
        f'{HEAD}\nignore:\n  - what: "=unmanaged.object[notes.txt]"\n    reason: "the editors\' own"\n'
    )


def test_a_file_that_ends_without_a_line_break_gets_one() -> None:
    assert with_ignored("environment: live", [NOTES]).startswith("environment: live\n\nignore:\n")


def test_new_entries_stand_on_top_and_every_comment_stays_where_it_is() -> None:
    before = (
        "environment: live\nignore:  # let be\n"
        "# of old\n- what: a  # first\n  reason: b\n\n- what: c\n  reason: >\n    long\n    text\n"
        "# the end\nretention: 30d\n"
    )

    after = with_ignored(before, [NOTES, Ignored(what="x", reason="y")])

    kept = [line for line in after.splitlines() if line in before.splitlines()]
    assert kept == before.splitlines()
    assert [entry["what"] for entry in yaml.safe_load(after)["ignore"]] == [NOTES.what, "x", "a", "c"]


@pytest.mark.parametrize("empty", ["ignore:\n", "ignore:   # nothing yet\n", "ignore: ~\n"])
def test_an_empty_list_is_filled_where_that_can_be_done_line_by_line(empty: str) -> None:
    if "~" in empty:
        with pytest.raises(NotWritable):
            with_ignored(empty, [NOTES])
    else:
        assert yaml.safe_load(with_ignored(f"{empty}environment: x\n", [NOTES]))["ignore"][0]["reason"]


@pytest.mark.parametrize("flow", ["ignore: []\n", "ignore: [{what: a, reason: b}]\n", "ignore: text\n"])
def test_another_notation_is_left_to_the_hand(flow: str) -> None:
    with pytest.raises(NotWritable):
        with_ignored(f"environment: x\n{flow}", [NOTES])


def test_windows_line_ends_are_kept() -> None:
    after = with_ignored("environment: live\r\n", [NOTES])

    assert "\n" not in after.replace("\r\n", "")


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=3))
def test_any_name_and_any_reason_come_back_and_name_what_was_meant(pairs: list[tuple[str, str]]) -> None:
    entries = []
    for what, reason in pairs:
        address = f"unmanaged.object[{what}]"
        try:
            entries.append((address, ignored(address, reason)))
        except UsageError:
            continue  # a reason that says nothing
    text = "environment: live\n"

    found = yaml.safe_load(with_ignored(text, [entry for _, entry in entries]))

    assert found.get("ignore", []) == [{"what": e.what, "reason": e.reason} for _, e in entries]
    assert all(matches_any(address, [entry.what]) for address, entry in entries)


def test_a_name_is_taken_alone_and_one_with_a_control_character_as_a_glob() -> None:
    assert ignored("ali", " kept \n for now ") == Ignored(what="=ali", reason="kept for now")
    assert ignored("unmanaged.object[a\x07b]", "x").what == "unmanaged.object[a?b]"


def test_a_reason_that_says_nothing_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        ignored("ali", "  \n ")

    assert refused.value.code == "usage"
