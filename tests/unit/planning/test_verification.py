"""Verify names what is wrong between catalog, bucket and database, and what repairs it."""

from dataclasses import replace

import pytest

from reconciler.model.kinds import Kind, Slot
from reconciler.model.policy import Ignored, Layout
from reconciler.model.ports import UnfinishedUpload
from reconciler.model.recorded import KeyState
from reconciler.model.remedies import Adopt, Lock, Merge, Sentence
from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    VerifyFinding,
    apply_alone,
    worst_first,
)
from reconciler.planning.verification.verify import verified
from reconciler.planning.world import DELETE_UNMANAGED, World
from tests.unit.planning.verifying import found_in, states, the_only, verification_of
from tests.unit.planning.worlds import (
    CDN,
    NOW,
    POLICY,
    catalog,
    collection,
    collection_row,
    declaring,
    edited,
    key,
    key_of,
    lecture,
    lecture_row,
    live,
    media,
    row_of,
    speaker,
    speaker_row,
    stored,
    wiped,
    with_keys,
    with_objects,
    with_rows,
    without_objects,
    without_records,
    without_rows,
    world,
)

ONE, TWO = "ali/quran/one", "ali/quran/two"


def shelf(**one: object) -> World:
    """Two lectures that were applied, and nothing wrong."""
    return live(catalog(lecture(ONE, **{"number": 1, **one}), lecture(TWO, number=2)))


def without_file(_path: str) -> bool:
    return False


NOWHERE = Surroundings(has_file=without_file)

# Nothing wrong.


def test_a_library_that_was_applied_has_nothing_wrong() -> None:
    found = verification_of(shelf())

    assert found.findings == ()
    assert found.wrong == 0
    assert found.adopted
    assert found.truth[True, True, True] == 2
    assert sum(found.truth.values()) == 2
    assert found.sides.declared == {Kind.SPEAKER: 1, Kind.COLLECTION: 1, Kind.LECTURE: 2}
    assert found.sides.objects == 2


def test_two_declared_lectures_may_share_a_file() -> None:
    shared = live(catalog(lecture(ONE), lecture("ali/tafsir/one", audio=f"{ONE}.mp3")))

    assert not {c for c, _ in states(shared)} & {Condition.DUPLICATE_ROWS, Condition.WRONG_LECTURE}


# Nothing to be heard.


def silenced(world: World) -> World:
    return with_objects(world, *(stored(key_of(world, one), "") for one in (ONE, TWO)))


SILENT = {
    "wiped": lambda: wiped(shelf()),
    "wiped with its records": lambda: without_records(wiped(shelf())),
    "no row of a lecture": lambda: without_rows(shelf(), row_of(shelf(), ONE), row_of(shelf(), TWO)),
    "no object": lambda: without_objects(shelf(), *shelf().snapshot.objects),
    "no byte": lambda: silenced(shelf()),
    "every way leads elsewhere": lambda: with_rows(
        shelf(), *(edited(row_of(shelf(), one), file_path=f"old/{one}", title="?") for one in (ONE, TWO))
    ),
    "nothing was applied": lambda: world(catalog(lecture(ONE), lecture(TWO))),
    "each lecture lacks something": lambda: without_objects(
        without_rows(shelf(), row_of(shelf(), ONE)), key_of(shelf(), TWO)
    ),
}


@pytest.mark.parametrize("silent", SILENT)
def test_a_library_in_which_nothing_can_be_heard_is_silent(silent: str) -> None:
    found = verification_of(SILENT[silent]())

    assert found.silent
    assert found.counts[ConditionSeverity.ERROR] >= 2


def test_a_library_in_which_one_lecture_can_be_heard_is_not_silent() -> None:
    found = verification_of(without_rows(shelf(), row_of(shelf(), ONE)))

    assert (found.silent, found.heard) == (False, 1)


def test_every_declared_resource_without_a_row_is_an_error() -> None:
    lost = found_in(wiped(shelf()), Condition.ENTRY_WITHOUT_ROW)

    assert {finding.what for finding in lost} == {"ali", "ali/quran", ONE, TWO}
    assert {finding.severity for finding in lost} == {ConditionSeverity.ERROR}


# Objects of zero bytes.


