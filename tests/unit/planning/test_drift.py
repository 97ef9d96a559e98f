"""Recorded against actual: what other hands did, and nothing that is merely not yet applied."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.drift import DriftFinding, DriftKind, DriftReport
from reconciler.model.kinds import Kind
from reconciler.model.recorded import KeyState, Recorded
from reconciler.planning.drift import LastApply, drift_report
from reconciler.planning.world import World
from tests.unit.planning.worlds import (
    applied,
    catalog,
    collection_row,
    declaring,
    edited,
    key,
    key_of,
    lecture,
    lecture_row,
    live,
    media,
    planned,
    renumbered,
    row_of,
    speaker,
    speaker_row,
    stored,
    with_keys,
    with_objects,
    with_rows,
    without_objects,
    without_records,
    without_rows,
)

AFTER_ALL = LastApply(highest_rows={Kind.SPEAKER: 0, Kind.COLLECTION: 0, Kind.LECTURE: 0})
TWO = (lecture("s/c/a", title="A"), lecture("s/c/b", title="B"))
EIGHT = tuple(lecture(f"{who}/{book}/{name}") for who in "st" for book in "cd" for name in "ab")


def report(world: World, last: LastApply = AFTER_ALL) -> DriftReport:
    return drift_report("test", world.snapshot, world.recorded, last)


def told(found: DriftReport) -> list[tuple[DriftKind, str, str]]:
    return [(each.what, each.address, each.attribute) for each in found.findings]


def only(found: DriftReport) -> DriftFinding:
    (finding,) = found.findings
    return finding


def test_after_an_apply_there_is_no_drift() -> None:
    found = report(live(catalog(*EIGHT)))

    assert found.clean
    assert (found.count, found.ids, found.addresses()) == (0, frozenset(), ())


def test_what_the_catalog_wants_by_now_is_no_drift() -> None:
    changed = declaring(live(catalog(*TWO)), lecture("s/c/a", title="Another"), lecture("s/c/new"))

    assert planned(changed).changes
    assert report(changed).clean


def test_before_the_first_apply_nothing_can_have_drifted() -> None:
    world = with_objects(
        with_rows(without_records(live(catalog(*TWO))), speaker_row(9, "New")), stored("New.mp3")
    )

    assert report(world, replace(AFTER_ALL, fresh_objects={"New.mp3"})).clean


def test_an_edited_column_is_told_with_both_values_and_its_row() -> None:
    world = live(catalog(*TWO))
    row = row_of(world, "s/c/a")

    finding = only(report(with_rows(world, edited(row, title="Typed by hand"))))

    assert (finding.what, finding.address, finding.attribute) == (DriftKind.ROW_EDITED, "s/c/a", "title")
    assert (finding.recorded, finding.actual) == ("A", "Typed by hand")
    assert (finding.kind, finding.row) == (Kind.LECTURE, row.id)


def test_a_column_that_the_catalog_does_not_manage_is_nobody_elses_business() -> None:
    world = live(catalog(*TWO))

    assert report(with_rows(world, edited(row_of(world, "s/c/a"), genre="Tafsir"))).clean


def test_a_recorded_column_that_is_no_longer_managed_does_not_count() -> None:
    world = live(catalog(*TWO))
    record = world.recorded.resources[Address("s/c/a")]
    older = replace(record, applied=record.applied.replace("{", '{"play_count":3,', 1))
    recorded = replace(world.recorded, resources={**world.recorded.resources, older.address: older})

    assert report(replace(world, recorded=recorded)).clean


def test_a_row_that_is_gone_is_missing() -> None:
    world = live(catalog(*TWO))
    row = row_of(world, "s/c/a")

    finding = only(report(without_rows(world, row)))

    assert (finding.what, finding.recorded, finding.actual) == (DriftKind.ROW_MISSING, row.id, None)


def test_a_row_id_that_is_somebody_elses_now_is_told_with_the_name_it_shows() -> None:
    world = live(catalog(*TWO))
    row = row_of(world, "s/c/a")
    other = lecture_row(row.id, "Other", "Other.mp3", collection_id=row["collection_id"])

    finding = only(report(with_rows(without_rows(world, row), other)))

    assert (finding.what, finding.actual) == (DriftKind.ROW_MISSING, "Other")


def test_one_row_made_anew_is_replaced_and_not_also_new() -> None:
    world = live(catalog(*TWO))
    row = row_of(world, "s/c/a")
    anew = replace(edited(row, duration=0), id=row.id + 50)

    found = report(with_rows(without_rows(world, row), anew))

    assert told(found) == [
        (DriftKind.ROW_REPLACED, "s/c/a", "row"),
        (DriftKind.ROW_EDITED, "s/c/a", "duration"),
    ]
    assert (found.findings[0].recorded, found.findings[0].actual) == (row.id, row.id + 50)
    assert found.addresses() == ("s/c/a",)


def test_a_row_above_all_that_there_were_is_new() -> None:
    world = with_rows(live(catalog(*TWO)), lecture_row(990, "By hand", "By hand.mp3"))

    finding = only(report(world))

    assert (finding.what, finding.address) == (DriftKind.ROW_NEW, "unmanaged.lectures[990]")
    assert (finding.actual, finding.row) == ("By hand", 990)


def test_a_row_that_was_unmanaged_at_the_last_apply_is_no_drift() -> None:
    world = with_rows(live(catalog(*TWO)), lecture_row(990, "Long there", "x.mp3"), speaker_row(80, "Old"))

    last = LastApply(highest_rows={Kind.LECTURE: 990, Kind.SPEAKER: 80})

    assert report(world, last).clean


def test_no_row_is_called_new_when_nobody_noted_what_there_was() -> None:
    world = with_rows(live(catalog(*TWO)), lecture_row(990, "Who knows", "x.mp3"))

    assert report(world, LastApply()).clean


def sharing(world: World, address: str, other: str) -> World:
    """Return the world in which one resource is recorded to have the other one's objects."""
    resources = dict(world.recorded.resources)
    resources[Address(address)] = replace(resources[Address(address)], keys=resources[Address(other)].keys)
    return replace(world, recorded=replace(world.recorded, resources=resources))


