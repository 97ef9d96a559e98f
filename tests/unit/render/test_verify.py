"""What verify found, as text, JSON and JUnit."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from xml.etree import ElementTree as ET

import pytest

from reconciler.model.kinds import Kind
from reconciler.model.playback import WayCount
from reconciler.model.remedies import Adopt, Apply, Lock, Sentence
from reconciler.planning.verification.context import Surroundings
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    Depth,
    Sides,
    Verification,
    VerifyFinding,
    apply_alone,
    worst_first,
)
from reconciler.planning.world import World
from reconciler.render.verify.formats import verify_json, verify_junit
from reconciler.render.verify.text import headline, retold, verify_text
from tests.unit.planning.verifying import the_only
from tests.unit.planning.worlds import (
    catalog,
    edited,
    lecture,
    lecture_row,
    live,
    row_of,
    speaker,
    with_rows,
    without_rows,
)

EITHER = (True, False)
HOSTILE = "evil \x1b[31m \u202e ::error:: <x> & \"'\x00\ufffe"


def finding(condition: Condition, what: str = "ali/quran/one", **known: object) -> VerifyFinding:
    values = VerifyFinding(
        condition=condition, what=what, detail="a detail", remedies=(Sentence(text="Do it:"), Apply())
    )
    return replace(values, **known)  # type: ignore[arg-type]


def verification(*findings: VerifyFinding, **known: object) -> Verification:
    found = Verification(
        environment="live",
        made_at=datetime(2026, 11, 23, 14, 2, tzinfo=UTC),
        findings=worst_first(findings),
        truth={key: 467 if all(key) else 0 for key in product(EITHER, EITHER, EITHER)},
        sides=Sides(
            declared=dict(zip(Kind, (8, 12, 467), strict=True)),
            rows=dict(zip(Kind, (8, 12, 1467), strict=True)),
            objects=532,
            object_bytes=10 * 1024**3,
        ),
        heard=467,
        everywhere=467,
    )
    return replace(found, **known)  # type: ignore[arg-type]


# Text.


def test_a_whole_library_is_said_to_be_well_on_the_first_line() -> None:
    text = verify_text(verification())

    assert text.splitlines()[0].startswith("All is well: 467 files in catalog, bucket and database")
    assert "0 errors, 0 warnings in live, 2026-11-23 14:02 UTC." in text
    assert "repair-plan" not in text


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (
            [Condition.ROW_WITHOUT_OBJECT, Condition.MISSING_IMAGE, Condition.MISSING_IMAGE],
            "Listeners notice: 1 lecture cannot be played and 2 images are missing.",
        ),
        ([Condition.BROKEN_AUDIT], "Everything plays, and the audit log is not the one that was written."),
        (
            [Condition.ORPHAN],
            "Everything plays. Catalog, bucket and database do not agree on all of it.",
        ),
        (
            [Condition.WAY_BROKEN],
            "Listeners notice: 1 way does not lead to its lecture.",
        ),
        ([Condition.RETIRED], "All is well: 467 files in catalog, bucket and database, and nothing wrong."),
    ],
)
def test_the_headline_says_what_listeners_notice(conditions: list[Condition], said: str) -> None:
    assert headline(verification(*map(finding, conditions))) == said


@pytest.mark.parametrize("conditions", [[], [Condition.ENTRY_WITHOUT_ROW], [Condition.BROKEN_AUDIT]])
def test_the_headline_says_that_nothing_can_be_heard_before_all_else(conditions: list[Condition]) -> None:
    silent = verification(*map(finding, conditions), heard=0)

    assert headline(silent) == (
        "Nothing can be heard: not one of 467 declared lectures has a row and an object with bytes in it."
    )


def test_not_everything_plays_where_one_way_does_not() -> None:
    found = verification(finding(Condition.ORPHAN), everywhere=155)

    assert headline(found).startswith("155 of 467 declared lectures play by every way. Catalog, bucket")


def test_what_plays_is_counted_by_way() -> None:
    ways = [("stream", 155, False), ("playlist", 467, False), ("link", 2, True)]
    found = verification(
        playing=tuple(
            WayCount(way=w, lectures=467, plays=n, lectures_after=467, plays_after=n, report=report)
            for w, n, report in ways
        )
    )

    told = "Lectures that play: stream 155 of 467, playlist 467 of 467, link 2 of 467 (reported only)."
    assert told in verify_text(found).splitlines()
    assert json.loads(verify_json(found))["playing"] == [
        {"way": w, "lectures": 467, "plays": n, "report": report} for w, n, report in ways
    ]


def test_not_everything_plays_where_a_declared_lecture_cannot_be_heard() -> None:
    asked = verification(finding(Condition.QUESTION), heard=466)

    assert headline(asked).startswith("466 of 467 declared lectures can be heard. Catalog, bucket")


def test_a_library_without_a_lecture_is_not_silent() -> None:
    nothing = Sides(declared=dict.fromkeys(Kind, 0), rows=dict.fromkeys(Kind, 0), objects=0, object_bytes=0)

    assert "heard" not in headline(verification(sides=nothing, heard=0))


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Condition.EMPTY_AUDIO, "Listeners notice: 1 recording is empty."),
        (Condition.ENTRY_WITHOUT_ROW, "Listeners notice: 1 declared entry has no row."),
    ],
)
def test_the_headline_says_what_is_empty_and_what_is_gone(condition: Condition, said: str) -> None:
    assert headline(verification(finding(condition))) == said


def test_both_sides_and_all_eight_rows_of_the_truth_table_are_there() -> None:
    lines = verify_text(verification()).splitlines()

    assert "catalog   8 speakers, 12 collections, 467 lectures" in lines
    assert "bucket    532 objects, 10.0 GiB" in lines
    assert "database  8 speakers, 12 collections, 1,467 lectures" in lines
    assert "   x       x        x          467  whole" in lines
    assert sum(line.startswith(("   x   ", "   -   ")) for line in lines) == 8


def test_the_worst_is_told_first_each_with_what_mends_it() -> None:
    text = verify_text(
        verification(
            finding(Condition.ORPHAN, "unmanaged.object[a]"),
            finding(Condition.ROW_WITHOUT_OBJECT, remedies=(apply_alone("ali/quran/one"),)),
        )
    )

    assert text.index("error[row-without-object]") < text.index("warning[object-without-row]")
    assert "      a detail\n          elmify apply --only =ali/quran/one" in text


def test_a_long_list_is_cut_and_its_advice_is_told_once() -> None:
    text = verify_text(verification(*(finding(Condition.ORPHAN, f"o{n:02}") for n in range(17))))

    assert "object without row (17)" in text
    assert "  … and 12 more" in text
    assert text.count("Do it:") == 1


def test_of_several_infos_only_the_number_is_told() -> None:
    text = verify_text(
        verification(
            finding(Condition.ADOPTION_PENDING, "a"),
            finding(Condition.ADOPTION_PENDING, "b"),
            finding(Condition.RETIRED, "the bucket", count=3, detail="3 objects"),
            adopted=False,
        )
    )

    assert "info[adoption-pending] found, and not adopted yet (2)\n\n" in text
    assert "info[retired] retired, waiting for gc (3)\n  3 objects\n  Do it:\n      elmify apply" in text
    assert "the first `elmify apply` adopts what is there" in text


def test_what_was_hashed_and_what_is_ignored_is_said() -> None:
    ignored = (finding(Condition.ORPHAN),)
    part = verification(depth=Depth(objects=2, size_bytes=2048, part="1/30"), ignored=ignored)

    assert "Hashed today's 1/30 of what is live: 2 objects, 2.0 KiB." in verify_text(part)
    assert "1 finding left out, as `ignore:` in elmify.yaml says." in verify_text(part)
    assert "Hashed all that is live" in verify_text(verification(depth=Depth(objects=2, size_bytes=2048)))


def test_how_many_a_plan_can_mend_is_said_with_the_commands() -> None:
    text = verify_text(
        verification(finding(Condition.WRONG_URL, repairs=("a",)), finding(Condition.UNDECLARED_ROW))
    )

    assert text.endswith(
        "A plan can repair 1 of the 2:\n"
        "    elmify verify --repair-plan plans/repair.json\n"
        "    elmify apply plans/repair.json"
    )


def test_colour_marks_the_severity_and_only_when_it_is_asked_for() -> None:
    found = verification(finding(Condition.ROW_WITHOUT_OBJECT))

    assert "\x1b[31m" in verify_text(found, colour=True)
    assert "\x1b" not in verify_text(found)


def test_names_that_users_chose_act_in_no_rendering() -> None:
    hostile = verification(
        finding(
            Condition.ORPHAN,
            HOSTILE,
            detail=HOSTILE,
            remedies=(Sentence(text=f"::error::{HOSTILE}\n    {HOSTILE}"), Adopt(addresses=(HOSTILE,))),
        ),
        environment=HOSTILE,
    )

    for text in (verify_text(hostile), verify_json(hostile), verify_junit(hostile), retold(hostile.findings)):
        assert not {"\x1b", "\u202e", "\x00"} & set(text)
        assert not any(line.lstrip().startswith("::error") for line in text.splitlines())


# JSON.


def test_the_json_tells_every_state_and_every_finding() -> None:
    document = json.loads(
        verify_json(
            verification(
                finding(Condition.OTHER_BYTES, key="k", row=7, size_bytes=9, repairs=("a",)),
                finding(Condition.RETIRED),
                ignored=(finding(Condition.ORPHAN),),
                depth=Depth(objects=1, size_bytes=9, part="1/30"),
            )
        )
    )

    assert document["summary"] == {"errors": 1, "warnings": 0, "infos": 1, "ignored": 1}
    assert [state["state"] for state in document["states"]] == [condition.code for condition in Condition]
    assert sum(state["count"] for state in document["states"]) == 2
    assert document["hashed"] == {"objects": 1, "size_bytes": 9, "sample": "1/30"}
    assert len(document["truth"]) == 8
    assert document["truth"][0] == {"catalog": True, "bucket": True, "database": True, "files": 467}
    assert document["findings"][0] == {
        "state": "other-bytes",
        "severity": "error",
        "what": "ali/quran/one",
        "detail": "a detail",
        "remedy": "Do it:\n    elmify apply",
        "remedies": [
            {"kind": "sentence", "text": "Do it:"},
            {"kind": "apply", "scope": [], "options": [], "fingerprint": None, "wait_seconds": None},
        ],
        "repairs": ["a"],
        "key": "k",
        "row": 7,
        "count": 1,
        "size_bytes": 9,
    }
    assert document["ignored"][0]["state"] == "object-without-row"


def test_nothing_hashed_is_null() -> None:
    assert json.loads(verify_json(verification()))["hashed"] is None


# JUnit.


def test_the_junit_report_has_a_case_for_each_state_and_fails_those_that_are_wrong() -> None:
    text = verify_junit(
        verification(
            finding(Condition.ROW_WITHOUT_OBJECT, "a"),
            finding(Condition.ROW_WITHOUT_OBJECT, "b"),
            finding(Condition.ORPHAN, detail="<x> & y"),
            finding(Condition.RETIRED),
        )
    )

    suite = ET.fromstring(text)[0]
    failed = {case.get("name"): case[0] for case in suite if case.find("failure") is not None}
    assert suite.get("tests") == str(len(Condition)) == str(len(suite))
    assert suite.get("failures") == "2"
    assert set(failed) == {"row-without-object", "object-without-row"}
    assert failed["row-without-object"].get("type") == ConditionSeverity.ERROR
    assert failed["row-without-object"].get("message") == f"2: {Condition.ROW_WITHOUT_OBJECT.heading}"
    assert (failed["row-without-object"].text or "").splitlines()[0] == "a: a detail"
    assert "<x> & y" in (failed["object-without-row"].text or "")
    assert [case.get("name") for case in suite if case.find("system-out") is not None] == ["retired"]


def test_the_junit_report_of_hostile_names_is_xml() -> None:
    hostile = verification(finding(Condition.ORPHAN, HOSTILE), environment=HOSTILE)

    assert ET.fromstring(verify_junit(hostile)).tag == "testsuites"


def test_a_remedy_is_told_whole_where_it_shares_a_line_with_another() -> None:
    lost = [
        finding(
            Condition.ROW_WITHOUT_OBJECT,
            name,
            remedies=(Sentence(text=f"Put {name}.mp3 there, then"), Lock()),
        )
        for name in ("one", "two")
    ]

    assert verify_text(verification(*lost)).count("    elmify lock") == 2


def test_many_that_are_applied_alone_are_applied_at_once() -> None:
    names = [f"ali/quran/{number}" for number in range(6)]
    many = [finding(Condition.ROW_WITHOUT_OBJECT, name, remedies=(apply_alone(name),)) for name in names]

    assert verify_text(verification(*many)).endswith("      elmify apply")
    assert not verify_text(verification(*many[:5])).endswith("      elmify apply")


def detail_of(found: World, condition: Condition, beside: Surroundings | None = None) -> str:
    return the_only(found, condition, beside).detail


def test_a_finding_says_what_is_missing() -> None:
    shelf = live(catalog(lecture("ali/quran/one")))
    image = live(catalog(speaker("ali", image="ali/speaker.jpg")))
    bare = with_rows(image, edited(row_of(image, "ali"), image_url=None))
    gone = without_rows(shelf, row_of(shelf, "ali/quran/one"))
    lost = with_rows(shelf, lecture_row(900, "Lost", ""))

    assert detail_of(bare, Condition.MISSING_IMAGE) == "image: row 1 names none"
    assert detail_of(gone, Condition.ENTRY_WITHOUT_ROW) == "its recorded row is gone"
    assert "names no key" in detail_of(lost, Condition.ROW_WITHOUT_OBJECT)
    assert "nobody knows" in detail_of(shelf, Condition.UNFINISHED, Surroundings(unfinished=None))
