"""Runs, steps and the audit log: what happened, in order, for ever."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import psycopg
import pytest

from reconciler.model.errors import ElmifyError
from reconciler.model.history import (
    GENESIS,
    Actor,
    AuditEntry,
    AuditFact,
    AuditHead,
    Run,
    RunKind,
    RunState,
    StepRecord,
    first_break,
)
from reconciler.records import records_on
from tests.failures import failing
from tests.records import CI, PERSON, begun_run, installed, reading, until_blocked, writing


def _run(url: str, number: int) -> Run:
    with reading(url) as connection:
        run = records_on(connection).run(number)
    assert run is not None
    return run


def _log(url: str) -> list[AuditEntry]:
    with reading(url) as connection:
        return list(records_on(connection).audit())


def _append(url: str, count: int, run: int | None = None) -> AuditHead:
    with installed(url) as records:
        return records.append_audit(run, CI, [AuditFact(event=f"event-{each}") for each in range(count)])


# Runs


def test_a_run_is_begun_committed_and_done_each_at_its_time(database_url: str) -> None:
    with installed(database_url) as records:
        number = records.begin_run(RunKind.APPLY, CI, "f1e2")
    for state in (RunState.COMMITTED, RunState.DONE):
        with installed(database_url) as records:
            records.set_run(number, state, outcome=f"now {state}")

    run = _run(database_url, number)

    assert (run.id, run.kind, run.actor, run.fingerprint) == (number, RunKind.APPLY, CI, "f1e2")
    assert (run.state, run.outcome) == (RunState.DONE, "now done")
    assert run.committed_at is not None
    assert run.finished_at is not None
    assert run.begun_at < run.committed_at < run.finished_at
    assert run.begun_at.utcoffset() == timedelta(0)


def test_a_run_that_was_only_begun_has_no_other_times(database_url: str) -> None:
    with installed(database_url) as records:
        number = records.begin_run(RunKind.GC, PERSON)

    run = _run(database_url, number)

    assert (run.state, run.actor, run.fingerprint) == (RunState.BEGUN, PERSON, None)
    assert (run.committed_at, run.finished_at, run.outcome) == (None, None, None)


def test_a_repeated_state_takes_a_new_outcome_and_keeps_its_time(database_url: str) -> None:
    number = begun_run(database_url)
    with installed(database_url) as records:
        records.set_run(number, RunState.COMMITTED, "12 rows")
    before = _run(database_url, number)
    with installed(database_url) as records:
        records.set_run(number, RunState.COMMITTED, "the audit head is not in the bucket yet")
        records.set_run(number, RunState.COMMITTED)

    after = _run(database_url, number)

    assert after.committed_at == before.committed_at
    assert after.outcome == "the audit head is not in the bucket yet"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (RunState.COMMITTED, RunState.FAILED),
        (RunState.COMMITTED, RunState.BEGUN),
        (RunState.DONE, RunState.COMMITTED),
        (RunState.DONE, RunState.FAILED),
        (RunState.FAILED, RunState.COMMITTED),
        (RunState.FAILED, RunState.DONE),
    ],
)
def test_a_run_never_goes_back(database_url: str, first: RunState, then: RunState) -> None:
    number = begun_run(database_url)
    with installed(database_url) as records:
        records.set_run(number, first)

    with (
        installed(database_url) as records,
        failing(ElmifyError, "run-state", number, first, then),
    ):
        records.set_run(number, then)

    assert _run(database_url, number).state is first


def test_a_run_that_does_not_exist_cannot_end(database_url: str) -> None:
    with installed(database_url) as records:
        with failing(ElmifyError, "no-run", 12):
            records.set_run(12, RunState.DONE)
        assert records.run(12) is None


def test_the_last_runs_come_newest_first(database_url: str) -> None:
    numbers = [begun_run(database_url) for _ in range(4)]

    with reading(database_url) as connection:
        shown = records_on(connection).runs(limit=3)

    assert [run.id for run in shown] == [*reversed(numbers)][:3]


def test_what_no_database_text_can_hold_is_shown_as_a_sign(database_url: str) -> None:
    with installed(database_url) as records:
        number = records.begin_run(RunKind.APPLY, Actor(name="a\0b\udc80"))
        records.set_run(number, RunState.FAILED, "file\0name")

    run = _run(database_url, number)

    assert run.actor.name == "a\u2400b\ufffd"
    assert run.outcome == "file\u2400name"


# Steps

STEP = StepRecord(
    address="speaker/collection/lecture",
    action="delete",
    before={
        "values": {"title": "Al-Fatiha ﷺ", "year": None, "is_public": True},
        "objects": {"audio": {}},
        "row": 4,
    },
    after=None,
    captured={
        "public.speakers": [{"id": 1, "name": "x"}],
        "public.lectures": [{"id": 4, "completion_rate": 0.5, "note": "back\\u0000slash"}],
        "a.favorites": [],
    },
)


def test_a_step_comes_back_as_it_was_recorded(database_url: str) -> None:
    created = StepRecord(address="speaker", action="create", before=None, after={"row": 9}, captured=None)
    number = begun_run(database_url)
    with installed(database_url) as records:
        records.add_steps(number, [STEP, created])

    with reading(database_url) as connection:
        assert list(records_on(connection).steps(number)) == [STEP, created]


def test_captured_tables_keep_the_order_of_inserting_them(database_url: str) -> None:
    number = begun_run(database_url)
    with installed(database_url) as records:
        records.add_steps(number, [STEP])

        captured = records.steps(number)[0].captured

    assert captured is not None
    assert list(captured) == ["public.speakers", "public.lectures", "a.favorites"]


def test_steps_of_a_run_follow_those_recorded_before(database_url: str) -> None:
    number, other = begun_run(database_url), begun_run(database_url)
    with installed(database_url) as records:
        for part in ([3, 1], [2], []):
            records.add_steps(number, [_step(address) for address in part])
        records.add_steps(other, [_step(7)])

        assert [step.address for step in records.steps(number)] == ["lecture-3", "lecture-1", "lecture-2"]


def _step(number: int) -> StepRecord:
    return StepRecord(address=f"lecture-{number}", action="forget", before={}, after={})


def test_a_step_with_a_nul_in_its_text_is_still_recorded(database_url: str) -> None:
    number = begun_run(database_url)
    with installed(database_url) as records:
        records.add_steps(
            number, [StepRecord(address="a", action="x", before={"t": ["\0"]}, after={"\ud800": 1})]
        )

        step = records.steps(number)[0]

    assert (step.before, step.after) == ({"t": ["\u2400"]}, {"\ufffd": 1})


# The audit log


def test_an_empty_log_ends_at_its_genesis(database_url: str) -> None:
    with installed(database_url) as records:
        assert records.audit_head() == AuditHead(0, GENESIS)
        assert records.append_audit(None, CI, []) == AuditHead(0, GENESIS)


def test_an_entry_says_who_did_when_what_to_what(database_url: str) -> None:
    fact = AuditFact(event="update", address="speaker", detail={"name": ["Ali ﷺ", None], "at": {"row": 4}})
    with installed(database_url) as records:
        head = records.append_audit(7, CI, [fact])

    (entry,) = _log(database_url)
    payload = json.loads(entry.payload)
    at = datetime.fromisoformat(payload.pop("at"))

    assert payload == {
        "run": 7,
        "actor": CI.name,
        "commit": CI.commit,
        "url": CI.url,
        "event": "update",
        "address": "speaker",
        "detail": {"name": ["Ali ﷺ", None], "at": {"row": 4}},
    }
    assert at.utcoffset() == timedelta(0)
    assert (entry.seq, entry.previous, entry.hash) == (1, GENESIS, head.hash)
    with writing(database_url) as connection:
        assert connection.execute("select at from elmify.audit").fetchone() == (at,)


def test_the_time_of_an_entry_has_microseconds_even_when_they_are_zero(database_url: str) -> None:
    _append(database_url, 1)

    time = json.loads(_log(database_url)[0].payload)["at"]

    assert len(time) == len("2026-01-02T03:04:05.000000+00:00")


def test_appended_entries_are_one_chain_over_several_transactions(database_url: str) -> None:
    for count in (2, 1, 3):
        head = _append(database_url, count)

    log = _log(database_url)

    assert [entry.seq for entry in log] == [1, 2, 3, 4, 5, 6]
    assert first_break(log) is None
    assert head == AuditHead(6, log[-1].hash)
    with reading(database_url) as connection:
        assert records_on(connection).audit_head() == head


def test_a_long_log_is_read_whole_and_in_order(database_url: str) -> None:
    _append(database_url, 4_500)

    log = _log(database_url)

    assert len(log) == 4_500
    assert first_break(log) is None


def test_entries_can_be_read_by_sql_whatever_was_in_them(database_url: str) -> None:
    with installed(database_url) as records:
        records.append_audit(None, Actor(name="n\0"), [AuditFact(event="e", detail={"\0": ("\ud9ab",)})])

    with writing(database_url) as connection:
        found = connection.execute("select payload::jsonb from elmify.audit").fetchall()
    assert [payload["detail"] for (payload,) in found] == [{"\u2400": ["\ufffd"]}]
    assert first_break(_log(database_url)) is None


@pytest.mark.parametrize(
    "rewriting",
    [
        "update elmify.audit set payload = payload",
        "delete from elmify.audit where seq = 1",
        "truncate elmify.audit",
        "delete from elmify.audit where false",
    ],
)
def test_the_log_is_append_only(database_url: str, rewriting: str) -> None:
    _append(database_url, 2)

    with (
        writing(database_url) as connection,
        pytest.raises(psycopg.errors.RestrictViolation) as refused,
    ):
        connection.execute(rewriting.encode())

    assert "elmify.refuse_to_rewrite_history" in (refused.value.diag.context or "")
    assert len(_log(database_url)) == 2


_SWAP = """
update elmify.audit mine set payload = other.payload, hash = other.hash
from elmify.audit other where mine.seq in (2, 3) and other.seq = 5 - mine.seq
"""


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        (
            "update elmify.audit set payload = replace(payload, 'event-1', 'event-9') where seq = 2",
            "2 was altered",
        ),
        ("update elmify.audit set hash = repeat('a', 64) where seq = 2", "2 was altered"),
        ("delete from elmify.audit where seq = 2", "2 is missing"),
        ("delete from elmify.audit where seq = 1", "1 is missing"),
        (_SWAP, "2 was altered"),
        (
            "insert into elmify.audit select -1, previous, payload, hash, at from elmify.audit where seq = 1",
            "-1",
        ),
    ],
)
def test_who_gets_around_the_trigger_is_found_by_the_chain(
    database_url: str, tampering: str, finding: str
) -> None:
    _append(database_url, 4)
    with writing(database_url) as connection:
        connection.execute("alter table elmify.audit disable trigger append_only")
        connection.execute("alter table elmify.audit drop constraint audit_seq_check")
        connection.execute(tampering.encode())

    found = first_break(_log(database_url))

    assert found is not None
    assert finding in found.sentence


def test_appenders_wait_for_one_another_and_keep_one_chain(database_url: str) -> None:
    begun_run(database_url)
    with ThreadPoolExecutor() as threads, writing(database_url) as late, writing(database_url) as early:
        records_on(early).append_audit(None, CI, [AuditFact(event="early")])
        waiting = threads.submit(records_on(late).append_audit, None, CI, [AuditFact(event="late")])
        until_blocked(database_url, late.info.backend_pid)
        early.commit()
        assert waiting.result().seq == 2

    log = _log(database_url)
    times = [json.loads(entry.payload)["at"] for entry in log]
    assert first_break(log) is None
    assert times == sorted(times)


def test_many_appenders_at_once_keep_one_chain(database_url: str) -> None:
    begun_run(database_url)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: _append(database_url, 3), range(12)))

    log = _log(database_url)
    assert len(log) == 36
    assert first_break(log) is None


def test_entries_of_a_transaction_that_failed_leave_no_gap(database_url: str) -> None:
    _append(database_url, 1)
    with writing(database_url) as connection:
        records_on(connection).append_audit(None, CI, [AuditFact(event="never")])
        connection.rollback()
    _append(database_url, 1)

    log = _log(database_url)
    assert [entry.seq for entry in log] == [1, 2]
    assert first_break(log) is None
