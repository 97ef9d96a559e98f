"""Verifying small worlds."""

from reconciler.planning.verification.conditions import Condition
from reconciler.planning.verification.findings import Finding, Verification
from reconciler.planning.verification.ground import Ground, Surroundings
from reconciler.planning.verification.verify import verified
from reconciler.planning.world import World


def verification_of(world: World, beside: Surroundings | None = None) -> Verification:
    return verified(Ground(world, beside or Surroundings()))


def states(world: World, beside: Surroundings | None = None) -> set[tuple[Condition, str]]:
    """Return the condition and the name of everything found."""
    return {(found.condition, found.what) for found in verification_of(world, beside).findings}


def found_in(world: World, condition: Condition, beside: Surroundings | None = None) -> list[Finding]:
    """Return the findings in one condition."""
    return [f for f in verification_of(world, beside).findings if f.condition is condition]


def the_only(world: World, condition: Condition, beside: Surroundings | None = None) -> Finding:
    """Return the one finding in a condition."""
    (finding,) = found_in(world, condition, beside)
    return finding
