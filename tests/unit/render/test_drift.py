"""A drift report for a terminal, for an issue, and as JSON."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.model.drift import DriftFinding, DriftKind, DriftReport, Reimport
from reconciler.model.history import Actor, Run, RunKind, RunState
from reconciler.model.kinds import Kind
from reconciler.render.drift.formats import (
    MAX_BYTES,
    drift_json,
    drift_markdown,
    drift_text,
    issue_marker,
    remembered,
)
from reconciler.render.drift.sentences import headline, nothing_new
from reconciler.render.escape import code, marker_word, prose

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
RUN = Run(
    id=12,
    kind=RunKind.APPLY,
    actor=Actor(name="octo-reader"),
    state=RunState.DONE,
    fingerprint=None,
    begun_at=NOW,
    committed_at=NOW,
    finished_at=NOW,
    outcome="ok",
)
CLEAN = DriftReport(environment="live", taken_at=NOW, since=RUN)


def edit(address: str, attribute: str = "title", actual: str = "By hand", row: int = 412) -> DriftFinding:
    return DriftFinding(
        what=DriftKind.ROW_EDITED,
        address=address,
        attribute=attribute,
        recorded="The Cow",
        actual=actual,
        kind=Kind.LECTURE,
        row=row,
    )


def row(what: DriftKind, recorded: int | None = None, actual: int | str | None = None) -> DriftFinding:
    return DriftFinding(
        what=what, address="s/c/a", attribute="row", recorded=recorded, actual=actual, kind=Kind.LECTURE
    )


def found(*findings: DriftFinding, reimports: tuple[Reimport, ...] = ()) -> DriftReport:
    return replace(CLEAN, findings=findings, reimports=reimports)


def reimport(kind: Kind = Kind.LECTURE, **facts: int) -> Reimport:
    return Reimport(
        kind=kind,
        found={f"s/c/{number}": number for number in range(1, 465)},
        missing=("s/c/x", "s/c/y", "s/c/z"),
        edited=facts.get("edited", 1_203),
        undeclared=facts.get("undeclared", 12),
        recorded=467,
    )


def test_all_of_it_as_text() -> None:
    report = found(
        row(DriftKind.ROW_MISSING, 3),
        replace(row(DriftKind.ROW_MISSING, 4, "Other"), address="s/c/b"),
        replace(row(DriftKind.ROW_REPLACED, 5, 980), address="s/c/c", row=980),
        edit("s/c/d"),
        edit("s/c/d", "lecture_number"),
        DriftFinding(
            what=DriftKind.ROW_NEW,
            address="unmanaged.lectures[990]",
            attribute="row",
            actual="Typed in",
            kind=Kind.LECTURE,
            row=990,
        ),
        DriftFinding(
            what=DriftKind.OBJECT_MISSING, address="s", attribute="image", recorded="S/s.jpg", also=2
        ),
        DriftFinding(
            what=DriftKind.OBJECT_REPLACED,
            address="s/c/e",
            attribute="audio",
            recorded="k (1 B)",
            actual="k (2 B)",
        ),
        DriftFinding(
            what=DriftKind.OBJECT_NEW,
            address="unmanaged.object[it's.mp3]",
            attribute="object",
            actual="it's.mp3 (3 B)",
        ),
    )

    assert drift_text(report) == (
        """\
live has drifted since run 12 (2026-11-23 14:02 UTC, octo-reader): 9 differences.

2 rows are missing
  - s/c/a
      lectures[3] is gone
  - s/c/b
      lectures[4] is another one now: "Other"

1 row was made anew under another id
  > s/c/c (lectures[980])
      row: 5 -> 980

1 row was edited
  ~ s/c/d (lectures[412])
      title: "The Cow" -> "By hand"
      lecture_number: "The Cow" -> "By hand"

1 row is new, and nobody declared it
  + unmanaged.lectures[990]
      "Typed in"

1 object is missing
  - s
      image: "S/s.jpg" (2 resources more)

1 object holds other bytes
  ~ s/c/e
      audio: "k (1 B)" -> "k (2 B)"

