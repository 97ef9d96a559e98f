import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconciler.model.history import (
    Actor,
    AuditEntry,
    AuditHead,
    Lease,
    Run,
    RunKind,
    RunState,
    chain_hash,
    chained,
)
from reconciler.render.history import (
    audit_jsonl,
    audit_lines,
    git_advice,
    lease_json,
    lease_text,
    run_name,
    runs_json,
    runs_text,
    time_text,
)

AT = datetime(2026, 11, 23, 14, 2, 5, tzinfo=UTC)
RUN = Run(
    id=12,
    kind=RunKind.APPLY,
    actor=Actor(name="ci", commit="1a2b3c4d5e6f7890", url="https://ci.invalid/7"),
    state=RunState.DONE,
    fingerprint="3f6c3ed8153e0228" * 4,
    begun_at=AT,
    committed_at=AT + timedelta(minutes=1),
    finished_at=AT + timedelta(minutes=2),
    outcome="14 added",
)
BEGUN = replace(
    RUN,
    id=13,
    actor=Actor(name="amina"),
    state=RunState.BEGUN,
    fingerprint=None,
    committed_at=None,
    finished_at=None,
    outcome=None,
)
LEASE = Lease(
    run=13,
    holder="amina",
    url=None,
    token=4,
    acquired_at=AT,
    heartbeat_at=AT,
    expires_at=AT + timedelta(minutes=2),
    stale=False,
)
FACT = {
    "at": "2026-11-23T14:02:05.000000+00:00",
    "run": 12,
    "actor": "ci",
    "event": "update",
    "address": "a/b/c",
    "detail": {"title": ["x", "محمد ﷺ"]},
}


def test_times_are_shown_in_utc_to_the_minute() -> None:
    assert time_text(AT.astimezone(timezone(timedelta(hours=3)))) == "2026-11-23 14:02 UTC"
    assert time_text(None) == "-"


def test_runs_are_a_table_in_the_order_given() -> None:
    assert runs_text([BEGUN, RUN]) == (
        "run  begun                 ended                 state  command  plan          who"
        "                                        outcome\n"
        "13   2026-11-23 14:02 UTC  -                     begun  apply    -             amina\n"
        "12   2026-11-23 14:02 UTC  2026-11-23 14:04 UTC  done   apply    3f6c3ed8153e  "
        "ci at 1a2b3c4d5e6f (https://ci.invalid/7)  14 added"
    )


@pytest.mark.parametrize(
    ("kind", "subject", "name"),
    [
        (RunKind.APPLY, (), "apply"),
        (RunKind.GC, (), "gc"),
        (RunKind.ROLLBACK, ("12",), "rollback 12"),
        (RunKind.MERGE, ("412", "unmanaged.lectures[413]"), "merge 412 unmanaged.lectures[413]"),
        (RunKind.OTHER, ("stage",), "stage"),
    ],
)
def test_a_run_is_named_by_its_kind_and_subject(kind: RunKind, subject: tuple[str, ...], name: str) -> None:
    run = replace(RUN, kind=kind, subject=subject)

    assert run_name(kind, subject) == name
    assert f"  {name}  " in runs_text([run])
    (document,) = json.loads(runs_json([run]))
    assert (document["kind"], document["subject"]) == (kind.value, list(subject))


def test_no_runs_are_said() -> None:
    assert runs_text([]) == "No runs yet."
    assert runs_json([]) == "[]"


def test_a_run_as_json_has_whole_hashes_and_times() -> None:
    (run,) = json.loads(runs_json([RUN]))

    assert run["fingerprint"] == RUN.fingerprint
    assert (run["kind"], run["subject"]) == ("apply", [])
    assert run["begun_at"] == "2026-11-23T14:02:05Z"
    assert run["actor"] == {"name": "ci", "commit": "1a2b3c4d5e6f7890", "url": "https://ci.invalid/7"}


def test_a_hostile_name_stays_in_its_cell() -> None:
    text = runs_text([replace(RUN, actor=Actor(name="\x1b[2J\n::error::"), outcome="a\nb")])

    assert len(text.splitlines()) == 2
    assert "\x1b" not in text


def test_the_lease_says_who_until_when() -> None:
    assert lease_text(LEASE) == (
        "Run 13 holds the lease.\n"
        "  holder     amina\n"
        "  page       -\n"
        "  acquired   2026-11-23 14:02 UTC\n"
        "  heartbeat  2026-11-23 14:02 UTC\n"
        "  expires    2026-11-23 14:04 UTC\n"
        "  token      4"
    )
    assert "(stale: anybody may take it)" in lease_text(replace(LEASE, stale=True))


def test_nobody_holding_the_lease_is_said() -> None:
    assert lease_text(None) == "Nobody holds the lease."
    assert lease_json(None) == "null"
    assert json.loads(lease_json(LEASE))["run"] == 13


def test_an_audit_entry_is_a_line() -> None:
    assert list(
        audit_lines(chained(AuditHead(), [FACT, {**FACT, "run": None, "address": None, "detail": None}]))
    ) == [
        '1  2026-11-23 14:02 UTC  ci  run 12  update  a/b/c  {"title":["x","محمد ﷺ"]}',
        "2  2026-11-23 14:02 UTC  ci  -  update  -",
    ]


def test_an_entry_altered_into_something_else_is_shown_as_it_stands() -> None:
    entries = [
        AuditEntry(seq=seq, previous="", payload=payload, hash="")
        for seq, payload in enumerate(["not \x1b json", "[1]", '{"at": "yesterday"}'], start=1)
    ]

    assert list(audit_lines(entries)) == ["1  not \\x1b json", "2  [1]", "3  yesterday  -  -  -  -"]


def test_a_line_of_the_log_as_json_lets_anybody_verify_the_chain() -> None:
    line, second = map(json.loads, audit_jsonl(chained(AuditHead(), [FACT, FACT])))

    assert chain_hash(line["previous"], line["seq"], line["payload"]) == line["hash"]
    assert second["previous"] == line["hash"]
    assert line["fact"] == FACT


def test_after_a_rollback_the_commit_that_the_run_applied_is_reverted() -> None:
    assert git_advice(RUN) == (
        "The catalog in git is ahead now: the next apply would do run 12 again. Take its change back there "
        "too:\n    git revert 1a2b3c4d5e6f7890"
    )
    assert git_advice(replace(RUN, actor=Actor(name="maryam"))).endswith("git revert COMMIT")


def test_after_the_rollback_of_a_rollback_or_a_merge_git_is_told_of_too() -> None:
    rollback = replace(RUN, kind=RunKind.ROLLBACK, subject=("11",))
    merge = replace(RUN, kind=RunKind.MERGE, subject=("7", "a/b/c"))

    assert git_advice(rollback).startswith("Run 12 was itself a rollback.")
    assert "to go with the merge" in git_advice(merge)
