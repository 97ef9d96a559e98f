"""Context of a verification: a world's analysis and its surroundings."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.model.actual import Row, StoredObject
from reconciler.model.address import Address
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.plan import Action, NamedBy, PutOrigin
from reconciler.model.ports import UnfinishedUpload
from reconciler.model.values import nfc
from reconciler.planning.ambiguities import taken_names
from reconciler.planning.analysis import analyse
from reconciler.planning.diff import Placed
from reconciler.planning.placement import How
from reconciler.planning.references import key_in
from reconciler.planning.world import World

#: What a repair may do to a declared resource. A move or a delete is a person's wish, not a repair.
_MENDING = frozenset({Action.CREATE, Action.UPDATE, Action.ADOPT, Action.NO_OP})


#: Where a slot has a column of its own, by which a row names the object.
_NAMING = frozenset({Origin.KEY, Origin.REFERENCE})


def _everywhere(_path: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Observations of a verification that are not part of the world.

    `nfc_duplicates` are pairs of listed keys that are equal by NFC. `unfinished` is None when the bucket's
    access key may not list uploads. `broken_chain` says what is wrong with the audit log, None when
    it is whole. `run` is the run that holds a lease that has not expired. `named_elsewhere` says what
    outside the columns of content rows names an object that no row does, by NFC key. `has_file`
    returns whether a path under the media root is on this machine.
    """

    nfc_duplicates: tuple[tuple[str, str], ...] = ()
    unfinished: tuple[UnfinishedUpload, ...] | None = ()
    broken_chain: str | None = None
    run: int | None = None
    named_elsewhere: Mapping[str, NamedBy] = field(default_factory=dict)
    has_file: Callable[[str], bool] = field(default=_everywhere)


class VerifyContext:
    """Analysis of a world in one pass, for the checks of a verification.

    `problems` are the questions by address, `owners` the addresses by NFC key.
    """

    def __init__(self, world: World, beside: Surroundings) -> None:
        self.world, self.beside = world, beside
        found = analyse(world, keep_placed=True)
        self.identities, self.unmanaged, self.placed = found.identities, found.unmanaged, found.placed
        self.used = found.differences.used
        self.problems: Mapping[Address, Diagnostic] = dict(
            (*found.differences.problems, *self.identities.problems)
        )
        self._changes = {change.address: change for change in found.differences.changes}
        self.owners = self._owners()
        self.unverified = dict(self._unverified())

    def _owners(self) -> Mapping[str, frozenset[str]]:
        owners: defaultdict[str, set[str]] = defaultdict(set)
        for placed in self.placed:
            for placement in placed.placements.values():
                if placement is not None and placement.how is How.KEPT:
                    owners[nfc(placement.key)].add(placed.address)
        return {key: frozenset(addresses) for key, addresses in owners.items()}

    def _unverified(self) -> Iterator[tuple[str, StoredObject]]:
        """Yield what is live and was never hashed by anybody, by NFC key."""
        for placed in self.placed:
            for placement in placed.placements.values():
                if placement is not None and placement.how is How.KEPT and not placement.verified:
                    stored = self.stored(placement.key)
                    if stored is not None:
                        yield nfc(placement.key), stored

    def stored(self, key: str | None) -> StoredObject | None:
        """Return the object under a key; None when there is none."""
        return None if key is None else self.world.snapshot.objects.get(nfc(key))

    def is_heard(self, placed: Placed, *, every: bool = False) -> bool:
        """Return whether a resource is a lecture that a listener can hear.

        It has a row that plays by some way; by `every` way, where that is asked. A way that is only reported
        does not count.
        """
        if placed.row is None or placed.row.kind is not Kind.LECTURE:
            return False
        library, row = self.world.library, placed.row
        plays = [
            library.plays(row, key)
            for way, key in zip(library.ways, library.keys(row), strict=True)
            if not way.report
        ]
        return all(plays) if every else any(plays)

    def is_asked(self, address: Address) -> bool:
        """Return whether an address or one of its parents has a question."""
        parts = address.split("/")
        return any(Address("/".join(parts[:depth])) in self.problems for depth in range(1, len(parts) + 1))

    def lacking(self, placed: Placed) -> str | None:
        """Return a path whose bytes must be put and are not available anywhere.

        None when there is none.
        """
        for placement in placed.placements.values():
            if placement is not None and placement.how is How.NOWHERE:
                return placement.media.path
        for put in placed.puts:
            if put.origin is PutOrigin.DISK and not self.beside.has_file(put.path):
                return put.path
        return None

    def can_repair(self, placed: Placed) -> bool:
        """Return whether a plan limited to this address can repair it.

        Such a plan is a repair, and it can be made and carried out here.
        """
        change = self._changes.get(placed.address)
        allowed = change is None or change.action in _MENDING
        return allowed and not self.is_asked(placed.address) and self.lacking(placed) is None

    def taken_names(self, addresses: Collection[str]) -> Mapping[Address, Diagnostic]:
        """Return the addresses that are to get a name that is taken.

        A plan limited to `addresses` would ask a question about them for that reason.
        """
        chosen = {
            address: self._changes[Address(address)] for address in addresses if address in self._changes
        }
        asked: dict[Address, Diagnostic] = {}
        while found := dict(taken_names(self.world, list(chosen.values()))):
            asked |= found
            chosen = {address: change for address, change in chosen.items() if address not in found}
        return asked


def named_in(row: Row, slot: Slot) -> str | None:
    """Return the NFC key that a row names in a slot's own column.

    The domain does not matter. None when the column names no key.
    """
    return key_in(value_in(row, slot))


def value_in(row: Row, slot: Slot) -> str | None:
    """Return what a row holds in a slot's own column, as it is spelled there."""
    table = TABLES[row.kind]
    naming = (c for c in table.columns if c.origin in _NAMING and c.source == slot.value)
    value = row[next(naming).name]
    return value if isinstance(value, str) else None


def name_of(row: Row) -> str:
    """Return a row's name or title."""
    return str(row[TABLES[row.kind].natural_key[-1]])


def slots_of(kind: Kind) -> tuple[Slot, ...]:
    """Return the slots of a kind."""
    return TABLES[kind].slots
