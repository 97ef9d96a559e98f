"""Asking a person at the terminal about findings, one at a time."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.console import colours, say

if TYPE_CHECKING:
    from reconciler.planning.verification.findings import Verification, VerifyFinding
    from reconciler.planning.verification.repair import Decision


def ask_all(found: "Verification") -> list["Decision"]:
    """Ask for a decision about every problem, the worst first.

    Findings that are skipped give no decision.
    """
    from reconciler.planning.verification.repair import Choice, wrong
    from reconciler.render.verify.text import headline

    say(headline(found))
    questions = _Questions(wrong(found.findings))
    return [decision for decision in questions.answers() if decision.choice is not Choice.SKIP]


class _Questions:
    """Questions about findings, asked in order.

    An answer with `!` applies to all later findings in the same state.
    """

    def __init__(self, findings: Sequence["VerifyFinding"]) -> None:
        self._findings = findings
        self._standing: dict[object, Decision] = {}

    def answers(self) -> Iterator["Decision"]:
        """Yield decisions until the last finding, or until the person stops."""
        for place, finding in enumerate(self._findings, start=1):
            decision = self._by_standing_answer(finding) or self._ask(finding, place)
            if decision is None:
                return
            yield decision

    def _by_standing_answer(self, finding: "VerifyFinding") -> "Decision | None":
        from dataclasses import replace

        from reconciler.planning.verification.repair import choices

        standing = self._standing.get(finding.condition)
        if standing is None or standing.choice not in choices(finding):
            return None
        return replace(standing, finding=finding)

    def _ask(self, finding: "VerifyFinding", place: int) -> "Decision | None":
        """Show a finding and ask; None when the person wants no more questions."""
        from reconciler.planning.verification.repair import Choice, Decision, choices
        from reconciler.render.verify.text import finding_text

        say(f"\n{place} of {len(self._findings)}\n{finding_text(finding, colour=colours())}")
        letters = {choice.value[0]: choice for choice in choices(finding)}
        offered = "  ".join(f"[{word[0]}]{word[1:]}" for word in (*letters.values(), "quit"))
        while True:
            typed = str(click.prompt(f"{offered}  (! for all of this state)", default="s", err=True)).strip()
            letter, for_all = typed.rstrip("!").lower()[:1], typed.endswith("!")
            if letter == "q":
                return None
            if letter not in letters:
                say(f"{typed!r} is none of them.")
                continue
            choice = letters[letter]
            reason = _ask_for_a_reason() if choice is Choice.IGNORE else ""
            decision = Decision(finding=finding, choice=choice, reason=reason)
            if for_all:
                self._standing[finding.condition] = decision
            return decision


def _ask_for_a_reason() -> str:
    while True:
        reason = " ".join(str(click.prompt("Why is it to be left as it is?", err=True)).split())
        if reason:
            return reason
