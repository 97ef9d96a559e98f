"""Key allocation: the object key of each slot's bytes.

The bytes are under that key already, or will be.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from reconciler.model.actual import Row, Snapshot, StoredObject
from reconciler.model.address import Address
from reconciler.model.catalog import MediaFile, Resource, lineage
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import TABLES, Origin, Slot
from reconciler.model.plan import ObjectState, Put, PutOrigin
from reconciler.model.playback import CopyStep, PlaybackCopy, RequestForm
from reconciler.model.policy import TransferLimits
from reconciler.model.recorded import KeyRecord, KeyState, Recorded, ResourceRecord
from reconciler.model.values import nfc
from reconciler.planning.ambiguities import Ambiguity
from reconciler.planning.byte_sources import Match, compare, object_at, origins_in, same_bytes
from reconciler.planning.identity import Identities
from reconciler.planning.lost_rows import lost_records
from reconciler.planning.object_keys import (
    TemplateRefused,
    arriving_key,
    default_key,
    extension_of,
    is_form_of,
    key_problem,
    with_hash,
)
from reconciler.planning.playback import arrives
from reconciler.planning.playback_claims import claimed_keys
from reconciler.planning.references import split_reference
from reconciler.planning.world import World

#: A key in one of these states may not be named by a row: gc may be deleting the object at this moment.
_BURNT = frozenset({KeyState.CONDEMNED})


class How(Enum):
    """Way in which the bytes come to be under the key."""

    KEPT = "kept"  # they are there, and this resource's row or record names them already
    REUSED = "reused"  # they are there, and nothing names them yet
    PUT = "put"  # they have to be stored
    ASIDE = "aside"  # they are under a key that another lecture's playback needs: copied to their own
    NOWHERE = "nowhere"  # nobody knows their hash, and they are not live under this key


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Placement of a slot's bytes under an object key.

    `verified` is false when the stored bytes have never been hashed.
    """

    key: str
    how: How
    media: MediaFile
    verified: bool = True


