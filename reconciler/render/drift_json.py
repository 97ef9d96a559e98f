"""A drift report as JSON."""

import json
from typing import Any

from reconciler.model.drift import DriftReport, Finding, Reimport
from reconciler.render.escape import harmless_json

FORMAT_VERSION = "1.0"


def drift_json(report: DriftReport, *, fresh: frozenset[str] | None = None) -> str:
    """Return the whole report. `new` says of each finding whether it was never reported before."""
    new = report.ids if fresh is None else fresh
    document = {
        "format_version": FORMAT_VERSION,
        "environment": report.environment,
        "taken_at": report.taken_at.isoformat(),
        "since": _since(report),
        "count": report.count,
        "new": len(report.ids & new),
        "ignored": report.ignored,
        "findings": [_finding(each, new) for each in report.findings],
        "reimports": [_reimport(each, new) for each in report.reimports],
    }
    return harmless_json(json.dumps(document, ensure_ascii=False, indent=2))


def _since(report: DriftReport) -> dict[str, Any] | None:
    run = report.since
    if run is None:
        return None
    committed = run.committed_at.isoformat() if run.committed_at is not None else None
    return {"run": run.id, "command": run.command, "actor": run.actor.name, "committed_at": committed}


def _finding(finding: Finding, new: frozenset[str]) -> dict[str, Any]:
    return {
        "id": finding.finding_id,
        "what": finding.what.value,
        "address": finding.address,
        "kind": finding.kind.value if finding.kind is not None else None,
        "row": finding.row,
        "attribute": finding.attribute,
        "recorded": finding.recorded,
        "actual": finding.actual,
        "also": finding.also,
        "new": finding.finding_id in new,
    }


def _reimport(event: Reimport, new: frozenset[str]) -> dict[str, Any]:
    return {
        "id": event.finding_id,
        "kind": event.kind.value,
        "recorded": event.recorded,
        "found": dict(event.found),
        "missing": list(event.missing),
        "edited": event.edited,
        "undeclared": event.undeclared,
        "new": event.finding_id in new,
    }
