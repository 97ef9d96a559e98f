"""Where a lecture's row leads by each way, and what a plan copies so that it keeps leading there."""

from dataclasses import replace

import pytest

from reconciler.model.actual import Row
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, Plan
from reconciler.model.playback import DEFAULT_WAYS, CopyStep, RequestForm
from reconciler.model.policy import Layout, Policy
from reconciler.model.recorded import KeyState
from reconciler.model.values import Value
from reconciler.planning.planner import draft
from reconciler.planning.playback import Library, arrives
from reconciler.planning.references import KeySearch
from reconciler.planning.world import Request, World
from tests.unit.planning.worlds import (
    CDN,
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
    md5,
    media,
    planned,
    questions,
    row_of,
    sha256,
    speaker,
    speaker_row,
    state_of,
    stored,
    with_objects,
    with_put,
    with_rows,
    without_objects,
    world,
)

TEAM = Policy(environment="test", layout=Layout(base_url=CDN))

LECTURE = lecture_row(3, "L", "old/l.m4a", speaker_id=1, collection_id=11)

# What arrives.


@pytest.mark.parametrize(
    ("request_form", "raw", "key"),
    [
        (RequestForm.ENCODE_URI, "S/C/01 - What Is It?.mp3", "S/C/01 - What Is It"),
        (RequestForm.ENCODE_URI, "S/C/01 - Lesson #1.mp3", "S/C/01 - Lesson "),
        (RequestForm.ENCODE_URI, "S/C/01 - 100% + ﷺ & 'x'.mp3", "S/C/01 - 100% + ﷺ & 'x'.mp3"),
        (RequestForm.ENCODE_URI, "S/C/01 - %41.mp3", "S/C/01 - %41.mp3"),
        (RequestForm.RAW, "S/C/01 - What Is It?.mp3", "S/C/01 - What Is It"),
        (RequestForm.RAW, "S/C/01 - %41 %.mp3", "S/C/01 - A %.mp3"),
        (RequestForm.RAW, "S\\C/a.mp3", "S/C/a.mp3"),
        (RequestForm.RAW, "https://cdn.example.test/S/a%20b.mp3?v=1", "S/a b.mp3"),
        (RequestForm.ENCODED, "S/C/01 - 100% sure? #1.mp3", "S/C/01 - 100% sure? #1.mp3"),
        (RequestForm.ENCODE_URI, "S/e\u0301.mp3", "S/é.mp3"),
    ],
)
def test_what_of_a_key_arrives_at_the_server(request_form: RequestForm, raw: str, key: str) -> None:
    assert arrives(request_form, raw) == key


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ({"lecture_number": 7}, "S/C/07 - L.mp3"),
        ({"lecture_number": 112}, "S/C/112 - L.mp3"),
        ({"lecture_number": 0}, "S/C/00 - L.mp3"),
        ({"lecture_number": None}, "S/C/01 - L.mp3"),
        ({"lecture_number": 7, "speaker_id": None}, "old/l.m4a"),
        ({"lecture_number": 7, "collection_id": None}, "old/l.m4a"),
        ({"lecture_number": 7, "title": " L "}, "S/C/07 -  L .mp3"),
        ({"lecture_number": 7, "title": "a/b"}, "S/C/07 - a/b.mp3"),
    ],
)
def test_the_backend_makes_a_key_of_the_rows_own_columns(columns: dict[str, Value], key: str) -> None:
    assert keys_of(edited(LECTURE, **columns))[0] == key


def test_the_backend_looks_for_one_collection_under_another_name() -> None:
    assert keys_of(LECTURE, "Legends of Islam")[0] == "S/Legends Islam/01 - L.mp3"


def test_playlists_ask_for_the_file_path_and_links_for_the_url() -> None:
    row = edited(LECTURE, audio_url="https://last-year.test/x/%C3%A9.mp3")

    assert keys_of(row)[1:] == ("old/l.m4a", "x/é.mp3")


def keys_of(row: Row, title: str = "C") -> tuple[str | None, ...]:
    rows = {
        Kind.SPEAKER: {1: speaker_row(1, "S")},
        Kind.COLLECTION: {11: collection_row(11, 1, title)},
        Kind.LECTURE: {row.id: row},
    }
    return Library(DEFAULT_WAYS, rows).keys(row)


