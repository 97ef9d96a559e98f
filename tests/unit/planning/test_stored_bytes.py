"""Whether stored bytes are the locked ones, told from size and ETag alone."""

from dataclasses import replace

import pytest

from reconciler.model.kinds import Slot
from reconciler.model.plan import Action, Hindrance, ObjectState
from reconciler.model.recorded import KeyState
from reconciler.planning.byte_sources import Match, compare, object_at
from reconciler.planning.diff import differing_names
from reconciler.planning.world import REKEY, World
from reconciler.render.plan.attributes import attributes
from tests.unit.planning.worlds import (
    CDN,
    actions,
    after_of,
    applied,
    before_of,
    catalog,
    change_at,
    collection,
    collection_row,
    declaring,
    edited,
    key,
    lecture,
    lecture_row,
    live,
    md5,
    media,
    planned,
    put_in,
    sha256,
    speaker,
    speaker_row,
    stored,
    with_objects,
    world,
)

LINE = media("l.mp3", "bytes")
PARTS = stored("l.mp3", "bytes", etag="0123-7")
ADOPTED = key("l.mp3", content="bytes", etag="0123-7", verified=False)


def test_the_md5_of_a_single_put_proves_the_bytes() -> None:
    assert compare(stored("k", "bytes"), LINE, None) is Match.SAME


def test_the_foretold_etag_of_parts_proves_the_bytes() -> None:
    assert compare(PARTS, replace(LINE, parts_etag="0123-7"), None) is Match.SAME


def test_another_size_is_other_bytes_whatever_the_etag() -> None:
    assert compare(stored("k", "bytes", size=4), LINE, None) is Match.OTHER


def test_another_md5_is_other_bytes() -> None:
    assert compare(stored("k", "BYTES"), LINE, None) is Match.OTHER


def test_parts_of_unknown_size_are_believed_once_and_unverified() -> None:
    assert compare(PARTS, LINE, None) is Match.UNVERIFIED


def test_parts_with_the_etag_of_their_adoption_stay_unverified() -> None:
    assert compare(PARTS, LINE, ADOPTED) is Match.UNVERIFIED


def test_parts_with_the_etag_of_a_verified_record_are_the_same() -> None:
    assert compare(PARTS, LINE, replace(ADOPTED, verified=True)) is Match.SAME


def test_parts_with_another_etag_than_at_their_adoption_are_other_bytes() -> None:
    assert compare(replace(PARTS, etag="9999-7"), LINE, ADOPTED) is Match.OTHER


def test_a_catalog_that_declares_other_bytes_than_were_adopted_is_not_met() -> None:
    assert compare(PARTS, media("l.mp3", "BYTES"), ADOPTED) is Match.OTHER


def test_bytes_that_were_unknown_when_adopted_do_not_prove_a_hash() -> None:
    """Replacing them is safe; believing them would not be."""
    assert compare(PARTS, LINE, replace(ADOPTED, sha256=None)) is Match.OTHER


def test_what_a_run_only_intended_proves_nothing() -> None:
    intended = replace(ADOPTED, state=KeyState.INTENDED)

    assert compare(PARTS, LINE, intended) is Match.UNVERIFIED


def test_unknown_bytes_are_known_by_the_etag_they_were_listed_with() -> None:
    unknown = replace(LINE, sha256=None, md5=None, etag="0123-7")

    assert compare(PARTS, unknown, None) is Match.UNVERIFIED
    assert compare(replace(PARTS, etag="9999-7"), unknown, None) is Match.OTHER


def test_an_etag_beside_a_hash_is_that_hashs() -> None:
    assert compare(PARTS, replace(LINE, etag="0123-7"), None) is Match.SAME


# The same, through plans.


def adopted_parts() -> World:
    declared = catalog(lecture("s/c/l", audio="l.mp3"), lock=[LINE])
    return live(declared, rows=[lecture_row(3, "L", "l.mp3")], objects=[PARTS])


