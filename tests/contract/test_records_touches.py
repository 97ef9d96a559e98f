"""What a rollback asks of the history: which run changed something last, and what later runs touched."""

from reconciler.model.history import WHOLE_RUN, RunKind, RunState, StepRecord, Touch
from reconciler.records import records_on
from tests.records import CI, installed, reading


def a_run(url: str, *steps: StepRecord, state: RunState = RunState.DONE) -> int:
    """Record a run that committed, unless it failed, and its steps; its number."""
    with installed(url) as records:
        number = records.begin_run(RunKind.APPLY, CI)
        records.add_steps(number, steps)
        if state is not RunState.FAILED:
            records.set_run(number, RunState.COMMITTED)
        records.set_run(number, state)
    return number


def step(where: str, action: str = "update", **before: object) -> StepRecord:
    return StepRecord(
        address=where, action=action, before={"kind": "lecture", "row": 4, **before}, after=None
    )


def last_change(url: str) -> int | None:
    with reading(url) as connection:
        return records_on(connection).last_change()


def touched_since(url: str, run: int) -> list[Touch]:
    with reading(url) as connection:
        return list(records_on(connection).touched_since(run))


def test_without_records_nothing_was_changed_nor_touched(database_url: str) -> None:
    assert last_change(database_url) is None
    assert touched_since(database_url, 0) == []


def test_a_run_that_only_remembered_or_failed_is_not_the_last_change(database_url: str) -> None:
    changed = a_run(database_url, step("a/b/c"))
    a_run(database_url, step("a/b/c", "no-op"), step(WHOLE_RUN, "capture"))
    a_run(database_url, step("a/b/c"), state=RunState.FAILED)
    a_run(database_url)

    assert last_change(database_url) == changed


def test_the_steps_of_later_committed_runs_are_told_in_their_order(database_url: str) -> None:
    first = a_run(database_url, step("a/b/c"))
    moved = a_run(database_url, step("a/b/d", "move", address="a/b/c"))
    a_run(database_url, step("a/b/e"), state=RunState.FAILED)
    created = StepRecord(address="a", action="create", before=None, after={"kind": "speaker", "row": 9})
    rollback = StepRecord(address=WHOLE_RUN, action="rollback", before={"run": moved}, after=None)
    last = a_run(database_url, created, rollback, state=RunState.COMMITTED)

    assert touched_since(database_url, first) == [
        Touch(run=moved, address="a/b/d", action="move", previous_address="a/b/c", kind="lecture", row=4),
        Touch(run=last, address="a", action="create", kind="speaker", row=9),
        Touch(run=last, address=WHOLE_RUN, action="rollback", rolled_back=moved),
    ]
