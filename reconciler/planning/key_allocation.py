"""Key allocation: the object key of each slot's bytes.

The bytes are under that key already, or will be.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.catalog import MediaFile, Resource, lineage
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import TABLES, Origin, Slot
from reconciler.model.plan import ObjectState, Put, PutOrigin
from reconciler.model.playback import CopyStep, PlaybackCopy, RequestForm
from reconciler.model.recorded import ResourceRecord
from reconciler.model.values import nfc
from reconciler.planning.ambiguities import Ambiguity
from reconciler.planning.byte_sources import object_at, origins_in, same_bytes
from reconciler.planning.identity import Identities
from reconciler.planning.lost_rows import lost_records
from reconciler.planning.object_keys import (
    TemplateRefused,
    default_key,
    is_form_of,
    key_problem,
)
from reconciler.planning.placement import How, Placement, Placer
from reconciler.planning.playback import arrives
from reconciler.planning.playback_claims import claimed_keys
from reconciler.planning.references import split_reference
from reconciler.planning.world import World

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