def test_an_object_that_is_gone_is_missing_once_however_many_name_it() -> None:
    world = live(catalog(*TWO))
    name = key_of(world, "s/c/a")

    finding = only(report(without_objects(sharing(world, "s/c/b", "s/c/a"), name)))

    assert (finding.what, finding.address, finding.also) == (DriftKind.OBJECT_MISSING, "s/c/a", 1)
    assert only(report(without_objects(world, name))).also == 0


def test_an_object_with_other_bytes_is_replaced() -> None:
    world = live(catalog(*TWO))
    name = key_of(world, "s/c/a")

    finding = only(report(with_objects(world, stored(name, "other bytes"))))

    assert (finding.what, finding.address, finding.attribute) == (DriftKind.OBJECT_REPLACED, "s/c/a", "audio")
    assert str(finding.actual).startswith(f"{name} (11 B, ETag ")


def test_without_a_known_etag_the_size_tells() -> None:
    world = live(catalog(*TWO))
    name = key_of(world, "s/c/a")
    size = world.recorded.keys[name].size_bytes
    unlisted = with_keys(world, replace(world.recorded.keys[name], etag=None))

    assert report(unlisted).clean
    assert only(report(with_objects(unlisted, stored(name, size=size + 1)))).what is DriftKind.OBJECT_REPLACED


def test_a_key_that_nothing_is_remembered_of_can_still_be_missing() -> None:
    world = live(catalog(*TWO))
    name = key_of(world, "s/c/a")
    forgotten = replace(
        world,
        recorded=replace(world.recorded, keys={k: v for k, v in world.recorded.keys.items() if k != name}),
    )

    assert report(forgotten).clean
    assert only(report(without_objects(forgotten, name))).recorded == name


def test_a_retired_object_deleted_before_gc_came_is_missing() -> None:
    world = live(catalog(*TWO))
    retired = with_keys(
        world,
        key("old.mp3", KeyState.RETIRED, address="s/c/a"),
        key("nobodys.mp3", KeyState.RETIRED),
        key("gone.mp3", KeyState.DELETED),
        key("condemned.mp3", KeyState.CONDEMNED),
    )

    found = report(with_objects(retired, stored("condemned.mp3")))

    assert told(found) == [
        (DriftKind.OBJECT_MISSING, "s/c/a", "retired object"),
        (DriftKind.OBJECT_MISSING, "unmanaged.object[nobodys.mp3]", "retired object"),
    ]


