"""What GitHub Actions reads: a step's outputs, and annotations of lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.model.diagnostics import Diagnostic, Severity, in_reading_order
from reconciler.model.plan import Action, Plan
from reconciler.render.escape import harmless

#: GitHub shows at most this many annotations of each sort for one step, and drops the rest without a word.
MOST_ANNOTATIONS = 10
_OF_MESSAGES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_PROPERTIES = {**_OF_MESSAGES, ":": "%3A", ",": "%2C"}


def plan_outputs(plan: Plan) -> Mapping[str, str]:
    """Return what a workflow may branch on: `changes` and `blocked` are true or false, the counts decimal.

    `changes_count` counts what listeners or elmify's hold on the library would notice.
    """
    return {
        "changes": "false" if plan.empty else "true",
        "fingerprint": plan.fingerprint,
        "adds": str(plan.count(Action.CREATE)),
        "changes_count": str(sum(change.visible for change in plan.changes)),
        "deletes": str(plan.count(Action.DELETE)),
        "user_rows_lost": str(plan.impact.lost_rows),
        "blocked": "true" if plan.blocked else "false",
    }


def output_lines(outputs: Mapping[str, str]) -> str:
    """Return outputs as GITHUB_OUTPUT takes them; no value can end early or begin another output."""
    return "".join(_output(name, value) for name, value in outputs.items())


def _output(name: str, value: str) -> str:
    end = "elmify_end"
    while end in value:
        end += "_"
    return f"{name}<<{end}\n{value}\n{end}\n"


def annotations(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """Return diagnostics as workflow commands, a line each; empty without any.

    Their files are in `folder`, relative to the repository. Of more errors or warnings than GitHub shows,
    the last one shown says how many there are beyond it.
    """
    found = in_reading_order(diagnostics)
    return "\n".join(line for severity in Severity for line in _of_one_sort(found, severity, folder))


def _of_one_sort(found: Sequence[Diagnostic], severity: Severity, folder: str) -> Iterator[str]:
    those = [one for one in found if one.severity is severity]
    shown = those if len(those) <= MOST_ANNOTATIONS else those[: MOST_ANNOTATIONS - 1]
    for one in shown:
        yield _annotation(one, folder)
    if len(those) > len(shown):
        more = f"and {len(those) - len(shown):,} more; `elmify validate` tells them all"
        yield f"::{severity.value} title=elmify::{_escaped(more, _OF_MESSAGES)}"


def _annotation(one: Diagnostic, folder: str) -> str:
    place = one.position
    properties = {
        "file": f"{folder}/{place.file}" if folder else place.file,
        "line": str(place.line),
        "col": str(place.column),
        "title": f"{one.code}: {one.summary}",
    }
    told = ",".join(
        f"{name}={_escaped(harmless(value), _OF_PROPERTIES)}" for name, value in properties.items()
    )
    lines = f"{one.detail}\n{one.hint}".strip("\n").split("\n")
    return f"::{one.severity.value} {told}::{_escaped(chr(10).join(map(harmless, lines)), _OF_MESSAGES)}"


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