# What is heard.


def test_what_apps_find_by_names_is_named_and_so_is_the_key_before_it_is_cut() -> None:
    known = team(catalog(lecture("s/c/l", title="L?", number=1)))

    found = KeySearch(["S/C/01 - L", "S/C/01 - L?.mp3", "S/C/02 - L.mp3"])

    assert found.in_references(known.library.names()) == {"S/C/01 - L", "S/C/01 - L?.mp3"}


def test_another_lectures_recording_does_not_count_as_playing() -> None:
    known = team(catalog(lecture("s/c/a", title="A", number=1), lecture("s/c/b", title="B", number=2)))
    exchanged = with_rows(known, edited(row_of(known, "s/c/a"), title="B", lecture_number=2))

    assert plays(exchanged, "s/c/a") == (False, True, True)
    assert plays(exchanged, "s/c/b") == (True, True, True)


def test_an_empty_object_does_not_play() -> None:
    known = team(catalog(lecture("s/c/l", number=1)))
    empty = with_objects(known, stored("S/C/01 - L.mp3", "", size=0))

    assert plays(empty, "s/c/l") == (False, False, False)


def plays(known: World, address: str) -> tuple[bool, ...]:
    row = row_of(known, address)
    return tuple(known.library.plays(row, key) for key in known.library.keys(row))


def team(declared: object, **options: object) -> World:
    return live(declared, policy=TEAM, **options)  # type: ignore[arg-type]


# What a plan copies.

NAMED = lecture("s/c/l", title="L", number=1, audio="l.mp3")
KEY = "S/C/01 - L.mp3"


def parents(known: World) -> dict[str, Value]:
    row = row_of(known, "s/c/l")
    return {"speaker_id": row["speaker_id"], "collection_id": row["collection_id"]}


def copies(plan: Plan) -> list[tuple[CopyStep, str, str]]:
    return [(copy.step, copy.source, copy.key) for change in plan.changes for copy in change.copies]


def counts(plan: Plan) -> dict[str, tuple[int, int]]:
    return {count.way: (count.plays, count.plays_after) for count in plan.playback}


def test_a_new_lecture_is_stored_once_and_plays_by_every_way() -> None:
    plan = planned(world(catalog(NAMED), policy=TEAM))

    assert copies(plan) == []
    assert counts(plan) == {"stream": (0, 1), "playlist": (0, 1), "link": (0, 1)}


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"audio": "l.m4a"}, "S/C/01 - L.mp3"),
        ({"title": "L?"}, "S/C/01 - L"),
        ({"title": "100%"}, "S/C/01 - 100%.mp3"),
        ({"title": " L"}, "S/C/01 -  L.mp3"),
    ],
)
def test_a_key_that_differs_from_what_apps_ask_for_is_filled(entry: dict[str, object], key: str) -> None:
    plan = planned(world(catalog(lecture("s/c/l", **{"title": "L", "number": 1, **entry})), policy=TEAM))

    [(step, source, filled)] = copies(plan)
    assert (step, filled) == (CopyStep.FILL, key)
    assert source == change_at(plan, "s/c/l").puts[0].key


def test_a_renamed_speaker_takes_copies_along_and_moves_no_row() -> None:
    known = declaring(team(catalog(NAMED)), speaker("s", name="T"), NAMED)

    plan = planned(known)
    after = applied(known, plan)

    assert actions(plan) == {"s": Action.UPDATE}
    assert copies(plan) == [(CopyStep.FILL, KEY, "T/C/01 - L.mp3")]
    assert row_of(after, "s/c/l")["file_path"] == KEY
    assert plays(after, "s/c/l") == (True, True, True)
    assert planned(after).changes == ()


def test_a_second_rename_retires_the_copy_that_nothing_finds_any_more() -> None:
    once = declaring(team(catalog(NAMED)), speaker("s", name="T"), NAMED)
    twice = declaring(applied(once, planned(once)), speaker("s", name="U"), NAMED)

    plan = planned(twice)

    assert change_at(plan, "s").retired == ("T/C/01 - L.mp3",)
    assert state_of(applied(twice, plan), "T/C/01 - L.mp3") is KeyState.RETIRED