def test_a_declared_empty_object_is_an_error_that_a_plan_repairs_where_the_catalog_means_bytes() -> None:
    start = shelf()
    silent = with_objects(start, stored(key_of(start, ONE), ""))

    finding = the_only(silent, Condition.EMPTY_AUDIO)

    assert (finding.what, finding.key, finding.severity) == (ONE, key_of(start, ONE), ConditionSeverity.ERROR)
    assert finding.repairs == (ONE,)
    assert not found_in(silent, Condition.OTHER_BYTES)


def test_an_empty_object_that_the_catalog_declares_is_an_error_that_a_person_repairs() -> None:
    declared = live(catalog(lecture(ONE), lecture(TWO), lock=[media(f"{ONE}.mp3", "")]))

    finding = the_only(declared, Condition.EMPTY_AUDIO)

    assert (finding.what, finding.repairs) == (ONE, ())
    assert finding.remedies[1:] == (Lock(), apply_alone(ONE))


def test_an_empty_object_is_an_error_in_a_row_that_nobody_declares_and_in_one_that_left_the_catalog() -> None:
    start = shelf()
    empty = with_objects(start, stored("stray.mp3", ""), stored(key_of(start, ONE), ""))
    strays = with_rows(empty, lecture_row(900, "Stray", "stray.mp3"), lecture_row(901, "Two", "stray.mp3"))
    left = declaring(strays, lecture(TWO))

    found = {finding.what for finding in found_in(left, Condition.EMPTY_AUDIO)}

    assert found == {ONE, "unmanaged.lectures[900]", "unmanaged.lectures[901]"}


# Rows and their objects.


def test_a_declared_row_whose_object_is_gone_plays_nothing_and_is_repaired_by_a_plan() -> None:
    start = shelf()
    gone = without_objects(start, key_of(start, ONE))

    finding = the_only(gone, Condition.ROW_WITHOUT_OBJECT)

    assert (finding.what, finding.severity) == (ONE, ConditionSeverity.ERROR)
    assert finding.repairs == (ONE,)
    assert finding.remedies == (apply_alone(ONE),)
    assert verification_of(gone).truth[True, False, True] == 1


def test_an_object_whose_bytes_are_nowhere_is_left_to_a_person() -> None:
    start = shelf()
    gone = without_objects(start, key_of(start, ONE))

    finding = the_only(gone, Condition.ROW_WITHOUT_OBJECT, NOWHERE)

    assert finding.repairs == ()
    sentence, lock = finding.remedies
    assert isinstance(sentence, Sentence)
    assert f"{ONE}.mp3" in sentence.text
    assert lock == Lock()


def test_a_staged_copy_is_bytes_enough() -> None:
    start = shelf()
    line = start.catalog.media[f"{ONE}.mp3"]
    gone = without_objects(start, key_of(start, ONE))
    assert line.sha256 is not None
    assert line.md5 is not None
    copy = stored(f".elmify/staged/{line.sha256}", size=line.size_bytes, etag=line.md5)
    staged = replace(gone, snapshot=replace(gone.snapshot, staged={line.sha256: copy}))

    finding = the_only(staged, Condition.ROW_WITHOUT_OBJECT, NOWHERE)

    assert finding.repairs == (ONE,)
    assert the_only(staged, Condition.STAGED).size_bytes == line.size_bytes


def test_bytes_of_unknown_hash_that_are_gone_are_a_question_too() -> None:
    line = media(f"{ONE}.mp3", sha256=None, md5=None, etag="e1")
    start = world(
        catalog(lecture(ONE), lock=[line]),
        rows=[
            speaker_row(1, "Ali"),
            collection_row(11, 1, "Quran"),
            lecture_row(101, "One", f"{ONE}.mp3", speaker_id=1, collection_id=11),
        ],
    )

    assert the_only(start, Condition.QUESTION).what == ONE
    assert the_only(start, Condition.ROW_WITHOUT_OBJECT).repairs == ()


def test_an_object_that_other_hands_replaced_holds_other_bytes() -> None:
    start = shelf()
    replaced = with_objects(start, stored(key_of(start, ONE), "something else"))

    finding = the_only(replaced, Condition.OTHER_BYTES)

    assert (finding.what, finding.repairs, finding.key) == (ONE, (ONE,), key_of(start, ONE))
    assert "audio" in finding.detail