def test_a_retired_object_that_is_there_is_no_drift() -> None:
    world = live(catalog(lecture("s/c/a"), lock=[media("s/c/a.mp3", "first")]))
    again = declaring(world, lecture("s/c/a"), lock=[media("s/c/a.mp3", "second")])

    assert report(applied(again, planned(again))).clean


def test_only_objects_that_came_since_the_last_apply_are_new() -> None:
    world = with_objects(
        with_keys(
            live(catalog(*TWO)),
            key("put back.mp3", KeyState.DELETED),
            key("released.mp3", KeyState.RELEASED),
            key("leftover.mp3", KeyState.INTENDED),
        ),
        *map(stored, ("old.mp3", "fresh.mp3", "put back.mp3", "released.mp3", "leftover.mp3")),
    )
    fresh = {"fresh.mp3", "put back.mp3", "released.mp3", "leftover.mp3", "gone again.mp3"}

    found = report(world, replace(AFTER_ALL, fresh_objects=fresh))

    assert told(found) == [
        (DriftKind.OBJECT_NEW, "unmanaged.object[fresh.mp3]", "object"),
        (DriftKind.OBJECT_NEW, "unmanaged.object[put back.mp3]", "object"),
    ]


# A table that was wiped and imported again.


def shifted(world: World, *kinds: Kind, by: int = 50) -> World:
    ids = {kind: {row: row + by for row in world.snapshot.rows[kind]} for kind in kinds}
    return renumbered(world, ids)


def test_a_table_imported_again_is_one_event() -> None:
    wiped = shifted(live(catalog(*EIGHT)), Kind.LECTURE)

    found = report(wiped)

    assert found.findings == ()
    (event,) = found.reimports
    assert (event.kind, event.recorded, len(event.found)) == (Kind.LECTURE, 8, 8)
    assert (event.missing, event.edited, event.undeclared) == ((), 0, 0)
    assert event.found["s/c/a"] == wiped.recorded.resources[Address("s/c/a")].row + 50
    assert found.count == 1


def test_everything_imported_again_is_one_event_of_three_tables() -> None:
    wiped = shifted(live(catalog(*EIGHT)), *Kind)

    found = report(wiped)

    assert (found.findings, found.count) == ((), 1)
    assert [(e.kind, len(e.found), e.edited) for e in found.reimports] == [
        (Kind.SPEAKER, 2, 0),
        (Kind.COLLECTION, 4, 0),
        (Kind.LECTURE, 8, 0),
    ]


def test_a_reimport_tells_what_it_left_out_what_it_changed_and_what_it_brought() -> None:
    world = live(catalog(*EIGHT))
    lost = without_rows(world, row_of(world, "s/c/a"))
    wiped = shifted(lost, Kind.LECTURE)
    changed = [edited(row, duration=0, bitrate=None) for row in wiped.snapshot.rows[Kind.LECTURE].values()]
    brought = lecture_row(990, "Brought along", "Brought along.mp3")

    found = report(with_rows(wiped, *changed, brought))

    (event,) = found.reimports
    assert (event.missing, event.edited, event.undeclared) == (("s/c/a",), 14, 1)
    assert found.findings == ()


def test_ids_dealt_out_anew_among_the_same_lectures_are_a_reimport_too() -> None:
    world = live(catalog(*EIGHT))
    ids = sorted(world.snapshot.rows[Kind.LECTURE])

    (event,) = report(renumbered(world, {Kind.LECTURE: dict(zip(ids, reversed(ids), strict=True))})).reimports

    assert len(event.found) == 8


def test_rows_that_share_a_file_are_found_again_by_their_titles() -> None:
    lines = [media("same.mp3", "same")]
    twins = [lecture(f"s/c/{name}", audio="same.mp3", title=name.upper()) for name in "ab"]
    world = shifted(live(catalog(*twins, lock=lines)), Kind.LECTURE)

    (event,) = report(world).reimports

    assert event.found == {
        address: row.id
        for row in world.snapshot.rows[Kind.LECTURE].values()
        for address in [f"s/c/{str(row['title']).lower()}"]
    }


def test_a_lecture_under_another_key_is_found_again_by_its_hash() -> None:
    world = live(catalog(*TWO))
    row = row_of(world, "s/c/a")
    anew = replace(edited(row, title="Else", file_path="else.mp3"), id=row.id + 50)

    found = report(with_rows(without_rows(world, row), anew))

    assert found.findings[0].what is DriftKind.ROW_REPLACED


