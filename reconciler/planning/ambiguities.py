"""Ambiguities that only a person can settle, each with a stable code.

`docs/diagnostics.md` shows this table.
"""

from collections.abc import Iterator, Sequence
from enum import Enum

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.kinds import TABLES, Table
from reconciler.model.plan import Action, Change
from reconciler.model.remedies import Remedy
from reconciler.model.values import Value
from reconciler.planning.world import World


class Ambiguity(Enum):
    """Question for the user: code, summary and explanation.

    The summary contains no names that the user chose. The explanation gives the background.
    """

    NO_SUCH_ROW = ("EL501", "the row does not exist", "`row:` names a row that is not in the table.")
    ROW_CLAIMED_TWICE = (
        "EL502",
        "two addresses claim one row",
        "By `row:`, `previously:` or what is recorded, two entries would be the same row.",
    )
    LOOKALIKE = (
        "EL503",
        "an address vanished beside one that looks like it",
        "The same under another id, or another one? A wrong guess would cost listeners their favourites.",
    )
    WHICH_ROW = (
        "EL504",
        "several rows could be this one",
        "Several rows have the same file path, or the same title in the same parent: `row:` says which.",
    )
    WHICH_ADDRESS = (
        "EL505",
        "several addresses could be one row",
        "Several new entries have the natural key of one row: `row:` in one of them decides.",
    )
    MERGE = (
        "EL506",
        "an address has a row of its own already",
        "`previously:` names an address whose row is another one than the entry's own.",
    )
    STALE_ROW = (
        "EL507",
        "the row is another one now",
        "`row:` still names the recorded number, but that row shows nothing of what was recorded.",
    )
    NAME_TAKEN = (
        "EL508",
        "another row has this name",
        "The database holds the name unique, and a row that the plan leaves alone has it.",
    )
    TEMPLATE_MISFIT = (
        "EL510",
        "a key template does not fit",
        "A template of elmify.yaml names what this resource does not have.",
    )
    NO_BYTES = (
        "EL511",
        "the bytes are nowhere",
        "The lockfile says that the hash is unknown, and the live object is not the one it describes.",
    )
    UNUSABLE_KEY = ("EL512", "a key cannot be used", "The rendered key breaks a rule of the bucket.")
    LONG_URL = (
        "EL513",
        "a URL is too long for its column",
        "Percent-encoded, the public URL has more characters than `audio_url` takes.",
    )
    UNKNOWN_CATEGORY = (
        "EL514",
        "an unknown category",
        "Categories are the app's: elmify assigns them and never creates them.",
    )
    NO_VALUE = (
        "EL515",
        "a required column has no value",
        "The table takes no row without it; catalog, lockfile and records do not say it.",
    )

    SHARED_PLAYBACK_KEY = (
        "EL516",
        "two lectures would be found by one key",
        "Apps turn names and numbers into a URL, and both entries give the same: one would play for both.",
    )

    @property
    def code(self) -> str:
        """The stable code."""
        return self.value[0]

    def at(self, position: Position, detail: str, hint: str, remedies: tuple[Remedy, ...] = ()) -> Diagnostic:
        """Ask it about one entry."""
        return Diagnostic(
            code=self.code,
            summary=self.value[1],
            detail=detail,
            hint=hint,
            position=position,
            remedies=remedies,
        )


def taken_names(world: World, changes: Sequence[Change]) -> Iterator[tuple[Address, Diagnostic]]:
    """Yield a question for each change to a name that is already taken.

    Another row has that name, and the changes leave it as it is: a row that is not declared, or one
    outside the scope that would have given the name up. Names are compared as the database does,
    letter by letter.
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
    return Ambiguity.NAME_TAKEN.at(
        change.position,
        f"Row {holder.id} of {table.name} has the {' and '.join(table.unique)} that {change.address} "
        "is to get, and this plan leaves that row as it is.",
        f"Give {change.address} another name. If that row is the one that is meant, write "
        f"`row: {holder.id}` in its entry.",
    )
