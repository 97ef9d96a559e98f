"""Under which key bytes stand: written once, never overwritten, never named again once it is given up."""

from dataclasses import replace

import pytest

from reconciler.model.catalog import Catalog, MediaFile
from reconciler.model.kinds import Slot
from reconciler.model.plan import Action
from reconciler.model.policy import TransferLimits
from reconciler.model.recorded import KeyState
from reconciler.planning.world import REKEY, World
from tests.unit.planning.worlds import (
    CDN,
    IDENTITY,
    POLICY,
    actions,
    after_of,
    applied,
    before_of,
    catalog,
    change_at,
    declaring,
    diagnostics,
    edited,
    key,
    key_of,
    lecture,
    lecture_row,
    live,
    md5,
    media,
    planned,
    put_in,
    questions,
    row_of,
    sha256,
    speaker,
    speaker_row,
    state_of,
    stored,
    with_keys,
    with_objects,
    with_put,
    with_rows,
    without_objects,
    without_records,
    without_rows,
    world,
)

KEY = "S/C/L.mp3"


#: Keys without the number: then two lectures may want one key.
UNNUMBERED = replace(
    POLICY,
    layout=replace(
        POLICY.layout,
        templates={
            **POLICY.layout.templates,
            Slot.LECTURE_AUDIO: "{{ speaker.name }}/{{ collection.title }}/{{ lecture.title }}.{{ ext }}",
        },
    ),
)


def hashed(content: str, digits: int = 8) -> str:
    return f"S/C/L~{sha256(content)[:digits]}.mp3"


def audio(content: str) -> dict[str, object]:
    """Return options of `catalog` under which `l.mp3` means those bytes."""
    return {"lock": [media("l.mp3", content)]}


LECTURE = lecture("s/c/l", audio="l.mp3")


def with_audio(content: str, **options: object) -> World:
    return live(catalog(LECTURE, lock=[media("l.mp3", content)]), **options)


# A key is chosen when its bytes are first stored.


def test_the_first_key_is_plain() -> None:
    assert put_in(planned(world(catalog(LECTURE))), "s/c/l").key == KEY


def test_a_new_title_number_or_parent_never_changes_a_key() -> None:
    known = live(catalog(LECTURE))
    renamed = declaring(known, lecture("s/d/l", title="New", number=4, audio="l.mp3", previously="s/c/l"))

    after = applied(renamed, planned(renamed))

    assert key_of(after, "s/d/l") == row_of(after, "s/d/l")["file_path"] == KEY


def test_new_bytes_get_the_first_digits_of_their_hash_and_the_old_ones_are_kept_and_retired() -> None:
    known = declaring(with_audio("old"), LECTURE, **audio("new"))

    plan = planned(known)

    assert put_in(plan, "s/c/l").key == hashed("new")
    after = applied(known, plan)
    assert (state_of(after, KEY), after.snapshot.objects[KEY].etag) == (KeyState.LIVE, md5("new"))
    kept = after.snapshot.objects[hashed("old")]
    assert (state_of(after, hashed("old")), kept.etag) == (KeyState.RETIRED, md5("old"))


@pytest.mark.parametrize("state", sorted({*KeyState} - {KeyState.INTENDED, KeyState.DELETED}))
def test_a_key_that_is_still_known_is_not_used_for_other_bytes(state: KeyState) -> None:
    used = world(catalog(LECTURE), keys=[key(KEY, state, "other")])

    assert put_in(planned(used), "s/c/l").key == hashed("l.mp3")


def test_a_key_that_gc_has_deleted_is_used_again_once_nothing_is_under_it() -> None:
    gone = world(catalog(LECTURE), keys=[key(KEY, KeyState.DELETED, "other")])
    there_again = world(
        catalog(LECTURE), keys=[key(KEY, KeyState.DELETED, "other")], objects=[stored(KEY, "other")]
    )

    assert put_in(planned(gone), "s/c/l").key == KEY
    assert put_in(planned(there_again), "s/c/l").key == hashed("l.mp3")


def test_a_condemned_key_is_not_used_even_for_its_own_bytes() -> None:
    condemned = key(KEY, KeyState.CONDEMNED, "l.mp3")
    used = world(catalog(LECTURE), keys=[condemned], objects=[stored(KEY, "l.mp3")])

    assert put_in(planned(used), "s/c/l").key == hashed("l.mp3")


