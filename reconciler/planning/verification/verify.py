"""From a world to a verification: pure, whole, and without asking anybody."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.remedies import Sentence
from reconciler.planning.ignore_rules import ignores
from reconciler.planning.verification.context import VerifyContext
from reconciler.planning.verification.declared import declared
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    Depth,
    Verification,
    VerifyFinding,
    worst_first,
)
from reconciler.planning.verification.orphans import remains
from reconciler.planning.verification.presence import sides, truth_table
from reconciler.planning.verification.undeclared import undeclared


def verified(
    ground: VerifyContext,
    deeper: Iterable[VerifyFinding] = (),
    depth: Depth | None = None,
    hashed: Collection[str] = frozenset(),
) -> Verification:
    """Return everything that is wrong.

    `deeper` are the findings of hashing, which `depth` describes; `hashed` are the NFC keys it read.

    What elmify.yaml ignores is left out of the findings and counted. A broken audit chain cannot be ignored.
    """
    world = ground.world
    found = [*declared(ground), *undeclared(ground), *remains(ground, hashed), *deeper]
    found = _asking_for_names(ground, found)
    ignored = {id(finding) for finding in found if _is_ignored(ground, finding)}
    return Verification(
        environment=world.policy.environment,
        made_at=world.snapshot.taken_at,
        findings=worst_first(finding for finding in found if id(finding) not in ignored),
        truth=truth_table(ground),
        sides=sides(ground),
        ignored=worst_first(finding for finding in found if id(finding) in ignored),
        depth=depth,
        adopted=bool(world.recorded.resources),
    )


def _asking_for_names(ground: VerifyContext, found: Sequence[VerifyFinding]) -> list[VerifyFinding]:
    """Take out of repair what would give a row a name that another row has."""
    asked = ground.taken_names({address for finding in found for address in finding.repairs})
    return [
        replace(finding, repairs=(), remedies=(Sentence(text=f"{question.detail}\n{question.hint}"),))
        if finding.repairs and (question := asked.get(Address(finding.what))) is not None
        else finding
        for finding in found
    ]


def _is_ignored(ground: VerifyContext, finding: VerifyFinding) -> bool:
    wrong = finding.severity is not ConditionSeverity.INFO and finding.condition is not Condition.BROKEN_AUDIT
    return wrong and ignores(ground.world.policy, finding.what)
