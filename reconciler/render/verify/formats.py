"""Verification as JSON, as JUnit XML, and decisions as a shell script."""

import json
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC
from html import escape
from typing import Any

from reconciler.model.values import counted
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    Verification,
    VerifyFinding,
)
from reconciler.planning.verification.repair import Choice, Decision, request_for
from reconciler.planning.world import Request
from reconciler.render.escape import harmless, harmless_json
from reconciler.render.history import time_text
from reconciler.render.remedies import remedy_json, remedy_lines

#: The first number changes when a key goes or changes its meaning; the second when keys are added.
FORMAT_VERSION = "1.3"


def verify_json(found: Verification) -> str:
    """Return a verification as JSON.

        format_version  "1.3"
        environment     the environment's name
        timestamp       when it was read, in UTC
        adopted         whether any resource is managed yet
        heard           how many declared lectures play by some way that counts
        everywhere      how many of them play by every way that counts
        playing         [{way, lectures: rows, plays: rows, report: whether it only reports}]
        summary         {errors, warnings, infos, ignored: counts of findings}
        catalog         {speaker, collection, lecture: how many are declared}
        bucket          {objects, size_bytes}
        database        {speaker, collection, lecture: how many rows}
        truth           [{catalog, bucket, database: booleans, files: count}], all eight
        hashed          null, or {objects, size_bytes, sample: "1/30" or null}
        states          [{state, severity, heading, count}], every state there is
        findings        [finding], the worst first
        ignored         [finding], what elmify.yaml lets be

    A finding is {state, severity, what, detail, remedy, remedies, repairs, key, row, count, size_bytes}:
    `what` is an address or `unmanaged.…`; `remedy` is what to do as it is printed, `remedies` the same as
    values, each with its `kind`; `repairs` are the addresses that a repair plan names, empty where no plan
    can repair it; `key` and `row` are null where there is none.
    """
    sides = found.sides
    document = {
        "format_version": FORMAT_VERSION,
        "environment": found.environment,
        "timestamp": found.made_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "adopted": found.adopted,
        "heard": found.heard,
        "everywhere": found.everywhere,
        "playing": [
            {"way": each.way, "lectures": each.lectures, "plays": each.plays, "report": each.report}
            for each in found.playing
        ],
        "summary": {
            "errors": found.counts[ConditionSeverity.ERROR],
            "warnings": found.counts[ConditionSeverity.WARNING],
            "infos": found.counts[ConditionSeverity.INFO],
            "ignored": len(found.ignored),
        },
        "catalog": {kind.value: count for kind, count in sides.declared.items()},
        "bucket": {"objects": sides.objects, "size_bytes": sides.object_bytes},
        "database": {kind.value: count for kind, count in sides.rows.items()},
        "truth": [
            {"catalog": catalog, "bucket": bucket, "database": database, "files": count}
            for (catalog, bucket, database), count in found.truth.items()
        ],
        "hashed": _hashed(found),
        "states": _states(found.findings),
        "findings": [_finding(finding) for finding in found.findings],
        "ignored": [_finding(finding) for finding in found.ignored],
    }
    return harmless_json(json.dumps(document, ensure_ascii=False, indent=2))


def _hashed(found: Verification) -> dict[str, Any] | None:
    depth = found.depth
    if depth is None:
        return None
    return {"objects": depth.objects, "size_bytes": depth.size_bytes, "sample": depth.part}


def _states(findings: Sequence[VerifyFinding]) -> list[dict[str, Any]]:
    counts = Counter(finding.condition for finding in findings)
    return [
        {
            "state": condition.code,
            "severity": condition.severity.value,
            "heading": condition.heading,
            "count": counts[condition],
        }
        for condition in Condition
    ]


def _finding(finding: VerifyFinding) -> dict[str, Any]:
    return {
        "state": finding.condition.code,
        "severity": finding.severity.value,
        "what": finding.what,
        "detail": finding.detail,
        "remedy": "\n".join(remedy_lines(finding.remedies)),
        "remedies": [remedy_json(remedy) for remedy in finding.remedies],
        "repairs": list(finding.repairs),
        "key": finding.key,
        "row": finding.row,
        "count": finding.count,
        "size_bytes": finding.size_bytes,
    }


_CLASS = "elmify.verify"


def verify_junit(found: Verification) -> str:
    """Return a verification as one test suite.

    Each state is a case of its own. An error or a warning fails its case, with its severity as the type and
    a line for each finding; an info is told in the case's output, and passes.
    """
    groups: defaultdict[Condition, list[VerifyFinding]] = defaultdict(list)
    for finding in found.findings:
        groups[finding.condition].append(finding)
    failed = sum(condition.severity is not ConditionSeverity.INFO for condition in groups)
    cases = [_case(condition, groups.get(condition, ())) for condition in Condition]
    counts = f'tests="{len(cases)}" failures="{failed}" errors="0" skipped="0"'
    when = f"{found.made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    name = _attribute(f"elmify verify {found.environment}")
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuites name="elmify verify" {counts}>',
            f'<testsuite name="{name}" {counts} timestamp="{when}" time="0">',
            *cases,
            "</testsuite>",
            "</testsuites>",
        ]
    )


def _case(condition: Condition, findings: Sequence[VerifyFinding]) -> str:
    opening = f'<testcase classname="{_CLASS}" name="{condition.code}" time="0"'
    if not findings:
        return f"{opening}/>"
    told = "\n".join(_lines(findings))
    if condition.severity is ConditionSeverity.INFO:
        return f"{opening}>\n<system-out>{told}</system-out>\n</testcase>"
    message = _attribute(f"{len(findings):,}: {condition.heading}")
    failure = f'<failure type="{condition.severity}" message="{message}">{told}</failure>'
    return f"{opening}>\n{failure}\n</testcase>"


def _lines(findings: Sequence[VerifyFinding]) -> list[str]:
    lines = []
    for finding in findings:
        lines.append(f"{finding.what}: {finding.detail}")
        lines += [f"    {line}" for line in remedy_lines(finding.remedies)]
    return [_text(line) for line in lines]


def _text(line: str) -> str:
    """Return a line as XML text: what XML cannot hold is an escape that shows."""
    return escape(_xml_safe(line), quote=False)


def _attribute(text: str) -> str:
    return escape(_xml_safe(text), quote=True)


def _xml_safe(text: str) -> str:
    return harmless(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


_PLAN = "plans/reconcile.json"


def script(found: Verification, decisions: Sequence[Decision]) -> str:
    """Return a shell script that carries out decisions.

    It runs in the folder of the project, and stops at the first failure. First the files of the
    project change, then a plan is made and applied. Every word is quoted for a shell.
    """
    return "\n".join(_script_lines(found, decisions)) + "\n"


def _script_lines(found: Verification, decisions: Sequence[Decision]) -> Iterator[str]:
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
        yield f"\n# {counted(len(request.scope), 'address', 'addresses')} to be repaired or deleted."
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
