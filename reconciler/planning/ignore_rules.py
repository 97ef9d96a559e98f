"""Ignore rules of elmify.yaml.

What they ignore is left out of what a plan lists, and counted.
"""

from collections.abc import Iterable
from dataclasses import replace

from reconciler.model.address import matches_any
from reconciler.model.drift import DriftFinding, DriftReport
from reconciler.model.kinds import TABLES
from reconciler.model.plan import Unmanaged
from reconciler.model.policy import Policy


def ignores(policy: Policy, address: str) -> bool:
    """Return whether elmify.yaml ignores an address.

    `address` may also name what has no address (`unmanaged.…`).
    """
    return bool(policy.ignore) and matches_any(address, (each.what for each in policy.ignore))


def without_ignored(policy: Policy, unmanaged: Unmanaged) -> tuple[Unmanaged, int]:
    """Return what is unmanaged and not let be, and how much is."""
    rows = {
        kind: tuple(row for row in ids if not ignores(policy, f"unmanaged.{TABLES[kind].name}[{row}]"))
        for kind, ids in unmanaged.rows.items()
    }
    objects = {
        key: size
        for key, size in unmanaged.objects.items()
        if not ignores(policy, f"unmanaged.object[{key}]")
    }
    left = Unmanaged(rows={kind: ids for kind, ids in rows.items() if ids}, objects=objects)
    return left, _count(unmanaged) - _count(left)


def drift_without_ignored(policy: Policy, drift: Iterable[DriftFinding]) -> tuple[list[DriftFinding], int]:
    """Return the drift of what is not let be, and how much drift is."""
    found = list(drift)
    left = [each for each in found if not ignores(policy, each.address)]
    return left, len(found) - len(left)


def report_without_ignored(policy: Policy, report: DriftReport) -> DriftReport:
    """Return a drift report without what is let be, which it counts."""
    left = tuple(each for each in report.findings if not ignores(policy, each.address))
    return replace(report, findings=left, ignored=len(report.findings) - len(left))


def _count(unmanaged: Unmanaged) -> int:
    return len(unmanaged.objects) + sum(map(len, unmanaged.rows.values()))
