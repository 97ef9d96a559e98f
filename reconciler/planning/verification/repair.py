"""Which findings a plan can mend, and what is asked of the planner for it."""

from collections.abc import Iterable, Sequence

from reconciler.model.address import EXACTLY, UNMANAGED
from reconciler.planning.guards import DELETES
from reconciler.planning.verification.conditions import Severity
from reconciler.planning.verification.findings import Finding
from reconciler.planning.world import DELETE_UNMANAGED, Request


def repair_request(findings: Iterable[Finding]) -> Request | None:
    """Return what the ordinary planner is asked for to mend all that a plan can mend; None for nothing.

    The scope names each address alone. Objects without a row are retired, which the guard of deletes is
    given an allowance for, exactly as many; no row is deleted, and user rows have no allowance.
    """
    addresses = sorted({address for finding in wrong(findings) for address in finding.repairs})
    if not addresses:
        return None
    retired = sum(address.startswith(UNMANAGED) for address in addresses)
    return Request(
        scope=tuple(f"{EXACTLY}{address}" for address in addresses),
        options=frozenset({DELETE_UNMANAGED} if retired else ()),
        allowances={DELETES: retired} if retired else {},
    )


def beyond_repair(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Return what no plan can mend, and what its remedy decides."""
    return [finding for finding in wrong(findings) if not finding.repairs]


def wrong(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Return the errors and warnings."""
    return [finding for finding in findings if finding.severity is not Severity.INFO]
