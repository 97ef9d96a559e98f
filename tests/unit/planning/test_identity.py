"""Which row an address is: every rung of the ladder, alone and against the others."""

from dataclasses import replace

from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from tests.unit.planning.worlds import (
    actions,
    applied,
    catalog,
    change_at,
    collection,
    collection_row,
    declaring,
    edited,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    questions,
    row_of,
    speaker,
    speaker_row,
    stored,
    with_rows,
    without_records,
    world,
)

QURAN = (
    speaker_row(1, "S"),
    collection_row(2, 1, "C"),
    lecture_row(3, "Opener", "S/C/1.mp3", speaker_id=1, collection_id=2),
)


def test_everything_is_new_in_an_empty_world() -> None:
    plan = planned(world(catalog(lecture("s/c/l"))))

    assert actions(plan) == {"s": Action.CREATE, "s/c": Action.CREATE, "s/c/l": Action.CREATE}


# 1. `row:`.


def test_row_in_the_catalog_adopts_that_row() -> None:
    double = lecture_row(4, "Opener", "S/C/1.mp3", speaker_id=1, collection_id=2)
    wild = world(
        catalog(lecture("s/c/l", title="Opener", audio="S/C/1.mp3", row=4)),
        rows=[*QURAN, double],
        objects=[stored("S/C/1.mp3")],
    )

    plan = planned(wild)

    assert change_at(plan, "s/c/l").row == 4
    assert change_at(plan, "s/c/l").action is Action.ADOPT
    assert plan.unmanaged.rows == {Kind.LECTURE: (3,)}


def test_row_in_the_catalog_is_stronger_than_the_record() -> None:
    known = live(catalog(lecture("s/c/l")))
    double = edited(row_of(known, "s/c/l"), title="Copy")
    known = with_rows(known, replace(double, id=9))

    plan = planned(declaring(known, lecture("s/c/l", row=9)))

    assert change_at(plan, "s/c/l").row == 9
    assert plan.unmanaged.rows == {Kind.LECTURE: (101,)}


def test_row_that_names_a_missing_row_is_a_question() -> None:
    assert questions(world(catalog(lecture("s/c/l", row=412)))) == {"s/c/l": "EL501"}


def test_two_addresses_that_name_one_row_are_a_question() -> None:
    wild = world(catalog(lecture("s/c/a", row=3), lecture("s/c/b", row=3)), rows=QURAN)

    assert questions(wild) == {"s/c/b": "EL502"}


def test_row_that_another_address_is_recorded_as_is_a_question() -> None:
    known = live(catalog(lecture("s/c/a")))

    assert questions(declaring(known, lecture("s/c/a"), lecture("s/c/b", row=101))) == {"s/c/a": "EL502"}


def test_row_together_with_previously_is_a_move_of_that_row() -> None:
    known = live(catalog(lecture("s/c/a", audio="a.mp3")))

    known = declaring(known, lecture("s/c/b", audio="a.mp3", row=101, previously="s/c/a"))
    plan = planned(known)

    assert actions(plan) == {"s/c/b": Action.MOVE}
    assert planned(applied(known, plan)).changes == ()


def test_row_of_a_vanished_address_is_taken_over_and_its_record_let_go() -> None:
    known = live(catalog(lecture("s/c/a", audio="a.mp3")))
    known = declaring(known, lecture("s/c/b", audio="a.mp3", row=101))

    plan = planned(known)

    assert actions(plan) == {"s/c/a": Action.FORGET, "s/c/b": Action.ADOPT}
    assert (change_at(plan, "s/c/a").row, change_at(plan, "s/c/b").row) == (None, 101)
    assert plan.drift == ()
    assert planned(applied(known, plan)).changes == ()


# 2. The record.


def test_titles_swapped_are_two_updates_in_place() -> None:
    known = live(catalog(lecture("s/c/a", title="One"), lecture("s/c/b", title="Two")))
    rows = row_of(known, "s/c/a").id, row_of(known, "s/c/b").id

    swapped = declaring(known, lecture("s/c/a", title="Two"), lecture("s/c/b", title="One"))
    plan = planned(swapped)

    assert [(c.action, c.row) for c in plan.changes] == [(Action.UPDATE, rows[0]), (Action.UPDATE, rows[1])]
    assert row_of(applied(swapped, plan), "s/c/a")["title"] == "Two"


