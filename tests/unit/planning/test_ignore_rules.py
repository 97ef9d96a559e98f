"""What elmify.yaml lets be is left out of the lists of a plan, and counted."""

import json
from dataclasses import replace

from reconciler.model.drift import DriftFinding, DriftKind, DriftReport
from reconciler.model.kinds import Kind
from reconciler.model.plan import Unmanaged
from reconciler.model.policy import Ignored
from reconciler.planning.ignore_rules import ignores, report_without_ignored, without_ignored
from reconciler.planning.world import DELETE_UNMANAGED, World
from reconciler.render.drift.formats import drift_json
from tests.unit.planning.worlds import (
    NOW,
    POLICY,
    actions,
    catalog,
    edited,
    lecture,
    lecture_row,
    live,
    planned,
    row_of,
    stored,
    with_objects,
    with_rows,
)

ONE = "ali/quran/one"


def lenient(world: World, *what: str) -> World:
    ignore = tuple(Ignored(what=each, reason="known") for each in what)
    return replace(world, policy=replace(POLICY, ignore=ignore))


def test_nothing_is_ignored_unless_it_is_said() -> None:
    found = Unmanaged(rows={Kind.LECTURE: (7,)}, objects={"a": 1})

    assert not ignores(POLICY, ONE)
    assert without_ignored(POLICY, found) == (found, 0)


def test_unmanaged_rows_and_objects_are_left_out_and_counted() -> None:
    start = with_rows(
        with_objects(live(catalog(lecture(ONE))), stored("notes/a"), stored("b")),
        lecture_row(900, "A", "x.mp3"),
        lecture_row(901, "B", "y.mp3"),
    )

    plan = planned(lenient(start, "unmanaged.object[notes/*]", "unmanaged.lectures[900]"))

    assert plan.unmanaged == Unmanaged(rows={Kind.LECTURE: (901,)}, objects={"b": 1})
    assert plan.ignored == 2


def test_a_kind_of_which_all_rows_are_ignored_is_not_listed() -> None:
    start = with_rows(live(catalog(lecture(ONE))), lecture_row(900, "A", "x.mp3"))

    assert planned(lenient(start, "unmanaged.lectures[900]")).unmanaged.rows == {}


def test_what_is_ignored_is_not_deleted_with_the_unmanaged() -> None:
    start = with_objects(live(catalog(lecture(ONE))), stored("notes/a"), stored("b"))

    plan = planned(lenient(start, "unmanaged.object[notes/*]"), options=[DELETE_UNMANAGED])

    assert set(actions(plan)) == {"unmanaged.object[b]"}


def test_drift_is_left_out_and_counted_and_still_corrected() -> None:
    start = live(catalog(lecture(ONE), lecture("ali/quran/two")))
    drifted = with_rows(
        start, *(edited(row_of(start, address), title="Other") for address in (ONE, "ali/quran/two"))
    )

    plan = planned(lenient(drifted, ONE))

    assert {drift.address for drift in plan.drift} == {"ali/quran/two"}
    assert plan.ignored == 1
    assert set(actions(plan)) == {ONE, "ali/quran/two"}


def test_a_drift_report_leaves_out_what_is_let_be_and_counts_it() -> None:
    found = [
        DriftFinding(what=DriftKind.ROW_EDITED, address=each, attribute="title")
        for each in (ONE, "ali/quran/two")
    ]
    report = DriftReport(environment="test", taken_at=NOW, since=None, findings=tuple(found))
    policy = replace(POLICY, ignore=(Ignored(what=ONE, reason="known"),))

    left = report_without_ignored(policy, report)

    assert (left.findings, left.ignored) == ((found[1],), 1)
    assert left.without(left.ids).ignored == 1
    assert json.loads(drift_json(left))["ignored"] == 1
