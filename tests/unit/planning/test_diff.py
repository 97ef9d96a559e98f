"""What an entry's fields make of its row's columns."""

from dataclasses import replace

import pytest

from reconciler.model.address import Address
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, Plan
from reconciler.model.policy import FormatStyle, Layout, Policy, ReferenceStyle
from reconciler.planning.diff import differing_names
from tests.unit.planning.worlds import (
    CDN,
    POLICY,
    actions,
    after_of,
    applied,
    before_of,
    catalog,
    change_at,
    collection,
    collection_row,
    declaring,
    diagnostics,
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


def policy(**layout: object) -> Policy:
    return replace(POLICY, layout=Layout(**{"base_url": CDN, **layout}))  # type: ignore[arg-type]


def differing_at(plan: Plan, address: str) -> list[str]:
    return differing_names(before_of(plan, address), after_of(plan, address))


# Fields.


def test_a_field_that_is_not_declared_is_not_managed() -> None:
    known = live(catalog(speaker("s")))

    assert planned(with_rows(known, edited(row_of(known, "s"), bio="by hand"))).changes == ()


def test_an_explicit_null_clears() -> None:
    known = live(catalog(speaker("s", bio="x")))
    cleared = declaring(known, speaker("s", bio=None))

    assert row_of(applied(cleared, planned(cleared)), "s")["bio"] is None


def test_a_field_that_leaves_the_catalog_is_kept_and_said_once() -> None:
    known = live(catalog(speaker("s", bio="x")))
    released = declaring(known, speaker("s"))

    plan = planned(released)

    (change,) = plan.changes
    assert (change.action, change.released) == (Action.NO_OP, ("bio",))
    assert plan.empty
    after = applied(released, plan)
    assert row_of(after, "s")["bio"] == "x"
    assert planned(after).changes == ()


def test_true_is_not_one() -> None:
    known = live(catalog(speaker("s", premium=True)))
    odd = with_rows(known, edited(row_of(known, "s"), is_premium=1))

    assert actions(planned(odd)) == {"s": Action.UPDATE}


def test_a_change_names_the_columns_that_differ() -> None:
    known = live(catalog(lecture("s/c/l", audio="l.mp3")))

    plan = planned(declaring(known, lecture("s/c/l", audio="l.mp3", title="New", number=4)))

    assert differing_at(plan, "s/c/l") == ["title", "lecture_number"]


def test_a_change_points_at_its_place_in_the_catalog() -> None:
    assert str(change_at(planned(world(catalog(speaker("s")))), "s").position) == "s.yaml:1:1"


def test_before_and_after_hold_the_managed_columns_alone() -> None:
    known = live(catalog(speaker("s")))

    plan = planned(declaring(known, speaker("s", name="New")))

    assert (before_of(plan, "s").values, after_of(plan, "s").values) == ({"name": "S"}, {"name": "New"})


# Facts.


def test_a_duration_is_rounded_to_the_nearest_second() -> None:
    lines = [media("a.mp3", duration_seconds=61.5), media("b.mp3", duration_seconds=61.49)]
    known = live(catalog(lecture("s/c/a", audio="a.mp3"), lecture("s/c/b", audio="b.mp3"), lock=lines))

    assert [row_of(known, f"s/c/{name}")["duration"] for name in "ab"] == [62, 61]


def test_a_fact_that_the_lockfile_does_not_know_is_not_managed() -> None:
    line = media("l.mp3", duration_seconds=None, bitrate=None, sample_rate=None, sha256=None, etag="e-2")
    wild = world(
        catalog(lecture("s/c/l", audio="l.mp3"), lock=[line]),
        rows=[lecture_row(3, "L", "l.mp3", duration=9, bitrate=8, sample_rate=7, file_hash="6")],
        objects=[stored("l.mp3", etag="e-2")],
    )

    after = applied(wild, planned(wild))

    assert [row_of(after, "s/c/l")[name] for name in ("duration", "bitrate", "sample_rate", "file_hash")] == [
        9,
        8,
        7,
        "6",
    ]


@pytest.mark.parametrize(
    ("style", "said"), [(FormatStyle.EXTENSION, "mp3"), (FormatStyle.MEDIA_TYPE, "audio/mpeg")]
)
def test_the_format_is_spelled_as_the_settings_say(style: FormatStyle, said: str) -> None:
    known = live(catalog(lecture("s/c/l", audio="L.MP3")), policy=policy(format_style=style))

    assert row_of(known, "s/c/l")["file_format"] == said


def test_another_format_style_corrects_every_row() -> None:
    known = live(catalog(lecture("s/c/l")))

    plan = planned(replace(known, policy=policy(format_style=FormatStyle.MEDIA_TYPE)))

    assert differing_at(plan, "s/c/l") == ["file_format"]


# URLs and keys.


def test_audio_url_is_the_encoded_public_url() -> None:
    known = live(catalog(lecture("s/c/l", title="ﷺ & 'co'")))

    assert row_of(known, "s/c/l")["audio_url"] == f"{CDN}/S/C/%EF%B7%BA%20%26%20%27co%27.mp3"


@pytest.mark.parametrize("spelling", ["/S/C/a%26b.mp3", "/S/C/a&b.mp3", "/S/C/%61&b.mp3"])
def test_a_url_that_is_only_encoded_otherwise_stays(spelling: str) -> None:
    known = live(catalog(lecture("s/c/l", title="a&b")))
    respelled = without_records(with_rows(known, edited(row_of(known, "s/c/l"), audio_url=CDN + spelling)))

    plan = planned(respelled)

    assert change_at(plan, "s/c/l").before == change_at(plan, "s/c/l").after
    assert planned(applied(respelled, plan)).changes == ()


def test_a_url_under_last_years_domain_is_rewritten() -> None:
    known = live(catalog(lecture("s/c/l")))
    old = with_rows(known, edited(row_of(known, "s/c/l"), audio_url="https://last-year.test/S/C/L.mp3"))

    assert differing_at(planned(old), "s/c/l") == ["audio_url"]


def test_without_a_base_url_audio_url_is_not_managed() -> None:
    known = live(catalog(lecture("s/c/l")), policy=policy(base_url=None))

    assert row_of(known, "s/c/l")["audio_url"] is None
    assert planned(with_rows(known, edited(row_of(known, "s/c/l"), audio_url="x"))).changes == ()


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({}, "S/speaker.jpg"),
        ({"base_url": None}, "S/speaker.jpg"),
        ({"references": {"speakers.image_url": ReferenceStyle.URL}}, f"{CDN}/S/speaker.jpg"),
        ({"references": {"speakers.image_url": ReferenceStyle.URL}, "base_url": None}, None),
    ],
)
def test_an_image_column_holds_key_or_url_as_the_settings_say(
    layout: dict[str, object], said: str | None
) -> None:
    known = live(catalog(speaker("s", image="i.jpg")), policy=policy(**layout))

    assert row_of(known, "s")["image_url"] == said


