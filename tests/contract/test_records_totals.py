"""Totals of runs, and the last one of each sort: kept while runs end, read without looking at every run."""

from datetime import timedelta

from reconciler.model.history import (
    AuditFact,
    CommitCounts,
    RunKind,
    RunResult,
    RunState,
    RunTotal,
    StepRecord,
)
from reconciler.model.ports import Records
from reconciler.records import records_on
from tests.records import CI, begun_run, installed, reading, writing


def ended(
    url: str,
    state: RunState = RunState.DONE,
    outcome: str | None = "ok",
    kind: RunKind = RunKind.APPLY,
    *,
    committed: CommitCounts | None = None,
) -> int:
    """Record a run from its begin to a state; its number."""
    with installed(url) as records:
        number = records.begin_run(kind, CI, subject=("7",) if kind is RunKind.ROLLBACK else ())
        if committed is not None:
            records.set_run(number, RunState.COMMITTED, counts=committed)
        if state is not RunState.BEGUN:
            records.set_run(number, state, outcome)
    return number


def totals(url: str) -> dict[tuple[RunKind, RunResult], RunTotal]:
    with reading(url) as connection:
        return {(total.kind, total.result): total for total in records_on(connection).run_totals()}


def commit(records: Records, run: int) -> int:
    """Write the entry of a commit, as an apply does; its number."""
    return records.append_audit(run, CI, [AuditFact(event="update"), AuditFact(event="commit")]).seq


def test_without_records_there_are_no_totals(database_url: str) -> None:
    with reading(database_url) as connection:
        records = records_on(connection)

        assert records.run_totals() == ()
        assert records.ended_runs(RunKind.APPLY) == ()
        assert records.last_upload() is None
        assert records.last_commit() is None


def test_runs_are_counted_by_kind_and_result(database_url: str) -> None:
    for state, outcome, kind in (
        (RunState.DONE, "ok", RunKind.APPLY),
        (RunState.DONE, None, RunKind.APPLY),
        (RunState.DONE, "the audit head is not in the bucket", RunKind.APPLY),
        (RunState.FAILED, "interrupted", RunKind.APPLY),
        (RunState.BEGUN, None, RunKind.ROLLBACK),
        (RunState.COMMITTED, None, RunKind.GC),
        (RunState.DONE, "ok", RunKind.GC),
    ):
        ended(database_url, state, outcome, kind)

    found = {key: (total.runs, total.ended) for key, total in totals(database_url).items()}

    assert found == {
        (RunKind.APPLY, RunResult.OK): (2, 2),
        (RunKind.APPLY, RunResult.UNFINISHED): (1, 1),
        (RunKind.APPLY, RunResult.FAILED): (1, 1),
        (RunKind.ROLLBACK, RunResult.BEGUN): (1, 0),
        (RunKind.GC, RunResult.UNFINISHED): (1, 0),
        (RunKind.GC, RunResult.OK): (1, 1),
    }


def test_a_commit_is_summed_up_before_its_run_ends_and_once(database_url: str) -> None:
    counts = CommitCounts(entry=1, uploaded_files=3, uploaded_bytes=500, user_rows_lost=2)
    ended(database_url, committed=counts)
    ended(database_url, RunState.COMMITTED, None, committed=counts)

    found = totals(database_url)

    assert sum(total.uploaded_bytes for total in found.values()) == 1_000
    assert sum(total.user_rows_lost for total in found.values()) == 4
    assert found[RunKind.APPLY, RunResult.OK].uploaded_bytes == 500


def test_what_ended_runs_took_is_summed_up(database_url: str) -> None:
    numbers = [ended(database_url), ended(database_url)]

    with reading(database_url) as connection:
        runs = [records_on(connection).run(number) for number in numbers]
    took = sum((r.finished_at - r.begun_at for r in runs if r and r.finished_at), timedelta(0))
    assert totals(database_url)[RunKind.APPLY, RunResult.OK].duration == took > timedelta(0)