def test_numbers_swapped_are_two_updates_in_place() -> None:
    known = live(catalog(lecture("s/c/a", number=1), lecture("s/c/b", number=2)))
    swapped = declaring(known, lecture("s/c/a", number=2), lecture("s/c/b", number=1))

    plan = planned(swapped)

    assert actions(plan) == {"s/c/a": Action.UPDATE, "s/c/b": Action.UPDATE}
    assert [put for change in plan.changes for put in change.puts] == []


def test_names_of_collections_and_speakers_swapped_are_updates_in_place() -> None:
    known = live(catalog(lecture("s/c/l"), lecture("s/d/l"), lecture("t/c/l")))
    swapped = declaring(
        known,
        speaker("s", name="T"),
        speaker("t", name="S"),
        collection("s/c", title="D"),
        collection("s/d", title="C"),
        lecture("s/c/l"),
        lecture("s/d/l"),
        lecture("t/c/l"),
    )

    plan = planned(swapped)

    renamed = dict.fromkeys(("s", "s/c", "s/d", "t"), Action.UPDATE)
    making_room = dict.fromkeys(("s/c/l", "t/c/l"), Action.UPDATE)  # each lies where the other is heard
    assert actions(plan) == {**renamed, **making_room}


def test_renamed_and_recorded_anew_at_once_is_the_same_row() -> None:
    known = live(catalog(lecture("s/c/l", title="Old", audio="old.mp3")))

    plan = planned(declaring(known, lecture("s/c/l", title="New", number=7, audio="new.mp3")))

    (change,) = plan.changes
    assert (change.action, change.row) == (Action.UPDATE, row_of(known, "s/c/l").id)


def test_a_record_is_believed_while_one_of_path_hash_and_title_is_left() -> None:
    known = live(catalog(lecture("s/c/l")))
    found = row_of(known, "s/c/l")
    for values in (
        {"file_path": "elsewhere.mp3", "audio_url": None, "file_hash": None},  # the title is left
        {"title": "Renamed", "file_hash": None},  # the path
        {"title": "Renamed", "file_path": "elsewhere.mp3", "audio_url": None},  # the hash
    ):
        assert actions(planned(with_rows(known, edited(found, **values)))) == {"s/c/l": Action.UPDATE}


def test_a_title_under_another_parent_is_no_evidence() -> None:
    known = live(catalog(lecture("s/c/l"), lecture("s/d/m")))
    found = edited(
        row_of(known, "s/c/l"),
        collection_id=row_of(known, "s/d").id,
        file_path="x.mp3",
        file_hash="00",
        audio_url=None,
    )

    plan = planned(with_rows(known, found))

    assert actions(plan) == {"s/c/l": Action.CREATE}
    assert [(d.address, d.attribute) for d in plan.drift] == [("s/c/l", "row")]


def test_a_speaker_renamed_by_other_hands_is_known_by_the_lectures() -> None:
    known = live(catalog(lecture("s/c/l")))
    known = with_rows(
        known, edited(row_of(known, "s"), name="Other"), edited(row_of(known, "s/c"), title="Other")
    )

    plan = planned(known)

    assert actions(plan) == {"s": Action.UPDATE, "s/c": Action.UPDATE}
    assert {(d.address, d.attribute) for d in plan.drift} == {("s", "name"), ("s/c", "title")}


def test_a_speaker_renamed_by_other_hands_is_known_by_an_image() -> None:
    known = live(catalog(speaker("s", image="i.jpg")))

    assert actions(planned(with_rows(known, edited(row_of(known, "s"), name="Other")))) == {
        "s": Action.UPDATE
    }


def test_a_speaker_that_nothing_speaks_for_is_not_believed() -> None:
    known = live(catalog(speaker("s")))

    plan = planned(with_rows(known, edited(row_of(known, "s"), name="Other")))

    assert actions(plan) == {"s": Action.CREATE}