@pytest.mark.parametrize(
    ("present", "found"),
    [
        ("S/speaker.jpg", True),
        (f"{CDN}/S/speaker.jpg", True),
        ("https://last-year.test/S/speaker.jpg", True),
        ("https://elsewhere.test/portrait.jpg", False),
    ],
)
def test_an_image_that_a_row_names_in_any_way_is_adopted(present: str, found: bool) -> None:
    wild = world(
        catalog(speaker("s", image="i.jpg")),
        rows=[speaker_row(1, "S", image_url=present)],
        objects=[stored("S/speaker.jpg", "i.jpg")],
    )

    plan = planned(wild)

    assert change_at(plan, "s").puts == ()
    assert (Slot.SPEAKER_IMAGE in before_of(plan, "s").objects) is found
    assert planned(applied(wild, plan)).changes == ()


def test_an_image_that_is_cleared_retires_its_object() -> None:
    known = live(catalog(speaker("s", image="i.jpg")))
    cleared = declaring(known, speaker("s", image=None))

    plan = planned(cleared)

    assert change_at(plan, "s").retired == ("S/speaker.jpg",)
    assert differing_at(plan, "s") == ["image_url", "image"]
    assert row_of(applied(cleared, plan), "s")["image_url"] is None


def test_a_url_that_outgrows_its_column_is_an_error() -> None:
    long = lecture("s/c/l", title="ﷺ" * 120)

    assert questions(world(catalog(long))) == {"s/c/l": "EL513"}


