"""Merge of two rows of the same recording.

What listeners keep moves to the other row, and the empty row is deleted.
"""

import re
from dataclasses import dataclass, replace

from reconciler.model.actual import Row
from reconciler.model.address import UNMANAGED, Address
from reconciler.model.errors import UsageError
from reconciler.model.kinds import TABLES, Kind
from reconciler.model.plan import Action, Change, State, Unmanaged
from reconciler.model.recorded import ResourceRecord
from reconciler.model.remedies import Merge, Remedy, Sentence
from reconciler.planning.fingerprint import change_id
from reconciler.planning.identity import Identities
from reconciler.planning.planner import Draft, draft_of
from reconciler.planning.record_validity import trusted
from reconciler.planning.removals import row_state, unmanaged_in
from reconciler.planning.world import Request, World

_ROW = re.compile(r"(?:(?:unmanaged\.)?lectures\[)?([0-9]{1,18})\]?")


def row_number(text: str) -> int | None:
    """Return the row of lectures that a text names; None when it is none.

    `412`, `lectures[412]` and `unmanaged.lectures[412]` are row 412.
    """
    numbered = _ROW.fullmatch(text)
    return int(numbered[1]) if numbered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTarget:
    """One of the two lectures: its row, and its record when it has an address."""

    row: Row
    record: ResourceRecord | None

    @property
    def address(self) -> str:
        """The address, or the name of a row that has none."""
        return self.record.address if self.record is not None else f"{UNMANAGED}lectures[{self.row.id}]"


def draft_merge(world: World, request: Request) -> Draft:
    """Return the draft of a merge of two lectures.

    The first lecture of `request.merges` is deleted, and its user rows move to the second.

    Raise `UsageError` when one of them is not a lecture with a row, and when the catalog declares the
    one that would be deleted: the next apply would create it anew.
    """
    assert request.merges is not None
    believed = trusted(world.snapshot, world.recorded)
    by_row = {row.id: address for address, row in believed.items() if row.kind is Kind.LECTURE}
    goes, stays = (_place(world, by_row, text) for text in request.merges)
    if goes.row.id == stays.row.id:
        raise UsageError(
            f"{goes.address} cannot be merged with itself",
            code="merge-with-itself",
            hint="Name two lectures.",
        )
    _refuse_declared(world, goes, stays)
    vanished = {address: believed.get(address) for address in world.recorded.resources}
    identities = Identities(bound={}, vanished=vanished, broken=frozenset(), problems=())
    changes = [_delete(world, goes, stays), _keep(world, goes, stays)]
    unmanaged = _without(unmanaged_in(world, identities, set()), goes.row.id)
    rough = draft_of(world, request, identities, changes=changes, drift=(), unmanaged=unmanaged)
    return replace(rough, to_delete={})  # what hangs off it goes over


def _without(unmanaged: Unmanaged, lecture: int) -> Unmanaged:
    """Leave out the row that goes: it is not left alone."""
    kept = {
        kind: tuple(row for row in rows if kind is not Kind.LECTURE or row != lecture)
        for kind, rows in unmanaged.rows.items()
    }
    return replace(unmanaged, rows={kind: rows for kind, rows in kept.items() if rows})


def rows_of(rough: Draft) -> tuple[int, int]:
    """Return the row that goes and the one that stays."""
    [goes] = [change.row for change in rough.changes if change.action is Action.DELETE]
    [stays] = [change.row for change in rough.changes if change.action is not Action.DELETE]
    assert goes is not None
    assert stays is not None
    return goes, stays


def _place(world: World, by_row: dict[int, Address], text: str) -> MergeTarget:
    lectures = world.snapshot.rows[Kind.LECTURE]
    recorded = world.recorded.resources.get(Address(text))
    number = row_number(text)
    if number is None and recorded is not None:
        number = recorded.row
    if recorded is not None and recorded.kind is not Kind.LECTURE:
        raise UsageError(f"{text} is no lecture", code="not-a-lecture", hint="Only lectures can be merged.")
    row = lectures.get(number) if number is not None else None
    if row is None or (recorded is not None and by_row.get(row.id) != recorded.address):
        raise UsageError(
            f"{text} is no lecture that has a row",
            code="no-row",
            hint="Name the address of an applied lecture, or a row: 412 or unmanaged.lectures[412]",
        )
    address = by_row.get(row.id)
    return MergeTarget(row=row, record=world.recorded.resources[address] if address is not None else None)


def _refuse_declared(world: World, goes: MergeTarget, stays: MergeTarget) -> None:
    """Raise when the catalog declares the lecture that would go."""
    if goes.record is None or goes.record.address not in world.catalog.resources:
        return
    remedies: list[Remedy]
    if stays.record is not None:
        hint = (
            f"Remove {goes.address} from the catalog, but do not apply that: merge first, which takes its "
            "favourites over. Or merge the other way round:"
        )
        remedies = [Merge(row=stays.address, into=goes.address)]
    else:
        hint = f"The catalog's {goes.address} is row {goes.row.id}, and a merge keeps the catalog's row:"
        otherwise = (
            f"If row {stays.row.id} is to stay, write `row: {stays.row.id}` in the entry and apply that; "
            f"then row {goes.row.id} is unmanaged, and can be merged."
        )
        remedies = [Merge(row=str(stays.row.id), into=goes.address), Sentence(text=otherwise)]
    raise UsageError(
        f"the catalog declares {goes.address}, so the next apply would create it anew",
        code="merge-of-declared",
        hint=hint,
        remedies=remedies,
    )


def _delete(world: World, goes: MergeTarget, stays: MergeTarget) -> Change:
    before = row_state(world, goes.row)
    own = change_id(world.policy.environment, goes.address, Action.DELETE, None, before, None)
    return Change(
        address=goes.address,
        kind=Kind.LECTURE,
        action=Action.DELETE,
        reason=f"merged into {stays.address}, row {stays.row.id}",
        change_id=own,
        row=goes.row.id,
        before=before,
        protect=goes.record is not None and goes.record.protect,
    )


def _keep(world: World, goes: MergeTarget, stays: MergeTarget) -> Change:
    """Return the change that holds the remaining row during a merge.

    The row is held while rows move over to it; nothing of it is written.
    """
    name = TABLES[Kind.LECTURE].natural_key[-1]
    before = State(values={name: stays.row[name]})
    own = change_id(world.policy.environment, stays.address, Action.NO_OP, None, before, None)
    return Change(
        address=stays.address,
        kind=Kind.LECTURE,
        action=Action.NO_OP,
        reason=f"it takes over what listeners keep of {goes.address}",
        change_id=own,
        row=stays.row.id,
        before=before,
    )
