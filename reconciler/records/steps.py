"""What each run did to each address, and what undoes it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.model.history import StepRecord, Touch
from reconciler.records.bulk import copy_into, streamed
from reconciler.records.text import json_text

if TYPE_CHECKING:
    from psycopg import Connection

_COLUMNS = "run, seq, address, action, before, after, captured"

_LAST = "select coalesce(max(seq), 0) from elmify.step where run = %s"

_READ = "select address, action, before, after, captured from elmify.step where run = %s order by seq"

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
    copy_into(connection, "elmify.step", _COLUMNS, _rows(run, last + 1, steps))


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
        for address, action, before, after, captured in connection.execute(_READ, (run,))
    )
