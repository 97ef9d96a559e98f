"""An address that vanished beside a new one that looks like it: asked about, never guessed."""

import re

from reconciler.model.plan import Action
from tests.unit.planning.worlds import (
    actions,
    applied,
    catalog,
    change_at,
    collection,
    collection_row,
    declaring,
    diagnostics,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    questions,
    row_of,
    speaker,
    speaker_row,
    with_rows,
    without_rows,
    world,
)


def test_the_same_title_under_a_new_id_is_a_question() -> None:
    known = live(catalog(lecture("s/c/a", title="One", audio="a.mp3")))

    assert questions(declaring(known, lecture("s/c/b", title="One", audio="b.mp3"))) == {"s/c/b": "EL503"}


def test_the_same_number_under_a_new_id_is_a_question() -> None:
    known = live(catalog(lecture("s/c/a", number=1)))

    assert questions(declaring(known, lecture("s/c/b", number=1))) == {"s/c/b": "EL503"}


def test_the_same_audio_under_a_new_id_is_a_question() -> None:
    known = live(catalog(lecture("s/c/a", audio="a.mp3"), lecture("s/c/x", audio="a.mp3")))
    vanished = declaring(known, lecture("s/c/b", audio="a.mp3"), lecture("s/c/x", audio="a.mp3"))

    assert questions(vanished) == {"s/c/b": "EL503"}


def test_audio_that_several_vanished_with_is_a_question() -> None:
    known = live(catalog(lecture("s/c/a", audio="a.mp3"), lecture("s/c/b", audio="a.mp3")))

    assert questions(declaring(known, lecture("s/c/x", audio="a.mp3"))) == {"s/c/x": "EL503"}


def test_the_same_audio_in_another_collection_is_a_question() -> None:
    known = live(catalog(lecture("s/c/a"), collection("s/d")))
    moved = declaring(
        known, collection("s/c"), lecture("s/d/b", audio="b.mp3"), lock=[media("b.mp3", "s/c/a.mp3")]
    )

    assert questions(moved) == {"s/d/b": "EL503"}


def test_another_number_and_other_audio_are_another_lecture() -> None:
    known = live(catalog(lecture("s/c/a", number=1)))

    plan = planned(declaring(known, lecture("s/c/b", number=2)))

    assert actions(plan) == {"s/c/a": Action.DELETE, "s/c/b": Action.CREATE}


def test_lectures_without_numbers_are_not_alike_for_that() -> None:
    known = live(catalog(lecture("s/c/a")))

    assert actions(planned(declaring(known, lecture("s/c/b"))))["s/c/b"] is Action.CREATE


def test_the_same_number_in_another_collection_is_another_lecture() -> None:
    known = live(catalog(lecture("s/c/a", number=1), collection("s/d")))

    plan = planned(declaring(known, collection("s/c"), lecture("s/d/b", number=1)))

    assert actions(plan) == {"s/c/a": Action.DELETE, "s/d/b": Action.CREATE}


def test_a_lookalike_in_a_collection_that_was_renamed_too_is_a_question() -> None:
    known = live(catalog(lecture("s/old/a", title="One", number=1)))
    renamed = declaring(
        known,
        collection("s/new", previously="s/old"),
        lecture("s/new/b", title="Two", number=1, audio="b.mp3"),
    )

    assert questions(renamed) == {"s/new/b": "EL503"}


def test_previously_answers_the_question() -> None:
    known = live(catalog(lecture("s/c/a", number=1)))

    plan = planned(declaring(known, lecture("s/c/b", number=1, previously="s/c/a")))

    assert actions(plan) == {"s/c/b": Action.MOVE}


def test_an_apply_that_removes_the_old_one_first_answers_the_question() -> None:
    known = live(catalog(lecture("s/c/a", number=1)))
    removed = declaring(known, collection("s/c"))
    removed = applied(removed, planned(removed))

    assert actions(planned(declaring(removed, lecture("s/c/b", number=1)))) == {"s/c/b": Action.CREATE}


def test_a_lookalike_of_what_is_let_go_is_no_question() -> None:
    known = live(catalog(lecture("s/c/a", number=1)))

    plan = planned(declaring(known, lecture("s/c/b", number=1), forget=["s/c/a"]))

    assert actions(plan) == {"s/c/a": Action.FORGET, "s/c/b": Action.CREATE}


