"""The difference between what each address should be and the row it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from reconciler.model.actual import Row
from reconciler.model.address import Address, parent_of
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.drift import DriftFinding
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.plan import Action, Change, ObjectState, Put, State
from reconciler.model.recorded import ResourceRecord
from reconciler.model.remedies import ImportLive, Lock
from reconciler.model.values import Value, canonical_json, nfc, same
from reconciler.planning.ambiguities import Ambiguity
from reconciler.planning.desired import DesiredRow, wanted
from reconciler.planning.drift import baseline, drift_of
from reconciler.planning.fingerprint import change_id
from reconciler.planning.identity import Binding, Identities
from reconciler.planning.key_allocation import Placements, Slots, keys_of, objects_after
from reconciler.planning.lost_rows import LostRows, lacking_in_record
from reconciler.planning.placement import How
from reconciler.planning.playback_claims import broken_copies
from reconciler.planning.references import URL_MAX_CHARS
from reconciler.planning.world import World

_LEARN = "Read them from the live object, or put the file under the media root and lock it:"

#: Columns whose value comes with an object.
_OF_OBJECTS = frozenset(
    column.name
    for table in TABLES.values()
    for column in table.columns
    if column.origin not in {Origin.FIELD, Origin.PARENT, Origin.CATEGORIES}
)


@dataclass
class Differences:
    """Result of one pass over the catalog: changes, drift and problems.

    `used` are the NFC keys that declared resources name.
    """

    changes: list[Change] = field(default_factory=list)
    drift: list[DriftFinding] = field(default_factory=list)
    problems: list[tuple[Address, Diagnostic]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unchanged: int = 0
    unverified: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Declared resource: its row, the keys of its slots, its desired columns."""

    resource: Resource
    row: Row | None
    record: ResourceRecord | None
    placements: Placements
    want: DesiredRow
    puts: tuple[Put, ...]

    @property
    def address(self) -> Address:
        """The resource's address."""
        return self.resource.address