def test_an_adopted_multipart_object_is_counted_as_unverified_until_it_is_replaced() -> None:
    known = adopted_parts()

    assert (planned(known).changes, planned(known).unverified) == ((), 1)
    assert not known.recorded.keys["l.mp3"].verified
    assert known.recorded.keys["l.mp3"].etag == "0123-7"


def test_an_adopted_multipart_object_that_was_replaced_is_seen() -> None:
    known = adopted_parts()
    replaced = with_objects(known, replace(PARTS, etag="9999-7"))

    plan = planned(replaced)

    assert put_in(plan, "s/c/l").sha256 == sha256("bytes")
    assert [drift.attribute for drift in plan.drift] == ["audio"]
    assert planned(applied(replaced, plan)).unverified == 0


def test_live_content_is_declared_without_a_byte_on_disk() -> None:
    unknown = media("l.mp3", "bytes", sha256=None, md5=None, etag="0123-7")
    declared = catalog(lecture("s/c/l", audio="l.mp3"), lock=[unknown])
    known = live(declared, rows=[lecture_row(3, "L", "l.mp3")], objects=[PARTS])

    assert (planned(known).changes, planned(known).unverified) == ((), 1)


def test_content_that_was_unknown_and_is_locked_now_is_proven_by_its_md5() -> None:
    single = stored("l.mp3", "bytes")
    unknown = media("l.mp3", "bytes", sha256=None, md5=None, etag=md5("bytes"))
    declared = catalog(lecture("s/c/l", audio="l.mp3"), lock=[unknown])
    known = live(declared, rows=[lecture_row(3, "L", "l.mp3")], objects=[single])

    plan = planned(declaring(known, lecture("s/c/l", audio="l.mp3"), lock=[LINE]))

    before, after = before_of(plan, "s/c/l"), after_of(plan, "s/c/l")
    assert (differing_names(before, after), before.objects.keys()) == (["file_hash"], after.objects.keys())
    assert (change_at(plan, "s/c/l").puts, plan.unverified) == ((), 0)


def test_a_row_that_names_no_object_is_a_row_to_mend() -> None:
    wild = world(catalog(lecture("s/c/l", audio="l.mp3")), rows=[lecture_row(3, "L", "l.mp3")])

    plan = planned(wild)

    assert actions(plan)["s/c/l"].value == "adopt"
    assert put_in(plan, "s/c/l").key == "l.mp3"


# What a plan says of bytes that stay where they are.

UNKNOWN = ("i.jpg", "j.jpg", "k.jpg", "m.jpg", "l.mp3", "t.jpg")
ADOPTED_ROWS = (
    speaker_row(1, "S", image_url=f"{CDN}/i.jpg", image_small_url=f"{CDN}/j.jpg"),
    collection_row(2, 1, "C", cover_image_url=f"{CDN}/k.jpg", cover_image_small_url=f"{CDN}/m.jpg"),
    lecture_row(3, "Old title", "l.mp3", thumbnail_url=f"{CDN}/t.jpg"),
)
WITH_EVERY_SLOT = (
    speaker("s", image="i.jpg", image_small="j.jpg"),
    collection("s/c", cover="k.jpg", cover_small="m.jpg"),
    lecture("s/c/l", audio="l.mp3", thumbnail="t.jpg"),
)


def every_slot(*, hashed: bool, claimed: str | None = None) -> World:
    """A live library with an object in every slot, adopted with `file_hash` as the row claims it."""
    facts = {} if hashed else {"sha256": None, "md5": None}
    lock = [media(path, path, etag=md5(path), **facts) for path in UNKNOWN]
    *parents, found = ADOPTED_ROWS
    objects = [stored(path) for path in UNKNOWN]
    rows = [*parents, edited(found, file_hash=claimed)]
    return world(catalog(*WITH_EVERY_SLOT, lock=lock), rows=rows, objects=objects)


