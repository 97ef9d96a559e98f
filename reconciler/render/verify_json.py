"""What verify found, as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from reconciler.planning.verification.conditions import Condition, Severity
from reconciler.planning.verification.findings import Finding, Verification
from reconciler.render.escape import harmless_json

#: The first number changes when a key goes or changes its meaning; the second when keys are added.
FORMAT_VERSION = "1.0"


def verify_json(found: Verification) -> str:
    """Return a verification as JSON.

        format_version  "1.0"
        environment     the environment's name
        timestamp       when it was read, in UTC
        adopted         whether any resource is managed yet
        summary         {errors, warnings, infos, ignored: counts of findings}
        catalog         {speaker, collection, lecture: how many are declared}
        bucket          {objects, size_bytes}
        database        {speaker, collection, lecture: how many rows}
        truth           [{catalog, bucket, database: booleans, files: count}], all eight
        hashed          null, or {objects, size_bytes, sample: "1/30" or null}
        states          [{state, severity, heading, count}], every state there is
        findings        [finding], the worst first
        ignored         [finding], what elmify.yaml lets be

    A finding is {state, severity, what, detail, remedy, repairs, key, row, count, size_bytes}: `what` is an
    address or `unmanaged.…`; `repairs` are the addresses that a repair plan names, empty where no plan can
    mend it; `key` and `row` are null where there is none.
    """
    sides = found.sides
    document = {
        "format_version": FORMAT_VERSION,
        "environment": found.environment,
        "timestamp": found.made_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "adopted": found.adopted,
        "summary": {
            "errors": found.counts[Severity.ERROR],
            "warnings": found.counts[Severity.WARNING],
            "infos": found.counts[Severity.INFO],
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


def _states(findings: Sequence[Finding]) -> list[dict[str, Any]]:
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


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "state": finding.condition.code,
        "severity": finding.severity.value,
        "what": finding.what,
        "detail": finding.detail,
        "remedy": finding.remedy,
        "repairs": list(finding.repairs),
        "key": finding.key,
        "row": finding.row,
        "count": finding.count,
        "size_bytes": finding.size_bytes,
    }