def test_a_run_that_ends_again_is_counted_once_by_its_last_result(database_url: str) -> None:
    number = ended(database_url)
    for outcome in ("ok", "the audit head is not in the bucket", None):
        with installed(database_url) as records:
            records.set_run(number, RunState.DONE, outcome)

    found = totals(database_url)

    assert list(found) == [(RunKind.APPLY, RunResult.UNFINISHED)]
    assert [total.runs for total in found.values()] == [1]


def test_the_total_of_a_transaction_that_is_given_up_goes_with_it(database_url: str) -> None:
    number = begun_run(database_url)
    with writing(database_url) as connection:
        records_on(connection).set_run(number, RunState.DONE, "ok")
        connection.rollback()

    assert list(totals(database_url)) == [(RunKind.APPLY, RunResult.BEGUN)]


def test_the_last_ended_runs_of_a_kind_come_newest_first(database_url: str) -> None:
    first = ended(database_url)
    failed = ended(database_url, RunState.FAILED, "no")
    ended(database_url, kind=RunKind.GC)
    ended(database_url, RunState.COMMITTED)
    begun_run(database_url)

    with reading(database_url) as connection:
        records = records_on(connection)
        found = [run.id for run in records.ended_runs(RunKind.APPLY, limit=9)]
        last = [run.id for run in records.ended_runs(RunKind.APPLY)]
        successes = [run.id for run in records.ended_runs(RunKind.APPLY, result=RunResult.OK, limit=9)]

    assert (found, last, successes) == ([failed, first], [failed], [first])


def test_the_last_upload_is_the_last_commit_with_bytes(database_url: str) -> None:
    ended(database_url, committed=CommitCounts(entry=1, uploaded_files=1, uploaded_bytes=5))
    uploading = ended(database_url, committed=CommitCounts(entry=2, uploaded_files=2, uploaded_bytes=7))
    ended(database_url, committed=CommitCounts(entry=3))

    with reading(database_url) as connection:
        found = records_on(connection).last_upload()

    assert found is not None
    assert (found.id, found.uploaded_files, found.uploaded_bytes) == (uploading, 2, 7)


def test_changes_are_counted_from_the_steps_of_the_commit(database_url: str) -> None:
    with installed(database_url) as records:
        run = records.begin_run(RunKind.APPLY, CI)
        records.add_steps(
            run,
            [
                StepRecord(address=address, action=action, before=None, after=None)
                for address, action in (("a", "create"), ("a/b", "move"), ("a/c", "no-op"), ("*", "capture"))
            ],
        )
        records.set_run(run, RunState.COMMITTED)
        records.set_run(run, RunState.DONE, "ok")

        found = records.run(run)

    assert found is not None
    assert found.changes == 2


def test_the_entry_of_the_last_commit_is_found_behind_all_that_came_later(database_url: str) -> None:
    begun_run(database_url)
    with installed(database_url) as records:
        for _ in range(2):
            run = records.begin_run(RunKind.APPLY, CI)
            entry = commit(records, run)
            records.set_run(run, RunState.COMMITTED, counts=CommitCounts(entry=entry))
        records.append_audit(None, CI, [AuditFact(event="unlock", detail={"reason": '"event":"commit"'})])

    with reading(database_url) as connection:
        found = records_on(connection).last_commit()

    assert found is not None
    assert found.seq == 4
    assert '"event":"commit"' in found.payload


def test_a_commit_whose_entry_is_gone_is_passed_over(database_url: str) -> None:
    with installed(database_url) as records:
        run = records.begin_run(RunKind.APPLY, CI)
        records.set_run(run, RunState.COMMITTED, counts=CommitCounts(entry=commit(records, run)))
        other = records.begin_run(RunKind.APPLY, CI)
        records.set_run(other, RunState.COMMITTED, counts=CommitCounts(entry=99))

    with reading(database_url) as connection:
        found = records_on(connection).last_commit()

    assert found is not None
    assert found.seq == 2