class Differ:
    """Comparison of every declared resource with its row.

    `take` is called with each resource as it is placed.
    """

    def __init__(
        self,
        world: World,
        identities: Identities,
        *,
        rekey: bool = False,
        take: Callable[[Placed], None] | None = None,
    ) -> None:
        self._world, self._identities, self._take = world, identities, take
        self._slots = Slots(world, identities, rekey=rekey)
        self._lost = LostRows(world, self._slots.lost)
        self._asked = frozenset(address for address, _ in identities.problems)
        self._locked = frozenset(map(nfc, world.catalog.media))
        self._parents: Mapping[Address, int] = {a: b.row.id for a, b in identities.bound.items()}
        self._broken = broken_copies(world)
        self._repaired: set[Address] = set()
        self._found = Differences()

    def run(self) -> Differences:
        """Return the differences of every declared resource."""
        for resource, placements in self._slots.place_all():
            self._compare(resource, placements)
        self._found.problems += self._slots.problems
        return self._found

    def _problem(self, resource: Resource, question: Ambiguity, detail: str, hint: str) -> None:
        self._found.problems.append((resource.address, question.at(resource.position, detail, hint)))

    def _compare(self, resource: Resource, placements: Placements) -> None:
        binding = self._identities.bound.get(resource.address)
        row = binding.row if binding is not None else None
        self._count(placements)
        shown = row if row is not None else self._lost.row(resource)
        want = wanted(resource, shown, placements, self._parents, self._world.policy.layout)
        filled = self._filled(resource, want, placements) if row is None else {}
        self._check_values(resource, want, filled, row)
        record = self._slots.record(resource)
        if self._take is not None:
            puts = self._slots.puts(placements)
            self._take(
                Placed(resource=resource, row=row, record=record, placements=placements, want=want, puts=puts)
            )
        if binding is not None and self._settled(resource, binding, want, placements, record):
            self._found.unchanged += 1
            return
        if record is not None and binding is not None:
            self._found.drift.extend(
                drift_of(record, binding.row, self._world.recorded, self._world.snapshot)
            )
        self._found.changes.append(self._change(resource, binding, record, want, placements, filled))

    def _filled(self, resource: Resource, want: DesiredRow, placements: Placements) -> Mapping[str, Value]:
        """Return the values of a new row in columns that are not managed.

        The row that is gone had them when it was last applied.
        """
        hashes = {slot: p.media.sha256 for slot, p in placements.items() if p is not None}
        said = {**want.values, **dict.fromkeys(want.pending)}
        return self._lost.values(resource, said, keys_of(placements), hashes)

    def _count(self, placements: Placements) -> None:
        for placement in placements.values():
            if placement is not None:
                self._found.used.add(nfc(placement.key))
                self._found.unverified += not placement.verified

    def _check_values(
        self, resource: Resource, want: DesiredRow, filled: Mapping[str, Value], row: Row | None
    ) -> None:
        self._check_required(resource, {**want.values, **filled}, want.pending, row)
        url = want.values.get("audio_url")
        if isinstance(url, str) and len(url) > URL_MAX_CHARS:
            detail = (
                f"Percent-encoded, its URL has {len(url):,} characters; audio_url takes {URL_MAX_CHARS:,}."
            )
            self._problem(resource, Ambiguity.LONG_URL, detail, "Shorten the title, or the key template.")
        unknown = [
            slug
            for slug in want.values.get("categories") or ()  # type: ignore[union-attr]
            if self._world.snapshot.categories is None or slug not in self._world.snapshot.categories
        ]
        if unknown:
            self._unknown_categories(resource, unknown)

    def _check_required(
        self, resource: Resource, values: Mapping[str, Value], pending: Mapping[str, str], row: Row | None
    ) -> None:
        """Ask about each required column that a row would get no value in."""
        if any(path is not None and nfc(path) not in self._locked for path in resource.media.values()):
            return  # the loader has said so
        if row is None and self._is_asked(resource.address):
            return  # which row it is has to be answered first
        concerned = TABLES[resource.kind].required - pending.keys()
        lacking = [
            name
            for name in concerned
            if values.get(name) is None and (row is None or (name in values and row[name] is not None))
        ]
        if lacking:
            names = ", ".join(f"`{name}`" for name in sorted(lacking))
            is_lost = resource.address in self._slots.lost
            detail = f"{resource.address} gets a row{' again' if is_lost else ''}, and nobody knows {names}."
            question = Ambiguity.NO_VALUE.at(
                resource.position, detail, _LEARN, (ImportLive(hash_bytes=True), Lock())
            )
            self._found.problems.append((resource.address, question))

    def _is_asked(self, address: Address) -> bool:
        parent = parent_of(address)
        return address in self._asked or (parent is not None and self._is_asked(parent))

    def _unknown_categories(self, resource: Resource, unknown: list[str]) -> None:
        if self._world.snapshot.categories is None:
            detail, hint = "This database has no category tables.", "Remove `categories:` from the catalog."
        else:
            near = get_close_matches(unknown[0], self._world.snapshot.categories, n=1)
            detail = f"There is no category {', '.join(map(repr, unknown))} in the database."
            hint = (
                f"Did you mean `{near[0]}`?" if near else "Create it in the app first, or correct its slug."
            )
        self._problem(resource, Ambiguity.UNKNOWN_CATEGORY, detail, hint)

    def _settled(
        self,
        resource: Resource,
        binding: Binding,
        want: DesiredRow,
        placements: Placements,
        record: ResourceRecord | None,
    ) -> bool:
        """Return whether row, objects and record all match the desired state."""
        return (
            record is not None
            and binding.previous is None
            and not want.pending
            and record.protect == resource.protect
            and all(same(value, binding.row[name]) for name, value in want.values.items())
            and not self._is_broken(resource, binding.row)
            and all(p is None or p.how is How.KEPT for p in placements.values())
            and dict(record.keys) == keys_of(placements)
            and record.applied == canonical_json(want.values)
            and not lacking_in_record(record, want.values)
        )

    def _is_broken(self, resource: Resource, row: Row) -> bool:
        """Return whether a playback copy of the lecture is gone or replaced."""
        if resource.kind is Kind.LECTURE and row.id in self._broken:
            self._repaired.add(resource.address)
            return True
        return False

    def _change(
        self,
        resource: Resource,
        binding: Binding | None,
        record: ResourceRecord | None,
        want: DesiredRow,
        placements: Placements,
        filled: Mapping[str, Value],
    ) -> Change:
        row = binding.row if binding is not None else None
        after = State(
            values={**want.values, **filled}, objects=objects_after(placements), pending=dict(want.pending)
        )
        before = None
        if row is not None:
            values = {name: row[name] for name in (*want.values, *want.pending)}
            before = State(values=values, objects=self._slots.objects_before(resource, row, placements))
        puts = self._slots.puts(placements)
        copies = self._slots.kept_aside(resource, row, placements)
        action, reason = self._action(
            binding, record, before, after, resource.address, protect=resource.protect
        )
        previous = binding.previous if binding is not None else None
        return Change(
            address=resource.address,
            kind=resource.kind,
            action=action,
            reason=reason,
            change_id=change_id(
                self._world.policy.environment, resource.address, action, previous, before, after, copies
            ),
            row=row.id if row is not None else self._lost.row_id(resource),
            previous_address=previous,
            before=before,
            after=after,
            puts=puts,
            copies=copies,
            reused=tuple(p.key for p in placements.values() if p is not None and p.how is How.REUSED),
            released=_released(record, want),
            remembered=tuple(filled),
            protect=resource.protect,
            position=resource.position,
        )

    def _action(
        self,
        binding: Binding | None,
        record: ResourceRecord | None,
        before: State | None,
        after: State,
        address: Address,
        *,
        protect: bool,
    ) -> tuple[Action, str]:
        if binding is None or before is None:
            lost = " (its recorded row is gone)" if address in self._identities.broken else ""
            return Action.CREATE, f"new in the catalog{lost}"
        if record is None:
            lost = "its record is of another row now; " if address in self._identities.broken else ""
            return Action.ADOPT, f"{lost}found by {binding.rung}"
        differing = differing_names(before, after)
        if binding.previous is not None:
            return Action.MOVE, binding.rung
        if not differing and address in self._repaired:
            return Action.UPDATE, "a playback copy is gone or was replaced"
        if not differing:
            return Action.NO_OP, _why_recorded(record, protect=protect)
        if set(differing) <= {slot.value for slot in after.objects}:
            return Action.UPDATE, f"missing in the bucket: {', '.join(differing)}"
        return Action.UPDATE, _why_updated(before, after, differing)