def test_a_file_that_the_lockfile_does_not_have_changes_nothing_here() -> None:
    """The loader has said so: planning is not where it is found."""
    known = live(catalog(lecture("s/c/l", audio="l.mp3")))

    plan = planned(declaring(known, lecture("s/c/l", audio="l.mp3"), gone=["l.mp3"]))

    assert change_at(plan, "s/c/l").puts == ()


# Categories.


def test_categories_are_the_primary_one_and_a_set_of_others() -> None:
    known = live(catalog(collection("s/c", categories=("quran", "tafsir", "fiqh"))))

    assert row_of(known, "s/c")["categories"] == ("quran", "fiqh", "tafsir")
    assert planned(declaring(known, collection("s/c", categories=("quran", "fiqh", "tafsir")))).changes == ()


def test_another_primary_category_is_a_change() -> None:
    known = live(catalog(collection("s/c", categories=("quran", "fiqh"))))

    plan = planned(declaring(known, collection("s/c", categories=("fiqh", "quran"))))

    assert actions(plan) == {"s/c": Action.UPDATE}


@pytest.mark.parametrize("none", [(), None])
def test_no_categories_is_an_empty_list_or_null(none: tuple[str, ...] | None) -> None:
    known = live(catalog(collection("s/c", categories=("quran",))))
    cleared = declaring(known, collection("s/c", categories=none))

    after = applied(cleared, planned(cleared))

    assert row_of(after, "s/c")["categories"] == ()
    assert planned(after).changes == ()


def test_an_unknown_category_is_an_error_that_guesses() -> None:
    (error,) = diagnostics(world(catalog(collection("s/c", categories=("qur-an",)))))

    assert (error.code, "`quran`" in error.hint) == ("EL514", True)


def test_an_unknown_category_that_resembles_none_is_not_guessed() -> None:
    (error,) = diagnostics(world(catalog(collection("s/c", categories=("zzz",)))))

    assert (error.code, "`" in error.hint) == ("EL514", False)
    assert "'zzz'" in error.detail


def test_categories_without_category_tables_are_an_error() -> None:
    (error,) = diagnostics(world(catalog(collection("s/c", categories=("quran",))), categories=None))

    assert (error.code, "'quran'" in error.detail) == ("EL514", False)
    assert "`categories:`" in error.hint


def test_without_category_tables_a_catalog_without_categories_works() -> None:
    assert planned(live(catalog(lecture("s/c/l")), categories=None)).changes == ()


# Parents.


def test_what_waits_for_a_parents_row_is_pending() -> None:
    plan = planned(world(catalog(lecture("s/c/l"))))

    assert after_of(plan, "s/c/l").pending == {"speaker_id": "s", "collection_id": "s/c"}
    assert after_of(plan, "s/c").pending == {"speaker_id": "s"}
    assert after_of(plan, "s").pending == {}


def test_a_parent_that_has_a_row_is_not_pending() -> None:
    plan = planned(world(catalog(collection("s/c")), rows=[speaker_row(1, "S")]))

    assert after_of(plan, "s/c").values["speaker_id"] == 1


def test_an_existing_row_may_wait_for_a_new_parent() -> None:
    wild = world(
        catalog(lecture("s/c/l", audio="x.mp3")),
        rows=[lecture_row(3, "L", "x.mp3")],
        objects=[stored("x.mp3")],
    )

    plan = planned(wild)

    assert change_at(plan, "s/c/l").action is Action.ADOPT
    assert after_of(plan, "s/c/l").pending["speaker_id"] == "s"
    assert planned(applied(wild, plan)).changes == ()


