"""`as_is`: values that are put up with while the row has them, and that no row is ever given."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.catalog import Resource
from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from reconciler.model.values import Value
from reconciler.planning.diff import differing_names
from reconciler.planning.world import World
from tests.unit.planning import worlds
from tests.unit.planning.worlds import (
    applied,
    catalog,
    change_at,
    collection_row,
    declaring,
    lecture,
    planned,
    speaker_row,
    stored,
    with_rows,
    world,
)

ROWS = [speaker_row(1, "S"), collection_row(11, 1, "C")]


def entry(**as_is: Value) -> Resource:
    return replace(lecture("s/c/l", audio="a.mp3", title="L"), as_is=as_is)


def messy(declared: Resource, **values: Value) -> World:
    said: dict[str, Value] = {"title": "L", "file_path": "a.mp3", "speaker_id": 1, "collection_id": 11}
    row = worlds.row(Kind.LECTURE, 101, **{**said, **values})
    return world(catalog(declared), rows=[*ROWS, row], objects=[stored("a.mp3")])


def corrected(found: World) -> set[str]:
    change = change_at(planned(found), "s/c/l")
    assert change.before is not None
    assert change.after is not None
    return set(differing_names(change.before, change.after))


def test_a_value_that_is_put_up_with_is_not_corrected() -> None:
    found = messy(entry(file_format="audio/mpeg", audio_url=None), file_format="audio/mpeg", title="L ")

    assert not {"file_format", "audio_url"} & corrected(found)
    assert "title" in corrected(found)


def test_a_row_without_its_parent_may_stay_so() -> None:
    assert "collection_id" in corrected(messy(entry(), collection_id=None))
    assert "collection_id" not in corrected(messy(entry(collection_id=None), collection_id=None))


def test_a_row_with_another_value_gets_the_right_one_and_never_the_one_put_up_with() -> None:
    found = messy(entry(file_format="audio/mpeg"), file_format="wma")

    change = change_at(planned(found), "s/c/l")

    assert change.after is not None
    assert change.after.values["file_format"] == "mp3"


def test_a_new_row_gets_the_right_values() -> None:
    found = world(catalog(entry(file_format="audio/mpeg", title="x")), rows=ROWS, objects=[stored("a.mp3")])

    change = change_at(planned(found), "s/c/l")

    assert change.action is Action.CREATE
    assert change.after is not None
    assert (change.after.values["file_format"], change.after.values["title"]) == ("mp3", "L")


def test_a_column_that_is_not_managed_stays_so() -> None:
    change = change_at(planned(messy(entry(genre="Talk"), genre="Talk")), "s/c/l")

    assert change.after is not None
    assert "genre" not in change.after.values


def test_what_is_put_up_with_is_the_baseline_of_drift_once_it_was_applied() -> None:
    found = messy(entry(title="L "), title="L ")
    known = applied(found, planned(found))

    assert planned(known).changes == ()
    assert planned(declaring(known, entry())).changes != ()
    row = known.snapshot.rows[Kind.LECTURE][101]
    values = tuple("Another" if value == "L " else value for value in row.values)
    moved = with_rows(known, replace(row, values=values))
    assert {drift.attribute for drift in planned(moved).drift} == {"title"}


@settings(deadline=None)
@given(
    title=st.sampled_from(["L", "L ", "M"]),
    number=st.sampled_from([None, 1, 2]),
    as_is=st.dictionaries(
        st.sampled_from(["title", "lecture_number", "file_format"]),
        st.sampled_from(["L ", "M", None, 1, "mp3"]),
    ),
)
def test_it_never_adds_a_correction(title: str, number: int | None, as_is: dict[str, Value]) -> None:
    values: dict[str, Value] = {"title": title, "lecture_number": number}

    assert corrected(messy(entry(**as_is), **values)) <= corrected(messy(entry(), **values))
