"""What verify found, as JUnit XML: a test case for each state, failed where something is in it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC
from html import escape

from reconciler.planning.verification.conditions import Condition, Severity
from reconciler.planning.verification.findings import Finding, Verification
from reconciler.render.escape import harmless

_CLASS = "elmify.verify"


def verify_junit(found: Verification) -> str:
    """Return a verification as one test suite.

    Each state is a case of its own. An error or a warning fails its case, with its severity as the type and
    a line for each finding; an info is told in the case's output, and passes.
    """
    groups: defaultdict[Condition, list[Finding]] = defaultdict(list)
    for finding in found.findings:
        groups[finding.condition].append(finding)
    failed = sum(condition.severity is not Severity.INFO for condition in groups)
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


def _case(condition: Condition, findings: Sequence[Finding]) -> str:
    opening = f'<testcase classname="{_CLASS}" name="{condition.code}" time="0"'
    if not findings:
        return f"{opening}/>"
    told = "\n".join(_lines(findings))
    if condition.severity is Severity.INFO:
        return f"{opening}>\n<system-out>{told}</system-out>\n</testcase>"
    message = _attribute(f"{len(findings):,}: {condition.heading}")
    failure = f'<failure type="{condition.severity}" message="{message}">{told}</failure>'
    return f"{opening}>\n{failure}\n</testcase>"


def _lines(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for finding in findings:
        lines.append(f"{finding.what}: {finding.detail}")
        lines += [f"    {line}" for line in finding.remedy.splitlines()]
    return [_text(line) for line in lines]


def _text(line: str) -> str:
    """Return a line as XML text: what XML cannot hold is an escape that shows."""
    return escape(_xml_safe(line), quote=False)


def _attribute(text: str) -> str:
    return escape(_xml_safe(text), quote=True)


def _xml_safe(text: str) -> str:
    return harmless(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
