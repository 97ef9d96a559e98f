"""Names that the database holds unique, and that a plan would give to a second row."""

from collections.abc import Iterator, Sequence

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import TABLES, Table
from reconciler.model.plan import Action, Change
from reconciler.model.values import Value
from reconciler.planning.questions import Question
from reconciler.planning.world import World


def taken_names(world: World, changes: Sequence[Change]) -> Iterator[tuple[Address, Diagnostic]]:
    """Yield a question for each change that gives its row the name of a row it leaves as it is.

    That is a row that nobody declared, or one outside the scope that would have given the name up. Names
    are compared as the database does, letter by letter.
    """
    for table in TABLES.values():
        writing = [change for change in changes if change.kind is table.kind]
        if table.unique and writing:
            yield from _taken_in(world, table, writing)


def _taken_in(world: World, table: Table, changes: Sequence[Change]) -> Iterator[tuple[Address, Diagnostic]]:
    changed = {change.row for change in changes if change.action is not Action.FORGET}
    rows = world.snapshot.rows[table.kind].values()
    held = {_name(table, row): row for row in rows if row.id not in changed}
    for change in changes:
        if change.after is not None and change.position is not None:
            values = change.after.values
            holder = held.get(tuple(values.get(column) for column in table.unique))
            if holder is not None:
                yield Address(change.address), _question(table, change, holder)


def _name(table: Table, row: Row) -> tuple[Value, ...]:
    return tuple(row[column] for column in table.unique)


def _question(table: Table, change: Change, holder: Row) -> Diagnostic:
    assert change.position is not None
    return Question.NAME_TAKEN.at(
        change.position,
        f"Row {holder.id} of {table.name} has the {' and '.join(table.unique)} that {change.address} "
        "is to get, and this plan leaves that row as it is.",
        f"Give {change.address} another name. If that row is the one that is meant, write "
        f"`row: {holder.id}` in its entry.",
    )
