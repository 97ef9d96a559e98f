"""Decisions as a script: what a shell reads is what was decided."""

import shlex

from reconciler.planning.verification.findings import Condition, VerifyFinding
from reconciler.planning.verification.repair import Choice, Decision
from reconciler.render.verify.formats import script
from tests.unit.render.test_verify import finding, verification

NASTY = 'unmanaged.object[it\'s $(rm -rf /) `x`; "q".mp3]'


def decided(choice: Choice, found: VerifyFinding, reason: str = "") -> Decision:
    return Decision(finding=found, choice=choice, reason=reason)


def commands(text: str) -> list[list[str]]:
    """Return the commands as a shell takes them apart."""
    return [shlex.split(line) for line in text.splitlines() if line.startswith("elmify ")]


def test_files_change_first_then_a_plan_is_made_and_applied() -> None:
    text = script(
        verification(),
        [
            decided(Choice.DELETE, finding(Condition.ORPHAN, NASTY)),
            decided(Choice.MEND, finding(Condition.WRONG_URL, "ali", repairs=("ali",))),
            decided(Choice.ADOPT, finding(Condition.UNDECLARED_ROW, "unmanaged.lectures[412]")),
            decided(Choice.IGNORE, finding(Condition.ORPHAN, "unmanaged.object[x]"), "it's ours"),
        ],
    )

    assert commands(text) == [
        ["elmify", "adopt", "unmanaged.lectures[412]"],
        ["elmify", "reconcile", "--ignore", "unmanaged.object[x]", "--reason", "it's ours"],
        [
            "elmify",
            "plan",
            "--delete-unmanaged",
            "--allow",
            "deletes=1",
            "--only",
            "=ali",
            "--only",
            f"={NASTY}",
            "--out",
            "plans/reconcile.json",
        ],
        ["elmify", "apply", "plans/reconcile.json"],
        ["elmify", "plan"],
    ]
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text


def test_only_what_was_decided_is_in_it() -> None:
    text = script(
        verification(), [decided(Choice.IGNORE, finding(Condition.ORPHAN, "unmanaged.object[x]"), "y")]
    )

    assert len(commands(text)) == 1


def test_a_hostile_name_of_the_environment_stays_in_its_comment() -> None:
    text = script(verification(environment="live\nrm -rf ~"), [])

    assert not any(line.startswith("rm") for line in text.splitlines())
