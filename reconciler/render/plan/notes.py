"""Notes of a plan: what does not change anything and has to be known."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.model.plan import Action, Hindrance, NamedBy, Plan
from reconciler.model.remedies import ImportLive, Remedy
from reconciler.model.values import counted
from reconciler.render.escape import harmless
from reconciler.render.plan.sentences import of_action
from reconciler.render.remedies import commands_of


def released_notes(plan: Plan) -> list[tuple[str, list[str]]]:
    """Return a note for each column that is no longer managed.

    Each is a sentence, and the addresses where the column left the catalog.
    """
    places = _by_column((change.address, change.released) for change in plan.changes)
    return [(_released(column, len(found)), found) for column, found in places.items()]


def _by_column(columns: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Return the addresses by column, the columns sorted."""
    places: dict[str, list[str]] = {}
    for address, names in columns:
        for name in names:
            places.setdefault(name, []).append(address)
    return dict(sorted(places.items()))


def remembered_notes(plan: Plan) -> list[tuple[str, list[str]]]:
    """Return a note for each column that rows made again get as recorded.

    Each is a sentence, and the addresses of these rows.
    """
    places = _by_column((change.address, change.remembered) for change in plan.changes)
    return [(_remembered(column, len(found)), found) for column, found in places.items()]


def _remembered(column: str, count: int) -> str:
    rows = "1 row is" if count == 1 else f"{count:,} rows are"
    return f"{rows} made again with {harmless(column)} as it was last applied."


def _released(column: str, count: int) -> str:
    values = "its live value stays" if count == 1 else "the live values stay"
    return f"{harmless(column)} is no longer managed in {counted(count, 'resource')}: {values} as is."


def kept_notes(plan: Plan) -> list[tuple[str, list[str]]]:
    """Return a note for each column that keeps objects from being retired.

    Each is a sentence, and the keys of those objects.
    """
    places: dict[str, list[str]] = {}
    for key, named_by in sorted(plan.kept.items()):
        places.setdefault(_kept_by(named_by), []).append(key)
    return [
        (f"{counted(len(keys), 'object')} {'is' if len(keys) == 1 else 'are'} kept: {reason}.", keys)
        for reason, keys in sorted(places.items())
    ]


def _kept_by(named_by: NamedBy) -> str:
    place = harmless(named_by.column)
    if named_by.readable:
        return f"named in {place}"
    return f"elmify's role may not read all of {place}, which may name any object"


#: Why an object keeps its key, and what lets it move.
_HINDRANCES: Mapping[Hindrance, tuple[str, Remedy]] = {
    Hindrance.NEVER_HASHED: ("nobody has hashed the bytes", ImportLive(hash_bytes=True)),
}


def hindrance_remedy(reason: Hindrance) -> Remedy:
    """Return the operation after which such an object can move."""
    return _HINDRANCES[reason][1]


def rekey_notes(plan: Plan) -> list[tuple[str, list[str]]]:
    """Return a note for each reason why objects do not move to new keys.

    Each is a sentence with the command that helps, and the objects with their slots.
    """
    places: dict[Hindrance, list[str]] = {}
    for left in plan.not_rekeyed:
        places.setdefault(left.reason, []).append(f"{left.address} {left.slot.value}: {left.key}")
    return [(_not_rekeyed(reason, len(objects)), objects) for reason, objects in sorted(places.items())]


def _not_rekeyed(reason: Hindrance, count: int) -> str:
    why, remedy = _HINDRANCES[reason]
    objects = f"{counted(count, 'object keeps its key', 'objects keep their keys')}"
    (command,) = commands_of([remedy])
    return f"--rekey leaves out what it cannot move: {objects}, because {why}. First `{command}`."


def record_notes(plan: Plan) -> list[tuple[str, list[str]]]:
    """Return notes about changes that touch only elmify's records.

    There is one for each reason of such changes: a sentence, and their addresses.
    """
    places: dict[str, list[str]] = {}
    for change in of_action(plan, Action.NO_OP):
        if not change.released and plan.merges is None:
            places.setdefault(change.reason, []).append(change.address)
    return [
        (f"Only the records change for {counted(len(addresses), 'resource')}: {harmless(reason)}", addresses)
        for reason, addresses in sorted(places.items())
    ]
