"""What a plan rewrites in rows that exist, grouped by column."""

from collections import Counter

import pytest
from hypothesis import given

from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.plan import Action, Plan
from reconciler.model.values import Value
from reconciler.planning.corrections import CORRECTING, EXAMPLES_MAX, Example, corrections
from reconciler.planning.diff import differing_names
from reconciler.planning.world import World
from tests.unit.planning.small_worlds import Story, stories
from tests.unit.planning.test_laws import answered, laws
from tests.unit.planning.worlds import (
    CDN,
    applied,
    catalog,
    declaring,
    edited,
    lecture,
    lecture_row,
    live,
    planned,
    stored,
    with_rows,
    without_objects,
    without_records,
    world,
)

COUNT = 5
LECTURES = [lecture(f"s/c/l{n}", audio=f"{n}.mp3", number=n) for n in range(1, COUNT + 1)]


def unmanaged(**wrong: Value) -> World:
    """A live library of which nothing is recorded, with `wrong` values in every lecture's row."""
    known = live(catalog(*LECTURES))
    rows = known.snapshot.rows[Kind.LECTURE].values()
    return without_records(with_rows(known, *(edited(row, **wrong) for row in rows)))


#: A wrong value for every column that the catalog or the bytes say, but for what a row is found by.
WRONG: dict[str, Value] = {
    "lecture_number": 77,
    "file_size": 1,
    "file_format": "audio/ogg",
    "file_hash": "0" * 64,
    "duration": 1,
    "bitrate": 1,
    "sample_rate": 1,
    "audio_url": "https://last-year.test/1.mp3",
}


@pytest.mark.parametrize("column", WRONG)
def test_an_import_that_rewrites_a_column_counts_it(column: str) -> None:
    plan = planned(unmanaged(**{column: WRONG[column]}))

    found = corrections(plan, Action.ADOPT)

    assert (found.rows, found.counts) == (COUNT, {column: COUNT})
    assert {example.before for group in found.columns for example in group.examples} == {WRONG[column]}


def test_the_most_frequent_column_comes_first_then_they_go_by_name() -> None:
    library = unmanaged(file_format="x", audio_url=None)
    first = library.snapshot.rows[Kind.LECTURE][101]

    found = corrections(planned(with_rows(library, edited(first, lecture_number=9))), Action.ADOPT)

    assert list(found.counts.items()) == [("audio_url", 5), ("file_format", 5), ("lecture_number", 1)]


def test_an_import_of_what_is_right_corrects_nothing() -> None:
    found = corrections(planned(unmanaged()), Action.ADOPT)

    assert (found.rows, found.columns) == (0, ())


def test_examples_show_different_values() -> None:
    plan = planned(unmanaged(lecture_number=77, file_format="x"))

    groups = {group.column: group.examples for group in corrections(plan, Action.ADOPT).columns}

    assert [(one.before, one.after) for one in groups["file_format"]] == [("x", "mp3")]
    assert [(one.before, one.after) for one in groups["lecture_number"]] == [(77, 1), (77, 2), (77, 3)]


def test_a_value_that_the_database_makes_at_the_commit_is_an_example_that_waits() -> None:
    key = "l.mp3"
    orphan = world(
        catalog(lecture("s/c/l", audio=key)),
        rows=[lecture_row(3, "L", key, audio_url=f"{CDN}/{key}")],
        objects=[stored(key)],
    )

    groups = {group.column: group.examples for group in corrections(planned(orphan), Action.ADOPT).columns}

    assert groups["speaker_id"] == (Example(address="s/c/l", before=None, after=None, waits=True),)


def test_bytes_that_are_put_back_are_told_by_their_slot() -> None:
    library = unmanaged()
    key = str(library.snapshot.rows[Kind.LECTURE][101]["file_path"])

    found = corrections(planned(without_objects(library, key)), Action.ADOPT)

    assert found.counts == {"audio": 1}
    assert found.columns[0].examples == (Example(address="s/c/l1", before=None, after=key),)


def test_updates_and_moves_are_grouped_too() -> None:
    known = live(catalog(*LECTURES))
    renamed = [lecture(f"s/c/l{n}", audio=f"{n}.mp3", number=n + 10) for n in range(1, COUNT)]
    moved = lecture("s/c/m", audio="5.mp3", number=50, previously="s/c/l5", title="L5")

    plan = planned(declaring(known, *renamed, moved))

    assert corrections(plan, Action.UPDATE).counts == {"lecture_number": COUNT - 1}
    assert corrections(plan, Action.MOVE).counts == {"lecture_number": 1}


def _rewritten(plan: Plan, action: Action) -> Counter[str]:
    columns = {column.name for table in TABLES.values() for column in table.columns}
    changes = (c for c in plan.changes if c.action is action and c.before is not None and c.after is not None)
    return Counter(
        name
        for change in changes
        if change.before is not None and change.after is not None
        for name in differing_names(change.before, change.after)
        if name in columns
    )


@laws
@given(stories())
def test_every_column_that_a_plan_rewrites_is_counted_once_for_each_row(story: Story) -> None:
    known = story.world()
    for plan in (answered(known), answered(without_records(known))):
        for action in CORRECTING:
            found = corrections(plan, action)
            slots = {slot.value for slot in Slot}
            told = {name: count for name, count in found.counts.items() if name not in slots}
            assert told == _rewritten(plan, action)
            assert all(1 <= len(group.examples) <= EXAMPLES_MAX for group in found.columns)
            assert found.rows <= plan.count(action)


@laws
@given(stories())
def test_what_a_plan_corrected_is_not_corrected_again(story: Story) -> None:
    known = story.world()
    again = planned(applied(known, answered(known)))

    assert not any(corrections(again, action).rows for action in CORRECTING)