def test_new_bytes_in_the_catalog_are_pending_and_not_wrong() -> None:
    start = shelf()
    declared = declaring(start, lecture(ONE), lecture(TWO), lock=[media(f"{ONE}.mp3", "recorded anew")])

    found = verification_of(declared)

    assert found.wrong == 0
    assert {f.condition for f in found.findings} == {Condition.PENDING}


def test_new_bytes_in_the_catalog_hide_no_object_that_was_replaced() -> None:
    start = shelf()
    declared = declaring(start, lecture(ONE), lecture(TWO), lock=[media(f"{ONE}.mp3", "recorded anew")])
    replaced = with_objects(declared, stored(key_of(start, ONE), "something else"))

    assert the_only(replaced, Condition.OTHER_BYTES).what == ONE


def test_where_no_etag_was_noted_the_size_tells_that_an_object_was_replaced() -> None:
    start = shelf()
    declared = declaring(start, lecture(ONE), lecture(TWO), lock=[media(f"{ONE}.mp3", "recorded anew")])
    silent = with_keys(declared, key(key_of(start, ONE), content=f"{ONE}.mp3", etag=None))

    assert (Condition.PENDING, ONE) in states(silent)
    replaced = with_objects(silent, stored(key_of(start, ONE), "of another size"))
    assert the_only(replaced, Condition.OTHER_BYTES).what == ONE


def test_a_row_that_names_the_object_of_another_lecture_is_told_by_both_names() -> None:
    start = shelf()
    crossed = with_rows(start, edited(row_of(start, ONE), file_path=key_of(start, TWO)))

    finding = the_only(crossed, Condition.WRONG_LECTURE)

    assert finding.what == ONE
    assert TWO in finding.detail
    assert finding.repairs == (ONE,)
    assert not found_in(crossed, Condition.DUPLICATE_ROWS)


def test_a_path_that_other_hands_changed_to_the_same_bytes_is_a_wrong_fact() -> None:
    start = shelf()
    copied = with_objects(start, stored("copies/one.mp3", f"{ONE}.mp3"))
    moved = with_rows(copied, edited(row_of(start, ONE), file_path="copies/one.mp3"))

    assert (Condition.WRONG_FACTS, ONE) in states(moved)
    assert not found_in(moved, Condition.OTHER_BYTES)


# Columns.


@pytest.mark.parametrize(
    ("column", "value", "condition"),
    [
        ("file_size", 1, Condition.WRONG_FACTS),
        ("file_hash", "0" * 64, Condition.WRONG_FACTS),
        ("duration", 0, Condition.WRONG_FACTS),
        ("file_format", "audio/mpeg", Condition.WRONG_FACTS),
        ("audio_url", None, Condition.WRONG_URL),
        ("audio_url", "https://old.example/x.mp3", Condition.WRONG_URL),
        ("title", "Other", Condition.OTHER_VALUES),
        ("speaker_id", None, Condition.OTHER_VALUES),
    ],
)
def test_a_column_that_other_hands_changed_is_named_by_what_it_holds(
    column: str, value: str | int | None, condition: Condition
) -> None:
    start = shelf()
    changed = with_rows(start, edited(row_of(start, ONE), **{column: value}))

    finding = the_only(changed, condition)

    assert (finding.what, finding.repairs) == (ONE, (ONE,))
    assert column in finding.detail
    found = {each.condition for each in verification_of(changed).findings}
    assert found - {Condition.WAY_BROKEN} == {condition}
    assert (Condition.WAY_BROKEN in found) is (column == "title")


def test_a_file_name_of_other_hands_is_no_mistake() -> None:
    start = shelf()

    assert verification_of(with_rows(start, edited(row_of(start, ONE), file_name="x.mp3"))).findings == ()


def test_a_column_that_the_catalog_alone_changed_is_pending() -> None:
    start = shelf()

    finding = the_only(declaring(start, lecture(ONE, title="New"), lecture(TWO)), Condition.PENDING)

    assert (finding.what, finding.severity, finding.repairs) == (ONE, ConditionSeverity.INFO, ())


def test_long_values_are_cut_short_in_a_detail() -> None:
    start = shelf()
    changed = with_rows(start, edited(row_of(start, ONE), title="x" * 500))

    assert len(the_only(changed, Condition.OTHER_VALUES).detail) < 200


def test_what_there_is_a_question_about_is_not_for_a_repair_to_correct() -> None:
    start = shelf()
    asked = declaring(start, lecture(ONE, categories=("nope",)), lecture(TWO))
    wrong = with_rows(asked, edited(row_of(start, ONE), audio_url=None))

    assert the_only(wrong, Condition.QUESTION).what == ONE
    assert the_only(wrong, Condition.WRONG_URL).repairs == ()


