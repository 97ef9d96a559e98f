"""Runs: begun, then committed and done, or failed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import ElmifyError
from reconciler.model.history import Actor, Run, RunState
from reconciler.records.text import storable, storable_or_none

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