# 3. `previously:`.


def test_a_lecture_moved_to_another_collection_keeps_its_row_and_its_object() -> None:
    known = live(catalog(lecture("s/c/l", audio="l.mp3"), collection("s/d")))
    moved = declaring(known, collection("s/c"), lecture("s/d/l", audio="l.mp3", previously="s/c/l"))

    plan = planned(moved, favourites={101: 40})

    (change,) = plan.changes
    assert (change.action, change.previous_address, change.row) == (Action.MOVE, "s/c/l", 101)
    assert (change.puts, change.retired) == ((), ())
    assert change.impact is not None
    assert change.impact.kept == plan.impact.kept == 40
    after = applied(moved, plan)
    assert row_of(after, "s/d/l")["collection_id"] == row_of(after, "s/d").id
    assert planned(after).changes == ()


def test_a_speaker_with_a_new_name_and_address_carries_everything_along() -> None:
    known = live(catalog(lecture("old/c/l", audio="l.mp3"), lecture("old/d/m", audio="m.mp3")))
    renamed = declaring(
        known,
        speaker("new", name="New", previously="old"),
        lecture("new/c/l", audio="l.mp3"),
        lecture("new/d/m", audio="m.mp3"),
    )

    plan = planned(renamed)

    assert {change.action for change in plan.changes} == {Action.MOVE}
    assert len(plan.changes) == 5
    assert planned(applied(renamed, plan)).changes == ()


def test_a_child_that_moves_on_its_own_is_not_carried_along() -> None:
    known = live(catalog(lecture("old/c/l"), lecture("old/c/m")))
    renamed = declaring(
        known,
        speaker("new", previously="old"),
        lecture("new/c/l", audio="old/c/l.mp3"),
        lecture("new/d/m", audio="old/c/m.mp3", previously="old/c/m"),
    )

    plan = planned(renamed)

    assert change_at(plan, "new/d/m").previous_address == "old/c/m"
    assert change_at(plan, "new/d").action is Action.CREATE


def test_a_child_that_is_still_declared_at_its_old_address_is_not_carried_along() -> None:
    """The loader lets no such catalog through; the ladder does not hang on that."""
    known = live(catalog(collection("s/old"), lecture("s/old/l", audio="l.mp3")))
    both = declaring(known, collection("s/new", previously="s/old"), lecture("s/new/l"), lecture("s/old/l"))

    assert "s/new/l" not in questions(both)


def test_an_id_in_previously_is_read_under_the_old_address_of_a_renamed_parent() -> None:
    known = live(catalog(lecture("old/c/l", audio="l.mp3")))
    renamed = declaring(
        known, speaker("new", previously="old"), lecture("new/c/m", audio="l.mp3", previously="new/c/l")
    )

    plan = planned(renamed)

    assert change_at(plan, "new/c/m").previous_address == "old/c/l"


def test_an_old_address_that_is_still_declared_is_a_question() -> None:
    known = live(catalog(lecture("old/c/l")))

    assert questions(declaring(known, speaker("new", previously="old"), lecture("old/c/l"))) == {
        "new": "EL502"
    }


def test_previously_that_was_applied_already_is_harmless() -> None:
    known = live(catalog(lecture("s/c/a", audio="a.mp3")))
    renamed = declaring(known, lecture("s/c/b", audio="a.mp3", previously="s/c/a"))
    renamed = applied(renamed, planned(renamed))

    assert planned(renamed).changes == ()
    assert planned(declaring(renamed, lecture("s/c/b", audio="a.mp3"))).changes == ()


def test_previously_of_an_address_nobody_recorded_is_harmless() -> None:
    known = live(catalog(lecture("s/c/a")))

    plan = planned(declaring(known, lecture("s/c/a"), lecture("s/c/b", previously="s/c/never")))

    assert actions(plan) == {"s/c/b": Action.CREATE}


def test_two_addresses_that_were_previously_one_are_a_question() -> None:
    known = live(catalog(lecture("s/c/a")))
    split = declaring(known, lecture("s/c/b", previously="s/c/a"), lecture("s/c/c", previously="s/c/a"))

    assert questions(split) == {"s/c/c": "EL502"}