def test_a_row_that_names_a_condemned_key_gets_another() -> None:
    known = with_audio("bytes")
    condemned = with_keys(known, replace(known.recorded.keys[KEY], state=KeyState.CONDEMNED))

    assert put_in(planned(condemned), "s/c/l").key == hashed("bytes")


def test_the_hash_grows_while_such_a_key_was_used() -> None:
    used = [key(name, KeyState.RETIRED, "other") for name in (KEY, hashed("l.mp3"), hashed("l.mp3", 16))]

    assert put_in(planned(world(catalog(LECTURE), keys=used)), "s/c/l").key == hashed("l.mp3", 32)


def test_a_counter_follows_when_the_whole_hash_was_used() -> None:
    forms = [hashed("l.mp3", digits) for digits in (8, 16, 32, 64)]
    second = f"S/C/L~{sha256('l.mp3')}-2.mp3"
    used = [key(name, KeyState.RETIRED, "other") for name in (KEY, *forms, second)]

    assert put_in(planned(world(catalog(LECTURE), keys=used)), "s/c/l").key == second.replace("-2", "-3")


def test_every_new_key_has_the_hash_once_records_were_lost() -> None:
    lost = world(catalog(LECTURE), identity=replace(IDENTITY, keys_lost=True))

    assert put_in(planned(lost), "s/c/l").key == hashed("l.mp3")


def test_adopted_keys_stay_as_they_are_once_records_were_lost() -> None:
    lost = without_records(with_audio("bytes"), keys_lost=True)

    plan = planned(lost)

    assert [put for change in plan.changes for put in change.puts] == []
    assert key_of(applied(lost, plan), "s/c/l") == KEY


def of_two(title: str, other: str) -> Catalog:
    """Return two lectures whose templates give one key, and whose numbers tell their playback keys apart."""
    return catalog(
        lecture("s/c/a", title=title, number=1, audio="a.mp3"),
        lecture("s/c/b", title=other, number=2, audio="b.mp3"),
    )


def test_two_new_resources_that_want_one_key_get_two() -> None:
    plan = planned(world(of_two("L", "L"), policy=UNNUMBERED))

    assert put_in(plan, "s/c/a").key == KEY
    assert put_in(plan, "s/c/b").key == hashed("b.mp3")


def test_which_of_two_gets_the_plain_key_does_not_hang_on_their_order() -> None:
    both = of_two("L", "L")
    parents_first = sorted(sorted(both.resources, reverse=True), key=lambda address: address.count("/"))
    turned = replace(both, resources={address: both.resources[address] for address in parents_first})

    assert planned(world(turned, policy=UNNUMBERED)) == planned(world(both, policy=UNNUMBERED))


# Multipart uploads.


def large(content: str, **facts: object) -> MediaFile:
    return media("l.mp3", content, size=10**9, parts_etag=f"{md5(content)}-60", **facts)


def test_a_large_file_gets_the_plain_key_too() -> None:
    plan = planned(world(catalog(LECTURE, lock=[large("big")])))

    assert put_in(plan, "s/c/l").key == KEY
    assert put_in(plan, "s/c/l").multipart


def test_a_file_of_just_the_single_put_size_goes_up_at_once() -> None:
    policy = replace(POLICY, transfer=TransferLimits(single_put_bytes=5))

    plan = planned(world(catalog(lecture("s/c/a"), lock=[media("s/c/a.mp3", "12345")]), policy=policy))

    assert not put_in(plan, "s/c/a").multipart


def test_a_multipart_object_is_known_by_the_etag_of_its_parts() -> None:
    known = live(catalog(LECTURE, lock=[large("big")]))

    assert planned(known).changes == ()
    assert planned(known).unverified == 0


def test_a_missing_multipart_object_is_put_back_under_its_key() -> None:
    known = without_objects(live(catalog(LECTURE, lock=[large("big")])), KEY)

    plan = planned(known)

    assert put_in(plan, "s/c/l").key == KEY
    assert planned(applied(known, plan)).changes == ()


# What is missing, foreign, or there already.


def test_a_missing_object_is_put_back_under_its_key() -> None:
    known = without_objects(with_audio("bytes"), KEY)

    plan = planned(known)

    assert actions(plan) == {"s/c/l": Action.UPDATE}
    assert put_in(plan, "s/c/l").key == KEY
    assert before_of(plan, "s/c/l").values == after_of(plan, "s/c/l").values
    assert planned(applied(known, plan)).changes == ()


