"""What a plan may not do without a reviewed allowance, and what it may never do."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.catalog import Catalog
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Blocked, Change, Plan
from reconciler.model.policy import GuardLimits
from reconciler.model.ports import Dependents
from reconciler.model.recorded import Recorded
from reconciler.model.values import counted

DELETES = "deletes"
USER_ROWS = "user-rows"
EMPTY_CATALOG = "empty-catalog"
#: The names that `--allow NAME=NUMBER` takes. The other guards have no allowance.
ALLOWANCES = (DELETES, USER_ROWS, EMPTY_CATALOG)

#: The command that takes allowances, unless the plan is of another sort.
PLAN = "elmify plan"

#: Where no row has passed from one address to another.
NOBODY: Mapping[Address, Address] = {}

_PERCENT = 100


def blocked_by(
    changes: tuple[Change, ...],
    catalog: Catalog | None,
    recorded: Recorded,
    limits: GuardLimits,
    allowances: Mapping[str, int],
    doomed: Dependents,
    *,
    successors: Mapping[Address, Address] = NOBODY,
    command: str = PLAN,
) -> Iterator[Blocked]:
    """Yield every guard's no. `doomed` is what hangs off the rows that the changes delete.

    `successors` are the recorded addresses whose row is another address now, with that one.

    `catalog` is None for a plan that does not follow it; `command` is what allowances are given to: one
    command with all that are needed, and those given already, lifts every guard that can be lifted.
    """
    deletes = [change for change in changes if change.action is Action.DELETE]
    found: list[Blocked] = []
    if catalog is not None:
        found += _empty_catalog(catalog, recorded, deletes, allowances)
    found += _too_many(deletes, recorded, limits, allowances)
    found += user_rows(doomed, limits, allowances)
    needed = {blocked.guard: blocked.remedy for blocked in found}
    given = {name: _flag(name, count) for name, count in allowances.items()}
    lifting = " ".join([command, *{**given, **needed}.values()])
    yield from (replace(blocked, remedy=_lifted(blocked.guard, lifting)) for blocked in found)
    yield from _protected(deletes, recorded)
    if catalog is not None:
        yield from _handed_on(changes, catalog, recorded, successors)
    yield from _undeclared(deletes, doomed)


def _flag(name: str, count: int) -> str:
    return f"--allow {name}={count}"


def _lifted(guard: str, command: str) -> str:
    return f"If nothing at all should be left:\n{command}" if guard == EMPTY_CATALOG else command


def saved_as(plan: Plan, file: str) -> Plan:
    """Return the plan with commands that lift its guards and save it to that file again."""
    out = f" --out {shlex.quote(file)}"
    blocked = [replace(b, remedy=b.remedy + out) if b.guard in ALLOWANCES else b for b in plan.blocked]
    return replace(plan, blocked=tuple(blocked))


def _empty_catalog(
    catalog: Catalog, recorded: Recorded, deletes: list[Change], allowances: Mapping[str, int]
) -> Iterator[Blocked]:
    if not catalog.resources and recorded.resources and deletes and EMPTY_CATALOG not in allowances:
        yield Blocked(
            guard=EMPTY_CATALOG,
            summary=f"the catalog is empty, and {len(recorded.resources):,} resources are recorded",
            remedy=_flag(EMPTY_CATALOG, 1),
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
            remedy=_flag(DELETES, count),
        )


def user_rows(doomed: Dependents, limits: GuardLimits, allowances: Mapping[str, int]) -> Iterator[Blocked]:
    """Yield the no of the budget of lost user rows; asked again inside the commit, when rows are locked.

    Its remedy is the allowance alone, for a command to be made of.
    """
    lost = sum(doomed.lost_rows.values())
    if lost > max(limits.user_rows, allowances.get(USER_ROWS, 0)):
        tables = ", ".join(
            f"{count:,} in {table}" for table, count in sorted(doomed.lost_rows.items()) if count
        )
        rows, people = counted(lost, "user row"), counted(doomed.users, "person", "people")
        yield Blocked(
            guard=USER_ROWS,
            summary=f"{rows} of {people} would be lost: {tables}",
            remedy=_flag(USER_ROWS, lost),
        )


def _protected(deletes: list[Change], recorded: Recorded) -> Iterator[Blocked]:
    held = {str(address) for address, record in recorded.resources.items() if record.protect}
    protected = tuple(change.address for change in deletes if change.address in held)
    if protected:
        yield Blocked(
            guard="protect",
            summary=f"{len(protected):,} of the deleted were protected by the last apply",
            addresses=protected,
            remedy="Put them back with `protect: false`, apply that, and remove them then.",
        )


def _handed_on(
    changes: tuple[Change, ...], catalog: Catalog, recorded: Recorded, successors: Mapping[Address, Address]
) -> Iterator[Blocked]:
    """Yield the no to a row that was protected under one address and would not be under its next one."""
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
            remedy=f"Write `protect: true` in the entry of {', '.join(sorted(set(bare.values())))}; "
            "or put the old entry back with `protect: false`, apply that, and rename it then.",
        )


def _undeclared(deletes: list[Change], doomed: Dependents) -> Iterator[Blocked]:
    declared = {(change.kind, change.row) for change in deletes}
    reached = tuple(
        f"unmanaged.{TABLES[kind].name}[{row}]"
        for kind in Kind
        for row in sorted(doomed.content.get(kind, ()))
        if (kind, row) not in declared
    )
    if reached:
        yield Blocked(
            guard="undeclared-content",
            summary=f"{len(reached):,} rows of content that this plan does not delete would go along",
            addresses=reached,
            remedy="Declare them, or let the parent go without deleting it by `forget:`.",
        )