def test_previously_beside_a_row_of_its_own_is_a_question() -> None:
    known = live(catalog(lecture("s/c/a"), lecture("s/c/b")))

    assert questions(declaring(known, lecture("s/c/b", previously="s/c/a"))) == {"s/c/b": "EL506"}


# 4. The natural key.


def test_rows_without_records_are_adopted_by_their_natural_keys() -> None:
    known = without_records(live(catalog(lecture("s/c/l"), lecture("s/c/m"))))

    plan = planned(known)

    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert {change.before == change.after for change in plan.changes} == {True}
    assert planned(applied(known, plan)).changes == ()


def test_a_name_is_the_same_in_another_spelling_of_unicode() -> None:
    wild = world(catalog(speaker("s", name="é")), rows=[speaker_row(1, "e\u0301")])

    assert change_at(planned(wild), "s").row == 1


def test_a_name_is_the_same_but_for_spaces_at_its_ends() -> None:
    wild = world(catalog(speaker("s", name="Sufi")), rows=[speaker_row(1, " Sufi ")])

    plan = planned(wild)

    assert actions(plan) == {"s": Action.ADOPT}
    assert row_of(applied(wild, plan), "s")["name"] == "Sufi"


def test_the_exact_name_wins_over_one_with_spaces_at_its_ends() -> None:
    wild = world(catalog(speaker("s", name="Sufi")), rows=[speaker_row(1, "Sufi "), speaker_row(2, "Sufi")])

    assert change_at(planned(wild), "s").row == 2


def test_a_lecture_is_found_by_its_file_path_whatever_its_title_and_parent() -> None:
    stray = lecture_row(3, "15 - 15 Story", "S/C/15 - Story.mp3")
    wild = world(
        catalog(lecture("s/c/l", title="Story", audio="S/C/15 - Story.mp3")),
        rows=[stray],
        objects=[stored("S/C/15 - Story.mp3")],
    )

    assert change_at(planned(wild), "s/c/l").row == 3


def test_a_lecture_is_found_by_the_key_that_its_template_gives() -> None:
    wild = world(
        catalog(lecture("s/c/l", title="Story", number=15, audio="media/x.mp3")),
        rows=[lecture_row(3, "15 Story", "S/C/15 - Story.mp3")],
    )

    assert change_at(planned(wild), "s/c/l").row == 3


def test_a_lecture_is_found_by_its_title_within_its_collection() -> None:
    other = collection_row(9, 1, "Other")
    twin = lecture_row(8, "Opener", "y.mp3", speaker_id=1, collection_id=9)
    wild = world(catalog(lecture("s/c/l", title="Opener", audio="x.mp3")), rows=[*QURAN, other, twin])

    assert change_at(planned(wild), "s/c/l").row == 3


def test_a_file_path_that_stands_twice_is_decided_by_title_and_parent() -> None:
    """One audio file in two lectures: each has a row of its own."""
    second = lecture_row(4, "Again", "S/C/1.mp3", speaker_id=1, collection_id=2)
    wild = world(
        catalog(
            lecture("s/c/a", title="Opener", audio="S/C/1.mp3"),
            lecture("s/c/b", title="Again", audio="S/C/1.mp3"),
        ),
        rows=[*QURAN, second],
        objects=[stored("S/C/1.mp3")],
    )

    plan = planned(wild)

    assert (change_at(plan, "s/c/a").row, change_at(plan, "s/c/b").row) == (3, 4)
    assert planned(applied(wild, plan)).changes == ()


def test_a_file_path_that_two_want_and_one_row_has_goes_to_the_one_with_its_title() -> None:
    wild = world(
        catalog(
            lecture("s/c/a", title="New", audio="S/C/1.mp3"),
            lecture("s/c/b", title="Opener", audio="S/C/1.mp3"),
        ),
        rows=QURAN,
    )

    plan = planned(wild)

    assert (change_at(plan, "s/c/a").action, change_at(plan, "s/c/b").row) == (Action.CREATE, 3)