def test_a_key_that_only_a_row_knows_is_not_filled_with_another_format() -> None:
    wild = world(catalog(lecture("s/c/l", title="L", audio="l.mp3")), rows=[lecture_row(3, "L", "S/C/L.m4a")])
    wild = replace(wild, catalog=catalog(lecture("s/c/l", audio="l.mp3", row=3)))

    assert put_in(planned(wild), "s/c/l").key == hashed("l.mp3")


def test_a_key_that_only_a_row_knows_is_not_filled_while_the_bytes_stand_elsewhere() -> None:
    wild = world(
        catalog(lecture("s/c/l", audio="l.mp3", row=3)),
        rows=[lecture_row(3, "L", "S/C/typo.mp3")],
        objects=[stored("l.mp3")],
    )

    change = change_at(planned(wild), "s/c/l")

    assert (change.puts, change.reused) == ((), ("l.mp3",))


def test_a_missing_image_is_put_back_under_the_key_that_its_url_names() -> None:
    wild = world(
        catalog(speaker("s", image="i.jpg")), rows=[speaker_row(1, "S", image_url=f"{CDN}/old/place.jpg")]
    )

    assert put_in(planned(wild), "s").key == "old/place.jpg"


def test_a_missing_object_is_not_put_back_as_other_bytes() -> None:
    known = without_objects(declaring(with_audio("old"), LECTURE, **audio("new")), KEY)

    assert put_in(planned(known), "s/c/l").key == hashed("new")


def test_a_missing_object_of_unknown_bytes_is_an_error() -> None:
    unknown = media("l.mp3", sha256=None, md5=None, etag="abc-2")
    known = live(
        catalog(LECTURE, lock=[unknown]),
        rows=[lecture_row(3, "L", "l.mp3")],
        objects=[stored("l.mp3", etag="abc-2")],
    )

    assert questions(known) == {}
    assert questions(without_objects(known, "l.mp3")) == {"s/c/l": "EL511"}


@pytest.mark.parametrize(
    ("state", "asked"),
    [(KeyState.RETIRED, {}), (KeyState.LIVE, {}), (KeyState.CONDEMNED, {"s/c/l": "EL511"}), (None, {})],
)
def test_bytes_of_unknown_hash_are_used_where_they_stand_unless_they_are_given_up(
    state: KeyState | None, asked: dict[str, str]
) -> None:
    unknown = media("l.mp3", sha256=None, md5=None, etag="abc-2")
    keys = [key("l.mp3", state, sha256=None, etag="abc-2", verified=False)] if state else []
    there = world(catalog(LECTURE, lock=[unknown]), keys=keys, objects=[stored("l.mp3", etag="abc-2")])

    assert questions(there) == asked
    if not asked:
        assert planned(there).unverified == 1
        after = applied(there, planned(there))
        assert (key_of(after, "s/c/l"), planned(after).changes) == ("l.mp3", ())


def test_bytes_of_unknown_hash_are_not_taken_for_others_under_the_path() -> None:
    unknown = media("l.mp3", sha256=None, md5=None, etag="abc-2")
    there = world(catalog(LECTURE, lock=[unknown]), objects=[stored("l.mp3", etag="xyz-2")])

    assert questions(there) == {"s/c/l": "EL511"}


def test_an_object_that_was_replaced_is_put_anew_and_never_overwritten() -> None:
    known = with_objects(with_audio("bytes"), stored(KEY, "tampered"))

    plan = planned(known)

    assert put_in(plan, "s/c/l").key == hashed("bytes")
    after = applied(known, plan)
    assert after.snapshot.objects[KEY].etag == md5("bytes")
    assert md5("tampered") in {found.etag for found in after.snapshot.objects.values()}
    assert planned(after).changes == ()


def test_a_truncated_object_is_seen() -> None:
    known = with_objects(with_audio("bytes"), stored(KEY, "bytes", size=3))

    assert put_in(planned(known), "s/c/l").key == hashed("bytes")


def test_a_foreign_object_at_the_rendered_key_is_left_alone() -> None:
    occupied = world(catalog(LECTURE), objects=[stored(KEY, "foreign")])

    plan = planned(occupied)

    assert put_in(plan, "s/c/l").key == hashed("l.mp3")
    assert plan.unmanaged.objects == {KEY: 7}