class Placer:
    """Chooses keys for one plan; never the same key twice."""

    def __init__(
        self,
        snapshot: Snapshot,
        recorded: Recorded,
        transfer: TransferLimits,
        named_elsewhere: Callable[[str], bool],
        *,
        rekey: bool = False,
    ) -> None:
        """Prepare to choose the keys of one plan.

        `named_elsewhere` returns whether any row names an NFC key. `rekey` limits keys to what the
        templates render.
        """
        self._rekey = rekey
        self._objects = snapshot.objects
        self._records = recorded.keys
        self._always_hash = recorded.identity is not None and recorded.identity.keys_lost
        self._transfer = transfer
        self._named_elsewhere = named_elsewhere
        self._chosen: set[str] = set()

    @cached_property
    def _idle(self) -> Mapping[str, list[str]]:
        return _idle_keys(self._records, self._objects)

    def keep(self, key: str, media: MediaFile) -> Placement | None:
        """Return the placement under the present key; None if it cannot be kept.

        The key is kept when it already holds those bytes, or when its object is missing and can be put
        back.
        """
        folded = nfc(key)
        record, stored = self._records.get(folded), self._objects.get(folded)
        if record is not None and record.state in _BURNT:
            return None
        if stored is not None:
            match = compare(stored, media, record)
            if match is Match.OTHER:
                return None
            self._chosen.add(folded)
            return Placement(key=key, how=How.KEPT, media=media, verified=match is Match.SAME)
        return self._put_back(key, media, record)

    def _put_back(self, key: str, media: MediaFile, record: KeyRecord | None) -> Placement | None:
        """Return a placement that puts a missing object back under its own key.

        Its own bytes are put back; otherwise None. Where two resources share the key, only one of them puts
        it back: the other gets a different key.
        """
        own = self._may_have_been(key, media) if record is None else record.sha256 in {None, media.sha256}
        if media.sha256 is None or not own or nfc(key) in self._chosen:
            return None
        self._chosen.add(nfc(key))
        return Placement(key=key, how=How.PUT, media=media)

    def _may_have_been(self, key: str, media: MediaFile) -> bool:
        """Return whether a key that only a row knows may get these bytes.

        It may not if another object has them already, or if the file has another extension than the key.
        """
        path = nfc(media.path)
        stands_elsewhere = path != nfc(key) and self._lies_free(path, media) and self._holds(path, media)
        return extension_of(key) == extension_of(media.path) and not stands_elsewhere

    def choose(self, wished: str, media: MediaFile, *, address: str, replaces: bool) -> Placement:
        """Choose a key for bytes that this slot of `address` does not hold yet.

        `wished` is the rendered key. It gets the hash when it is used, when anything else is under it, or
        when it replaces other bytes. A key that gc has deleted may be used again once nothing is under it.
        Bytes that are already in the bucket and named by nothing are used where they are: under a key that
        lies idle, the rendered one, or the one that the file's own path is.
        """
        idle = self._reuse(media, wished, address=address, replaces=replaces)
        if idle is not None:
            return self._chose(idle, How.REUSED, media)
        if media.sha256 is None:
            return Placement(key=wished, how=How.NOWHERE, media=media)
        if not (replaces or self._always_hash or self._taken(wished, media)):
            return self._chose(wished, How.PUT, media)
        return self._chose(
            with_hash(wished, media.sha256, lambda key: self._taken(key, media)), How.PUT, media
        )

    def aside(self, key: str, media: MediaFile, *, verified: bool) -> Placement:
        """Return the placement of bytes that leave their key to another."""
        name = media.sha256 or self._objects[nfc(key)].etag.replace("-", "")
        free = with_hash(arriving_key(key), name, lambda wished: self._taken(wished, media, intended=True))
        return replace(self._chose(free, How.ASIDE, media), verified=verified)

    def is_multipart(self, media: MediaFile) -> bool:
        """Return whether the file is too large for a single put."""
        return media.size_bytes > self._transfer.single_put_bytes

    def _chose(self, key: str, how: How, media: MediaFile) -> Placement:
        self._chosen.add(nfc(key))
        return Placement(key=key, how=how, media=media, verified=media.sha256 is not None)

    def _reuse(self, media: MediaFile, wished: str, *, address: str, replaces: bool) -> str | None:
        if self._rekey and self._is_own_copy(nfc(wished), media, address):
            return self._objects[nfc(wished)].key
        for key in self._waiting(media.sha256, wished, address):
            if replaces and key == nfc(wished) and self._records[key].state is KeyState.INTENDED:
                continue  # a playback copy of the bytes, by a run that did not commit
            if not self._claimed(key) and self._holds(key, media):
                return self._objects[key].key
        for key in (nfc(media.path),) if replaces else dict.fromkeys((nfc(wished), nfc(media.path))):
            if self._lies_free(key, media) and self._holds(key, media):
                return self._objects[key].key
        return None

    def _is_own_copy(self, key: str, media: MediaFile, address: str) -> bool:
        """Return whether a key is the resource's own playback copy of the bytes."""
        record = self._records.get(key)
        own = record is not None and record.state is KeyState.LIVE and record.address == address
        return own and key not in self._chosen and self._holds(key, media)

    def _lies_free(self, key: str, media: MediaFile) -> bool:
        """Return whether a row may name this key from now on without a conflict.

        Bytes of unknown hash exist nowhere else, so they may be shared, and taken back from what was
        retired.
        """
        if media.sha256 is None:
            record = self._records.get(key)
            return record is None or record.state not in _BURNT
        return key not in self._records and not self._claimed(key)

    def _waiting(self, sha256: str | None, wished: str, address: str) -> list[str]:
        """Return the idle keys of those bytes that this address may use.

        The most likely one comes first.

        Bytes that were put for another address, and not retired since, wait for that address: the keys of
        a plan that was reviewed before a crash are its keys after the crash.
        """
        if sha256 is None:
            return []
        free = [
            key
            for key in self._idle.get(sha256, ())
            if self._records[key].state is KeyState.RETIRED or self._records[key].address in {None, address}
        ]
        forms = [key for key in free if is_form_of(key, wished, sha256)]
        return forms if self._rekey else forms + [key for key in free if key not in forms]

    def _holds(self, key: str, media: MediaFile) -> bool:
        stored = self._objects.get(key)
        if stored is None:
            return False
        match = compare(stored, media, self._records.get(key))
        return match is Match.SAME or (match is Match.UNVERIFIED and media.sha256 is None)

    def _claimed(self, key: str) -> bool:
        return key in self._chosen or self._named_elsewhere(key)

    def _taken(self, key: str, media: MediaFile, *, intended: bool = False) -> bool:
        """Return whether `key` is not available for a put.

        It was once used for other bytes, it is used by something else, or it is occupied; with `intended`,
        not by what a run that did not commit has stored there of these very bytes.
        """
        folded = nfc(key)
        record = self._records.get(folded)
        again = record is not None and record.state is KeyState.INTENDED and record.sha256 == media.sha256
        mine = record is None or again or record.state is KeyState.DELETED
        occupied = folded in self._objects and not (intended and again)
        return not mine or occupied or self._claimed(folded)


def _idle_keys(
    records: Mapping[str, KeyRecord], objects: Mapping[str, StoredObject]
) -> Mapping[str, list[str]]:
    """Return the recorded keys that may be idle, by SHA-256.

    Their bytes are in the bucket. They were retired, or a run put them and did not reach its commit,
    or their row was deleted outside elmify.
    """
    idle: defaultdict[str, list[str]] = defaultdict(list)
    for key in sorted(records):
        record = records[key]
        waiting = record.state in {KeyState.RETIRED, KeyState.INTENDED, KeyState.LIVE}
        if waiting and record.sha256 is not None and key in objects:
            idle[record.sha256].append(key)
    return idle