def test_what_the_catalog_renames_is_not_for_a_repair_to_move() -> None:
    start = shelf()
    renamed = declaring(start, lecture("ali/quran/first", previously=ONE, audio=f"{ONE}.mp3"), lecture(TWO))
    wrong = with_rows(renamed, edited(row_of(start, ONE), audio_url=None))

    assert the_only(wrong, Condition.WRONG_URL).repairs == ()


def test_a_repair_that_would_take_the_name_of_another_row_is_a_question() -> None:
    start = shelf()
    renamed = with_rows(start, edited(row_of(start, "ali"), name="Omar"), speaker_row(2, "Ali"))

    finding = the_only(renamed, Condition.OTHER_VALUES)

    assert finding.repairs == ()
    (sentence,) = finding.remedies
    assert isinstance(sentence, Sentence)
    assert "row: 2" in sentence.text


# Images.


def with_image() -> World:
    return live(catalog(speaker("ali", image="ali/speaker.jpg")))


def test_an_image_that_is_gone_is_put_back_by_a_plan() -> None:
    start = with_image()
    finding = the_only(
        without_objects(start, key_of(start, "ali", Slot.SPEAKER_IMAGE)), Condition.MISSING_IMAGE
    )

    assert (finding.what, finding.repairs) == ("ali", ("ali",))


def test_a_row_without_its_image_misses_it() -> None:
    start = with_image()

    finding = the_only(
        with_rows(start, edited(row_of(start, "ali"), image_url=None)), Condition.MISSING_IMAGE
    )

    assert (finding.what, finding.key) == ("ali", None)


def test_an_image_on_another_domain_is_a_wrong_url() -> None:
    start = with_image()
    elsewhere = with_rows(start, edited(row_of(start, "ali"), image_url="https://old.example/face.jpg"))

    assert states(elsewhere) == {(Condition.WRONG_URL, "ali")}


def test_an_image_that_stands_under_another_key_than_the_row_names_is_a_wrong_url() -> None:
    start = with_image()
    other = with_objects(start, stored("ali/other.jpg"))
    elsewhere = with_rows(other, edited(row_of(start, "ali"), image_url=f"{CDN}/ali/other.jpg"))

    assert states(elsewhere) == {(Condition.WRONG_URL, "ali")}


def test_an_image_that_other_hands_replaced_holds_other_bytes() -> None:
    start = with_image()
    replaced = with_objects(start, stored(key_of(start, "ali", Slot.SPEAKER_IMAGE), "another face"))

    assert the_only(replaced, Condition.OTHER_BYTES).what == "ali"


def test_an_image_under_a_key_that_holds_nothing_is_missing() -> None:
    start = with_image()
    elsewhere = with_rows(start, edited(row_of(start, "ali"), image_url=f"{CDN}/face.jpg"))

    assert states(elsewhere) == {(Condition.MISSING_IMAGE, "ali")}


def test_an_image_under_a_bare_key_that_holds_nothing_is_missing() -> None:
    start = with_image()
    elsewhere = with_rows(start, edited(row_of(start, "ali"), image_url="face.jpg"))

    assert states(elsewhere) == {(Condition.MISSING_IMAGE, "ali")}


def test_a_slot_that_the_catalog_clears_is_asked_of_no_object() -> None:
    start = with_image()
    cleared = declaring(start, speaker("ali", image=None))

    assert {condition for condition, _ in states(cleared)} == {Condition.PENDING}


# Entries without rows, and rows without entries.


def test_a_new_entry_has_no_row_and_is_not_for_a_repair_to_create() -> None:
    start = declaring(shelf(), lecture(ONE), lecture(TWO), lecture("ali/quran/three"))

    finding = the_only(start, Condition.ENTRY_WITHOUT_ROW)

    assert (finding.what, finding.repairs) == ("ali/quran/three", ())
    assert finding.remedies == (apply_alone("ali/quran/three"),)
    assert verification_of(start).truth[True, False, False] == 1


def test_a_recorded_row_that_other_hands_deleted_is_put_back_by_a_repair() -> None:
    start = shelf()

    finding = the_only(without_rows(start, row_of(start, ONE)), Condition.ENTRY_WITHOUT_ROW)

    assert (finding.what, finding.repairs) == (ONE, (ONE,))


