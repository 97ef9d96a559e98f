import re
import unicodedata
from dataclasses import replace

import pytest

from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Action, Blocked, Change, Impact, ObjectState, State, Unmanaged
from reconciler.render.plan.parts import Detail
from reconciler.render.plan.text import plan_text
from tests.unit.render.plans import (
    HOSTILE,
    QURAN,
    adopt,
    create,
    delete,
    drift,
    empty_plan,
    full_plan,
    many,
    note,
    plan_of,
    update,
)

FULL = """\
elmify will do the following in production:

Changed outside elmify since the last apply:
  abdul-rashid-sufi/quran-hafs/al-baqarah: title: "Al-Baqara" -> "Al-Baqarah"

1 to delete (-): 1 lecture
  - abdul-rashid-sufi/quran-hafs/al-fatiha (lectures[412])
      would lose 3 favourites and 1 playback position of 2 listeners
      # it left the catalog
      - title: "Al-Fatiha" -> null
      - audio: "Abdul Rashid Sufi/Quran Hafs/01 - Al-Fatiha.mp3" (4.2 MiB, sha256 3f2a9c1b) -> null
      = bucket: retire "Abdul Rashid Sufi/Quran Hafs/01 - Al-Fatiha.mp3" (stays until gc)
      = database: delete lectures[412] (and 3 rows of favorites, 1 row of playback_positions)
      = records: forget abdul-rashid-sufi/quran-hafs/al-fatiha

1 to forget (.): 1 collection
  . abdul-rashid-sufi/khutab (collections[31])
      # the catalog lets it go
      = records: forget abdul-rashid-sufi/khutab

1 to move (>): 1 lecture
  > abdul-rashid-sufi/quran-hafs/al-imran (lectures[414], was abdul-rashid-sufi/quran-hafs/imran)
      # the catalog says previously: (catalog/abdul-rashid-sufi/quran-hafs.yaml:16:5)
      ~ audio: "Abdul Rashid Sufi/Quran Hafs/03 - Al-Imran.mp3" (4.2 MiB, sha256 3f2a9c1b)
            -> "Abdul Rashid Sufi/Quran Hafs/03 - Al-Imran~77aa00ff.mp3" (4.3 MiB, sha256 77aa00ff)
      # 1 unchanged attribute hidden
      = bucket: put "Abdul Rashid Sufi/Quran Hafs/03 - Al-Imran~77aa00ff.mp3" (4.3 MiB, from disk)
      = bucket: retire "Abdul Rashid Sufi/Quran Hafs/03 - Al-Imran.mp3" (stays until gc)
      = records: move abdul-rashid-sufi/quran-hafs/al-imran (was abdul-rashid-sufi/quran-hafs/imran)

1 to change (~): 1 lecture
  ~ abdul-rashid-sufi/quran-hafs/al-baqarah (lectures[413])
      keeps 41 user rows
      # the catalog says otherwise (catalog/abdul-rashid-sufi/quran-hafs.yaml:12:5)
      ~ categories: ["quran"] -> ["quran", "tafsir"]  # adds "tafsir"
      + description: "The longest."
      - genre: "tilawah" -> null
      ~ lecture_number: 11 -> 2
      ~ title: "Al-Baqarah" -> "Al-Baqarah (The cow)"
      # 1 unchanged attribute hidden
      = database: update lectures[413] set categories, description, genre, lecture_number, title
      = records: release bio

1 to import (<): 1 speaker
  By column, with examples:
    ~ name, 1 time
        "Abdul Rashid Sufi " -> "Abdul Rashid Sufi" (abdul-rashid-sufi)
  < abdul-rashid-sufi (speakers[7])
      # a row of that name is there (catalog/abdul-rashid-sufi/speaker.yaml:1:1)
      ~ name: "Abdul Rashid Sufi " -> "Abdul Rashid Sufi"
      = bucket: reuse "Abdul Rashid Sufi/speaker.jpg" (already there)
      = database: update speakers[7] set name
      = records: adopt abdul-rashid-sufi
      = records: protect abdul-rashid-sufi

1 to add (+): 1 lecture
  + abdul-rashid-sufi/quran-hafs/an-nas (lecture)
      # it is not there yet (catalog/abdul-rashid-sufi/quran-hafs.yaml:40:5)
      + collection_id: (known after apply)
      + is_public: false  # the database's default
      + lecture_number: 114
      + title: "An-Nas"
      + audio: "Abdul Rashid Sufi/Quran Hafs/114 - An-Nas.mp3" (4.2 MiB, sha256 77aa00ff)
      = bucket: put "Abdul Rashid Sufi/Quran Hafs/114 - An-Nas.mp3" (4.2 MiB, from disk)
      = database: insert into lectures

bio is no longer managed in 1 resource: its live value stays as is.
    abdul-rashid-sufi/quran-hafs/al-baqarah
year is no longer managed in 1 resource: its live value stays as is.
    abdul-rashid-sufi/quran-hafs

Unmanaged, and left alone: 2 lectures, 2 objects (3.0 KiB).
    unmanaged.lectures[900]
    unmanaged.lectures[901]
    unmanaged.object[old/a.mp3]
    unmanaged.object[old/b.mp3]

Blocked: apply refuses this plan before it writes anything.
  ! user-rows: 4 user rows would be lost, and 0 are allowed
      abdul-rashid-sufi/quran-hafs/al-fatiha
      To lift it:
          elmify plan --allow deletes=12 --allow user-rows=4

People: would lose 3 favourites (2 listeners) and 1 playback position (1 listener): 2 listeners in all; \
4 playback positions of 3 listeners are behind the end of the new audio; keeps 41 user rows.
Allowed with this plan: deletes up to 12.
Unverified: 5 objects were never hashed, only compared by size and ETag.
Upload: 2 objects, 8.5 MiB. R2 operations: about 4 of class A and 0 of class B, less than $0.01.

Plan: 1 to import, of which 1 is corrected: name 1; 1 to add, 2 to change, 1 to move, 1 to delete, \
1 to forget."""

