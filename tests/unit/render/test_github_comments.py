import pytest

from reconciler.model.plan import Action
from reconciler.render.github import no_plan_comment, plan_comment, plan_summary
from tests.unit.render.plans import HOSTILE, empty_plan, full_plan, many

RUN = "https://github.example/team/library/actions/runs/7"
MOST_CHARACTERS = 65_536  # that GitHub takes in a comment
MARKER = "<!-- elmify-plan:production -->"


def test_a_comment_is_the_plan_and_where_it_comes_from() -> None:
    text = plan_comment(full_plan(), "abc123", RUN)

    assert text.startswith(MARKER)
    assert "would lose 3 favourites" in text
    assert f'Planned for commit <code>abc123</code> in <a href="{RUN}">this run</a>.' in text


def test_the_comment_of_an_empty_plan_says_so_in_a_line() -> None:
    text = plan_comment(empty_plan(), "abc123", RUN)

    assert text.splitlines()[0] == f"{MARKER} No changes. The library matches the catalog."


@pytest.mark.parametrize("count", [100, 1_000, 3_000])
def test_what_github_would_refuse_is_never_sent(count: int) -> None:
    plan = many(count, Action.DELETE)

    comment, summary = plan_comment(plan, "abc123", RUN), plan_summary(plan)

    assert len(comment) <= MOST_CHARACTERS
    assert len(summary.encode()) <= 1024 * 1024
    assert f"Plan: 0 to add, 0 to change, {count} to delete." in comment
    assert f"{count:,} delete" in comment or "lecture-0" in comment


def test_a_list_that_does_not_fit_is_left_out_whole_and_its_place_is_named() -> None:
    plan = many(50_000, Action.DELETE)

    comment, summary = plan_comment(plan, "abc123", RUN), plan_summary(plan)

    assert len(comment) <= MOST_CHARACTERS
    for text in (comment, summary):
        assert text.startswith(MARKER)
        assert "Too long to be shown here: 50,000 deletes" in text
        assert "lecture-0" not in text
        assert plan.fingerprint in text
    assert "The summary of the run names them all." in comment
    assert "The plan file, which is kept with the run, names them all." in summary


def test_no_plan_is_said_under_the_same_marker() -> None:
    text = no_plan_comment("production", "abc123", RUN)

    assert text.startswith(MARKER)
    assert "No plan could be made for commit <code>abc123</code>." in text


@pytest.mark.parametrize("told", HOSTILE)
def test_a_hostile_commit_or_address_closes_nothing(told: str) -> None:
    text = no_plan_comment(told, told, told)

    assert text.count("<!--") == 1
    assert "<script" not in text
    assert text.count("<a ") == text.count("</a>") == 1
    assert text.count('"') == 2