def unknown_hash(world: World, address: str) -> World:
    name = key_of(world, address)
    return with_keys(world, replace(world.recorded.keys[name], sha256=None))


def test_a_lecture_of_another_name_is_found_again_by_its_key_alone() -> None:
    world = unknown_hash(live(catalog(*TWO)), "s/c/a")
    row = row_of(world, "s/c/a")
    anew = replace(edited(row, title="Else", file_hash=None), id=row.id + 50)

    assert report(with_rows(without_rows(world, row), anew)).findings[0].what is DriftKind.ROW_REPLACED


def test_what_neither_side_knows_is_nothing_in_common() -> None:
    world = unknown_hash(live(catalog(*TWO)), "s/c/a")
    row = row_of(world, "s/c/a")
    stranger = lecture_row(row.id + 50, "Else", "else.mp3", collection_id=row["collection_id"])

    found = report(with_rows(without_rows(world, row), stranger))

    assert [each.what for each in found.findings] == [DriftKind.ROW_MISSING, DriftKind.ROW_NEW]


def test_of_two_rows_that_could_be_it_none_is() -> None:
    world = live(catalog(*TWO))
    row = row_of(world, "s/c/a")
    twins = [replace(row, id=row.id + place) for place in (50, 51)]

    found = report(with_rows(without_rows(world, row), *twins))

    assert [each.what for each in found.findings] == [
        DriftKind.ROW_MISSING,
        DriftKind.ROW_NEW,
        DriftKind.ROW_NEW,
    ]


def test_a_row_that_two_records_could_be_is_neither() -> None:
    world = live(catalog(lecture("s/c/a", title="Same"), lecture("s/d/b", title="Same")))
    shared = sharing(world, "s/d/b", "s/c/a")
    rows = [row_of(world, address) for address in ("s/c/a", "s/d/b")]
    elsewhere = replace(edited(rows[0], title="Else", collection_id=None), id=990)

    found = report(with_rows(without_rows(shared, *rows), elsewhere))

    assert [each.what for each in found.findings].count(DriftKind.ROW_MISSING) == 2


def test_a_parent_under_another_id_is_no_edit_of_its_children() -> None:
    world = live(catalog(*TWO))

    found = report(shifted(world, Kind.COLLECTION))

    assert told(found) == [(DriftKind.ROW_REPLACED, "s/c", "row")]


def test_another_parent_than_the_recorded_one_is_an_edit() -> None:
    world = with_rows(live(catalog(*TWO)), collection_row(40, 1, "Elsewhere"))
    moved = with_rows(world, edited(row_of(world, "s/c/a"), collection_id=40))

    found = report(moved, replace(AFTER_ALL, highest_rows={Kind.COLLECTION: 40}))

    assert told(found) == [(DriftKind.ROW_EDITED, "s/c/a", "collection_id")]


# What was reported before.


def test_a_finding_keeps_its_id_until_it_is_another_finding() -> None:
    world = live(catalog(*TWO))

    def after(**values: str) -> frozenset[str]:
        return report(with_rows(world, edited(row_of(world, "s/c/a"), **values))).ids

    assert after(title="X") == after(title="X")
    assert after(title="X") != after(title="Y")


def test_what_is_known_can_be_left_out() -> None:
    wiped = shifted(live(catalog(speaker("s", bio="Bio"), *EIGHT)), Kind.LECTURE)
    both = with_rows(wiped, edited(row_of(wiped, "s"), bio="By hand"))
    found, event = report(both), report(wiped)

    assert told(found.without(event.ids)) == [(DriftKind.ROW_EDITED, "s", "bio")]
    assert found.without(found.ids).clean
    assert found.without(()) == found


def test_the_findings_are_in_one_order_whatever_the_order_of_the_records() -> None:
    world = live(catalog(*EIGHT))
    edits = [edited(row_of(world, r.address), title="x") for r in EIGHT]
    drifted = without_objects(with_rows(world, *edits), key_of(world, "s/c/a"))

    backwards = dict(reversed(list(drifted.recorded.resources.items())))
    other = replace(drifted, recorded=replace(drifted.recorded, resources=backwards))

    assert report(drifted).findings == report(other).findings
    assert report(drifted).findings[-1].what is DriftKind.OBJECT_MISSING