SUMMARY = """\
elmify will do the following in production:

1 to delete (-): 1 lecture
  - abdul-rashid-sufi/quran-hafs/al-fatiha (lectures[412])
      would lose 3 favourites and 1 playback position of 2 listeners

2 to add (+): 2 lectures

Upload: 2 objects, 8.4 MiB. R2 operations: about 4 of class A and 0 of class B, less than $0.01.

Plan: 2 to add, 0 to change, 1 to delete."""


def test_a_full_plan_reads_like_terraforms() -> None:
    assert plan_text(full_plan()) == FULL


def test_a_summary_counts_all_but_the_deletes() -> None:
    plan = plan_of([delete(), create("a"), create("b")])

    assert plan_text(plan, detail=Detail.SUMMARY) == SUMMARY


def test_the_resources_level_has_a_line_for_each_change_that_names_its_columns() -> None:
    lines = plan_text(plan_of([update(), create()]), detail=Detail.RESOURCES).splitlines()

    assert (
        f"  ~ {QURAN}/al-baqarah (lectures[413]): categories, description, genre, lecture_number, title"
        in lines
    )
    assert f"  + {QURAN}/an-nas (lecture)" in lines


def test_an_empty_plan_is_one_line() -> None:
    assert plan_text(empty_plan()) == "No changes. The library matches the catalog."


def test_record_keeping_alone_is_no_change_but_is_said() -> None:
    assert plan_text(plan_of([note()])) == (
        "year is no longer managed in 1 resource: its live value stays as is.\n"
        "    abdul-rashid-sufi/quran-hafs\n\n"
        "No changes. The library matches the catalog."
    )


def test_a_partial_plan_says_so_first_and_before_its_last_line() -> None:
    lines = plan_text(plan_of([create()], scope=("abdul-*", "x/y"))).splitlines()

    partial = "PARTIAL: only abdul-*, x/y was compared; everything else was left out and is not touched."
    assert lines[0] == partial
    assert lines[-2:] == [partial, "Plan: 1 to add, 0 to change, 0 to delete."]