def test_what_left_the_catalog_is_a_row_without_entry_and_no_repair_deletes_it() -> None:
    start = declaring(shelf(), lecture(ONE))

    finding = the_only(start, Condition.UNDECLARED_ROW)

    assert (finding.what, finding.repairs) == (TWO, ())
    assert verification_of(start).truth[False, True, True] == 1


def test_what_is_forgotten_is_pending() -> None:
    start = declaring(shelf(), lecture(ONE), forget=[TWO])

    assert states(start) == {(Condition.PENDING, TWO)}


def test_a_record_of_a_row_that_left_both_sides_is_pending() -> None:
    start = shelf()
    gone = without_objects(
        without_rows(declaring(start, lecture(ONE)), row_of(start, TWO)), key_of(start, TWO)
    )

    assert states(gone) == {(Condition.PENDING, TWO)}
    assert verification_of(gone).truth[False, False, False] == 1


def test_an_undeclared_row_that_plays_is_a_row_without_entry() -> None:
    start = with_rows(
        with_objects(shelf(), stored("x.mp3")), lecture_row(900, "Stray", "x.mp3"), speaker_row(9, "Nobody")
    )

    found = found_in(start, Condition.UNDECLARED_ROW)

    assert {f.what for f in found} == {"unmanaged.lectures[900]", "unmanaged.speakers[9]"}
    assert all(f.repairs == () for f in found)
    assert Adopt(addresses=("unmanaged.lectures[900]",)) in found[0].remedies
    assert not found_in(start, Condition.ORPHAN)
    assert verification_of(start).truth[False, True, True] == 1
    assert verification_of(start).truth[False, True, False] == 0


def test_an_undeclared_row_without_object_plays_nothing_and_no_plan_mends_it() -> None:
    start = with_rows(shelf(), lecture_row(900, "Lost", "lost.mp3"))

    finding = the_only(start, Condition.ROW_WITHOUT_OBJECT)

    assert (finding.what, finding.repairs) == ("unmanaged.lectures[900]", ())
    assert not found_in(start, Condition.UNDECLARED_ROW)
    assert verification_of(start).truth[False, False, True] == 1


def test_an_empty_file_path_names_no_key() -> None:
    start = with_rows(shelf(), lecture_row(900, "Lost", ""))

    assert the_only(start, Condition.ROW_WITHOUT_OBJECT).key is None


def test_images_on_another_domain_are_nobodys_files() -> None:
    start = with_rows(shelf(), speaker_row(9, "Nobody", image_url="https://old.example/face.jpg"))

    assert sum(verification_of(start).truth.values()) == 2


# Duplicates.


def test_a_second_row_of_a_declared_file_is_to_be_merged_into_the_declared_one() -> None:
    start = shelf()
    twin = with_rows(start, lecture_row(7, "One", key_of(start, ONE)))

    finding = the_only(twin, Condition.DUPLICATE_ROWS)

    assert finding.what == "unmanaged.lectures[7]"
    assert finding.remedies[-1] == Merge(row="7", into=str(row_of(start, ONE).id))
    assert ONE in finding.detail
    assert not found_in(twin, Condition.UNDECLARED_ROW)


def test_of_undeclared_rows_of_one_file_the_oldest_is_kept() -> None:
    start = with_rows(
        with_objects(shelf(), stored("x.mp3")),
        lecture_row(900, "Stray", "x.mp3"),
        lecture_row(901, "Stray", "x.mp3"),
    )

    finding = the_only(start, Condition.DUPLICATE_ROWS)

    assert (finding.what, finding.remedies[-1]) == (
        "unmanaged.lectures[901]",
        Merge(row="901", into="900"),
    )
    assert the_only(start, Condition.UNDECLARED_ROW).what == "unmanaged.lectures[900]"


def test_a_row_that_points_at_a_wrong_file_is_not_what_others_are_merged_into() -> None:
    start = shelf()
    crossed = with_rows(
        start,
        edited(row_of(start, ONE), file_path=key_of(start, TWO)),
        lecture_row(900, "Two", key_of(start, TWO)),
    )

    merge = Merge(row="900", into=str(row_of(start, TWO).id))
    assert the_only(crossed, Condition.DUPLICATE_ROWS).remedies[-1] == merge


