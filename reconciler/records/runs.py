"""Recorded runs and their steps, with counts and sums over all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.errors import ElmifyError
from reconciler.model.history import (
    Actor,
    AuditEntry,
    CommitCounts,
    Run,
    RunKind,
    RunResult,
    RunState,
    RunTotal,
    StepRecord,
    Touch,
)
from reconciler.model.remedies import ShowRuns
from reconciler.records.bulk import copy_into, json_text, storable, storable_or_none, streamed
from reconciler.records.schema import RUNS_OF_VERSION_1, VERSION, SchemaRecords, sql_file

_BEGIN = """
insert into elmify.run (kind, subject, actor, actor_commit, actor_url, fingerprint)
values (%s, %s, %s, %s, %s, %s) returning id
"""

#: Steps that change nothing: a capture, a record kept, and the purpose of the run.
_NO_CHANGE = ("no-op", "capture", "sort", "edit", "rollback", "merge")

#: A time is set once: to repeat a state, perhaps with another outcome, does not move it. A run that ends is
#: added to the sums of its kind and result; if it ends again with another result, it moves between them.
_SET = """
with before as materialized (
    select id, result, finished_at is not null as ended from elmify.run
    where id = %(run)s and state = any(%(from)s) for update
), moved as (
    update elmify.run as run
    set state = %(state)s,
        outcome = coalesce(%(outcome)s, outcome),
        committed_at = case when %(state)s = 'committed' then coalesce(committed_at, clock_timestamp())
                            else committed_at end,
        finished_at = case when %(state)s in ('done', 'failed')
                           then coalesce(finished_at, clock_timestamp()) end,
        commit_entry = coalesce(%(entry)s, commit_entry),
        uploaded_files = coalesce(%(uploaded_files)s, uploaded_files),
        uploaded_bytes = coalesce(%(uploaded_bytes)s, uploaded_bytes),
        user_rows_lost = coalesce(%(user_rows_lost)s, user_rows_lost),
        changes = case when %(state)s = 'committed'
                       then (select count(*) from elmify.step where step.run = run.id
                             and step.action <> all(%(no_change)s))
                       else changes end
    from before where run.id = before.id
    returning run.kind, run.result, run.finished_at - run.begun_at as duration, run.uploaded_bytes,
              run.user_rows_lost, before.result as result_before, before.ended as ended_before
), counted as (
    insert into elmify.run_total as total (kind, result, runs, duration, uploaded_bytes, user_rows_lost)
    select kind, counted_as, sign, sign * duration, sign * uploaded_bytes, sign * user_rows_lost
    from moved, lateral (
        select result, 1 where not ended_before or result <> result_before
        union all select result_before, -1 where ended_before and result <> result_before
    ) as counting (counted_as, sign)
    where duration is not null
    on conflict (kind, result) do update
    set runs = total.runs + excluded.runs,
        duration = total.duration + excluded.duration,
        uploaded_bytes = total.uploaded_bytes + excluded.uploaded_bytes,
        user_rows_lost = total.user_rows_lost + excluded.user_rows_lost
)
select count(*) from moved
"""

#: The states from which each state can be reached; a run without a commit may be done: it had nothing to do.
_BEFORE = {
    RunState.BEGUN: (RunState.BEGUN,),
    RunState.COMMITTED: (RunState.BEGUN, RunState.COMMITTED),
    RunState.DONE: (RunState.BEGUN, RunState.COMMITTED, RunState.DONE),
    RunState.FAILED: (RunState.BEGUN, RunState.FAILED),
}

_READ = """
select id, kind, subject, actor, actor_commit, actor_url, state, fingerprint,
       begun_at, committed_at, finished_at, outcome, changes, uploaded_files, uploaded_bytes, user_rows_lost
from {runs} as run
"""
_READ_ONE = _READ + "where id = %s"
_READ_LAST = _READ + "order by id desc limit %s"
_READ_ENDED = _READ + "where kind = %s and finished_at is not null order by id desc limit %s"
_READ_ENDED_WITH = (
    _READ + "where kind = %s and result = %s and finished_at is not null order by id desc limit %s"
)
_READ_LAST_UPLOAD = _READ + "where uploaded_bytes > 0 order by committed_at desc, id desc limit 1"

_LAST_CHANGE = "select max(id) from {runs} as run where changes > 0"

#: A commit whose entry is gone from the audit log is passed over. The inner limit keeps the planner from
#: merging both tables from their ends: many entries of gc may come after it.
_LAST_COMMIT = """
select entry.*
from {runs} as run, lateral (
    select seq, previous, payload, hash from elmify.audit where seq = run.commit_entry limit 1
) as entry
where run.commit_entry is not null
order by run.commit_entry desc limit 1
"""

#: The ended runs are summed up already; there are few others.
_TOTALS = """
select kind, result, sum(runs)::bigint, sum(ended)::bigint, sum(duration),
       sum(uploaded_bytes)::bigint, sum(user_rows_lost)::bigint