def test_an_empty_partial_plan_does_not_speak_for_the_rest() -> None:
    lines = plan_text(plan_of(scope=("abdul-*",))).splitlines()

    assert lines[0].startswith("PARTIAL: only abdul-*")
    assert lines[-2].startswith("PARTIAL: only abdul-*")
    assert lines[-1] == "No changes. The library matches the catalog."


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ([create()], "Plan: 1 to add, 0 to change, 0 to delete."),
        (
            [adopt()],
            "Plan: 1 to import, of which 1 is corrected: name 1; 0 to add, 1 to change, 0 to delete.",
        ),
        ([note(), update()], "Plan: 0 to add, 1 to change, 0 to delete."),
    ],
)
def test_the_last_line_counts_as_terraform_does(changes: list[Change], line: str) -> None:
    assert plan_text(plan_of(changes)).splitlines()[-1] == line


def test_what_blocks_an_empty_plan_is_shown_all_the_same() -> None:
    plan = plan_of(blocked=(Blocked(guard="empty-catalog", summary="the catalog declares nothing"),))

    text = plan_text(plan)

    assert "  ! empty-catalog: the catalog declares nothing" in text
    assert "To lift it" not in text


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_text_can_neither_act_nor_add_a_line(title: str) -> None:
    def text(told: str) -> str:
        found = ObjectState(key=told, size_bytes=1)
        changes = [
            replace(create(title=told), reason=told, reused=(told,)),
            replace(delete(title=told), previous_address=told, impact=Impact(lost={told: 1})),
            replace(update(title=told), released=(told,)),
            replace(adopt(), after=State(values={"name": told}, objects={Slot.SPEAKER_IMAGE: found})),
        ]
        plan = plan_of(
            changes,
            scope=(told,),
            allowances={told: 1},
            blocked=(Blocked(guard=told, summary=told, addresses=(told,)),),
            drift=(replace(drift(), actual=told, attribute=told),),
            impact=Impact(lost={told: 1}),
            unmanaged=Unmanaged(objects={told: 1}),
            options=(told,),
        )
        return plan_text(plan)

    shown = text(title)

    assert len(shown.split("\n")) == len(text("plain").split("\n"))
    assert {unicodedata.category(one) for one in shown} & {"Cc", "Cf"} <= {"Cc"}
    assert not re.search(r"[^\n -\U0010ffff]", shown)
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
    assert "##[" not in shown


def test_arabic_stays_readable() -> None:
    assert '+ title: "سورة محمد ﷺ"' in plan_text(plan_of([create(title="سورة محمد ﷺ")]))


def test_colour_adds_codes_and_nothing_else() -> None:
    coloured = plan_text(full_plan(), colour=True)

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == FULL
    assert "\x1b[" not in FULL


def test_thousands_of_changes_get_a_line_each_by_default() -> None:
    lines = plan_text(many(1_000)).splitlines()

    assert sum(line.startswith("  + ") for line in lines) == 1_000
    assert len(lines) < 1_010
    assert lines[-1] == "Plan: 1000 to add, 0 to change, 0 to delete."


@pytest.mark.parametrize("detail", list(Detail))
def test_every_delete_is_named_at_every_level(detail: Detail) -> None:
    text = plan_text(many(1_000, Action.DELETE), detail=detail)

    assert all(f"- {QURAN}/lecture-{at} (lectures[{at}])\n" in text for at in range(1_000))


def test_of_many_unmanaged_things_some_are_named_and_all_are_counted() -> None:
    text = plan_text(plan_of(unmanaged=Unmanaged(rows={Kind.LECTURE: tuple(range(1, 1_001))})))

    assert "Unmanaged, and left alone: 1,000 lectures." in text
    assert text.count("unmanaged.lectures[") == 5
    assert "    and 995 more" in text


def test_what_is_to_be_deleted_is_not_said_to_be_left_alone() -> None:
    gone = Change(
        address="unmanaged.object[old/a.mp3]",
        kind=None,
        action=Action.DELETE,
        reason="asked for",
        change_id="",
        retired=("old/a.mp3",),
    )
    plan = plan_of([gone], unmanaged=Unmanaged(objects={"old/a.mp3": 1}), options=("delete-unmanaged",))

    text = plan_text(plan)

    assert "  - unmanaged.object[old/a.mp3] (object)\n" in text
    assert "Unmanaged: 1 object (1 B)." in text
    assert "Planned with --delete-unmanaged." in text


def test_the_same_plan_gives_the_same_text() -> None:
    assert plan_text(full_plan()) == plan_text(full_plan())