def test_two_rows_that_could_be_one_entry_are_a_question() -> None:
    start = world(
        catalog(lecture(ONE)),
        rows=[
            speaker_row(1, "Ali"),
            collection_row(11, 1, "Quran"),
            lecture_row(101, "One", f"{ONE}.mp3", collection_id=11),
            lecture_row(102, "One", f"{ONE}.mp3", collection_id=11),
        ],
        objects=[stored(f"{ONE}.mp3")],
    )

    question = the_only(start, Condition.QUESTION)

    assert (question.what, question.severity, question.repairs) == (ONE, ConditionSeverity.ERROR, ())
    (sentence,) = question.remedies
    assert isinstance(sentence, Sentence)
    assert "row: 101" in sentence.text
    assert not found_in(start, Condition.ENTRY_WITHOUT_ROW)


def test_children_of_a_parent_in_question_are_not_said_to_have_no_row() -> None:
    start = world(
        catalog(lecture(ONE)),
        rows=[speaker_row(1, "Ali"), speaker_row(2, "Ali "), speaker_row(3, " Ali")],
    )
    asked = world(catalog(speaker("omar", row=77), lecture("omar/quran/one")))

    assert not found_in(asked, Condition.ENTRY_WITHOUT_ROW)
    assert the_only(asked, Condition.QUESTION).what == "omar"
    assert {f.what for f in found_in(start, Condition.ENTRY_WITHOUT_ROW)} == {"ali/quran", ONE}


# Objects.


def test_an_object_that_nothing_names_is_retired_by_a_repair() -> None:
    start = with_objects(shelf(), stored("old/it's here.mp3"))

    finding = the_only(start, Condition.ORPHAN)

    assert finding.repairs == ("unmanaged.object[old/it's here.mp3]",)
    assert finding.remedies[-1] == apply_alone("unmanaged.object[old/it's here.mp3]", DELETE_UNMANAGED)
    assert verification_of(start).truth[False, True, False] == 1


def test_what_waits_for_gc_is_told_with_its_size() -> None:
    start = with_keys(
        with_objects(shelf(), stored("a.mp3", "12345"), stored("b.mp3", "1")),
        key("a.mp3", KeyState.RETIRED),
        key("b.mp3", KeyState.CONDEMNED),
        key("c.mp3", KeyState.RETIRED),
    )

    finding = the_only(start, Condition.RETIRED)

    assert (finding.count, finding.size_bytes, finding.severity) == (2, 6, ConditionSeverity.INFO)
    assert verification_of(start).truth[False, False, False] == 0


def test_a_leftover_is_told_from_what_a_run_is_storing_right_now() -> None:
    start = with_keys(
        with_objects(shelf(), stored("a.mp3"), stored("b.mp3", "12")),
        key("a.mp3", KeyState.INTENDED, run=7),
        key("b.mp3", KeyState.INTENDED, run=8),
    )

    assert the_only(start, Condition.UNDER_WAY, Surroundings(run=8)).size_bytes == 2
    assert the_only(start, Condition.LEFTOVER, Surroundings(run=8)).count == 1
    assert the_only(start, Condition.LEFTOVER).count == 2


def test_a_retired_object_that_a_row_names_again_is_not_waiting_for_gc() -> None:
    start = with_keys(with_objects(shelf(), stored("a.mp3")), key("a.mp3", KeyState.RETIRED))

    assert not found_in(with_rows(start, lecture_row(900, "A", "a.mp3")), Condition.RETIRED)


def test_spelling_twins_are_told_apart_letter_by_letter() -> None:
    beside = Surroundings(nfc_duplicates=(("Caf\u00e9.mp3", "Cafe\u0301.mp3"),))

    detail = the_only(shelf(), Condition.TWINS, beside).detail

    assert "'Caf\\xe9.mp3'" in detail
    assert "'Cafe\\u0301.mp3'" in detail


def test_a_key_that_may_not_list_uploads_leaves_them_unknown() -> None:
    finding = the_only(shelf(), Condition.UNFINISHED, Surroundings(unfinished=None))

    assert (finding.count, finding.key) == (0, None)


def test_an_upload_that_was_never_completed_is_told() -> None:
    upload = UnfinishedUpload(key="big.mp3", upload_id="u", begun_at=NOW)

    finding = the_only(shelf(), Condition.UNFINISHED, Surroundings(unfinished=(upload,)))

    assert (finding.key, finding.severity) == ("big.mp3", ConditionSeverity.INFO)
    assert f"{NOW:%Y-%m-%d %H:%M}" in finding.detail


