from dataclasses import replace

import pytest

from reconciler.model.plan import Action, Change, Impact, PutOrigin, State
from reconciler.render.plan.attributes import attributes
from reconciler.render.plan.steps import changed_columns, steps_of
from tests.unit.render.plans import QURAN, adopt, audio, create, delete, forget, move, note, put_of, update


def _told(change: Change) -> list[str]:
    return [f"{step.store}: {step}" for step in steps_of(change)]


def test_a_create_puts_its_bytes_before_its_row() -> None:
    assert _told(create()) == [
        'bucket: put "Abdul Rashid Sufi/Quran Hafs/114 - An-Nas.mp3" (4.2 MiB, from disk)',
        "database: insert into lectures",
    ]


def test_a_large_file_is_put_in_parts() -> None:
    change = replace(create(), puts=(put_of(audio("a", size_bytes=115 * 1024**2), multipart=True),))

    assert (
        _told(change)[0]
        == 'bucket: put "Abdul Rashid Sufi/Quran Hafs/a.mp3" (115.0 MiB, in parts, from disk)'
    )


def test_a_put_says_where_its_bytes_can_be_had() -> None:
    staged = replace(put_of(audio("a")), origin=PutOrigin.STAGED)
    copied = replace(put_of(audio("b")), origin=PutOrigin.COPY, copied_from="old/b\x1b.mp3")

    assert [step.note for step in steps_of(replace(create(), puts=(staged, copied)))[:2]] == [
        "(4.2 MiB, staged)",
        '(4.2 MiB, copied from "old/b\\x1b.mp3")',
    ]


def test_a_delete_says_what_the_cascade_takes() -> None:
    assert _told(replace(delete(), impact=Impact(lost={"favorites": 3, "new_table": 1, "none": 0}))) == [
        'bucket: retire "Abdul Rashid Sufi/Quran Hafs/01 - Al-Fatiha.mp3" (stays until gc)',
        "database: delete lectures[412] (and 3 rows of favorites, 1 row of new_table)",
        f"records: forget {QURAN}/al-fatiha",
    ]


def test_a_delete_without_listeners_says_only_the_row() -> None:
    assert "database: delete lectures[412]" in _told(replace(delete(), impact=None))


def test_a_move_that_changes_no_column_touches_no_row() -> None:
    assert [step.store for step in steps_of(move())] == ["bucket", "bucket", "records"]
    assert _told(move())[-1] == f"records: move {QURAN}/al-imran (was {QURAN}/imran)"


def test_a_move_to_a_parent_that_is_new_sets_the_parents_column() -> None:
    change = replace(move(), after=State(values={"title": "Al-Imran"}, pending={"collection_id": "s/c"}))

    assert "database: update lectures[414] set collection_id" in _told(change)


def test_an_adoption_names_what_it_reuses_and_corrects() -> None:
    assert _told(adopt()) == [
        'bucket: reuse "Abdul Rashid Sufi/speaker.jpg" (already there)',
        "database: update speakers[7] set name",
        "records: adopt abdul-rashid-sufi",
        "records: protect abdul-rashid-sufi",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (forget(), ["records: forget abdul-rashid-sufi/khutab"]),
        (note(), ["records: release year"]),
        (replace(note(), released=(), protect=True), [f"records: protect {QURAN}"]),
        (replace(note(), released=()), [f"records: remember {QURAN}"]),
    ],
)
def test_what_is_only_record_keeping_touches_neither_store(change: Change, told: list[str]) -> None:
    assert _told(change) == told


def test_an_object_that_no_resource_has_is_only_retired() -> None:
    change = replace(delete(), kind=None, row=None, impact=None)

    assert [step.store for step in steps_of(change)] == ["bucket"]


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_its_steps(action: Action) -> None:
    assert steps_of(replace(update(), action=action))


def test_the_columns_that_are_set_are_those_that_are_explained() -> None:
    assert set(changed_columns(update())) == {attribute.name for attribute in attributes(update())}


def test_a_hostile_key_stays_on_its_line() -> None:
    assert _told(replace(adopt(), reused=("a\n::error::b",)))[0].count("\n") == 0
