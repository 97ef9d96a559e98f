"""Asking a person at the terminal about findings, one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.approval import approval, conclude, shown_as
from reconciler.cli.console import colours, is_interactive, say
from reconciler.cli.options import option_lock_timeout
from reconciler.cli.project import open_project, open_workspace
from reconciler.model.errors import Exit, UsageError
from reconciler.model.values import counted

if TYPE_CHECKING:
    from reconciler.applying.workspace import Workspace
    from reconciler.operations.project import Project
    from reconciler.planning.verification.findings import Verification, VerifyFinding
    from reconciler.planning.verification.repair import Decision
    from reconciler.planning.world import Request


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


@click.command("reconcile")
@click.option(
    "--script",
    "script_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Change nothing: write the decisions as a shell script.",
)
@click.option("--ignore", multiple=True, metavar="WHAT", help="Ask nothing: let this be. Again for more.")
@click.option("--reason", help="Why, with --ignore.")
@click.option(
    "--allow", multiple=True, metavar="NAME=NUMBER", help="Lift a guard up to a number: user-rows=40."
)
@option_lock_timeout()
@click.pass_obj
def command(
    directory: str,
    script_file: Path | None,
    ignore: tuple[str, ...],
    reason: str | None,
    allow: tuple[str, ...],
    lock_timeout: str,
) -> int:
    """Decide on what verify finds, one finding at a time.

    Adopt it into the catalog, mend it, delete it, let it be for a reason that is kept in elmify.yaml, or
    skip it. Ends in a plan and a question; nothing live changes before the yes.
    """
    from reconciler.cli.options import request_from
    from reconciler.operations.verify import verify
    from reconciler.operations.workspace import open_workspace as opened

    allowances = request_from((), allow, delete_unmanaged=False, rekey=False).allowances
    project = open_project(directory)
    if ignore or reason is not None:
        return _ignore(project, ignore, reason or "")
    if not is_interactive():
        raise UsageError(
            "there is no terminal to ask on",
            hint="See what is wrong, and save what can be repaired as a plan:\n"
            "    elmify verify --repair-plan plans/repair.json",
        )
    with opened(project) as workspace:
        found = verify(workspace)
        decisions = ask_all(found)
        if not decisions:
            say("Nothing was decided, and nothing was changed.")
            return Exit.OK
        if script_file is not None:
            return _write_script(script_file, found, decisions)
        request = _decide(project, workspace, decisions, allowances)
    return Exit.OK if request is None else _apply(directory, request, lock_timeout)


def _ignore(project: "Project", what: Sequence[str], reason: str) -> int:
    from reconciler.operations.reconcile import ignore
    from reconciler.settings import ignored

    if not what:
        raise UsageError("--reason says why, --ignore says of what", hint="Give both.")
    written = ignore(project, [ignored(each, reason) for each in what])
    say(f"{counted(written, 'entry', 'entries')} written to `ignore:` in elmify.yaml.")
    return Exit.OK


def _write_script(file: Path, found: "Verification", decisions: Sequence["Decision"]) -> int:
    from reconciler.operations.catalog import write_output
    from reconciler.render.verify.formats import script

    write_output(file, script(found, decisions), "the script")
    say(f"\n{counted(len(decisions), 'decision')} written, and nothing was changed. Read it, then run")
    say(f"    sh {file}")
    return Exit.OK


def _decide(
    project: "Project",
    workspace: "Workspace",
    decisions: Sequence["Decision"],
    allowances: Mapping[str, int],
) -> "Request | None":
    """Change the files of the project as decided, and report it.

    Return what is left to plan.
    """
    from reconciler.operations.reconcile import decide

    decided = decide(project, workspace, decisions, allowances)
    for what, refused in decided.adopted.refused:
        say("\n".join([f"{what} was left as it is: {refused.message}", *refused.details]))
    for what, file in decided.adopted.written:
        say(f"{what} was written to {file}.")
    if decided.ignored:
        say(f"{counted(decided.ignored, 'entry', 'entries')} written to `ignore:` in elmify.yaml.")
    return decided.request


def _apply(directory: str, request: "Request", lock_timeout: str) -> int:
    """Plan by the changed files, ask, and apply."""
    from reconciler.operations.apply import apply_now
    from reconciler.settings import parse_duration

    with open_workspace(directory) as workspace:
        applied = apply_now(
            workspace,
            request,
            show=shown_as("text"),
            approve=approval(ask=True),
            wait=parse_duration(lock_timeout),
        )
    conclude(applied, "text", shown=True)
    return Exit.OK