def test_a_lookalike_of_a_row_that_is_gone_is_no_question() -> None:
    known = live(catalog(lecture("s/c/a", number=1)))
    gone = without_rows(known, row_of(known, "s/c/a"))

    assert actions(planned(declaring(gone, lecture("s/c/b", number=1)))) == {
        "s/c/a": Action.FORGET,
        "s/c/b": Action.CREATE,
    }


def test_a_speaker_under_a_new_id_is_one_question_and_not_one_for_each_child() -> None:
    known = live(catalog(lecture("s/c/a"), lecture("s/c/b")))

    renamed = declaring(known, speaker("t", name="S"), lecture("t/c/a"), lecture("t/c/b"))

    assert questions(renamed) == {"t": "EL503"}


def test_questions_come_in_reading_order_and_once() -> None:
    known = live(catalog(lecture("s/c/a", number=1), lecture("s/c/b", number=2)))
    renamed = declaring(known, lecture("s/c/y", number=2), lecture("s/c/x", number=1))

    assert [d.position.file for d in diagnostics(renamed)] == ["s/c/x.yaml", "s/c/y.yaml"]


def test_a_question_says_what_to_write() -> None:
    known = live(catalog(lecture("s/c/a", number=1)))

    (asked,) = diagnostics(declaring(known, lecture("s/c/b", number=1)))

    assert {"s/c/a", "s/c/b"} <= set(re.findall(r"[a-z/]+", asked.detail))
    assert "`previously: s/c/a`" in asked.hint


def test_a_question_outside_the_scope_waits() -> None:
    known = live(catalog(lecture("s/c/a", number=1), lecture("s/d/l")))
    world_ = declaring(known, lecture("s/c/b", number=1), lecture("s/d/l", title="New"))

    assert actions(planned(world_, only=["s/d"])) == {"s/d/l": Action.UPDATE}


def test_a_question_about_a_parent_that_would_be_created_does_not_wait() -> None:
    known = live(catalog(lecture("s/c/a")))
    renamed = declaring(known, speaker("t", name="S"), lecture("t/c/new"))

    assert questions(renamed, only=["t/c/new"]) == {"t": "EL503"}


def test_what_was_never_recorded_is_not_said_to_be_lost() -> None:
    plan = planned(world(catalog(lecture("s/c/a"))))

    assert (change_at(plan, "s/c/a").action, plan.drift) == (Action.CREATE, ())


# Names that are unique in the database.


def test_a_name_that_a_row_nobody_declared_has_is_a_question() -> None:
    known = with_rows(live(catalog(speaker("s"))), speaker_row(900, "Taken"))

    assert questions(declaring(known, speaker("s", name="Taken"))) == {"s": "EL508"}


def test_a_title_that_a_row_of_the_same_speaker_has_is_a_question() -> None:
    known = with_rows(live(catalog(collection("s/c"), speaker("t"))), collection_row(900, 1, "Taken"))

    renamed = declaring(known, collection("s/c", title="Taken"), collection("t/c", title="Taken"))

    assert questions(renamed) == {"s/c": "EL508"}


def test_a_name_that_another_gives_up_outside_the_scope_is_a_question() -> None:
    known = live(catalog(speaker("s", name="One"), speaker("t", name="Two")))
    swapped = declaring(known, speaker("s", name="Two"), speaker("t", name="One"))

    assert questions(swapped) == {}
    assert questions(swapped, only=["s"]) == {"s": "EL508"}


def test_a_name_that_a_deleted_row_gives_up_is_free() -> None:
    known = live(catalog(speaker("s", name="One"), speaker("t", name="Two")))

    assert questions(declaring(known, speaker("t", name="One"))) == {}


def test_a_name_that_is_kept_by_what_is_let_go_is_a_question() -> None:
    known = live(catalog(speaker("s", name="One"), speaker("t", name="Two")))

    assert questions(declaring(known, speaker("t", name="One"), forget=["s"])) == {"t": "EL508"}


def test_lectures_may_share_a_title() -> None:
    known = with_rows(live(catalog(lecture("s/c/l"))), lecture_row(900, "Taken", "x.mp3", collection_id=11))

    assert questions(declaring(known, lecture("s/c/l", title="Taken", audio="s/c/l.mp3"))) == {}