def test_an_empty_library_is_clean() -> None:
    world = live(catalog(*TWO))

    assert drift_report("test", world.snapshot, Recorded(), AFTER_ALL).clean


# Rows inserted again under their ids, and the rows of users.


def younger(known: World, *addresses: str) -> LastApply:
    ids: dict[Kind, set[int]] = {kind: set() for kind in Kind}
    for address in addresses:
        row = row_of(known, address)
        ids[row.kind].add(row.id)
    return replace(AFTER_ALL, younger_rows=ids)


def test_rows_that_are_all_younger_than_the_last_apply_were_wiped_and_imported_again() -> None:
    known = live(catalog(*EIGHT))

    found = report(known, younger(known, *known.recorded.resources))

    assert (found.findings, found.count) == ((), 1)
    assert {event.kind: (event.kept_ids, len(event.found)) for event in found.reimports} == {
        Kind.SPEAKER: (2, 2),
        Kind.COLLECTION: (4, 4),
        Kind.LECTURE: (8, 8),
    }


def test_some_rows_that_are_younger_than_the_last_apply_were_inserted_again_one_by_one() -> None:
    known = live(catalog(*EIGHT))

    found = report(known, younger(known, "s/c/a", "s/c/b"))

    assert told(found) == [(DriftKind.ROW_REMADE, a, "row") for a in ("s/c/a", "s/c/b")]


def test_a_younger_row_that_nobody_declared_is_no_row_inserted_again() -> None:
    known = with_rows(live(catalog(*TWO)), lecture_row(900, "Stray", "stray.mp3"))
    last = replace(AFTER_ALL, highest_rows={Kind.LECTURE: 900}, younger_rows={Kind.LECTURE: {900}})

    assert report(known, last).clean


def test_edits_of_rows_that_were_imported_again_are_counted_in_the_event() -> None:
    known = live(catalog(*EIGHT))
    changed = with_rows(known, *(edited(row_of(known, a), lecture_number=9) for a in ("s/c/a", "s/c/b")))
    declared = [lecture(str(each.address), number=1) for each in EIGHT]
    numbered = live(catalog(*declared))
    edits = with_rows(numbered, *(edited(row_of(numbered, a), lecture_number=9) for a in ("s/c/a", "s/c/b")))
    assert report(changed, AFTER_ALL).clean

    found = report(edits, younger(edits, *(str(each.address) for each in EIGHT)))

    (event,) = found.reimports
    assert (found.findings, event.edited) == ((), 2)


MANY = {"public.favorites": 500, "public.listening_stats": 40, "public.notes": 0}


def lost(known: World, now: Mapping[str, int], then: Mapping[str, int] | None = MANY) -> Mapping[str, int]:
    last = replace(AFTER_ALL, user_rows=then)
    return drift_report("test", known.snapshot, known.recorded, last, now).users_lost


def test_rows_of_users_are_lost_with_the_rows_of_content() -> None:
    known = live(catalog(*TWO))
    gone = without_rows(known, row_of(known, "s/c/a"))

    assert lost(gone, {**MANY, "public.favorites": 490}) == {"public.favorites": 10}
    assert lost(gone, MANY) == {}
    assert lost(gone, {**MANY, "public.favorites": 501}) == {}


def test_what_users_delete_themselves_is_no_drift() -> None:
    known = live(catalog(*TWO))

    assert lost(known, {**MANY, "public.favorites": 1}) == {}
    assert lost(known, {"public.favorites": 0}, {"public.favorites": 3}) == {}


def test_that_no_row_of_any_user_is_left_is_drift_by_itself() -> None:
    known = live(catalog(*TWO))
    nothing = dict.fromkeys(MANY, 0)

    found = drift_report("test", known.snapshot, known.recorded, replace(AFTER_ALL, user_rows=MANY), nothing)

    assert found.users_lost == {"public.favorites": 500, "public.listening_stats": 40}
    assert (found.clean, found.count, len(found.ids)) == (False, 1, 1)
    assert found.without(found.ids).clean


def test_tables_that_were_not_counted_both_times_are_not_compared() -> None:
    known = live(catalog(*TWO))
    gone = without_rows(known, row_of(known, "s/c/a"))

    assert lost(gone, {"public.listening_stats": 40}) == {}
    assert lost(gone, {}, None) == {}
