"""The difference between what each address should be and the row it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from reconciler.model.actual import Row, Snapshot
from reconciler.model.address import Address
from reconciler.model.catalog import Catalog, MediaFile, Resource
from reconciler.model.catalog import media_by_path as media_by_path  # noqa: PLC0414  # read here by applying
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import TABLES, Kind, Origin, Slot
from reconciler.model.plan import Action, Change, Drift, ObjectState, Put, State
from reconciler.model.policy import Policy
from reconciler.model.recorded import Recorded, ResourceRecord
from reconciler.model.values import canonical_json, nfc, same
from reconciler.planning.desired import Wanted, wanted
from reconciler.planning.drift import baseline, drift_of
from reconciler.planning.fingerprint import change_id
from reconciler.planning.identity import Binding, Identities
from reconciler.planning.keys import TemplateRefused, default_key, is_form_of, key_problem
from reconciler.planning.placement import How, Placement, Placer
from reconciler.planning.questions import Question
from reconciler.planning.references import URL_MAX_CHARS, split_reference

#: Columns whose value comes with an object.
_OF_OBJECTS = frozenset(
    column.name
    for table in TABLES.values()
    for column in table.columns
    if column.origin not in {Origin.FIELD, Origin.PARENT, Origin.CATEGORIES}
)


@dataclass
class Differences:
    """What one pass over the catalog found. `used` are the NFC keys that declared resources name."""

    changes: list[Change] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    problems: list[tuple[Address, Diagnostic]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unchanged: int = 0
    unverified: int = 0


class Differ:
    """Compares every declared resource with the row it is bound to."""

    def __init__(
        self,
        catalog: Catalog,
        snapshot: Snapshot,
        recorded: Recorded,
        policy: Policy,
        identities: Identities,
        named_by_a_row: Callable[[str], bool],
        *,
        rekey: bool = False,
    ) -> None:
        self.catalog, self.snapshot, self.recorded = catalog, snapshot, recorded
        self.policy, self.identities, self.rekey = policy, identities, rekey
        self.placer = Placer(snapshot, recorded, policy.transfer, named_by_a_row, rekey=rekey)
        self.parents: Mapping[Address, int] = {a: b.row.id for a, b in identities.bound.items()}
        self.media = media_by_path(catalog)
        self.found = Differences()

    def run(self) -> Differences:
        """Return the differences of every declared resource; the kept keys are claimed before new ones.

        Keys are chosen in the order of addresses, so that moving an entry within its file changes no plan.
        """
        resources = [self.catalog.resources[address] for address in sorted(self.catalog.resources)]
        kept = {resource.address: self._kept(resource) for resource in resources}
        for resource in resources:
            self._compare(resource, kept[resource.address])
        return self.found

    # Objects.

    def _record(self, resource: Resource) -> ResourceRecord | None:
        """Return the record that speaks of the row this address is bound to."""
        binding = self.identities.bound.get(resource.address)
        if binding is None:
            return None
        record = self.recorded.resources.get(binding.previous or resource.address)
        return record if record is not None and record.row == binding.row.id else None

    def _kept(self, resource: Resource) -> dict[Slot, Placement]:
        """Return the slots whose bytes stay under the key they have."""
        binding = self.identities.bound.get(resource.address)
        if binding is None:
            return {}
        kept = {}
        for slot, path in resource.media.items():
            media = self.media.get(nfc(path)) if path is not None else None
            key = self._present_key(resource, binding.row, slot)
            if media is None or key is None or self._rekeyed(resource, slot, key, media):
                continue
            placement = self.placer.keep(key, media)
            if placement is not None:
                kept[slot] = placement
        return kept

    def _rekeyed(self, resource: Resource, slot: Slot, key: str, media: MediaFile) -> bool:
        """Whether the key is to be chosen anew; bytes that nobody has hashed can only stay where they are."""
        if not self.rekey or media.sha256 is None:
            return False
        return not is_form_of(key, self._rendered(resource, slot, media.path), media.sha256)

    def _present_key(self, resource: Resource, row: Row, slot: Slot) -> str | None:
        """Return the key a slot has: the recorded one, else what the row says.

        An image on another domain is nobody's key here, unless an object stands under that very path.
        """
        record = self._record(resource)
        if record is not None and slot in record.keys:
            return record.keys[slot]
        for column in TABLES[resource.kind].columns:
            value = row[column.name] if column.source == slot.value else None
            if column.origin is Origin.KEY and isinstance(value, str):
                return value
            if column.origin is Origin.REFERENCE and isinstance(value, str):
                base, key = split_reference(value)
                ours = base is None or base == self.policy.layout.base_url or key in self.snapshot.objects
                return key if ours and key else None
        return None

    def _place(
        self, resource: Resource, kept: Mapping[Slot, Placement], row: Row | None
    ) -> dict[Slot, Placement | None]:
        placements: dict[Slot, Placement | None] = {}
        for slot, path in resource.media.items():
            if path is None:
                placements[slot] = None
                continue
            media = self.media.get(nfc(path))
            if media is None:
                continue  # the loader has said so
            present = self._present_key(resource, row, slot) if row is not None else None
            placement = kept.get(slot) or self.placer.choose(
                self._rendered(resource, slot, path),
                media,
                address=resource.address,
                replaces=present is not None and not self.rekey,
            )
            self._check(resource, placement)
            placements[slot] = placement
        return placements

    def _rendered(self, resource: Resource, slot: Slot, path: str) -> str:
        try:
            return default_key(self.policy.layout.templates, slot, lineage(self.catalog, resource), path)
        except TemplateRefused as refused:
            self._problem(resource, Question.TEMPLATE_MISFIT, f"The key of {slot.value}: {refused}.")
            return path

    def _check(self, resource: Resource, placement: Placement) -> None:
        if placement.how is How.NOWHERE:
            self._problem(
                resource,
                Question.NO_BYTES,
                f"The hash of {placement.media.path} is unknown, and its key does not hold it.",
                "Put the file under the media root and run `elmify lock`.",
            )
        problem = key_problem(placement.key) if placement.how is not How.KEPT else None
        if problem is not None:
            self._problem(resource, Question.UNUSABLE_KEY, f"{placement.key!r}: {problem}.")

    def _problem(
        self,
        resource: Resource,
        question: Question,
        detail: str,
        hint: str = "Change the title, or the key template in elmify.yaml.",
    ) -> None:
        self.found.problems.append((resource.address, question.at(resource.position, detail, hint)))

    # Rows.

    def _compare(self, resource: Resource, kept: Mapping[Slot, Placement]) -> None:
        binding = self.identities.bound.get(resource.address)
        row = binding.row if binding is not None else None
        placements = self._place(resource, kept, row)
        self._count(placements)
        want = wanted(resource, row, placements, self.parents, self.policy.layout)
        self._check_values(resource, want)
        record = self._record(resource)
        if binding is not None and self._settled(resource, binding, want, placements, record):
            self.found.unchanged += 1
            return
        if record is not None and binding is not None:
            self.found.drift.extend(drift_of(record, binding.row, self.recorded, self.snapshot))
        self.found.changes.append(self._change(resource, binding, record, want, placements))

    def _count(self, placements: Mapping[Slot, Placement | None]) -> None:
        for placement in placements.values():
            if placement is not None:
                self.found.used.add(nfc(placement.key))
                self.found.unverified += not placement.verified

    def _check_values(self, resource: Resource, want: Wanted) -> None:
        url = want.values.get("audio_url")
        if isinstance(url, str) and len(url) > URL_MAX_CHARS:
            detail = (
                f"Percent-encoded, its URL has {len(url):,} characters; audio_url takes {URL_MAX_CHARS:,}."
            )
            self._problem(resource, Question.LONG_URL, detail)
        unknown = [
            slug
            for slug in want.values.get("categories") or ()  # type: ignore[union-attr]
            if self.snapshot.categories is None or slug not in self.snapshot.categories
        ]
        if unknown:
            self._unknown_categories(resource, unknown)

    def _unknown_categories(self, resource: Resource, unknown: list[str]) -> None:
        if self.snapshot.categories is None:
            detail, hint = "This database has no category tables.", "Remove `categories:` from the catalog."
        else:
            near = get_close_matches(unknown[0], self.snapshot.categories, n=1)
            detail = f"There is no category {', '.join(map(repr, unknown))} in the database."
            hint = (
                f"Did you mean `{near[0]}`?" if near else "Create it in the app first, or correct its slug."
            )
        self._problem(resource, Question.UNKNOWN_CATEGORY, detail, hint)

    def _settled(
        self,
        resource: Resource,
        binding: Binding,
        want: Wanted,
        placements: Mapping[Slot, Placement | None],
        record: ResourceRecord | None,
    ) -> bool:
        """Whether row, objects and record all say what is wanted."""
        return (
            record is not None
            and binding.previous is None
            and not want.pending
            and record.protect == resource.protect
            and all(same(value, binding.row[name]) for name, value in want.values.items())
            and all(p is None or p.how is How.KEPT for p in placements.values())
            and dict(record.keys) == _keys(placements)
            and record.applied == canonical_json(want.values)
        )

    def _change(
        self,
        resource: Resource,
        binding: Binding | None,
        record: ResourceRecord | None,
        want: Wanted,
        placements: Mapping[Slot, Placement | None],
    ) -> Change:
        row = binding.row if binding is not None else None
        after = State(
            values=dict(want.values), objects=_after_objects(placements), pending=dict(want.pending)
        )
        before = self._before(resource, row, want) if row is not None else None
        puts = _puts(placements, self.placer)
        action, reason = self._action(binding, record, before, after, resource.address)
        previous = binding.previous if binding is not None else None
        return Change(
            address=resource.address,
            kind=resource.kind,
            action=action,
            reason=reason,
            change_id=change_id(self.policy.environment, resource.address, action, previous, before, after),
            row=row.id if row is not None else None,
            previous_address=previous,
            before=before,
            after=after,
            puts=puts,
            reused=tuple(p.key for p in placements.values() if p is not None and p.how is How.REUSED),
            released=_released(record, want),
            protect=resource.protect,
            position=resource.position,
        )

    def _before(self, resource: Resource, row: Row, want: Wanted) -> State:
        names = [*want.values, *want.pending]
        objects = {}
        for slot in resource.media:
            key = self._present_key(resource, row, slot)
            stored = self.snapshot.objects.get(nfc(key)) if key is not None else None
            if key is not None and stored is not None:
                objects[slot] = ObjectState(
                    key=key, size_bytes=stored.size_bytes, sha256=self._known_hash(key, row, slot)
                )
        return State(values={name: row[name] for name in names}, objects=objects)

    def _known_hash(self, key: str, row: Row, slot: Slot) -> str | None:
        record = self.recorded.keys.get(nfc(key))
        if record is not None:
            return record.sha256
        declared = row["file_hash"] if slot is Slot.LECTURE_AUDIO else None
        return declared if isinstance(declared, str) else None

    def _action(
        self,
        binding: Binding | None,
        record: ResourceRecord | None,
        before: State | None,
        after: State,
        address: Address,
    ) -> tuple[Action, str]:
        if binding is None or before is None:
            lost = " (its recorded row is gone)" if address in self.identities.broken else ""
            return Action.CREATE, f"new in the catalog{lost}"
        if record is None:
            lost = "its record is of another row now; " if address in self.identities.broken else ""
            return Action.ADOPT, f"{lost}found by {binding.rung}"
        differing = differing_names(before, after)
        if binding.previous is not None:
            return Action.MOVE, binding.rung
        if not differing:
            return Action.NO_OP, "only what elmify remembers of it changes"
        if set(differing) <= {slot.value for slot in after.objects}:
            return Action.UPDATE, f"missing in the bucket: {', '.join(differing)}"
        return Action.UPDATE, _why_updated(before, after, differing)


def _why_updated(before: State, after: State, differing: list[str]) -> str:
    """Say it in the words of the catalog: which bytes are new, and which other columns differ."""
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
    """Whether other bytes take the place of those that were there: a hash learned of them is no change."""
    return nfc(before.key) != nfc(after.key) and before.sha256 != after.sha256


def lineage(catalog: Catalog, resource: Resource) -> Mapping[Kind, Resource]:
    """Return a resource and its parents, by kind."""
    parts = resource.address.split("/")
    return {
        kind: catalog.resources[Address("/".join(parts[: depth + 1]))]
        for depth, kind in enumerate(Kind)
        if depth < len(parts)
    }


def differing_names(before: State, after: State) -> list[str]:
    """Return the columns and slots that differ between two sides, columns first."""
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


def _keys(placements: Mapping[Slot, Placement | None]) -> dict[Slot, str]:
    return {slot: placement.key for slot, placement in placements.items() if placement is not None}


def _after_objects(placements: Mapping[Slot, Placement | None]) -> dict[Slot, ObjectState]:
    return {
        slot: ObjectState(
            key=placement.key,
            size_bytes=placement.media.size_bytes,
            sha256=placement.media.sha256,
            verified=placement.verified,
        )
        for slot, placement in placements.items()
        if placement is not None
    }


def _puts(placements: Mapping[Slot, Placement | None], placer: Placer) -> tuple[Put, ...]:
    return tuple(
        Put(
            slot=slot,
            key=placement.key,
            path=placement.media.path,
            size_bytes=placement.media.size_bytes,
            sha256=placement.media.sha256,
            media_type=placement.media.media_type,
            multipart=placer.is_multipart(placement.media),
        )
        for slot, placement in placements.items()
        if placement is not None and placement.how is How.PUT and placement.media.sha256 is not None
    )


def _released(record: ResourceRecord | None, want: Wanted) -> tuple[str, ...]:
    if record is None:
        return ()
    return tuple(name for name in baseline(record) if name not in want.values and name not in want.pending)
