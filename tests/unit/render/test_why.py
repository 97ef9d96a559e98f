"""Explanations, as text and JSON."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.model.actual import Row
from reconciler.model.diagnostics import Position
from reconciler.model.explanation import (
    Bytes,
    DeclaredEntry,
    Explanation,
    Fault,
    KeyAccount,
    LastChange,
    LectureAccount,
    Naming,
    Online,
    Problem,
    PublicAnswer,
    Standing,
    WayAccount,
)
from reconciler.model.history import Actor, Run, RunKind, RunState
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.playback import PendingAlias
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import Apply, Sentence
from reconciler.model.values import Value
from reconciler.render.why import why_json, why_text

AT = datetime(2026, 11, 23, 14, 2, 5, tzinfo=UTC)
KEY = "Ali/Quran/01 - The Opening.mp3"
RUN = Run(
    id=12,
    kind=RunKind.APPLY,
    actor=Actor(name="maryam"),
    state=RunState.DONE,
    fingerprint=None,
    begun_at=AT,
    committed_at=AT,
    finished_at=AT,
    outcome=None,
)
VALUES: dict[str, Value] = {"title": "The Opening", "lecture_number": 1, "file_path": KEY}
ROW = Row(Kind.LECTURE, 412, tuple(VALUES.get(column.name) for column in TABLES[Kind.LECTURE].columns))
OBJECT = Standing(
    key=KEY,
    size_bytes=2048,
    etag="e1",
    sha256="ab" * 32,
    cache_control="public, max-age=300",
    media_type="audio/mpeg",
)
STREAM = WayAccount(
    way="stream",
    report=False,
    raw=KEY,
    url="https://cdn.example.com/x",
    key=KEY,
    found=OBJECT,
    bytes=Bytes.OWN,
    of=("ali/quran/opening",),
    fault=None,
)
LECTURE = LectureAccount(
    name="ali/quran/opening",
    row=ROW,
    names={"speakers.name": "Ali", "collections.title": "Quran"},
    declared=DeclaredEntry(
        position=Position("catalog/ali/quran.yaml", 4, 5),
        fields={"title": "The Opening", "number": 1},
        audio="opening.mp3",
        sha256="ab" * 32,
    ),
    ways=(STREAM,),
    changes=(LastChange(address="ali/quran/opening", action="update", run=RUN),),
)


def of(lecture: LectureAccount, online: Online = Online.NOT_WANTED) -> Explanation:
    return Explanation(asked="412", online=online, lectures=(lecture,))


def test_a_lecture_that_plays() -> None:
    assert why_text(of(LECTURE)).splitlines() == [
        "ali/quran/opening: plays by every way",
        "",
        "  way stream: plays",
        "    asks for  https://cdn.example.com/x",
        '    key       "Ali/Quran/01 - The Opening.mp3"',
        "    object    2.0 KiB, ETag e1, sha256 abababababab, audio/mpeg, public, max-age=300",
        "    bytes     this lecture's recording",
        "",
        "  catalog     catalog/ali/quran.yaml:4:5",
        '    title   "The Opening"',
        "    number  1",
        '    audio   "opening.mp3"',
        f'    sha256  "{"ab" * 32}"',
        "  row         412 of lectures",
        "    speaker_id         null",
        "    collection_id      null",
        "    lecture_number     1",
        '    title              "The Opening"',
        '    file_path          "Ali/Quran/01 - The Opening.mp3"',
        "    file_size          null",
        "    file_hash          null",
        "    audio_url          null",
        '    speakers.name      "Ali"',
        '    collections.title  "Quran"',
        "  changed     ali/quran/opening: update in run 12 of maryam, 2026-11-23 14:02 UTC",
    ]


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_sentence_of_its_own(fault: Fault) -> None:
    found = of(replace(LECTURE, ways=(replace(STREAM, fault=fault, found=None, bytes=None),)))

    lines = why_text(found).splitlines()
    assert lines[0] == "ali/quran/opening: does not play by way stream"
    assert lines[2].startswith("  way stream: does not play: ")
    assert len({line for line in lines if "does not play:" in line}) == 1
    assert json.loads(why_json(found))["lectures"][0]["ways"][0]["fault"] == fault.value


@pytest.mark.parametrize("bytes_", Bytes)
def test_every_kind_of_bytes_is_told(bytes_: Bytes) -> None:
    found = of(replace(LECTURE, ways=(replace(STREAM, bytes=bytes_),)))

    assert any(line.startswith("    bytes     ") for line in why_text(found).splitlines())
    assert json.loads(why_json(found))["lectures"][0]["ways"][0]["bytes"] == bytes_.value


def test_what_to_do_ends_it_and_a_command_is_alone_on_its_line() -> None:
    lecture = replace(
        LECTURE,
        problems=(Problem(code="other-values", detail="lecture_number is 7"),),
        remedies=(Sentence(text="Correct the row:"), Apply(scope=("=ali/quran/opening",))),
    )

    assert why_text(of(lecture)).splitlines()[-5:] == [
        "  found       other-values: lecture_number is 7",
        "",
        "What to do:",
        "Correct the row:",
        "    elmify apply --only =ali/quran/opening",
    ]
    told = json.loads(why_json(of(lecture)))["lectures"][0]
    assert told["problems"] == [{"code": "other-values", "detail": "lecture_number is 7"}]
    assert [remedy["kind"] for remedy in told["remedies"]] == ["sentence", "apply"]
    assert told["commands"] == ["elmify apply --only =ali/quran/opening"]


@pytest.mark.parametrize(
    ("answer", "said", "plays"),
    [
        (PublicAnswer(status=None), "no server answers", False),
        (PublicAnswer(status=404, cache="MISS"), "status 404, cache MISS", False),
        (
            PublicAnswer(status=200, size_bytes=2048, age_seconds=1200, cache="HIT"),
            "status 200, 2.0 KiB, 1,200 seconds old, cache HIT",
            True,
        ),
        (
            PublicAnswer(status=200, size_bytes=1024),
            "status 200, 1.0 KiB, another size than the object's: the CDN keeps an older one",
            True,
        ),
    ],
)
def test_what_the_cdn_answers_is_told(answer: PublicAnswer, said: str, plays: bool) -> None:
    found = of(replace(LECTURE, ways=(replace(STREAM, answer=answer),)), Online.ASKED)

    assert f"    CDN       {said}" in why_text(found).splitlines()
    assert (found.plays, json.loads(why_json(found))["plays"]) == (plays, plays)
    assert json.loads(why_json(found))["lectures"][0]["ways"][0]["cdn"]["status"] == answer.status


@pytest.mark.parametrize("online", [Online.NO_BASE_URL, Online.NOT_PUBLIC])
def test_a_cdn_that_was_not_asked_is_told(online: Online) -> None:
    assert why_text(of(LECTURE, online)).splitlines()[-1].startswith("The CDN was not asked: ")
    assert json.loads(why_json(of(LECTURE, online)))["online"] == online.value


def test_a_pending_alias_is_told() -> None:
    alias = PendingAlias(key=KEY, source="new.mp3", size_bytes=3, replaces="e1", run=12)
    found = of(replace(LECTURE, ways=(replace(STREAM, pending=alias),)))

    assert (
        '    pending   the recording in "new.mp3" is to come here, by run 12; until then the old one plays'
        in why_text(found).splitlines()
    )


def test_a_lecture_without_a_row_and_without_an_entry() -> None:
    lecture = replace(LECTURE, row=None, names={}, declared=None, ways=(), changes=())

    assert why_text(of(lecture)).splitlines() == [
        "ali/quran/opening: it has no row, so no app finds it",
        "",
        "  catalog     not declared",
        "  row         none",
        "  changed     never by elmify",
    ]
    told = json.loads(why_json(of(lecture)))
    assert (told["plays"], told["lectures"][0]["row"], told["lectures"][0]["catalog"]) == (False, None, None)


@pytest.mark.parametrize("state", KeyState)
def test_a_key_is_told_with_what_elmify_remembers(state: KeyState) -> None:
    record = KeyRecord(
        key=KEY, state=state, size_bytes=2048, address="ali/quran/opening", run=12, changed_at=AT
    )
    key = KeyAccount(
        key=KEY,
        found=None,
        record=record,
        named_by=(Naming(name="ali/quran/opening", by=("way stream", "column file_path")),),
        expires_at=AT if state is KeyState.RETIRED else None,
        run=RUN,
    )
    found = Explanation(asked=KEY, online=Online.NOT_WANTED, key=key)

    first, there, remembered, by = why_text(found).splitlines()
    assert (first, there) == (f'key "{KEY}"', "  object    none")
    assert remembered.startswith("  record    ")
    assert remembered.endswith(", run 12 of maryam, 2026-11-23 14:02 UTC, of ali/quran/opening")
    assert by == "  found by  ali/quran/opening: way stream, column file_path"
    told = json.loads(why_json(found))
    assert (told["plays"], told["key"]["record"]["state"]) == (False, state.value)
    assert told["key"]["named_by"] == [
        {"name": "ali/quran/opening", "by": ["way stream", "column file_path"]}
    ]


def test_a_key_of_nobody() -> None:
    key = KeyAccount(key="a\x1b.mp3", found=OBJECT, record=None, named_by=())

    assert why_text(Explanation(asked="a", online=Online.NOT_WANTED, key=key)).splitlines() == [
        'key "a\\x1b.mp3"',
        "  object    2.0 KiB, ETag e1, sha256 abababababab, audio/mpeg, public, max-age=300",
        "  record    elmify never used this key",
        "  found by  nothing",
    ]