#: What stands in each slot of a resource; None for a slot that the catalog clears.
Placements = Mapping[Slot, Placement | None]

_CHANGE_THE_NAME = "Change the title, or the key template in elmify.yaml."


class Slots:
    """Placement of the objects of every declared resource.

    `problems` are the questions that this raised. `lost` are the records of resources whose row is gone.
    """

    def __init__(self, world: World, identities: Identities, *, rekey: bool) -> None:
        self._world, self._identities, self._rekey = world, identities, rekey
        self._placer = Placer(
            world.snapshot,
            world.recorded,
            world.policy.transfer,
            lambda key: key in world.keys_named_by_rows,
            rekey=rekey,
        )
        self.lost = lost_records(world, identities)
        self._media = world.media
        self._claims = claimed_keys(world, identities)
        self._origins = origins_in(world)
        self.problems: list[tuple[Address, Diagnostic]] = []

    def place_all(self) -> Iterator[tuple[Resource, Placements]]:
        """Yield every resource with its placements.

        The keys that are kept are claimed before new ones. Keys are chosen in the order of addresses, so
        that moving an entry within its file changes no plan.
        """
        resources = [self._world.catalog.resources[a] for a in sorted(self._world.catalog.resources)]
        kept = {resource.address: self._kept(resource) for resource in resources}
        for resource in resources:
            yield resource, self._place(resource, kept.pop(resource.address))

    def record(self, resource: Resource) -> ResourceRecord | None:
        """Return the record that speaks of the row this address is bound to."""
        binding = self._identities.bound.get(resource.address)
        if binding is None:
            return None
        record = self._world.recorded.resources.get(binding.previous or resource.address)
        return record if record is not None and record.row == binding.row.id else None

    def objects_before(self, resource: Resource, row: Row, placements: Placements) -> dict[Slot, ObjectState]:
        """Return the objects that a resource has in the bucket now.

        What stays under its key was hashed before the change exactly if it was hashed after it.
        """
        objects = {}
        for slot in resource.media:
            key = self.present_key(resource, row, slot)
            found = object_at(self._world, key) if key is not None else None
            if key is None or found is None:
                continue
            sha256, placed = self._known_hash(key, row, slot), placements.get(slot)
            stays = placed is not None and placed.how is How.KEPT and nfc(placed.key) == nfc(key)
            verified = placed.verified if placed is not None and stays else found.verified
            objects[slot] = replace(found, sha256=sha256, verified=verified and sha256 is not None)
        return objects

    def puts(self, placements: Placements) -> tuple[Put, ...]:
        """Return the objects that have to be stored."""
        return tuple(
            self._put(slot, placement.key, placement.media, placement.media.sha256)
            for slot, placement in placements.items()
            if placement is not None and placement.how is How.PUT and placement.media.sha256 is not None
        )

    def _put(self, slot: Slot, key: str, media: MediaFile, sha256: str) -> Put:
        source = self._origins.first(media)
        return Put(
            slot=slot,
            key=key,
            path=media.path,
            size_bytes=media.size_bytes,
            sha256=sha256,
            media_type=media.media_type,
            multipart=self._placer.is_multipart(media),
            origin=source.origin if source is not None else PutOrigin.DISK,
            copied_from=source.stored.key if source is not None and source.origin is PutOrigin.COPY else None,
        )

    def _known_hash(self, key: str, row: Row, slot: Slot) -> str | None:
        record = self._world.recorded.keys.get(nfc(key))
        if record is not None:
            return record.sha256
        declared = row["file_hash"] if slot is Slot.LECTURE_AUDIO else None
        return declared if isinstance(declared, str) else None

    def _kept(self, resource: Resource) -> dict[Slot, Placement]:
        """Return the slots whose bytes stay under the key they have."""
        binding = self._identities.bound.get(resource.address)
        row = binding.row if binding is not None else None
        kept = {}
        for slot, path in resource.media.items():
            media = self._media.get(nfc(path)) if path is not None else None
            key = self.present_key(resource, row, slot)
            if media is None or key is None or self._rekeyed(resource, slot, key, media):
                continue
            placement = self._placer.keep(key, media)
            if placement is not None and slot is Slot.LECTURE_AUDIO and self._makes_room(resource, placement):
                placement = self._placer.aside(key, media, verified=placement.verified)
            if placement is not None:
                kept[slot] = placement
        return kept

    def _makes_room(self, resource: Resource, placement: Placement) -> bool:
        """Return whether another lecture will be found by this key."""
        if placement.how is not How.KEPT:
            return False
        asked = {nfc(placement.key), arrives(RequestForm.RAW, placement.key)}
        others = {each for key in asked for each in self._claims.get(key, ())} - {resource.address}
        paths = (self._world.catalog.resources[other].media.get(Slot.LECTURE_AUDIO) for other in others)
        lines = [self._media.get(nfc(path)) for path in paths if path is not None]
        return any(line is not None and not same_bytes(line, placement.media) for line in lines)

    def kept_aside(
        self, resource: Resource, row: Row | None, placements: Placements
    ) -> tuple[PlaybackCopy, ...]:
        """Return the copies of recordings that leave their key to another lecture."""
        placement = placements.get(Slot.LECTURE_AUDIO)
        if placement is None or placement.how is not How.ASIDE or row is None:
            return ()
        stored = self._world.snapshot.objects[nfc(self.present_key(resource, row, Slot.LECTURE_AUDIO) or "")]
        return (
            PlaybackCopy(
                step=CopyStep.KEEP,
                key=placement.key,
                source=stored.key,
                size_bytes=stored.size_bytes,
                sha256=placement.media.sha256 if placement.verified else None,
                source_etag=stored.etag,
                media_type=placement.media.media_type,
                address=resource.address,
                row=row.id,
            ),
        )

    def _rekeyed(self, resource: Resource, slot: Slot, key: str, media: MediaFile) -> bool:
        """Return whether the key must be chosen anew.

        Bytes that have never been hashed can only stay where they are.
        """
        if not self._rekey or media.sha256 is None:
            return False
        return not is_form_of(key, self._rendered(resource, slot, media.path), media.sha256)

    def present_key(self, resource: Resource, row: Row | None, slot: Slot) -> str | None:
        """Return the key a slot has: the recorded one, else what the row says.

        Where the row is gone, its bytes are still under the recorded key. An image on another domain is
        nobody's key here, unless an object stands under that very path.
        """
        record = self.record(resource) if row is not None else self.lost.get(resource.address)
        if record is not None and slot in record.keys:
            return record.keys[slot]
        if row is None:
            return None
        for column in TABLES[resource.kind].columns:
            value = row[column.name] if column.source == slot.value else None
            if column.origin is Origin.KEY and isinstance(value, str):
                return value
            if column.origin is Origin.REFERENCE and isinstance(value, str):
                base, key = split_reference(value)
                ours = (
                    base is None
                    or base == self._world.policy.layout.base_url
                    or key in self._world.snapshot.objects
                )
                return key if ours and key else None
        return None

    def _place(self, resource: Resource, kept: Mapping[Slot, Placement]) -> Placements:
        binding = self._identities.bound.get(resource.address)
        row = binding.row if binding is not None else None
        placements: dict[Slot, Placement | None] = {}
        for slot, path in resource.media.items():
            if path is None:
                placements[slot] = None
                continue
            media = self._media.get(nfc(path))
            if media is None:
                continue  # the loader has said so
            present = self.present_key(resource, row, slot)
            placement = kept.get(slot) or self._placer.choose(
                self._rendered(resource, slot, path),
                media,
                address=resource.address,
                replaces=present is not None and not self._rekey,
            )
            self._check(resource, placement)
            placements[slot] = placement
        return placements

    def _rendered(self, resource: Resource, slot: Slot, path: str) -> str:
        try:
            return default_key(
                self._world.policy.layout.templates, slot, lineage(self._world.catalog, resource), path
            )
        except TemplateRefused as refused:
            self._ask(resource, Ambiguity.TEMPLATE_MISFIT, f"The key of {slot.value}: {refused}.")
            return path

    def _check(self, resource: Resource, placement: Placement) -> None:
        if placement.how is How.NOWHERE:
            self._ask(
                resource,
                Ambiguity.NO_BYTES,
                f"The hash of {placement.media.path} is unknown, and its key does not hold it.",
                "Put the file under the media root and lock it.",
            )
        problem = key_problem(placement.key) if placement.how is not How.KEPT else None
        if problem is not None:
            self._ask(resource, Ambiguity.UNUSABLE_KEY, f"{placement.key!r}: {problem}.")

    def _ask(
        self, resource: Resource, question: Ambiguity, detail: str, hint: str = _CHANGE_THE_NAME
    ) -> None:
        self.problems.append((resource.address, question.at(resource.position, detail, hint)))


def keys_of(placements: Placements) -> dict[Slot, str]:
    """Return the key in each slot that is not cleared."""
    return {slot: placement.key for slot, placement in placements.items() if placement is not None}


def objects_after(placements: Placements) -> dict[Slot, ObjectState]:
    """Return the objects that a resource will have."""
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
