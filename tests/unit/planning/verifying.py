"""Verifying small worlds."""

from reconciler.planning.verification.context import Surroundings, VerifyContext
from reconciler.planning.verification.findings import Condition, Verification, VerifyFinding
from reconciler.planning.verification.verify import verified
from reconciler.planning.world import World


def verification_of(world: World, beside: Surroundings | None = None) -> Verification:
    return verified(VerifyContext(world, beside or Surroundings()))


def states(world: World, beside: Surroundings | None = None) -> set[tuple[Condition, str]]:
    """Return the condition and the name of everything found."""
    return {(found.condition, found.what) for found in verification_of(world, beside).findings}


def found_in(world: World, condition: Condition, beside: Surroundings | None = None) -> list[VerifyFinding]:
    """Return the findings in one condition."""
    return [f for f in verification_of(world, beside).findings if f.condition is condition]


def the_only(world: World, condition: Condition, beside: Surroundings | None = None) -> VerifyFinding:
    """Return the one finding in a condition."""
    (finding,) = found_in(world, condition, beside)
    return finding
