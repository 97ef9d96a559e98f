"""Corrections: the columns that a plan rewrites in rows that exist.

They are grouped by column, so that a reviewer sees what happens to 465 rows in a few lines.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.kinds import TABLES, Slot
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.values import Value
from reconciler.planning.diff import differing_names

#: The actions that can rewrite a row that exists; a rollback forgets what it imported, and takes it back.
CORRECTING = (Action.ADOPT, Action.UPDATE, Action.MOVE, Action.FORGET)

#: Those of them whose name does not say that a row is rewritten: such a change counts as an update too.
QUIET = (Action.ADOPT, Action.FORGET)

EXAMPLES_MAX = 3

_SLOTS = frozenset(slot.value for slot in Slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Example of a correction: a row with its value before and after.

    For an object the values are its keys. `waits` says that the store makes the value at the commit.
    """

    address: str
    before: Value
    after: Value
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnGroup:
    """Rows in which one column gets another value.

    `column` is a slot instead where the object in it changes and no column says so. The examples are
    in the order of the plan, each with another pair of values.
    """

    column: str
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """Columns that the changes of one action rewrite.

    `rows` counts the changes that rewrite anything, among those of the action. The most frequent
    column comes first, then they are by name.
    """

    action: Action
    rows: int
    columns: tuple[ColumnGroup, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """The rows of each column."""
        return {group.column: group.count for group in self.columns}


def corrections(plan: Plan, action: Action) -> Corrections:
    """Return what the plan's changes of one action rewrite in existing rows."""
    found: dict[str, list[Example]] = {}
    rows = 0
    for change in plan.changes:
        examples = list(_corrected(change)) if change.action is action else []
        rows += bool(examples)
        for column, example in examples:
            found.setdefault(column, []).append(example)
    groups = [
        ColumnGroup(column=column, count=len(examples), examples=_chosen(examples))
        for column, examples in found.items()
    ]
    ordered = sorted(groups, key=lambda group: (-group.count, group.column))
    return Corrections(action=action, rows=rows, columns=tuple(ordered))


def _corrected(change: Change) -> Iterator[tuple[str, Example]]:
    before, after = change.before, change.after
    if change.action not in CORRECTING or before is None or after is None:
        return
    names = differing_names(before, after)
    for name in names:
        if name in _SLOTS:
            slot = Slot(name)
            if _is_told_by_a_column(change, slot, names):
                continue
            old, new = before.objects.get(slot), after.objects.get(slot)
            keys = [found.key if found is not None else None for found in (old, new)]
            yield name, Example(address=change.address, before=keys[0], after=keys[1])
        else:
            yield (
                name,
                Example(
                    address=change.address,
                    before=before.values.get(name),
                    after=after.values.get(name),
                    waits=name in after.pending,
                ),
            )


def _is_told_by_a_column(change: Change, slot: Slot, names: Sequence[str]) -> bool:
    columns = TABLES[change.kind].columns if change.kind is not None else ()
    return any(column.source == slot.value and column.name in names for column in columns)


def _chosen(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Return the first examples, each with another pair of values."""
    different: dict[tuple[object, ...], Example] = {}
    for example in examples:
        key = (example.before, type(example.before), example.after, type(example.after))
        different.setdefault(key, example)
        if len(different) == EXAMPLES_MAX:
            break
    return tuple(different.values())
