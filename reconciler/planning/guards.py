"""Guards: changes that need a reviewed allowance or are never allowed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.catalog import Catalog
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Blocked, Change, Plan
from reconciler.model.policy import GuardLimits
from reconciler.model.ports import Dependents
from reconciler.model.recorded import Recorded
from reconciler.model.remedies import LiftGuard, MakePlan, Sentence
from reconciler.model.values import counted

DELETES = "deletes"
USER_ROWS = "user-rows"
EMPTY_CATALOG = "empty-catalog"
#: The names that `--allow NAME=NUMBER` takes. The other guards have no allowance.
ALLOWANCES = (DELETES, USER_ROWS, EMPTY_CATALOG)

#: Where no row has passed from one address to another.
NO_SUCCESSORS: Mapping[Address, Address] = {}

_PERCENT = 100


def blocked_by(
    changes: tuple[Change, ...],
    catalog: Catalog | None,
    recorded: Recorded,
    limits: GuardLimits,
    allowances: Mapping[str, int],
    to_delete: Dependents,
    *,
    successors: Mapping[Address, Address] = NO_SUCCESSORS,
) -> Iterator[Blocked]:
    """Yield the refusal of every guard that blocks the changes.

    `to_delete` is what depends on the rows that the changes delete.

    `successors` maps each recorded address whose row now belongs to another address to that other
    address.

    `catalog` is None for a plan that does not follow it.
    """
    deletes = [change for change in changes if change.action is Action.DELETE]
    if catalog is not None:
        yield from _empty_catalog(catalog, recorded, deletes, allowances)
    yield from _too_many(deletes, recorded, limits, allowances)
    yield from user_rows(to_delete, limits, allowances)
    yield from _protected(deletes, recorded)
    if catalog is not None:
        yield from _handed_on(changes, catalog, recorded, successors)
    yield from _undeclared(deletes, to_delete)


def lifted(plan: Plan, out: str | None = None) -> MakePlan:
    """Return the same plan with every allowance that it lacks.

    The allowances that it already has are kept. It lifts every guard that can be lifted. `out` is the
    file that the plan is saved to.
    """
    lacking = (remedy for blocked in plan.blocked for remedy in blocked.remedies)
    needed = {remedy.guard: remedy.number for remedy in lacking if isinstance(remedy, LiftGuard)}
    return replace(again(plan), allowances={**plan.allowances, **needed}, out=out)


def again(plan: Plan) -> MakePlan:
    """Return the operation that makes the same plan again.

    It has the plan's purpose, scope and options, and no allowance.
    """
    return MakePlan(scope=plan.scope, options=plan.options, rolls_back=plan.rolls_back, merges=plan.merges)


def _empty_catalog(
    catalog: Catalog, recorded: Recorded, deletes: list[Change], allowances: Mapping[str, int]
) -> Iterator[Blocked]:
    if not catalog.resources and recorded.resources and deletes and EMPTY_CATALOG not in allowances:
        yield Blocked(
            guard=EMPTY_CATALOG,
            summary=f"the catalog is empty, and {len(recorded.resources):,} resources are recorded",
            remedies=(
                Sentence(text="If nothing at all should be left:"),
                LiftGuard(guard=EMPTY_CATALOG, number=1),
            ),
        )


def _too_many(
    deletes: list[Change],
    recorded: Recorded,
    limits: GuardLimits,
    allowances: Mapping[str, int],
) -> Iterator[Blocked]:
    count, base = len(deletes), len(recorded.resources)
    if not count or count <= allowances.get(DELETES, 0):
        return
    too_large_a_part = base >= limits.delete_floor and count * _PERCENT > limits.delete_percent * base
    reasons = []
    if too_large_a_part:
        reasons.append(f"more than {limits.delete_percent} % of the {base:,} that are managed")
    if limits.delete_count is not None and count > limits.delete_count:
        reasons.append(f"more than the {limits.delete_count:,} that elmify.yaml allows")
    if reasons:
        yield Blocked(
            guard=DELETES,
            summary=f"{count:,} would be deleted: {', and '.join(reasons)}",
            addresses=tuple(change.address for change in deletes),
            remedies=(LiftGuard(guard=DELETES, number=count),),
        )


def user_rows(to_delete: Dependents, limits: GuardLimits, allowances: Mapping[str, int]) -> Iterator[Blocked]:
    """Yield the refusal of the guard that limits lost user rows.

    It is checked again inside the commit, when the rows are locked.
    """
    lost = sum(to_delete.lost_rows.values())
    if lost > max(limits.user_rows, allowances.get(USER_ROWS, 0)):
        tables = ", ".join(
            f"{count:,} in {table}" for table, count in sorted(to_delete.lost_rows.items()) if count
        )
        rows, people = counted(lost, "user row"), counted(to_delete.users, "person", "people")
        yield Blocked(
            guard=USER_ROWS,
            summary=f"{rows} of {people} would be lost: {tables}",
            remedies=(LiftGuard(guard=USER_ROWS, number=lost),),
        )


def _protected(deletes: list[Change], recorded: Recorded) -> Iterator[Blocked]:
    held = {str(address) for address, record in recorded.resources.items() if record.protect}
    protected = tuple(change.address for change in deletes if change.address in held)
    if protected:
        yield Blocked(
            guard="protect",
            summary=f"{len(protected):,} of the deleted were protected by the last apply",
            addresses=protected,
            remedies=(
                Sentence(text="Put them back with `protect: false`, apply that, and remove them then."),
            ),
        )


def _handed_on(
    changes: tuple[Change, ...], catalog: Catalog, recorded: Recorded, successors: Mapping[Address, Address]
) -> Iterator[Blocked]:
    """Yield a block for protected rows that would lose their protection.

    Such a row was protected under one address and would not be under its next one.
    """
    touched = {change.address for change in changes}
    bare = {
        address: holder
        for address, holder in successors.items()
        if recorded.resources[address].protect
        and not catalog.forgets(address)
        and not catalog.resources[holder].protect
        and not touched.isdisjoint((address, holder))
    }
    if bare:
        yield Blocked(
            guard="protect",
            summary=f"{len(bare):,} that the last apply protected would go on without protection",
            addresses=tuple(sorted(bare)),
            remedies=(
                Sentence(
                    text=f"Write `protect: true` in the entry of {', '.join(sorted(set(bare.values())))}; "
                    "or put the old entry back with `protect: false`, apply that, and rename it then."
                ),
            ),
        )


def _undeclared(deletes: list[Change], to_delete: Dependents) -> Iterator[Blocked]:
    declared = {(change.kind, change.row) for change in deletes}
    reached = tuple(
        f"unmanaged.{TABLES[kind].name}[{row}]"
        for kind in Kind
        for row in sorted(to_delete.content.get(kind, ()))
        if (kind, row) not in declared
    )
    if reached:
        yield Blocked(
            guard="undeclared-content",
            summary=f"{len(reached):,} rows of content that this plan does not delete would go along",
            addresses=reached,
            remedies=(Sentence(text="Declare them, or let the parent go without deleting it by `forget:`."),),
        )
