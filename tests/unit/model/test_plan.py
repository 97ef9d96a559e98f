"""What a plan says of itself."""

from dataclasses import replace
from datetime import UTC, datetime

from reconciler.model.catalog import Catalog
from reconciler.model.diagnostics import Diagnostic, Position, Severity, has_errors, in_reading_order
from reconciler.model.errors import ElmifyError, Exit, Guarded, InvalidInput
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.plan import Action, Change, Impact, Plan, Put
from reconciler.model.policy import DEFAULT_TEMPLATES

CHANGE = Change(address="s", kind=Kind.SPEAKER, action=Action.UPDATE, reason="", change_id="1")
PUT = Put(
    slot=Slot.SPEAKER_IMAGE,
    key="k",
    path="p",
    size_bytes=3,
    sha256="aa",
    media_type="image/jpeg",
    multipart=False,
)


def plan(*changes: Change) -> Plan:
    return Plan(environment="e", made_at=datetime(2026, 1, 1, tzinfo=UTC), changes=changes, fingerprint="f")


def test_record_keeping_alone_leaves_a_plan_empty() -> None:
    noted = replace(CHANGE, action=Action.NO_OP)

    assert plan().empty
    assert plan(noted).empty
    assert not plan(noted, CHANGE).empty


def test_letting_go_is_something_a_person_has_to_see() -> None:
    assert replace(CHANGE, action=Action.FORGET).visible


def test_changes_are_counted_by_action() -> None:
    assert plan(CHANGE, CHANGE).count(Action.UPDATE) == 2
    assert plan(CHANGE).count(Action.DELETE) == 0


def test_the_bytes_of_all_puts_travel() -> None:
    assert plan(replace(CHANGE, puts=(PUT, PUT)), replace(CHANGE, puts=(PUT,))).upload_bytes == 9


def test_lost_rows_are_summed_over_tables() -> None:
    assert Impact(lost={"favorites": 2, "playback_positions": 3}).lost_rows == 5


# Diagnostics and errors.


def diagnostic(line: int, code: str = "EL1", severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic(
        code=code, summary="s", detail="d", hint="h", position=Position("a.yaml", line), severity=severity
    )


def test_diagnostics_stand_in_reading_order_each_once() -> None:
    found = in_reading_order([diagnostic(10), diagnostic(9, "EL2"), diagnostic(9), diagnostic(10)])

    assert [(d.position.line, d.code) for d in found] == [(9, "EL1"), (9, "EL2"), (10, "EL1")]


def test_a_warning_stops_nothing() -> None:
    assert not has_errors([diagnostic(1, severity=Severity.WARNING)])
    assert has_errors([diagnostic(1, severity=Severity.WARNING), diagnostic(1)])


def test_a_failure_knows_its_status_and_its_details() -> None:
    failure = Guarded("no", details=["a"], hint="b")

    assert (failure.exit, failure.details, failure.hint, str(failure)) == (Exit.GUARDED, ("a",), "b", "no")
    assert ElmifyError("x").exit is Exit.ERROR


def test_mistakes_of_the_input_are_carried_along() -> None:
    assert InvalidInput([diagnostic(1)]).diagnostics == (diagnostic(1),)


# Tables and catalogs.


def test_every_column_takes_its_value_from_something_that_there_is() -> None:
    for kind, table in TABLES.items():
        for column in table.columns:
            if column.origin in {Origin.KEY, Origin.FILE_NAME, Origin.URL, Origin.REFERENCE, Origin.FORMAT}:
                assert Slot(column.source) in table.slots, (kind, column.name)
            if column.origin is Origin.PARENT:
                assert list(Kind).index(Kind(column.source)) < list(Kind).index(kind)
        assert {*table.natural_key, *table.unique} <= set(table.index)
        assert table.column(table.natural_key[-1]).name == table.natural_key[-1]


def test_every_slot_belongs_to_one_kind_and_has_a_template() -> None:
    slots = [slot for table in TABLES.values() for slot in table.slots]

    assert sorted(slots) == sorted(Slot)
    assert set(DEFAULT_TEMPLATES) == set(Slot)


def test_the_columns_that_the_backend_owns_are_not_managed() -> None:
    owned = {
        "play_count",
        "last_played_at",
        "waveform_data",
        "directory_id",
        "created_at",
        "updated_at",
        "id",
    }

    assert [table.name for table in TABLES.values() if owned & set(table.index)] == []


def test_what_is_let_go_covers_what_is_under_it() -> None:
    catalog = Catalog(resources={}, forget=frozenset({"s/c"}))  # type: ignore[arg-type]

    assert catalog.forgets("s/c")
    assert catalog.forgets("s/c/l")
    assert not catalog.forgets("s")
    assert not catalog.forgets("s/cd")
