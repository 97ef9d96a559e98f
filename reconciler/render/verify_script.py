"""Decisions as a shell script of elmify's commands, for whoever runs it in the place of the person."""

import shlex
from collections.abc import Iterator, Sequence

from reconciler.model.values import counted
from reconciler.planning.verification.decisions import Choice, Decision, request_for
from reconciler.planning.verification.findings import Verification
from reconciler.planning.world import Request
from reconciler.render.escape import harmless
from reconciler.render.history import time_text

_PLAN = "plans/reconcile.json"


def script(found: Verification, decisions: Sequence[Decision]) -> str:
    """Return a script that carries out decisions in the project's folder; it stops at the first failure.

    First the files of the project change, then a plan is made and applied. Every word is quoted for a shell.
    """
    return "\n".join(_lines(found, decisions)) + "\n"


def _lines(found: Verification, decisions: Sequence[Decision]) -> Iterator[str]:
    yield "#!/bin/sh"
    yield f"# What was decided of {harmless(found.environment)} as it was on {time_text(found.made_at)}."
    yield "# Read it, then run it in the folder of the project."
    yield "set -eu"
    adopted = list(dict.fromkeys(d.finding.what for d in decisions if d.choice is Choice.ADOPT))
    if adopted:
        yield f"\n# {counted(len(adopted), 'live value')} to be written into the catalog."
        yield from (_command("adopt", what) for what in adopted)
    ignored = [d for d in decisions if d.choice is Choice.IGNORE]
    if ignored:
        yield f"\n# {counted(len(ignored), 'finding')} to be let be."
        for each in ignored:
            yield _command("reconcile", "--ignore", each.finding.what, "--reason", each.reason)
    request = request_for(decisions)
    if request is not None:
        yield f"\n# {counted(len(request.scope), 'address', 'addresses')} to be mended or deleted."
        yield _command("plan", *_options(request), "--out", _PLAN)
        yield _command("apply", _PLAN)
    if adopted:
        yield "\n# What was adopted is taken over by the next apply."
        yield _command("plan")


def _options(request: Request) -> Iterator[str]:
    for option in sorted(request.options):
        yield f"--{option}"
    for name, number in sorted(request.allowances.items()):
        yield from ("--allow", f"{name}={number}")
    for glob in request.scope:
        yield from ("--only", glob)


def _command(*words: str) -> str:
    return shlex.join(["elmify", *words])