1 object is new, and nobody declared it
  + unmanaged.object[it's.mp3]
      "it's.mp3 (3 B)"

To undo it, make both stores again what the catalog says:
    elmify plan
    elmify apply

To keep it, write what is live into the catalog, and apply that:
    elmify adopt s/c/c s/c/d s/c/e

What nobody declared stays, until it is declared or deleted:
    elmify adopt 'unmanaged.lectures[990]'
    elmify plan --delete-unmanaged --only 'unmanaged.lectures[990]'"""
    )


def test_a_reimport_is_told_in_three_lines_whatever_it_touched() -> None:
    text = drift_text(found(reimports=(reimport(),)))

    assert text.splitlines()[2:6] == [
        "Wiped and imported again by other hands",
        (
            "  464 of 467 lectures are under new row ids; 3 were not imported again; 1,203 values differ; "
            "12 rows beside them no record looks like."
        ),
        "  Whatever users had kept on the old rows went with them: favourites, positions, statistics.",
        "",
    ]
    assert "elmify adopt" not in text
    assert ": 1 difference." in text


def test_a_reimport_that_changed_nothing_else_says_no_more() -> None:
    event = replace(reimport(edited=0, undeclared=0), missing=())

    assert "464 of 467 lectures are under new row ids.\n" in drift_text(found(reimports=(event,)))
    assert "; 1 value differs." in drift_text(found(reimports=(replace(event, edited=1),)))


def test_no_drift_is_one_line() -> None:
    assert drift_text(CLEAN) == ("No drift. live is as run 12 (2026-11-23 14:02 UTC, octo-reader) left it.")
    assert headline(replace(CLEAN, since=None)).startswith("Nothing was applied to live yet")


def test_drift_since_a_commit_that_nobody_remembers_is_told_all_the_same() -> None:
    assert "since the last apply" in headline(replace(found(edit("a")), since=None))


def test_what_is_new_is_marked_where_some_is_not() -> None:
    old, new = edit("s/c/old"), edit("s/c/new")
    report = found(old, new)

    text = drift_text(report, fresh=frozenset({new.finding_id}))

    assert "2 differences, 1 not reported before." in text
    assert "~ s/c/new (lectures[412])  # not reported before" in text
    assert "~ s/c/old (lectures[412])\n" in text
    assert "not reported before" not in drift_text(report, fresh=report.ids)
    assert "0 not reported before" in drift_text(report, fresh=frozenset())


def test_nothing_new_says_how_much_there_was() -> None:
    assert nothing_new(found(edit("a"), edit("b"))) == "No new drift in live: 2 differences reported before."


def test_a_thousand_findings_are_counted_not_listed() -> None:
    report = found(*(edit(f"s/c/{number:04}") for number in range(1_000)))

    text = drift_text(report)

    assert "1,000 rows were edited" in text
    assert "  # 980 more; all of them with --format json" in text
    assert len(text.splitlines()) < 60
    assert "elmify adopt s/c/0000 s/c/0001 s/c/0002 …" in text


def test_many_columns_of_one_row_are_counted_too() -> None:
    text = drift_text(found(*(edit("s/c/a", f"column_{number}") for number in range(20))))

    assert "      # 12 more; all of them with --format json" in text


def test_colours_change_no_word() -> None:
    report = found(edit("s/c/a"), row(DriftKind.ROW_MISSING, 3))
    import click

    assert click.unstyle(drift_text(report, colour=True)) == drift_text(report)
    assert "\x1b[" in drift_text(report, colour=True)


def test_what_a_title_holds_cannot_act() -> None:
    evil = edit("s/c/a", actual="\x1b[31m\n::error::x ##[group]")

    assert "\x1b" not in drift_text(found(evil))
    assert not any(line.strip().startswith("::") for line in drift_text(found(evil)).splitlines())


def test_a_wipe_that_kept_the_ids_and_the_rows_of_users_that_went_with_it_are_told() -> None:
    report = replace(
        found(reimports=(replace(reimport(), kept_ids=464),)), users_lost={"public.favorites": 1_200}
    )

    text = drift_text(report)

    assert "464 of 467 lectures are inserted again under the ids that they had" in text
    assert "under new row ids" not in text
    assert "1,200 of public.favorites." in text
    assert "1,200 of" in drift_markdown(report)
    assert json.loads(drift_json(report))["users_lost"] == {"public.favorites": 1_200}


def test_a_row_that_was_inserted_again_is_told_with_its_id() -> None:
    remade = replace(row(DriftKind.ROW_REMADE, 412, 412), row=412)

    assert "lectures[412] is younger than the last apply" in drift_text(found(remade))


# As JSON.


def test_json_holds_everything() -> None:
    finding = replace(edit("s/c/a"), recorded=("quran", "tafsir"))
    document = json.loads(drift_json(found(finding, reimports=(reimport(),)), fresh=frozenset()))

    assert document["format_version"] == "1.2"
    assert document["since"] == {
        "run": 12,
        "kind": "apply",
        "subject": [],
        "actor": "octo-reader",
        "committed_at": "2026-11-23T14:02:00+00:00",
    }
    assert (document["count"], document["new"]) == (2, 0)
    assert document["findings"] == [
        {
            "id": finding.finding_id,
            "what": "row-edited",
            "address": "s/c/a",
            "kind": "lecture",
            "row": 412,
            "attribute": "title",
            "recorded": ["quran", "tafsir"],
            "actual": "By hand",
            "also": 0,
            "new": False,
        }
    ]
    assert len(document["reimports"][0]["found"]) == 464
    assert document["reimports"][0]["missing"] == ["s/c/x", "s/c/y", "s/c/z"]


def test_json_without_a_memory_calls_all_of_it_new() -> None:
    document = json.loads(drift_json(replace(found(edit("s/c/a")), since=None)))

    assert document["since"] is None
    assert document["findings"][0]["new"] is True


def test_json_of_an_object_has_no_kind() -> None:
    thing = DriftFinding(
        what=DriftKind.OBJECT_NEW, address="unmanaged.object[x]", attribute="object", actual="x"
    )

    assert json.loads(drift_json(found(thing)))["findings"][0]["kind"] is None


# As an issue.


def test_an_issue_remembers_what_it_reports() -> None:
    report = found(edit("s/c/a"), edit("s/c/b"), reimports=(reimport(),))

    assert remembered(drift_markdown(report), "live") == report.ids
    assert remembered(drift_markdown(CLEAN), "live") == frozenset()
    assert drift_markdown(report).startswith(issue_marker("live"))
    assert remembered(drift_markdown(report), "stage") is None
    assert remembered("somebody's own words", "live") is None


def test_a_new_object_is_declared_by_an_import_and_its_name_is_quoted_for_a_shell() -> None:
    thing = DriftFinding(
        what=DriftKind.OBJECT_NEW, address="unmanaged.object[it's.mp3]", attribute="object", actual="x"
    )

    commands = drift_text(found(thing)).splitlines()[-2:]

    quoted = "'unmanaged.object[it'\"'\"'s.mp3]'"
    assert commands == ["    elmify import live", f"    elmify plan --delete-unmanaged --only {quoted}"]


def test_an_environment_cannot_close_the_hidden_marker() -> None:
    strange = replace(found(edit("a")), environment="a--><script> --x-")

    first = drift_markdown(strange).splitlines()[0]

    assert first.count("-->") == 1
    assert remembered(first, strange.environment) == strange.ids


def test_an_empty_issue_says_that_it_can_be_closed() -> None:
    assert "This issue can be closed." in drift_markdown(CLEAN)
    assert "closed" not in drift_markdown(found(edit("a")))


def test_an_issue_holds_places_remedies_and_marks() -> None:
    finding = edit("s/c/a")
    body = drift_markdown(found(finding, reimports=(reimport(),)), fresh=frozenset({finding.finding_id}))

    assert "<h4>Wiped and imported again by other hands</h4>" in body
    assert (
        "<code>s/c/a</code> (<code>lectures&#91;412&#93;</code>) <strong>new in this report</strong>" in body
    )
    assert "<code>elmify apply</code>" in body


@pytest.mark.parametrize("count", [300, 5_000])
def test_an_issue_never_outgrows_what_a_forge_takes(count: int) -> None:
    report = found(*(edit(f"s/c/{number:05}", actual="ﷺ" * 300) for number in range(count)))

    body = drift_markdown(report)

    assert len(body.encode()) <= MAX_BYTES
    assert f"{count:,} rows were edited" in body
    assert "elmify apply" in body
    known = remembered(body, "live")
    assert known is not None
    assert known <= report.ids
    assert len(known) == min(count, 2_000)


def test_text_from_outside_does_nothing_in_an_issue() -> None:
    body = drift_markdown(
        found(edit("s/c/a", actual="<script> @team #12 ![x](http://evil) ` | --> \n::error::x"))
    )

    assert "<script>" not in body
    assert "@team" not in body
    assert "#12" not in body.replace("&#12", "")
    assert body.count("-->") == 1
    assert not any(line.startswith("::") for line in body.splitlines())


def test_comments_know_code_prose_and_markers() -> None:
    assert code("") == ""
    assert code("a*b") == "<code>a&#42;b</code>"
    assert prose("see http://x") == "see http<code>://</code>x"
    assert prose("by @team") == "by <code>&#64;</code>team"
    assert marker_word("live-eu.1") == "live-eu.1"
    assert marker_word("a--b") == "a-_b"
