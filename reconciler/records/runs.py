"""Runs and their steps: begun, committed, done or failed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import ElmifyError
from reconciler.model.history import Actor, Run, RunState, StepRecord, Touch
from reconciler.records.bulk import copy_into, json_text, storable, storable_or_none, streamed

if TYPE_CHECKING:
    from psycopg import Connection


_COLUMNS = (
    "id, command, actor, actor_commit, actor_url, state, fingerprint,"
    " begun_at, committed_at, finished_at, outcome"
)
_READ = f"select {_COLUMNS} from elmify.run where id = %s"  # noqa: S608
_READ_LAST = f"select {_COLUMNS} from elmify.run order by id desc limit %s"  # noqa: S608

_BEGIN = """
insert into elmify.run (command, actor, actor_commit, actor_url, fingerprint)
values (%s, %s, %s, %s, %s) returning id
"""

#: A time is set once: to repeat a state, perhaps with another outcome, does not move it.
_SET = """
update elmify.run
set state = %(state)s,
    outcome = coalesce(%(outcome)s, outcome),
    committed_at = case when %(state)s = 'committed' then coalesce(committed_at, clock_timestamp())
                        else committed_at end,
    finished_at = case when %(state)s in ('done', 'failed') then coalesce(finished_at, clock_timestamp()) end
where id = %(run)s and state = any(%(from)s)
"""

#: From which states each state can be reached; a run without a commit may be done: it found nothing to do.
_BEFORE = {
    RunState.BEGUN: (RunState.BEGUN,),
    RunState.COMMITTED: (RunState.BEGUN, RunState.COMMITTED),
    RunState.DONE: (RunState.BEGUN, RunState.COMMITTED, RunState.DONE),
    RunState.FAILED: (RunState.BEGUN, RunState.FAILED),
}


def begin_run(
    connection: "Connection[tuple[Any, ...]]", command: str, actor: Actor, fingerprint: str | None
) -> int:
    """Record that a run has begun, and return its number; numbers grow, with gaps."""
    who = (storable(actor.name), storable_or_none(actor.commit), storable_or_none(actor.url))
    run: int = connection.execute(_BEGIN, (storable(command), *who, fingerprint)).fetchall()[0][0]
    return run


def set_run(
    connection: "Connection[tuple[Any, ...]]", run: int, state: RunState, outcome: str | None
) -> None:
    """Move a run on, or repeat its state; without an outcome the one it has stays.

    Raises `ElmifyError` for a run that does not exist, and for a way back: a committed run cannot fail.
    """
    before = [earlier.value for earlier in _BEFORE[state]]
    values = {"run": run, "state": state.value, "outcome": storable_or_none(outcome), "from": before}
    if connection.execute(_SET, values).rowcount == 0:
        found = read_run(connection, run)
        raise ElmifyError(
            f"run {run} is {found.state} and cannot become {state}" if found else f"there is no run {run}",
            hint="See what runs there are:\n    elmify runs",
        )


def read_run(connection: "Connection[tuple[Any, ...]]", run: int) -> Run | None:
    """Return one run."""
    found = connection.execute(_READ, (run,)).fetchone()
    return _run(*found) if found else None


def last_runs(connection: "Connection[tuple[Any, ...]]", limit: int) -> Sequence[Run]:
    """Return the last runs, newest first."""
    return tuple(_run(*found) for found in connection.execute(_READ_LAST, (limit,)))


def _run(
    id_: int,
    command: str,
    actor: str,
    commit: str | None,
    url: str | None,
    state: str,
    fingerprint: str | None,
    begun_at: datetime,
    committed_at: datetime | None,
    finished_at: datetime | None,
    outcome: str | None,
) -> Run:
    return Run(
        id=id_,
        command=command,
        actor=Actor(name=actor, commit=commit, url=url),
        state=RunState(state),
        fingerprint=fingerprint,
        begun_at=begun_at.astimezone(UTC),
        committed_at=_utc(committed_at),
        finished_at=_utc(finished_at),
        outcome=outcome,
    )


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)


_STEP_COLUMNS = "run, seq, address, action, before, after, captured"

_LAST = "select coalesce(max(seq), 0) from elmify.step where run = %s"

_READ_STEPS = "select address, action, before, after, captured from elmify.step where run = %s order by seq"

#: A capture and a record kept are no change of their own.
_LAST_CHANGE = """
select max(s.run) from elmify.step s join elmify.run r on r.id = s.run
where r.committed_at is not null and s.action not in ('no-op', 'capture', 'sort', 'edit', 'rollback', 'merge')
"""

#: Every number in it was written by elmify: there is no text to escape in a run's id.
_TOUCHED = """
select s.run, s.address, s.action, s.before ->> 'address', coalesce(s.before, s.after) ->> 'kind',
       (coalesce(s.before, s.after) ->> 'row')::bigint,
       case when s.action = 'rollback' then (s.before ->> 'run')::bigint end
from elmify.step s join elmify.run r on r.id = s.run
where s.run > {run} and r.committed_at is not null
order by s.run, s.seq
"""


def last_change(connection: "Connection[tuple[Any, ...]]") -> int | None:
    """Return the last committed run with a step that changed something."""
    run: int | None = connection.execute(_LAST_CHANGE).fetchall()[0][0]
    return run


def touched_since(connection: "Connection[tuple[Any, ...]]", run: int) -> Iterator[Touch]:
    """Yield the steps of later committed runs; the connection is busy until the last."""
    for number, address, action, previous, kind, row, rolled_back in streamed(
        connection, _TOUCHED.format(run=int(run))
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


def add_steps(connection: "Connection[tuple[Any, ...]]", run: int, steps: Iterable[StepRecord]) -> None:
    """Append to what a run did; what it recorded before stays before."""
    last: int = connection.execute(_LAST, (run,)).fetchall()[0][0]
    copy_into(connection, "elmify.step", _STEP_COLUMNS, _rows(run, last + 1, steps))


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
    """Return the tables as a list: `jsonb` sorts the keys of an object, and undoing needs their order."""
    return None if captured is None else [{"table": table, "rows": rows} for table, rows in captured.items()]


def read_steps(connection: "Connection[tuple[Any, ...]]", run: int) -> Sequence[StepRecord]:
    """Return what a run did, in the order it was recorded."""
    return tuple(
        StepRecord(
            address=address,
            action=action,
            before=before,
            after=after,
            captured=None if captured is None else {each["table"]: each["rows"] for each in captured},
        )
        for address, action, before, after, captured in connection.execute(_READ_STEPS, (run,))
    )
