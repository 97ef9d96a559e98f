"""What an import rewrites, in every rendering of its plan."""

import json
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given

from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Action
from reconciler.planning.corrections import corrections
from reconciler.render.outcomes import outcome_facts, outcome_text
from reconciler.render.plan.html import plan_html
from reconciler.render.plan.json import dump_plan, load_plan
from reconciler.render.plan.markdown import MAX_BYTES, plan_in_short, plan_markdown
from reconciler.render.plan.parts import Detail
from reconciler.render.plan.sentences import plan_line
from reconciler.render.plan.text import plan_text
from tests.unit.planning.small_worlds import Story, stories
from tests.unit.planning.test_laws import answered, laws
from tests.unit.planning.worlds import without_records
from tests.unit.render.plans import HOSTILE, corrected, create, plan_of, update

SIZES = (1, 465, 3_000)
HEADLINE = (
    "465 to import, of which 465 are corrected: audio_url 465, lecture_number 232; 0 to add, 465 to change"
)


def test_the_headline_counts_what_is_corrected_in_every_format() -> None:
    plan = corrected(465)

    assert plan_line(plan) == f"Plan: {HEADLINE}, 0 to delete."
    for text in (plan_text(plan), plan_markdown(plan), plan_html(plan), plan_in_short(plan, "")):
        assert HEADLINE in unescape(text)


@pytest.mark.parametrize("count", SIZES[:2])
@pytest.mark.parametrize("detail", list(Detail))
def test_every_column_is_told_with_its_count_and_an_example(count: int, detail: Detail) -> None:
    plan = corrected(count)

    for text in (
        plan_text(plan, detail=detail),
        plan_html(plan, detail=detail),
        plan_markdown(plan, detail=detail),
    ):
        assert "cdn.example.test/0.mp3" in unescape(text)
        for column, rows in corrections(plan, Action.ADOPT).counts.items():
            assert f"{column} {rows}" in unescape(text)


@pytest.mark.parametrize("count", SIZES)
def test_the_comment_keeps_to_its_budget(count: int) -> None:
    assert len(plan_markdown(corrected(count, "long title " * 400)).encode()) <= MAX_BYTES


def test_a_few_updates_tell_their_columns_one_by_one_and_many_tell_them_together() -> None:
    few, many = (plan_of([update(f"l-{at}") for at in range(count)]) for count in (3, 4))

    assert "By column" not in plan_text(few)
    assert "~ lecture_number, 4 times\n        11 -> 2 (" in plan_text(many)
    assert "4 to change, by column" in plan_html(many)
    assert "<th>rows</th>" in plan_markdown(many)


def test_the_json_has_the_columns_of_every_action_with_examples() -> None:
    plan = plan_of([*corrected(2).changes, update(), create()])

    document = json.loads(dump_plan(plan))

    adopted, updated = document["corrections"]
    assert adopted == {
        "actions": ["adopt"],
        "rows": 2,
        "columns": [
            {
                "column": "audio_url",
                "count": 2,
                "examples": [
                    {
                        "address": f"abdul-rashid-sufi/quran-hafs/lecture-{at}",
                        "before": None,
                        "after": f"https://cdn.example.test/{at}.mp3",
                        "after_unknown": False,
                    }
                    for at in range(2)
                ],
            },
            {
                "column": "lecture_number",
                "count": 1,
                "examples": [
                    {
                        "address": "abdul-rashid-sufi/quran-hafs/lecture-1",
                        "before": 11,
                        "after": 12,
                        "after_unknown": False,
                    }
                ],
            },
        ],
    }
    assert (updated["actions"], updated["rows"]) == (["update"], 1)
    assert {"import": 2, "corrected": 2, "change": 3}.items() <= document["summary"].items()


def test_a_plan_of_a_version_that_did_not_group_its_corrections_is_read() -> None:
    document = json.loads(dump_plan(corrected(2)))
    del document["corrections"], document["summary"]["corrected"]
    document["format_version"] = "2.0"

    assert load_plan(json.dumps(document), "plan.json") == corrected(2)


def test_what_was_applied_says_the_same() -> None:
    outcome = Outcome(plan=corrected(465), run=7)

    told = outcome_text(outcome, None, shown=True)
    assert (
        "465 imported, of which 465 were corrected: audio_url 465, lecture_number 232; 0 added, 465 changed"
        in told
    )
    facts = outcome_facts(outcome, None)
    assert facts["corrected"] == {"rows": 465, "columns": {"audio_url": 465, "lecture_number": 232}}


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_value_does_nothing_among_the_examples(title: str) -> None:
    plan = plan_of(
        [
            replace(change, after=replace(change.after, values={**change.after.values, "title": title}))
            for change in corrected(4).changes
            if change.after is not None
        ]
    )

    assert "title 4" in plan_line(plan)
    assert "\x1b" not in plan_text(plan)
    assert "<script>alert" not in plan_html(plan)
    assert "<script>alert" not in plan_markdown(plan)


@laws
@given(stories())
def test_no_plan_that_rewrites_an_imported_row_says_that_nothing_changes(story: Story) -> None:
    plan = answered(without_records(story.world()))

    rewritten = corrections(plan, Action.ADOPT).rows
    line = plan_line(plan)

    assert ("corrected" in line) == (rewritten > 0)
    assert not (rewritten and (" 0 to change" in line or plan.empty or "as they are" in line))


def test_a_rollback_of_an_import_says_which_columns_it_changes_back() -> None:
    undone = [
        replace(change, action=Action.FORGET, before=change.after, after=change.before)
        for change in corrected(4).changes
    ]
    plan = plan_of(undone, rolls_back=7)

    assert plan_line(plan) == (
        "Rollback of run 7: 0 to add, 4 to change, 0 to delete; 4 to forget, of which 4 are changed back: "
        "audio_url 4, lecture_number 2."
    )
    assert "database: update lectures[1] set audio_url" in plan_text(plan)
    (told,) = json.loads(dump_plan(plan))["corrections"]
    assert (told["actions"], told["rows"]) == (["forget"], 4)
    done = outcome_text(Outcome(plan=plan, run=8), None, shown=True)
    assert "4 changed, 0 deleted; 4 forgotten, of which 4 were changed back: audio_url 4" in done