def _why_recorded(record: ResourceRecord, *, protect: bool) -> str:
    if protect and not record.protect:
        return "it is protected from now on"
    if record.protect and not protect:
        return "it is not protected any more"
    return "what elmify remembers of it is brought up to date"


def _why_updated(before: State, after: State, differing: list[str]) -> str:
    """Return the reason for an update, in the words of the catalog.

    It names the slots that get new bytes and the other columns that differ.
    """
    replaced = [
        slot.value
        for slot, found in after.objects.items()
        if slot in before.objects and _replaces(before.objects[slot], found)
    ]
    derived = {name for name in differing if name in _OF_OBJECTS or name in set(Slot)}
    others = [name for name in differing if not (replaced and name in derived)]
    reasons = [f"new bytes for {', '.join(replaced)}"] if replaced else []
    if others:
        reasons.append(f"the catalog says otherwise: {', '.join(others)}")
    return "; ".join(reasons)


def _replaces(before: ObjectState, after: ObjectState) -> bool:
    """Return whether an object is replaced by one with other bytes.

    Learning the hash of an object that was there already is not a change.
    """
    return nfc(before.key) != nfc(after.key) and before.sha256 != after.sha256


def differing_names(before: State, after: State) -> list[str]:
    """Return the names of differing columns and slots, columns first.

    They are those that differ between the two sides.
    """
    names = [name for name, value in after.values.items() if not same(value, before.values.get(name))]
    names += list(after.pending)
    names += [
        slot.value
        for slot, found in after.objects.items()
        if not _same_object(before.objects.get(slot), found)
    ]
    names += [slot.value for slot in before.objects if slot not in after.objects]
    return names


def _same_object(before: ObjectState | None, after: ObjectState) -> bool:
    return before is not None and nfc(before.key) == nfc(after.key)


def _released(record: ResourceRecord | None, want: DesiredRow) -> tuple[str, ...]:
    if record is None:
        return ()
    return tuple(name for name in baseline(record) if name not in want.values and name not in want.pending)
