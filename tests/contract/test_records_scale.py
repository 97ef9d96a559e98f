"""History of years: with 200,000 runs every command reads a few rows of them, by an index."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from reconciler.model.history import CommitCounts, Run, RunKind, RunResult, RunState
from reconciler.model.ports import Records, RecordsReader
from reconciler.records import records_on
from tests import postgres
from tests.records import CI, ENVIRONMENT, IDENTITY, install_version_1, reading, writing

RUNS = 200_000

#: Three years of two hundred runs a day, as the first version recorded them. One in five found something to
#: do, one in fifty failed, one in a thousand was killed. The second half is gc alone: the last change is far
#: back.
_HISTORY = f"""
insert into elmify.run (command, actor, begun_at, state, committed_at, finished_at, outcome)
select command, 'ci', begun, state,
       case when state = 'done' and number % 5 = 0 then begun + interval '1 second' end,
       case when state <> 'begun' then begun + interval '2 seconds' end,
       case state when 'done' then 'ok' when 'failed' then 'interrupted' end
from (
    select number,
           timestamptz '2024-01-01' + number * interval '7 minutes' as begun,
           case when number % 3 = 0 or number > {RUNS} / 2 then 'gc'
                when number % 1000 = 1 then 'rollback ' || number
                when number % 1000 = 2 then 'merge ' || number || ' a/b/c'
                else 'apply'
           end as command,
           case when number % 1000 = 999 then 'begun' when number % 50 = 7 then 'failed' else 'done'
           end as state
    from generate_series(1, {RUNS}) as number
) as made;

insert into elmify.audit (seq, previous, payload, hash, at)
select row_number() over (order by id), repeat('0', 64),
       '{{"actor":"ci","detail":{{"changes":1,"uploaded_bytes":' || id || ',"user_rows_lost":1}},"event":"'
       || case command when 'gc' then 'condemn' else 'commit' end || '","run":' || id || ',"url":null}}',
       repeat('0', 64), committed_at
from elmify.run where committed_at is not null;

insert into elmify.step (run, seq, address, action)
select id, number, 'a/b/c-' || number, case number when 2 then 'no-op' else 'update' end
from elmify.run, generate_series(1, 2) as number where committed_at is not null and command <> 'gc';

update elmify.audit_head set seq = (select max(seq) from elmify.audit);
"""

#: The rows that this transaction has read of each table, and by how many scans of the whole of it.
_READ = """
select relname::text, coalesce(seq_scan, 0), coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
from pg_catalog.pg_stat_xact_user_tables
where schemaname = 'elmify' and relname in ('run', 'step', 'audit')
"""

LAST_COMMIT = RUNS // 2  # of an apply: later there is gc alone


@pytest.fixture(scope="module")
def long_history(postgres_server: str, production_template: str) -> Iterator[str]:
    """URL of a database with a history that the first version began and this one has upgraded."""
    with postgres.clone(postgres_server, production_template) as url:
        install_version_1(url)
        with writing(url) as connection:
            connection.execute(_HISTORY.encode())
        with writing(url) as connection:
            records_on(connection).install(ENVIRONMENT, IDENTITY)
        yield url


QUESTIONS: dict[str, Callable[[RecordsReader], object]] = {
    "runs": lambda records: records.runs(20),
    "status": lambda records: (records.runs(5), records.lease(), records.audit_head(), records.run(RUNS)),
    "last state of a command": lambda records: [records.ended_runs(kind, limit=2) for kind in RunKind],
    "last success": lambda records: [records.ended_runs(kind, result=RunResult.OK) for kind in RunKind],
    "last upload": lambda records: records.last_upload(),
    "last change": lambda records: records.last_change(),
    "last commit": lambda records: records.last_commit(),
    "steps of a run": lambda records: records.steps(LAST_COMMIT - 5),
    "what came after a run": lambda records: list(records.touched_since(LAST_COMMIT - 5)),
}

#: Of each table: more than any page of runs holds, less than a thousandth of the history.
A_FEW = 60


def rows_read(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, tuple[int, int]]:
    return {str(name): (scans, rows) for name, scans, rows in connection.execute(_READ).fetchall()}  # type: ignore[misc]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_reads_a_few_rows_and_never_a_whole_table(long_history: str, question: str) -> None:
    with reading(long_history) as connection:
        answer = QUESTIONS[question](records_on(connection))
        read = rows_read(connection)

    assert answer
    assert {scans for scans, _ in read.values()} == {0}
    assert 0 < sum(rows for _, rows in read.values()) <= A_FEW


def test_totals_read_the_sums_and_the_runs_that_have_not_ended(long_history: str) -> None:
    with reading(long_history) as connection:
        totals = records_on(connection).run_totals()
        read = rows_read(connection)

    killed = sum(total.runs for total in totals if total.result is RunResult.BEGUN)
    assert sum(total.runs for total in totals) == RUNS
    assert killed == RUNS // 1000
    assert read["run"] == (0, killed)
    assert read["audit"] == (0, 0)


def test_the_answers_are_those_of_the_whole_history(long_history: str) -> None:
    """Counted by hand from what was inserted, in statements that read all of it."""
    with reading(long_history) as connection:
        records = records_on(connection)
        entry, upload, runs = records.last_commit(), records.last_upload(), records.runs(3)
        by_hand = connection.execute(
            "select max(run.id), sum(uploaded_bytes), count(*) filter (where changes > 0)"
            " from elmify.run where commit_entry is not null"
        ).fetchone()
        totals = records.run_totals()
        last_change = records.last_change()

    assert [run.id for run in runs] == [RUNS, RUNS - 1, RUNS - 2]
    assert entry is not None
    assert upload is not None
    assert by_hand is not None
    last, uploaded, changed = by_hand
    assert upload.id == upload.uploaded_bytes == last == last_change
    assert f'"run":{last},' in entry.payload
    assert sum(total.uploaded_bytes for total in totals) == uploaded
    assert changed > RUNS // 20
    assert {total.kind for total in totals} == set(RunKind) - {RunKind.OTHER}


def test_a_run_is_recorded_by_reading_its_own_rows(long_history: str) -> None:
    def ended(records: Records) -> Run | None:
        run = records.begin_run(RunKind.APPLY, CI)
        records.set_run(run, RunState.COMMITTED, counts=CommitCounts(entry=1))
        records.set_run(run, RunState.DONE, "ok")
        return records.run(run)

    with writing(long_history) as connection:
        found = ended(records_on(connection))
        read = rows_read(connection)
        connection.rollback()

    assert found is not None
    assert {scans for scans, _ in read.values()} == {0}
    assert sum(rows for _, rows in read.values()) <= A_FEW