def test_a_row_without_parents_gets_them() -> None:
    wild = world(
        catalog(lecture("s/c/l", audio="x.mp3")),
        rows=[speaker_row(1, "S"), collection_row(2, 1, "C"), lecture_row(3, "L", "x.mp3")],
        objects=[stored("x.mp3")],
    )

    after = applied(wild, planned(wild))

    assert (row_of(after, "s/c/l")["speaker_id"], row_of(after, "s/c/l")["collection_id"]) == (1, 2)


# What only the records hold.


def test_protection_is_carried_into_the_records_and_out_again() -> None:
    known = live(catalog(speaker("s")))
    protected = declaring(known, speaker("s", protect=True))

    plan = planned(protected)
    after = applied(protected, plan)

    assert (actions(plan), plan.empty) == ({"s": Action.NO_OP}, True)
    assert after.recorded.resources[Address("s")].protect
    assert actions(planned(declaring(after, speaker("s")))) == {"s": Action.NO_OP}


def test_what_other_hands_corrected_already_is_only_recorded() -> None:
    known = live(catalog(speaker("s", bio="old")))
    corrected = with_rows(declaring(known, speaker("s", bio="new")), edited(row_of(known, "s"), bio="new"))

    plan = planned(corrected)

    assert actions(plan) == {"s": Action.NO_OP}
    assert planned(applied(corrected, plan)).changes == ()


# Counts and drift.


def test_what_is_unchanged_is_counted() -> None:
    known = live(catalog(lecture("s/c/l"), lecture("s/c/m")))

    plan = planned(declaring(known, lecture("s/c/l", number=1), lecture("s/c/m")))

    assert (plan.unchanged, len(plan.changes), plan.listed) == (3, 1, 2)


def test_columns_that_other_hands_changed_are_drift() -> None:
    known = live(catalog(lecture("s/c/l", description="ours"), lecture("s/c/m")))

    plan = planned(with_rows(known, edited(row_of(known, "s/c/l"), description="theirs")))

    (drift,) = plan.drift
    assert (drift.address, drift.attribute, drift.recorded, drift.actual) == (
        "s/c/l",
        "description",
        "ours",
        "theirs",
    )


def test_an_edit_of_the_catalog_is_no_drift() -> None:
    known = live(catalog(speaker("s", bio="old")))

    assert planned(declaring(known, speaker("s", bio="new"))).drift == ()


def test_categories_that_are_as_recorded_are_no_drift() -> None:
    known = live(catalog(collection("s/c", categories=("quran", "fiqh"))))

    assert planned(declaring(known, collection("s/c", title="New"))).drift == ()


def test_objects_that_are_gone_or_replaced_are_drift() -> None:
    known = live(catalog(lecture("s/c/gone"), lecture("s/c/other")))
    objects = {"S/C/Other.mp3": stored("S/C/Other.mp3", "tampered")}
    meddled = replace(known, snapshot=replace(known.snapshot, objects=objects))

    plan = planned(meddled)

    assert [(d.address, d.attribute, d.actual is None) for d in plan.drift] == [
        ("s/c/gone", "audio", True),
        ("s/c/other", "audio", False),
    ]
    assert "ETag" in str(plan.drift[1].actual)


def test_drift_of_what_vanished_is_told_too() -> None:
    known = live(catalog(speaker("s", bio="x"), speaker("t")))

    plan = planned(with_rows(declaring(known, speaker("t")), edited(row_of(known, "s"), bio="y")))

    assert [(d.address, d.attribute) for d in plan.drift] == [("s", "bio")]


def test_a_vanished_row_that_is_gone_is_drift() -> None:
    known = live(catalog(speaker("s"), speaker("t")))
    gone = replace(known, snapshot=replace(known.snapshot, rows={kind: {} for kind in Kind}))

    assert [(d.address, d.recorded) for d in planned(declaring(gone)).drift] == [("s", 1), ("t", 2)]


def test_facts_about_times_are_those_of_the_snapshot() -> None:
    wild = world(catalog())

    assert planned(wild).made_at == wild.snapshot.taken_at