def test_a_file_path_that_two_want_and_nothing_decides_is_a_question() -> None:
    wild = world(
        catalog(
            lecture("s/c/a", title="New", audio="S/C/1.mp3"),
            lecture("s/c/b", title="Newer", audio="S/C/1.mp3"),
        ),
        rows=QURAN,
    )

    assert questions(wild) == {"s/c/a": "EL505", "s/c/b": "EL505"}


def test_rows_duplicated_are_a_question_that_names_them() -> None:
    wild = world(
        catalog(lecture("s/c/l", title="Opener", audio="S/C/1.mp3")), rows=[*QURAN, replace(QURAN[2], id=4)]
    )

    assert questions(wild) == {"s/c/l": "EL504"}


def test_titles_duplicated_in_a_collection_are_a_question() -> None:
    double = lecture_row(4, "Opener", "S/C/2.mp3", speaker_id=1, collection_id=2)
    wild = world(catalog(lecture("s/c/l", title="Opener", audio="x.mp3")), rows=[*QURAN, double])

    assert questions(wild) == {"s/c/l": "EL504"}


def test_a_collection_is_found_under_its_own_speaker_only() -> None:
    wild = world(
        catalog(collection("s/c"), speaker("t")),
        rows=[speaker_row(1, "S"), speaker_row(2, "T"), collection_row(3, 2, "C")],
    )

    assert change_at(planned(wild), "s/c").action is Action.CREATE


# 5. The bytes.


def test_bytes_that_are_unique_on_both_sides_find_the_row() -> None:
    line = media("x.mp3", "bytes")
    odd = lecture_row(3, "Another title", "strange key.mp3", file_hash=line.sha256)
    wild = world(catalog(lecture("s/c/l", audio="x.mp3"), lock=[line]), rows=[odd])

    plan = planned(wild)

    assert change_at(plan, "s/c/l").row == 3


def test_two_lectures_with_equal_bytes_are_not_told_apart_by_them() -> None:
    lines = [media("x.mp3", "bytes"), media("y.mp3", "bytes")]
    odd = lecture_row(3, "Another title", "strange key.mp3", file_hash=lines[0].sha256)
    wild = world(
        catalog(lecture("s/c/l", audio="x.mp3"), lecture("s/c/m", audio="y.mp3"), lock=lines), rows=[odd]
    )

    assert {change.action for change in planned(wild).changes} == {Action.CREATE}


def test_two_rows_with_equal_bytes_are_not_told_apart_by_them() -> None:
    line = media("x.mp3", "bytes")
    odd = [lecture_row(i, f"Title {i}", f"{i}.mp3", file_hash=line.sha256) for i in (3, 4)]
    wild = world(catalog(lecture("s/c/l", audio="x.mp3"), lock=[line]), rows=odd)

    assert change_at(planned(wild), "s/c/l").action is Action.CREATE


def test_bytes_count_only_among_what_is_left_over() -> None:
    lines = [media("S/C/1.mp3", "bytes"), media("y.mp3", "bytes")]
    taken = edited(QURAN[2], file_hash=lines[0].sha256)
    odd = lecture_row(4, "Odd", "odd.mp3", file_hash=lines[0].sha256)
    wild = world(
        catalog(
            lecture("s/c/l", title="Opener", audio="S/C/1.mp3"), lecture("s/c/m", audio="y.mp3"), lock=lines
        ),
        rows=[*QURAN[:2], taken, odd],
    )

    plan = planned(wild)

    assert (change_at(plan, "s/c/l").row, change_at(plan, "s/c/m").row) == (3, 4)


def test_a_path_in_another_spelling_of_unicode_is_the_same_line_of_the_lockfile() -> None:
    line = media("é.mp3", "bytes")
    odd = lecture_row(3, "Odd", "odd.mp3", file_hash=line.sha256)
    wild = world(
        catalog(lecture("s/c/l", audio="e\u0301.mp3"), lock=[line], gone=["e\u0301.mp3"]), rows=[odd]
    )

    assert change_at(planned(wild), "s/c/l").row == 3