def test_what_nobody_has_hashed_is_told_and_not_wrong() -> None:
    start = shelf()
    multipart = with_objects(start, stored(key_of(start, ONE), size=len(f"{ONE}.mp3"), etag="abc-2"))
    unknown = with_keys(
        multipart, key(key_of(start, ONE), etag="abc-2", content=f"{ONE}.mp3", verified=False)
    )

    found = verification_of(unknown)

    assert [f.condition for f in found.findings] == [Condition.UNHASHED]
    assert found.wrong == 0
    read = frozenset({key_of(start, ONE)})
    assert verified(VerifyContext(unknown, Surroundings()), hashed=read).findings == ()


# Adoption.


def test_a_system_that_was_never_applied_is_verified_with_adoption_pending() -> None:
    start = without_records(shelf())
    never = replace(start, recorded=replace(start.recorded, identity=None))

    found = verification_of(never)

    assert not found.adopted
    assert {f.condition for f in found.findings} == {Condition.ADOPTION_PENDING}
    assert {f.what for f in found.findings} == {"ali", "ali/quran", ONE, TWO}
    assert found.truth[True, True, True] == 2


def test_an_entry_whose_object_is_there_and_whose_row_is_not_has_the_bucket_alone() -> None:
    start = world(catalog(lecture(ONE)), objects=[stored(f"{ONE}.mp3")])

    assert verification_of(start).truth[True, True, False] == 1


# The audit log, ignoring, order.


def test_a_broken_audit_chain_is_an_error_that_nothing_ignores() -> None:
    start = shelf()
    lenient = replace(start, policy=replace(POLICY, ignore=(Ignored(what="*", reason="all of it"),)))

    finding = the_only(lenient, Condition.BROKEN_AUDIT, Surroundings(broken_chain="entry 3 was altered"))

    assert finding.severity is ConditionSeverity.ERROR
    assert "entry 3 was altered" in finding.detail


def test_what_elmify_yaml_ignores_is_left_out_and_counted() -> None:
    start = with_objects(shelf(), stored("notes/a.txt"), stored("notes/b.txt"), stored("x.mp3"))
    ignored = Ignored(what="unmanaged.object[notes/*]", reason="the editors keep notes there")

    found = verification_of(replace(start, policy=replace(POLICY, ignore=(ignored,))))

    assert [f.what for f in found.findings] == ["unmanaged.object[x.mp3]"]
    assert [f.key for f in found.ignored] == ["notes/a.txt", "notes/b.txt"]


def test_what_is_not_wrong_is_told_whatever_is_ignored() -> None:
    start = without_records(shelf())
    ignored = Ignored(what="*", reason="all of it")

    found = verification_of(replace(start, policy=replace(POLICY, ignore=(ignored,))))

    assert {f.condition for f in found.findings} == {Condition.ADOPTION_PENDING}
    assert found.ignored == ()


def test_the_worst_comes_first_and_then_what_listeners_notice() -> None:
    conditions = [Condition.RETIRED, Condition.ORPHAN, Condition.BROKEN_AUDIT, Condition.ROW_WITHOUT_OBJECT]
    found = [VerifyFinding(condition=c, what=w, detail="") for c in conditions for w in ("b", "a")]

    ordered = [(f.condition, f.what) for f in worst_first(found)]

    assert ordered == [
        (condition, what)
        for condition in (
            Condition.ROW_WITHOUT_OBJECT,
            Condition.BROKEN_AUDIT,
            Condition.ORPHAN,
            Condition.RETIRED,
        )
        for what in ("a", "b")
    ]


def test_every_state_has_a_code_of_its_own() -> None:
    assert len({condition.code for condition in Condition}) == len(Condition)


def test_without_a_base_url_a_url_of_any_domain_is_somebody_elses() -> None:
    plain = replace(POLICY, layout=Layout(base_url=None))
    start = live(catalog(collection("ali/quran", cover="c.jpg")), policy=plain)
    elsewhere = with_rows(
        start, edited(row_of(start, "ali/quran"), cover_image_url="https://x.example/c.jpg")
    )

    assert states(elsewhere) == {(Condition.WRONG_URL, "ali/quran")}