def test_an_unmanaged_object_with_the_right_bytes_at_the_rendered_key_is_used() -> None:
    there = world(catalog(LECTURE), objects=[stored(KEY, "l.mp3")])

    plan = planned(there)

    change = change_at(plan, "s/c/l")
    assert (change.puts, change.reused) == ((), (KEY,))
    assert plan.unmanaged.objects == {}
    assert planned(applied(there, plan)).changes == ()


def test_an_unmanaged_object_that_a_row_names_is_not_used() -> None:
    there = world(
        catalog(LECTURE),
        objects=[stored(KEY, "l.mp3")],
        rows=[lecture_row(9, "X", "x", audio_url=f"https://x/{KEY}")],
    )

    assert put_in(planned(there), "s/c/l").key == hashed("l.mp3")


def test_the_same_key_in_another_spelling_of_unicode_is_one_object() -> None:
    known = live(catalog(lecture("s/c/l", title="é")))
    respelled = with_objects(known, stored("S/C/E\u0301.mp3".replace("E", "e"), "s/c/l.mp3"))

    assert len(respelled.snapshot.objects) == 1
    assert planned(respelled).changes == ()


def test_two_titles_that_are_one_in_unicode_do_not_get_one_key() -> None:
    plan = planned(world(of_two("é", "e\u0301"), policy=UNNUMBERED))

    assert put_in(plan, "s/c/a").key == "S/C/é.mp3"
    assert "~" in put_in(plan, "s/c/b").key


def test_a_row_that_spells_its_key_otherwise_keeps_its_spelling() -> None:
    spelled = "S/C/e\u0301.mp3"
    wild = world(
        catalog(lecture("s/c/l", title="é", audio="x.mp3")),
        rows=[lecture_row(3, "é", spelled)],
        objects=[stored("S/C/é.mp3", "x.mp3")],
    )

    after = applied(wild, planned(wild))

    assert row_of(after, "s/c/l")["file_path"] == spelled
    assert planned(after).changes == ()


# Bytes that come back.


def test_retired_bytes_that_come_back_come_back_to_where_they_are_kept() -> None:
    """A revert in git is an apply without a single upload."""
    changed = declaring(with_audio("old"), LECTURE, **audio("new"))
    changed = applied(changed, planned(changed))
    reverted = declaring(changed, LECTURE, **audio("old"))

    plan = planned(reverted)

    change = change_at(plan, "s/c/l")
    assert (change.puts, change.reused, change.retired) == ((), (hashed("old"),), (hashed("new"),))
    after = applied(reverted, plan)
    assert (state_of(after, KEY), after.snapshot.objects[KEY].etag) == (KeyState.LIVE, md5("old"))


def test_a_deleted_lecture_that_comes_back_uses_its_retired_key() -> None:
    known = with_audio("bytes")
    removed = declaring(known, speaker("s"))
    removed = applied(removed, planned(removed))

    plan = planned(declaring(removed, LECTURE, **audio("bytes")))

    assert change_at(plan, "s/c/l").reused == (KEY,)


def test_retired_bytes_are_not_used_when_other_hands_replaced_them() -> None:
    changed = declaring(with_audio("old"), LECTURE, **audio("new"))
    changed = with_objects(applied(changed, planned(changed)), stored(hashed("old"), "tampered"))

    plan = planned(declaring(changed, LECTURE, **audio("old")))

    assert put_in(plan, "s/c/l").key == hashed("old", 16)


def test_a_row_that_other_hands_deleted_comes_back_to_its_object() -> None:
    known = with_audio("bytes")

    plan = planned(without_rows(known, row_of(known, "s/c/l")))

    assert after_of(plan, "s/c/l").objects[Slot.LECTURE_AUDIO].key == KEY
    assert change_at(plan, "s/c/l").puts == ()


# After a crash between the puts and the commit.


def test_finished_puts_are_used_after_a_crash_and_the_change_is_the_same() -> None:
    start = world(catalog(LECTURE, lecture("s/c/m")))
    before = planned(start)

    after = planned(with_put(start, before))

    assert after.fingerprint == before.fingerprint
    assert [put for change in after.changes for put in change.puts] == []


def test_finished_puts_of_equal_bytes_stay_with_their_addresses_after_a_crash() -> None:
    same = [media("a.mp3", "same"), media("b.mp3", "same")]
    two = catalog(
        lecture("s/c/a", title="Z", audio="a.mp3"), lecture("s/c/b", title="A", audio="b.mp3"), lock=same
    )
    before = planned(world(two))

    assert planned(with_put(world(two), before)).fingerprint == before.fingerprint