@pytest.mark.parametrize("claimed", [None, sha256("a claim")])
def test_an_object_that_nobody_hashed_is_unverified_on_both_sides_and_no_change(claimed: str | None) -> None:
    plan = planned(every_slot(hashed=False, claimed=claimed))

    seen = set[Slot]()
    for change in plan.changes:
        assert change.action is Action.ADOPT
        assert change.before is not None
        assert change.after is not None
        for slot, after in change.after.objects.items():
            before = change.before.objects[slot]
            assert (before.verified, after.verified) == (False, False)
            assert after.is_same(before)
            seen.add(slot)
        assert not {slot.value for slot in Slot} & {one.name for one in attributes(change)}
    assert seen == set(Slot)


def test_learning_the_hash_of_an_object_is_no_change_of_it() -> None:
    known = every_slot(hashed=False)
    adopted = applied(known, planned(known))
    hashed = [media(path, path, etag=md5(path)) for path in UNKNOWN]

    (change,) = planned(declaring(adopted, *WITH_EVERY_SLOT, lock=hashed)).changes

    assert [one.name for one in attributes(change)] == ["file_hash"]


def test_what_a_delete_retires_stays_unverified_when_nobody_hashed_it() -> None:
    known = every_slot(hashed=False)
    plan = planned(declaring(applied(known, planned(known)), speaker("other")))

    objects = [one for change in plan.changes if change.before for one in change.before.objects.values()]

    assert {one.key for one in objects} == set(UNKNOWN)
    assert not any(one.verified for one in objects)


def test_bytes_that_replaced_those_that_were_hashed_are_not_verified() -> None:
    known = every_slot(hashed=True)
    adopted = applied(known, planned(known))

    assert object_at(adopted, "l.mp3") == ObjectState(key="l.mp3", size_bytes=5, sha256=sha256("l.mp3"))
    replaced = object_at(with_objects(adopted, stored("l.mp3", "12345")), "l.mp3")
    assert replaced is not None
    assert not replaced.verified


# What `--rekey` leaves where it is.


def test_rekey_tells_every_object_that_it_leaves_in_place_because_nobody_hashed_it() -> None:
    known = every_slot(hashed=False)

    plan = planned(known, options=[REKEY])

    left = {each.slot: each for each in plan.not_rekeyed}
    assert left.keys() == set(Slot)
    for slot, each in left.items():
        after = after_of(plan, each.address)
        assert each.key == after.objects[slot].key in UNKNOWN
        assert (each.wished.startswith("S/"), each.reason) == (True, Hindrance.NEVER_HASHED)
    assert not any(change.puts for change in plan.changes)


def test_what_rekey_leaves_is_told_again_until_it_is_hashed() -> None:
    known = every_slot(hashed=False)
    known = applied(known, planned(known))
    again = planned(known, options=[REKEY])
    hashed = [media(path, path, etag=md5(path)) for path in UNKNOWN]

    assert (again.empty, len(again.not_rekeyed)) == (True, len(UNKNOWN))
    now = planned(declaring(known, *WITH_EVERY_SLOT, lock=hashed), options=[REKEY])
    assert now.not_rekeyed == ()
    moved = [put.key for change in now.changes for put in change.puts]
    reused = [key for change in now.changes for key in change.reused]  # a playback copy becomes the recording
    assert len(moved) + len(reused) == len(UNKNOWN)


def test_only_a_plan_with_rekey_tells_it_and_only_within_its_scope() -> None:
    known = every_slot(hashed=False)

    assert planned(known).not_rekeyed == ()
    scoped = planned(known, options=[REKEY], only=["s/c"])
    assert {each.address for each in scoped.not_rekeyed} == {"s/c", "s/c/l"}


@pytest.mark.parametrize("key", ["S/C/L.mp3", "S/C/L~3f2a9c1b.mp3"])
def test_what_has_the_key_of_today_already_is_not_left_out(key: str) -> None:
    unknown = media(key, key, sha256=None, md5=None, etag=md5(key))
    declared = catalog(lecture("s/c/l", audio=key), lock=[unknown])
    known = live(declared, rows=[lecture_row(3, "L", key)], objects=[stored(key)])

    assert planned(known, options=[REKEY]).not_rekeyed == ()
