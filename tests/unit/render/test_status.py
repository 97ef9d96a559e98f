"""Sentences of a status: what to do next, and why."""

import json
from datetime import UTC, datetime

import pytest

from reconciler.model.remedies import Apply, CollectGarbage, Merge, Rebind
from reconciler.model.status import Advice, Status, Why
from reconciler.render.status import advice_lines, status_json, status_text

ENDS_AT = datetime(2026, 11, 23, 14, 3, 5, tzinfo=UTC)

QUIET = Status(
    environment="test",
    objects="a bucket",
    database="a database",
    identity=None,
    marker=None,
    trouble=None,
    lease=None,
    holder=None,
    runs=(),
    leftovers=(),
    unfinished=(),
    given_up=0,
    foreign=(),
    staged={},
    condemned=0,
    unanchored=None,
)


def advice(why: Why, **known: object) -> Advice:
    facts: dict[str, object] = {"run": 3, "holder": "maryam", "ends_at": ENDS_AT, "count": 2, "problem": "no"}
    return Advice(why=why, **{**facts, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize("why", Why)
def test_every_reason_is_a_sentence_and_its_remedy_a_command_alone_on_its_line(why: Why) -> None:
    sentence, command = advice_lines(advice(why, remedy=CollectGarbage()))

    assert sentence
    assert command == "    elmify gc"


def test_reasons_are_told_apart() -> None:
    told = {advice_lines(advice(why))[0] for why in Why}

    assert len(told) == len(Why)


def test_who_waits_is_told_how_long_the_lease_lasts() -> None:
    waiting = advice(Why.RUN_AT_WORK, remedy=Apply(wait_seconds=120))

    sentence, command = advice_lines(waiting)
    assert sentence == (
        "Run 3 of maryam is at work, or was killed a moment ago: its lease ends at 2026-11-23 14:03:05 UTC "
        "without another sign of life. This waits and goes on:"
    )
    assert command == "    elmify apply --lock-timeout 2m"


def test_a_reviewed_plan_is_named_by_the_start_of_its_fingerprint() -> None:
    fingerprint = "873c34b77a35" + "0" * 52

    sentence, command = advice_lines(
        advice(Why.INTERRUPTED_BEFORE_COMMIT, remedy=Apply(fingerprint=fingerprint))
    )

    assert sentence.startswith("PLANFILE is the plan file with fingerprint 873c34b77a35: ")
    assert "before its commit" in sentence
    assert command == "    elmify apply PLANFILE"


def test_what_is_no_pair_is_told_by_the_failure_itself() -> None:
    told = advice_lines(advice(Why.NOT_A_PAIR, problem="They are no pair.", remedy=Rebind()))

    assert told == ["They are no pair.", "    elmify identity --rebind"]


def test_what_the_records_hold_cannot_act_in_a_terminal() -> None:
    hostile = advice(
        Why.INTERRUPTED_BEFORE_COMMIT, remedy=Merge(row="\x1b[31m", into="\u202e"), holder="\x1b"
    )

    assert not {"\x1b", "\u202e"} & set("".join(advice_lines(hostile)))


def test_the_text_ends_on_the_command_and_the_json_has_code_and_remedy() -> None:
    next_ = advice(Why.GC_INTERRUPTED, remedy=CollectGarbage())

    assert status_text(QUIET, next_).splitlines()[-1] == "    elmify gc"
    told = json.loads(status_json(QUIET, next_))["next"]
    assert (told["code"], told["command"]) == ("gc-interrupted", "elmify gc")
    assert told["remedy"] == {"kind": "gc", "wait_seconds": None}


def test_without_anything_to_go_on_with_there_is_no_command() -> None:
    nothing = Advice(why=Why.ALL_DONE)

    assert len(advice_lines(nothing)) == 1
    told = json.loads(status_json(QUIET, nothing))["next"]
    assert (told["command"], told["remedy"]) == (None, None)