def test_rows_that_nobody_declares_go_on_playing_when_their_speaker_gets_another_name() -> None:
    known = team(catalog(NAMED))
    other = lecture_row(900, "Other", "S/C/05 - Other.mp3", lecture_number=5, **parents(known))
    known = with_objects(with_rows(known, other), stored("S/C/05 - Other.mp3", "other"))

    plan = planned(declaring(known, speaker("s", name="T"), NAMED))

    assert (CopyStep.FILL, "S/C/05 - Other.mp3", "T/C/05 - Other.mp3") in copies(plan)
    assert counts(plan)["stream"] == (2, 2)


def test_a_replaced_recording_is_an_alias_and_the_old_one_is_kept() -> None:
    known = declaring(team(catalog(NAMED)), NAMED, lock=[media("l.mp3", "again")])

    plan = planned(known)
    after = applied(known, plan)

    new, kept = f"S/C/01 - L~{sha256('again')[:8]}.mp3", f"S/C/01 - L~{sha256('l.mp3')[:8]}.mp3"
    assert copies(plan) == [(CopyStep.KEEP, KEY, kept), (CopyStep.ALIAS, new, KEY)]
    assert after.snapshot.objects[KEY].etag == md5("again")
    assert (state_of(after, KEY), state_of(after, kept)) == (KeyState.LIVE, KeyState.RETIRED)
    assert planned(after).changes == ()


def test_two_exchanged_titles_make_room_for_each_other() -> None:
    one, two = (lecture(f"s/c/{name}", title=name.upper(), audio=f"{name}.mp3", number=1) for name in "ab")
    known = team(catalog(one, two))
    swapped = declaring(
        known,
        replace(one, fields={**one.fields, "title": "B"}),
        replace(two, fields={**two.fields, "title": "A"}),
    )

    plan = planned(swapped)
    after = applied(swapped, plan)

    assert sorted(step for step, _, _ in copies(plan)) == ["alias", "alias", "keep", "keep"]
    for address, title, content in (("s/c/a", "B", "a.mp3"), ("s/c/b", "A", "b.mp3")):
        assert plays(after, address) == (True, True, True)
        assert after.snapshot.objects[f"S/C/01 - {title}.mp3"].etag == md5(content)
    assert planned(after).changes == ()


def test_two_exchanged_numbers_are_two_copies() -> None:
    one, two = (
        lecture(f"s/c/{n}", title=n.upper(), audio=f"{n}.mp3", number=i) for i, n in ((1, "a"), (2, "b"))
    )
    known = team(catalog(one, two))
    swapped = declaring(
        known,
        replace(one, fields={**one.fields, "number": 2}),
        replace(two, fields={**two.fields, "number": 1}),
    )

    plan = planned(swapped)

    assert sorted(copies(plan)) == [
        (CopyStep.FILL, "S/C/01 - A.mp3", "S/C/02 - A.mp3"),
        (CopyStep.FILL, "S/C/02 - B.mp3", "S/C/01 - B.mp3"),
    ]


def test_a_way_that_was_broken_before_elmify_came_is_not_filled() -> None:
    wild = world(
        catalog(lecture("s/c/l", title="L", number=1, audio="x.mp3", row=3)),
        policy=TEAM,
        rows=[
            speaker_row(1, "S"),
            collection_row(11, 1, "C"),
            lecture_row(3, "L", "x.mp3", lecture_number=1, speaker_id=1, collection_id=11),
        ],
        objects=[stored("x.mp3")],
    )

    plan = planned(wild)

    assert copies(plan) == []
    assert counts(plan)["stream"] == (0, 0)