def test_half_the_puts_of_equal_bytes_stay_with_their_addresses_after_a_crash() -> None:
    same = [media("a.mp3", "same"), media("b.mp3", "same")]
    two = catalog(
        lecture("s/c/a", title="Z", audio="a.mp3"), lecture("s/c/b", title="A", audio="b.mp3"), lock=same
    )
    before = planned(world(two))
    crashed = without_objects(with_put(world(two), before), put_in(before, "s/c/a").key)

    after = planned(crashed)

    assert after.fingerprint == before.fingerprint
    assert [put.path for change in after.changes for put in change.puts] == ["a.mp3"]


def test_intended_puts_that_never_came_are_put_under_the_same_keys() -> None:
    start = world(catalog(LECTURE))
    before = planned(start)
    crashed = without_objects(with_put(start, before), KEY)

    assert planned(crashed).changes == before.changes


def test_a_leftover_with_other_bytes_is_not_taken_for_ours() -> None:
    start = world(catalog(LECTURE))
    crashed = with_objects(with_put(start, planned(start)), stored(KEY, "other"))

    assert put_in(planned(crashed), "s/c/l").key == hashed("l.mp3")


# Shared keys.


def shared_world() -> World:
    rows = [lecture_row(3, "A", "x.mp3"), lecture_row(4, "B", "x.mp3")]
    two = catalog(
        lecture("s/c/a", title="A", audio="x.mp3", row=3), lecture("s/c/b", title="B", audio="x.mp3", row=4)
    )
    return live(two, rows=rows, objects=[stored("x.mp3")])


def test_two_adopted_rows_may_share_a_key() -> None:
    known = shared_world()

    assert key_of(known, "s/c/a") == key_of(known, "s/c/b") == "x.mp3"
    assert planned(known).changes == ()


def test_a_shared_key_is_not_retired_while_one_row_still_names_it() -> None:
    known = declaring(shared_world(), lecture("s/c/b", audio="x.mp3"))

    plan = planned(known)

    assert change_at(plan, "s/c/a").action is Action.DELETE
    assert "x.mp3" not in change_at(plan, "s/c/a").retired
    assert state_of(applied(known, plan), "x.mp3") is KeyState.LIVE


def test_a_shared_key_is_retired_once_when_all_who_name_it_go() -> None:
    known = declaring(shared_world(), speaker("s"))

    plan = planned(known)

    retired = [key for change in plan.changes for key in change.retired]
    assert sorted(retired) == ["S/C/A.mp3", "S/C/B.mp3", "x.mp3"]


def test_one_image_in_two_slots_keeps_its_two_keys_after_a_crash() -> None:
    start = world(catalog(speaker("s", image="i.jpg", image_small="i.jpg")))
    before = planned(start)

    after = planned(with_put(start, before))

    assert after.fingerprint == before.fingerprint
    assert {slot: found.key for slot, found in after_of(after, "s").objects.items()} == {
        Slot.SPEAKER_IMAGE: "S/speaker.jpg",
        Slot.SPEAKER_IMAGE_SMALL: "S/speaker_small.jpg",
    }


# --rekey.


def test_rekey_moves_an_object_to_the_key_its_title_gives_now() -> None:
    known = declaring(with_audio("bytes"), lecture("s/c/l", title="New", audio="l.mp3"), **audio("bytes"))

    plan = planned(known, options=[REKEY])

    assert put_in(plan, "s/c/l").key == "S/C/New.mp3"
    assert change_at(plan, "s/c/l").retired == (KEY,)
    assert planned(applied(known, plan), options=[REKEY]).changes == ()


def test_rekey_leaves_a_key_with_a_hash_where_it_is() -> None:
    changed = declaring(with_audio("old"), LECTURE, **audio("new"))
    changed = applied(changed, planned(changed))

    assert planned(changed, options=[REKEY]).changes == ()


def test_rekey_leaves_a_multipart_key_where_it_is() -> None:
    assert planned(live(catalog(LECTURE, lock=[large("big")])), options=[REKEY]).changes == ()


def test_rekey_leaves_bytes_that_nobody_hashed_where_they_are() -> None:
    unknown = media("l.mp3", sha256=None, md5=None, etag="abc-2")
    known = live(
        catalog(LECTURE, lock=[unknown]),
        rows=[lecture_row(3, "L", "l.mp3")],
        objects=[stored("l.mp3", etag="abc-2")],
    )

    assert planned(known, options=[REKEY]).changes == ()


