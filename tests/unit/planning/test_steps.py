"""What the steps of a run tell, and what they keep of a record."""

import json
from collections.abc import Mapping
from typing import Any

from reconciler.model.address import Address
from reconciler.model.history import WHOLE_RUN, StepRecord
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, Restored
from reconciler.model.ports import Edit
from reconciler.model.recorded import ResourceRecord
from reconciler.planning.steps import (
    captured_in,
    done_in,
    edits_in,
    merge_in,
    record_json,
    records_before,
    sorted_in,
    unmerged_in,
    with_edits,
)

RECORD = ResourceRecord(
    address=Address("s/c/l"),
    kind=Kind.LECTURE,
    row=4,
    name="L",
    parent_row=2,
    keys={Slot.LECTURE_AUDIO: "l.mp3"},
    applied='{"title":"L"}',
    protect=True,
    unmanaged='{"duration":0}',
)
MOVED: dict[str, Any] = {"before": {"id": 1, "lecture_id": 7}, "after": {"id": 1, "lecture_id": 8}}


def whole(
    action: str,
    before: Mapping[str, Any] | None = None,
    captured: Mapping[str, list[Mapping[str, Any]]] | None = None,
) -> StepRecord:
    return StepRecord(address=WHOLE_RUN, action=action, before=before, after=None, captured=captured)


def test_a_record_comes_back_from_a_step_as_it_was() -> None:
    kept = json.loads(json.dumps(record_json(RECORD)))
    before = {
        "kind": "lecture",
        "row": 4,
        "values": {"categories": ["quran"], "title": "L"},
        "objects": {"audio": {"key": "l.mp3", "size_bytes": 3, "sha256": None}},
        "address": "s/c/old",
        "retired": ["l.mp3"],
        "record": kept,
    }
    step = StepRecord(address="s/c/l", action="delete", before=before, after=None)

    [done] = done_in([whole("capture"), step])

    assert records_before([step]) == {"s/c/l": RECORD}
    assert (done.action, done.kind, done.row, done.retired) == (Action.DELETE, Kind.LECTURE, 4, ("l.mp3",))
    assert done.previous_address == "s/c/old"
    assert done.before is not None
    assert done.before.values["categories"] == ("quran",)


def test_nothing_recorded_is_kept_as_nothing() -> None:
    assert record_json(None) is None


def test_what_a_run_kept_is_told_apart_by_why() -> None:
    steps = [
        whole("capture", captured={"a": [{"id": 1}]}),
        whole("capture", captured={"a": [{"id": 2}]}),
        whole("sort", captured={"b": [{"id": 3}]}),
        whole("edit", captured={"public.favorites": [MOVED]}),
    ]

    assert captured_in(steps) == {"a": [{"id": 1}, {"id": 2}]}
    assert sorted_in(steps) == {"b": [{"id": 3}]}
    assert edits_in(steps) == [Edit(table="public.favorites", before=MOVED["before"], after=MOVED["after"])]


def test_the_purpose_of_a_run_is_read_from_its_steps() -> None:
    merge, rollback = whole("merge", {"row": 7, "into": 8}), whole("rollback", {"run": 3, "merge": [7, 8]})
    plain = whole("rollback", {"run": 3, "merge": None})

    assert (merge_in([rollback, merge]), merge_in([rollback])) == ((7, 8), None)
    assert (unmerged_in([merge, rollback]), unmerged_in([merge, plain])) == ((7, 8), None)


def test_rows_that_a_merge_took_count_among_what_comes_back() -> None:
    restored = Restored(rows={"public.favorites": 1, "public.notes": 2}, users=3)
    edit = Edit(table="public.favorites", before=MOVED["before"], after=MOVED["after"])

    assert with_edits(restored, []) == restored
    counted = with_edits(restored, [edit, edit])
    assert (counted.rows, counted.users) == ({"public.favorites": 3, "public.notes": 2}, 0)
