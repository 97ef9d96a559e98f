"""Repairs of findings: what a plan can fix, and a person's decisions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.address import EXACTLY, UNMANAGED
from reconciler.planning.guards import DELETES
from reconciler.planning.verification.findings import Condition, ConditionSeverity, VerifyFinding
from reconciler.planning.world import DELETE_UNMANAGED, Request


def repair_request(findings: Iterable[VerifyFinding]) -> Request | None:
    """Return the planner request that repairs all that a plan can repair.

    The request is for the ordinary planner. None when there is nothing to repair.

    The scope names each address alone. Objects without a row are retired, and the guard of deletes is
    given an allowance for exactly as many; no row is deleted, and user rows have no allowance.
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


def beyond_repair(findings: Iterable[VerifyFinding]) -> Sequence[VerifyFinding]:
    """Return what no plan can repair, and what its remedy decides."""
    return [finding for finding in wrong(findings) if not finding.repairs]


def wrong(findings: Iterable[VerifyFinding]) -> Sequence[VerifyFinding]:
    """Return the errors and warnings."""
    return [finding for finding in findings if finding.severity is not ConditionSeverity.INFO]


_OBJECT = f"{UNMANAGED}object["

#: What an entry can be made to say, so that the live value is the right one.
_ADOPTABLE = frozenset(
    {Condition.OTHER_VALUES, Condition.WRONG_FACTS, Condition.WRONG_URL, Condition.OTHER_BYTES}
)


class Choice(StrEnum):
    """An answer to a finding. Its first letter is what a person types."""

    ADOPT = "adopt"  # the live side is right: the catalog is to say so
    MEND = "mend"  # the catalog is right: the repair is to be planned
    DELETE = "delete"  # the row is to go, the object to be retired
    IGNORE = "ignore"  # it is to be let be, for a reason
    SKIP = "skip"  # nothing is decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A finding and what was decided of it; `reason` is why it is ignored."""

    finding: VerifyFinding
    choice: Choice
    reason: str = ""


def choices(finding: VerifyFinding) -> tuple[Choice, ...]:
    """Return the answers that make sense for a finding.

    Skipping always makes sense, and is the last.
    """
    able = {
        Choice.ADOPT: _can_be_adopted(finding),
        Choice.MEND: bool(finding.repairs) and not _is_undeclared(finding),
        Choice.DELETE: _can_be_deleted(finding),
        Choice.IGNORE: finding.condition is not Condition.BROKEN_AUDIT,
        Choice.SKIP: True,
    }
    return tuple(choice for choice in Choice if able[choice])


def _is_undeclared(finding: VerifyFinding) -> bool:
    return finding.what.startswith(UNMANAGED)


def _can_be_adopted(finding: VerifyFinding) -> bool:
    if finding.what.startswith(_OBJECT):
        return False
    if _is_undeclared(finding):
        return finding.condition in {Condition.UNDECLARED_ROW, Condition.DUPLICATE_ROWS}
    return finding.condition in _ADOPTABLE and bool(finding.repairs)


def _can_be_deleted(finding: VerifyFinding) -> bool:
    undeclared = {
        Condition.ORPHAN,
        Condition.UNDECLARED_ROW,
        Condition.DUPLICATE_ROWS,
        Condition.ROW_WITHOUT_OBJECT,
        Condition.EMPTY_AUDIO,
    }
    if _is_undeclared(finding):
        return finding.condition in undeclared
    return finding.condition is Condition.UNDECLARED_ROW


def request_for(
    decisions: Iterable[Decision],
    adopted: Collection[str] = (),
    allowances: Mapping[str, int] | None = None,
) -> Request | None:
    """Return the planner request for a person's decisions.

    None when nothing is to be planned.

    `adopted` are the addresses whose entries in the catalog are different now. Deletes that a person
    chose one by one are allowed, exactly as many; user rows are lost only by an allowance.
    """
    scope = set(adopted)
    deleted: set[str] = set()
    for decision in decisions:
        if decision.choice is Choice.MEND:
            scope |= set(decision.finding.repairs)
        elif decision.choice is Choice.DELETE:
            deleted.add(decision.finding.what)
    if not scope | deleted:
        return None
    unmanaged = any(address.startswith(UNMANAGED) for address in deleted)
    return Request(
        scope=tuple(f"{EXACTLY}{address}" for address in sorted(scope | deleted)),
        options=frozenset({DELETE_UNMANAGED} if unmanaged else ()),
        allowances={**({DELETES: len(deleted)} if deleted else {}), **(allowances or {})},
    )