def test_rekey_together_with_new_bytes_still_overwrites_nothing() -> None:
    known = declaring(with_audio("old"), LECTURE, **audio("new"))

    plan = planned(known, options=[REKEY])

    assert put_in(plan, "s/c/l").key == hashed("new")


def test_without_rekey_a_new_title_leaves_the_key() -> None:
    known = declaring(with_audio("bytes"), lecture("s/c/l", title="New", audio="l.mp3"), **audio("bytes"))

    assert [put for change in planned(known).changes for put in change.puts] == []


# Retiring.


def test_an_object_that_an_unmanaged_row_names_by_key_is_never_retired() -> None:
    stray = lecture_row(900, "Stray", KEY)
    known = with_rows(declaring(with_audio("old"), LECTURE, **audio("new")), stray)

    assert change_at(planned(known), "s/c/l").retired == ()


def test_an_object_that_an_unmanaged_row_names_by_url_is_never_retired() -> None:
    stray = lecture_row(900, "Stray", "other.mp3", audio_url="https://last-year.test/S/C/%4c.mp3")
    known = with_rows(declaring(with_audio("old"), LECTURE, **audio("new")), stray)

    assert change_at(planned(known), "s/c/l").retired == ()


def test_an_object_that_its_own_row_still_names_by_url_is_not_retired() -> None:
    """Without a base URL, audio_url is not managed: it goes on naming the old object."""
    bare = replace(POLICY, layout=replace(POLICY.layout, base_url=None))
    known = with_audio("old", policy=bare)
    known = with_rows(known, edited(row_of(known, "s/c/l"), audio_url=f"https://cdn.test/{KEY}"))

    plan = planned(declaring(known, LECTURE, **audio("new")))

    assert put_in(plan, "s/c/l").key == hashed("new")
    assert change_at(plan, "s/c/l").retired == ()


def test_several_keys_are_retired_in_order() -> None:
    known = declaring(live(catalog(speaker("s", image="i.jpg", image_small="j.jpg"))), speaker("t"))

    assert change_at(planned(known), "s").retired == ("S/speaker.jpg", "S/speaker_small.jpg")


# Keys that cannot be.


@pytest.mark.parametrize("title", ["x" * 1100, "..", "a\x07b"])
def test_a_title_that_makes_no_key_is_an_error(title: str) -> None:
    policy = replace(
        POLICY,
        layout=replace(
            POLICY.layout, templates={**POLICY.layout.templates, Slot.LECTURE_AUDIO: "{{ lecture.title }}"}
        ),
    )

    assert questions(world(catalog(lecture("s/c/l", title=title)), policy=policy))["s/c/l"] in {
        "EL512",
        "EL513",
    }


def test_a_template_that_does_not_fit_is_said_once() -> None:
    templates = {**POLICY.layout.templates, Slot.LECTURE_AUDIO: "{{ lecture.nope }}"}
    policy = replace(POLICY, layout=replace(POLICY.layout, templates=templates))
    known = replace(with_audio("bytes"), policy=policy)

    assert [d.code for d in diagnostics(known, options=[REKEY])] == ["EL510"]


def test_a_template_that_does_not_fit_a_new_lecture_is_said() -> None:
    templates = {**POLICY.layout.templates, Slot.LECTURE_AUDIO: "{{ lecture.nope }}"}
    policy = replace(POLICY, layout=replace(POLICY.layout, templates=templates))

    assert questions(world(catalog(LECTURE), policy=policy)) == {"s/c/l": "EL510"}


def test_a_template_that_does_not_fit_does_no_harm_while_no_key_is_chosen() -> None:
    templates = {**POLICY.layout.templates, Slot.LECTURE_AUDIO: "{{ lecture.nope }}"}
    policy = replace(POLICY, layout=replace(POLICY.layout, templates=templates))

    assert planned(replace(with_audio("bytes"), policy=policy)).changes == ()


def test_a_key_that_is_in_use_is_not_judged_again() -> None:
    wild = world(
        catalog(lecture("s/c/l", title="L", audio="a//b.mp3")),
        rows=[lecture_row(3, "L", "a//b.mp3")],
        objects=[stored("a//b.mp3")],
    )

    assert questions(wild) == {}
