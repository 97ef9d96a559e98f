"""Output for GitHub: step outputs, annotations, comments, SARIF 2.1.0."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from reconciler.loading.diagnostic_codes import Mistake
from reconciler.model.diagnostics import Diagnostic, Severity, in_reading_order
from reconciler.model.plan import Action, Plan
from reconciler.render.diagnostics import advice
from reconciler.render.escape import code, harmless, harmless_json
from reconciler.render.plan.markdown import MAX_BYTES, comment_marker, plan_in_short, plan_markdown

#: GitHub shows at most this many annotations of each sort for one step, and drops the rest without a word.
MOST_ANNOTATIONS = 10
_OF_MESSAGES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_PROPERTIES = {**_OF_MESSAGES, ":": "%3A", ",": "%2C"}


def plan_outputs(plan: Plan) -> Mapping[str, str]:
    """Return the outputs that a workflow may branch on.

    `changes` and `blocked` are true or false; the counts are decimal. `changes_count` counts the
    changes that listeners would notice, or that affect what elmify manages.
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
    """Return outputs in the format of GITHUB_OUTPUT.

    No value can end early or begin another output.
    """
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
    lines = f"{one.detail}\n{advice(one)}".strip("\n").split("\n")
    return f"::{one.severity.value} {told}::{_escaped(chr(10).join(map(harmless, lines)), _OF_MESSAGES)}"


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


#: Under GitHub's limit of 1 MiB for a step.
_SUMMARY_MAX_BYTES = 1_000_000


def plan_comment(plan: Plan, commit: str, run_url: str) -> str:
    """Return the body of a comment that shows a plan.

    It has the commit that was planned, and a link to the run that did it.
    """
    foot = f"<p>Planned for commit {code(commit)} in {_link(run_url)}.</p>\n"
    text = plan_markdown(plan, max_bytes=MAX_BYTES - len(foot.encode()))
    if len(text.encode()) + len(foot.encode()) > MAX_BYTES:
        text = plan_in_short(plan, "The summary of the run names them all.")
    return text + foot


def no_plan_comment(environment: str, commit: str, run_url: str) -> str:
    """Return the body of a comment about a plan that could not be made.

    It takes the place of that plan.
    """
    return (
        f"{comment_marker(environment)}\n<h3>elmify plan for {code(environment)}</h3>\n"
        f"<p><strong>No plan could be made for commit {code(commit)}.</strong> "
        f"The log says why: {_link(run_url)}.</p>\n"
    )


def plan_summary(plan: Plan) -> str:
    """Return what a run's summary shows of a plan."""
    text = plan_markdown(plan, max_bytes=_SUMMARY_MAX_BYTES)
    if len(text.encode()) <= _SUMMARY_MAX_BYTES:
        return text
    return plan_in_short(plan, "The plan file, which is kept with the run, names them all.")


def _link(run_url: str) -> str:
    return f'<a href="{quote(run_url, safe=":/")}">this run</a>'


_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def diagnostics_sarif(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """Return diagnostics as one SARIF log of one run, in reading order.

    Their files are in `folder`, relative to the repository, as code scanning wants them.
    """
    found = in_reading_order(diagnostics)
    rules = _rules(found)
    run = {
        "tool": {"driver": {"name": "elmify", "version": version("elmify"), "rules": list(rules.values())}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, list(rules), folder) for one in found],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return harmless_json(json.dumps(document, indent=2, ensure_ascii=False))


def _rules(found: Sequence[Diagnostic]) -> dict[str, dict[str, Any]]:
    """Return the rule of each code that was found, by code."""
    known = {mistake.code: mistake.value for mistake in Mistake}
    rules = dict[str, dict[str, Any]]()
    for one in sorted(found, key=lambda d: d.code):
        entry = known.get(one.code)
        rules[one.code] = {
            "id": one.code,
            "shortDescription": {"text": one.summary},
            "fullDescription": {"text": entry.meaning if entry else one.summary},
            "help": {"text": (entry.remedy if entry else one.hint) or one.summary},
            "defaultConfiguration": {"level": one.severity.value},
        }
    return rules


def _result(one: Diagnostic, codes: list[str], folder: str) -> dict[str, Any]:
    place = one.position
    file = f"{folder}/{place.file}" if folder else place.file
    return {
        "ruleId": one.code,
        "ruleIndex": codes.index(one.code),
        "level": one.severity.value,
        "message": {"text": "\n".join(filter(None, [one.detail, advice(one)])) or one.summary},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(file)},
                    "region": {"startLine": place.line, "startColumn": place.column},
                }
            }
        ],
    }
