"""What is said of an apply when it is through."""

from dataclasses import replace

import pytest

from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Merged, Restored
from reconciler.render.outcomes import outcome_text
from tests.unit.render.plans import delete, empty_plan, full_plan, note, plan_of


def said(outcome: Outcome, *, shown: bool = False) -> list[str]:
    return [line for line in outcome_text(outcome, None, shown=shown).splitlines() if line]


def test_what_was_done_is_counted_and_what_was_not_done_is_left_out() -> None:
    assert said(Outcome(plan=full_plan(), run=7))[0] == (
        "Apply complete! Resources: 1 imported, of which 1 was corrected: name 1; 1 added, 2 changed,"
        " 1 moved, 1 deleted, 1 forgotten."
    )
    assert said(Outcome(plan=plan_of([delete()]), run=7)) == [
        "Apply complete! Resources: 0 added, 0 changed, 1 deleted."
    ]


@pytest.mark.parametrize(
    ("purpose", "title"),
    [({"rolls_back": 2}, "Rollback complete!"), ({"merges": ("7", "8")}, "Merge complete!")],
)
def test_a_rollback_and_a_merge_are_named(purpose: dict[str, object], title: str) -> None:
    plan = replace(plan_of([delete()]), **purpose)  # type: ignore[arg-type]

    assert said(Outcome(plan=plan, run=7))[0].startswith(f"{title} Resources: ")


def test_transfers_are_told_with_their_sizes() -> None:
    outcome = Outcome(plan=plan_of([delete()]), run=7, uploaded_files=2, uploaded_bytes=2048)

    assert said(outcome)[-1] == "Run 7 uploaded 2 files (2.0 KiB) and committed everything at once."
    copied = replace(outcome, uploaded_files=0, copied_files=1, copied_bytes=7)
    assert said(copied)[-1] == "Run 7 copied 1 file (7 B) and committed everything at once."


def test_what_listeners_keep_is_told() -> None:
    plan = plan_of([delete()])
    favourite = {"public.favorites": 1}

    back = Outcome(plan=plan, run=7, restored=Restored(rows=favourite, users=1))
    over = Outcome(plan=plan, run=7, merged=Merged(moved=favourite, users=1))

    assert said(back)[-1] == "Run 7 brings back 1 favourite of 1 listener."
    assert said(over)[-1] == "Run 7 takes over 1 favourite of 1 listener."


def test_a_plan_without_changes_is_one_line_and_not_repeated() -> None:
    nothing = Outcome(plan=empty_plan(), run=None)

    assert said(nothing) == ["No changes. The library matches the catalog."]
    assert said(nothing, shown=True) == []
    assert said(Outcome(plan=plan_of([note()]), run=7)) == ["Recorded for 1 resource."]