def test_an_object_that_nobody_has_hashed_is_copied_on_the_condition_of_its_etag() -> None:
    line = media("x.mp3", size=5, sha256=None, md5=None, etag="abc-2")
    wild = world(
        catalog(lecture("s/c/l", title="L", number=2, audio="x.mp3", row=3), lock=[line]),
        policy=TEAM,
        rows=[lecture_row(3, "L", "x.mp3", lecture_number=1, file_size=5)],
        objects=[stored("x.mp3", etag="abc-2", size=5)],
    )

    [copy] = change_at(planned(wild), "s/c/l").copies

    assert (copy.step, copy.key, copy.sha256, copy.source_etag) == (
        CopyStep.FILL,
        "S/C/02 - L.mp3",
        None,
        "abc-2",
    )


def test_a_copy_that_other_hands_took_away_or_replaced_is_made_again() -> None:
    m4a = lecture("s/c/l", title="L", number=1, audio="l.m4a")
    known = team(catalog(m4a))
    assert planned(known).changes == ()

    gone = planned(without_objects(known, KEY))
    replaced = with_objects(known, stored(KEY, "tampered"))

    assert copies(gone) == [(CopyStep.FILL, "S/C/01 - L.m4a", KEY)]
    assert [step for step, _, _ in copies(planned(replaced))] == [CopyStep.KEEP, CopyStep.ALIAS]
    after = applied(replaced, planned(replaced))
    assert after.snapshot.objects[KEY].etag == md5("l.m4a")
    assert planned(after).changes == ()


def test_a_crash_after_the_copies_changes_nothing_of_what_was_reviewed() -> None:
    known = declaring(team(catalog(NAMED)), NAMED, lock=[media("l.mp3", "again")])
    renamed = declaring(team(catalog(NAMED)), speaker("s", name="T"), NAMED)
    retitled = replace(NAMED, fields={**NAMED.fields, "title": "M"})
    both = declaring(team(catalog(NAMED)), retitled, lock=[media("l.mp3", "again")])
    m4a = declaring(team(catalog(NAMED)), replace(NAMED, media={Slot.LECTURE_AUDIO: "l.m4a"}))
    for start in (known, renamed, both, m4a):
        reviewed = planned(start)

        again = planned(with_put(start, reviewed))

        assert again.fingerprint == reviewed.fingerprint


# What is refused.


def test_two_declared_lectures_that_one_key_would_lead_to_are_a_question() -> None:
    two = catalog(lecture("s/c/a", title="L", number=1), lecture("s/c/b", title="L", number=1))

    assert set(questions(world(two, policy=TEAM)).values()) == {"EL516"}


def test_two_titles_that_urls_cut_to_one_are_a_question() -> None:
    two = catalog(lecture("s/c/a", title="L? one", number=1), lecture("s/c/b", title="L? two", number=1))

    assert set(questions(world(two, policy=TEAM)).values()) == {"EL516"}


def test_what_a_row_that_nobody_declares_plays_is_not_overwritten() -> None:
    known = with_rows(team(catalog(NAMED)), lecture_row(900, "Twin", KEY, lecture_number=9))

    plan = planned(declaring(known, NAMED, lock=[media("l.mp3", "again")]))

    assert [blocked.guard for blocked in plan.blocked] == ["playback"]


@pytest.mark.parametrize("title", ["L" * 1100, "a//b", "../../outside", "a/./b"])
def test_a_lecture_that_no_key_can_lead_to_is_refused(title: str) -> None:
    known = world(catalog(lecture("s/c/l", title=title, number=1)), policy=TEAM)

    try:
        blocked = {found.guard for found in planned(known).blocked}
    except Exception as refused:  # noqa: BLE001 - a question is a refusal too
        blocked = {type(refused).__name__}

    assert blocked & {"playback", "InvalidInput"}


def test_a_way_that_is_only_reported_never_blocks() -> None:
    known = with_rows(
        team(catalog(NAMED)),
        *(edited(row, audio_url=None) for row in team(catalog(NAMED)).snapshot.rows[Kind.LECTURE].values()),
    )

    plan = draft(replace(known, policy=TEAM), Request())

    assert plan.unheard == ()
    assert counts(planned(known))["link"] == (0, 1)


def test_declared_collections_and_speakers_alone_have_nothing_to_play() -> None:
    plan = planned(world(catalog(speaker("s"), collection("s/c")), policy=TEAM))

    assert [(count.lectures, count.lectures_after) for count in plan.playback] == [(0, 0)] * 3