from (
    select kind, result, runs, runs as ended, duration, uploaded_bytes, user_rows_lost from elmify.run_total
    union all
    select kind, result, 1, 0, '0', uploaded_bytes, user_rows_lost from elmify.run where finished_at is null
) as counted
group by kind, result
having sum(runs) > 0
order by kind, result
"""

_TOTALS_OF_VERSION_1 = """
select kind, result, count(*), count(finished_at), coalesce(sum(finished_at - begun_at), '0'),
       sum(uploaded_bytes)::bigint, sum(user_rows_lost)::bigint
from {runs} as run
group by kind, result
order by kind, result
"""

_STEP_COLUMNS = "run, seq, address, action, before, after, captured"

_LAST_STEP = "select coalesce(max(seq), 0) from elmify.step where run = %s"

_READ_STEPS = "select address, action, before, after, captured from elmify.step where run = %s order by seq"

#: Every number in it was written by elmify: there is no text to escape in a run's id.
_TOUCHED = """
select s.run, s.address, s.action, s.before ->> 'address', coalesce(s.before, s.after) ->> 'kind',
       (coalesce(s.before, s.after) ->> 'row')::bigint,
       case when s.action = 'rollback' then (s.before ->> 'run')::bigint end
from elmify.step s join elmify.run r on r.id = s.run
where s.run > {run} and r.committed_at is not null
order by s.run, s.seq
"""


class RunRecords(SchemaRecords):
    """Runs in the records.

    No matter how many runs there are, each read is of only as many rows as it returns.
    """

    def begin_run(
        self, kind: RunKind, actor: Actor, fingerprint: str | None = None, *, subject: Sequence[str] = ()
    ) -> int:
        """Record that a run has begun, and return its number.

        Numbers grow, with gaps. Upgrades records of an earlier version first; raises as `install` does.
        """
        self._upgrade()
        who = (storable(actor.name), storable_or_none(actor.commit), storable_or_none(actor.url))
        cells = (kind.value, [storable(word) for word in subject], *who, fingerprint)
        run: int = self._connection.execute(_BEGIN, cells).fetchall()[0][0]
        return run

    def set_run(
        self, run: int, state: RunState, outcome: str | None = None, counts: CommitCounts | None = None
    ) -> None:
        """Move a run to its next state, or repeat its state.

        Without `outcome`, the run keeps the outcome that it has; without `counts`, it keeps its counts.

        Raises `ElmifyError` for a run that does not exist, and for a step back: a committed run cannot
        fail.
        """
        self._upgrade()
        values = {
            "run": run,
            "state": state.value,
            "outcome": storable_or_none(outcome),
            "from": [earlier.value for earlier in _BEFORE[state]],
            "entry": counts.entry if counts else None,
            "uploaded_files": counts.uploaded_files if counts else None,
            "uploaded_bytes": counts.uploaded_bytes if counts else None,
            "user_rows_lost": counts.user_rows_lost if counts else None,
            "no_change": list(_NO_CHANGE),
        }
        if self._connection.execute(_SET, values).fetchall() == [(0,)]:
            found = self.run(run)
            raise ElmifyError(
                f"run {run} is {found.state} and cannot become {state}"
                if found
                else f"there is no run {run}",
                code="run-state" if found else "no-run",
                hint="See what runs there are:",
                remedies=[ShowRuns()],
            )

    def run(self, run_id: int) -> Run | None:
        """Return one run."""
        return next(iter(self._read_runs(_READ_ONE, run_id)), None)

    def runs(self, limit: int = 20) -> Sequence[Run]:
        """Return the last runs, newest first."""
        return self._read_runs(_READ_LAST, limit)

    def ended_runs(self, kind: RunKind, *, result: RunResult | None = None, limit: int = 1) -> Sequence[Run]:
        """Return the last ended runs of a kind, newest first.

        If `result` is given, only runs with that result are returned.
        """
        if result is None:
            return self._read_runs(_READ_ENDED, kind.value, limit)
        return self._read_runs(_READ_ENDED_WITH, kind.value, result.value, limit)

    def run_totals(self) -> Sequence[RunTotal]:
        """Return the sums over all runs, by kind and result.

        They are in the order of the names of kind and result.
        """
        if not self._readable():
            return ()
        query = _TOTALS if self._readable() == VERSION else self._on_runs(_TOTALS_OF_VERSION_1)
        return tuple(_total(*found) for found in self._connection.execute(query.encode()))

    def last_upload(self) -> Run | None:
        """Return the run that committed last of those that uploaded anything."""
        return next(iter(self._read_runs(_READ_LAST_UPLOAD)), None)

    def last_change(self) -> int | None:
        """Return the last committed run with a step that changed something."""
        if not self._readable():
            return None
        run: int | None = self._connection.execute(self._on_runs(_LAST_CHANGE).encode()).fetchall()[0][0]
        return run

    def last_commit(self) -> AuditEntry | None:
        """Return the audit log's entry of the last commit.

        None before the first commit.
        """
        if not self._readable():
            return None
        found = self._connection.execute(self._on_runs(_LAST_COMMIT).encode()).fetchone()
        return AuditEntry(seq=found[0], previous=found[1], payload=found[2], hash=found[3]) if found else None

    def touched_since(self, run_id: int) -> Iterator[Touch]:
        """Yield the steps of later committed runs.

        The connection is busy until the last one.
        """
        return self._touched_since(run_id) if self._readable() else iter(())

    def add_steps(self, run: int, steps: Iterable[StepRecord]) -> None:
        """Append to what a run did; what it recorded before stays before."""
        last: int = self._connection.execute(_LAST_STEP, (run,)).fetchall()[0][0]
        copy_into(self._connection, "elmify.step", _STEP_COLUMNS, _rows(run, last + 1, steps))

    def steps(self, run_id: int) -> Sequence[StepRecord]:
        """Return what a run did, in the order it was recorded."""
        if not self._readable():
            return ()
        return tuple(
            StepRecord(
                address=address,
                action=action,
                before=before,
                after=after,
                captured=None if captured is None else {each["table"]: each["rows"] for each in captured},
            )
            for address, action, before, after, captured in self._connection.execute(_READ_STEPS, (run_id,))
        )

    def _on_runs(self, query: str) -> str:
        """Return a query of runs for the version of the schema that was found."""
        runs = "elmify.run" if self._readable() == VERSION else f"({sql_file(f'{RUNS_OF_VERSION_1}.sql')})"
        return query.format(runs=runs)

    def _read_runs(self, query: str, *values: object) -> Sequence[Run]:
        if not self._readable():
            return ()
        return tuple(
            _run(*found) for found in self._connection.execute(self._on_runs(query).encode(), values)
        )

    def _touched_since(self, run: int) -> Iterator[Touch]:
        for number, address, action, previous, kind, row, rolled_back in streamed(
            self._connection, _TOUCHED.format(run=int(run))
        ):
            yield Touch(
                run=number,
                address=address,
                action=action,
                previous_address=previous,
                kind=kind,
                row=row,
                rolled_back=rolled_back,
            )


def _run(
    id_: int,
    kind: str,
    subject: list[str],
    actor: str,
    commit: str | None,
    url: str | None,
    state: str,
    fingerprint: str | None,
    begun_at: datetime,
    committed_at: datetime | None,
    finished_at: datetime | None,
    outcome: str | None,
    changes: int,
    uploaded_files: int | None,
    uploaded_bytes: int,
    user_rows_lost: int,
) -> Run:
    return Run(
        id=id_,
        kind=RunKind(kind),
        subject=tuple(subject),
        actor=Actor(name=actor, commit=commit, url=url),
        state=RunState(state),
        fingerprint=fingerprint,
        begun_at=begun_at.astimezone(UTC),
        committed_at=_utc(committed_at),
        finished_at=_utc(finished_at),
        outcome=outcome,
        changes=changes,
        uploaded_files=uploaded_files,
        uploaded_bytes=uploaded_bytes,
        user_rows_lost=user_rows_lost,
    )


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)


def _total(
    kind: str,
    result: str,
    runs: int,
    ended: int,
    duration: timedelta,
    uploaded_bytes: int,
    user_rows_lost: int,
) -> RunTotal:
    return RunTotal(
        kind=RunKind(kind),
        result=RunResult(result),
        runs=runs,
        ended=ended,
        duration=duration,
        uploaded_bytes=uploaded_bytes,
        user_rows_lost=user_rows_lost,
    )


def _rows(run: int, first: int, steps: Iterable[StepRecord]) -> Iterator[tuple[Any, ...]]:
    for seq, step in enumerate(steps, first):
        yield (
            run,
            seq,
            step.address,
            step.action,
            json_text(step.before),
            json_text(step.after),
            json_text(_pairs(step.captured)),
        )


def _pairs(captured: Mapping[str, list[Mapping[str, Any]]] | None) -> list[dict[str, Any]] | None:
    """Return the captured tables as a list, to keep their order.

    `jsonb` sorts the keys of an object, and an undo needs the order of the tables.
    """
    return None if captured is None else [{"table": table, "rows": rows} for table, rows in captured.items()]
