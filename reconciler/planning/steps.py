"""Steps of a run as values: each action and the record before it.

The record is what elmify remembered before the step.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.model.address import Address
from reconciler.model.errors import NotReversible
from reconciler.model.history import WHOLE_RUN, StepRecord
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, ObjectState, Restored, State
from reconciler.model.playback import CopyStep
from reconciler.model.ports import Captured, Edit
from reconciler.model.recorded import NOTHING, ResourceRecord
from reconciler.model.values import Value, nfc

#: What the steps about a whole run keep: rows that deletes took along, junction rows before they were sorted,
#: rows that a merge changed, before and after.
CAPTURE, SORT, EDIT = "capture", "sort", "edit"
#: The columns of a lecture that name its recording.
NAMES_OF_RECORDING = ("file_path", "file_name", "audio_url")

#: What they say of its purpose.
ROLLBACK, MERGE = "rollback", "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Action of a run on one address.

    `row` is the row that the action is about, on either side; None where it had none. `record` is
    what elmify remembered of the resource before, None when that was nothing. `retired` are keys that
    the run retired. `kept` leads from the NFC key of bytes that the run overwrote to where they are kept.
    """

    address: str
    action: Action
    kind: Kind | None
    row: int | None
    previous_address: str | None = None
    before: State | None = None
    after: State | None = None
    record: ResourceRecord | None = None
    retired: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


def done_in(steps: Iterable[StepRecord]) -> Iterator[Done]:
    """Yield what a run did, address by address, in its order.

    Raises `NotReversible` for steps of a version that did not keep what undoes them.
    """
    for step in steps:
        if step.address != WHOLE_RUN:
            yield _done(step)


def captured_in(steps: Iterable[StepRecord]) -> Captured:
    """Return the complete rows that the run's deletes removed, by table.

    They are in the order in which they can be inserted.
    """
    return _rows_of(steps, CAPTURE)


def sorted_in(steps: Iterable[StepRecord]) -> Captured:
    """Return junction rows of content that the run put in other categories.

    The rows are grouped by table.
    """
    return _rows_of(steps, SORT)


def edits_in(steps: Iterable[StepRecord]) -> Sequence[Edit]:
    """Return the rows that the run moved between lectures or edited.

    It moved them from one lecture to another, or changed them while it did that.
    """
    return [
        Edit(table=table, before=row["before"], after=row["after"])
        for table, rows in _rows_of(steps, EDIT).items()
        for row in rows
    ]


def with_edits(restored: Restored, edits: Sequence[Edit]) -> Restored:
    """Add the rows that a merge had moved to the counts of restored rows.

    The rows that go back to where a merge took them from are counted among those that come back.
    """
    if not edits:
        return restored
    rows = Counter(restored.rows)
    rows.update(edit.table for edit in edits)
    return replace(restored, rows=dict(rows), users=0)


def merge_in(steps: Iterable[StepRecord]) -> tuple[int, int] | None:
    """Return the lecture rows that the run merged.

    The one that was deleted comes first. None when the run was no merge.
    """
    for step in steps:
        if step.action == MERGE and step.before is not None:
            return step.before["row"], step.before["into"]
    return None


def unmerged_in(steps: Iterable[StepRecord]) -> tuple[int, int] | None:
    """Return the lecture rows whose merge the run rolled back.

    None when the run rolled no merge back.
    """
    for step in steps:
        merge = step.before.get("merge") if step.action == ROLLBACK and step.before is not None else None
        if merge is not None:
            return merge[0], merge[1]
    return None


def _rows_of(steps: Iterable[StepRecord], action: str) -> Captured:
    kept: dict[str, list[Mapping[str, Any]]] = {}
    for step in steps:
        for table, rows in (step.captured or {}).items() if step.action == action else ():
            kept.setdefault(table, []).extend(rows)
    return kept


def records_before(steps: Iterable[StepRecord]) -> Mapping[str, ResourceRecord]:
    """Return the records that elmify had before the run, by former address.

    They are the records of every resource that the run touched, by the address at that time.
    """
    return {done.record.address: done.record for done in done_in(steps) if done.record is not None}


def record_json(record: ResourceRecord | None) -> Mapping[str, Any] | None:
    """Return a record as a step keeps it; `done_in` reads it back."""
    if record is None:
        return None
    return {
        "address": record.address,
        "kind": record.kind.value,
        "row": record.row,
        "name": record.name,
        "parent_row": record.parent_row,
        "keys": {slot.value: key for slot, key in record.keys.items()},
        "applied": record.applied,
        "unmanaged": record.unmanaged,
        "protect": record.protect,
    }


def _done(step: StepRecord) -> Done:
    before, after = step.before, step.after
    side: Mapping[str, Any] = before or after or {}
    if "kind" not in side or (before is not None and "record" not in before):
        raise NotReversible(
            "the run is of an elmify that did not keep what takes it back",
            details=[f"{step.address}: its step names no record"],
            hint="Correct the catalog instead, and apply it.",
        )
    return Done(
        address=step.address,
        action=Action(step.action),
        kind=Kind(side["kind"]) if side["kind"] is not None else None,
        row=side["row"],
        previous_address=side.get("address"),
        before=_state(before),
        after=_state(after),
        record=_record(before["record"]) if before is not None else None,
        retired=tuple(side.get("retired", ())),
        kept={
            nfc(source): key for step, source, key in (after or {}).get("copies", ()) if step == CopyStep.KEEP
        },
    )


def _state(side: Mapping[str, Any] | None) -> State | None:
    if side is None:
        return None
    objects = {
        Slot(slot): ObjectState(key=found["key"], size_bytes=found["size_bytes"], sha256=found["sha256"])
        for slot, found in side["objects"].items()
    }
    values = {name: _value(value) for name, value in side["values"].items()}
    return State(values=values, objects=objects, pending=dict(side.get("pending", {})))


def _value(value: Any) -> Value:
    found: Value = tuple(value) if isinstance(value, list) else value
    return found


def _record(found: Mapping[str, Any] | None) -> ResourceRecord | None:
    if found is None:
        return None
    return ResourceRecord(
        address=Address(found["address"]),
        kind=Kind(found["kind"]),
        row=found["row"],
        name=found["name"],
        parent_row=found["parent_row"],
        keys={Slot(slot): key for slot, key in found["keys"].items()},
        applied=found["applied"],
        unmanaged=found.get("unmanaged", NOTHING),
        protect=found["protect"],
    )
