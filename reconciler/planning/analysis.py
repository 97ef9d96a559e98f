"""Analysis of a world: row identities, key allocation and differences.

All three are found in one pass. The planner, verification and import share this one stage, so
that an address means the same row and the same key in all of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from reconciler.model.address import Address
from reconciler.model.catalog import Resource, lineage
from reconciler.model.kinds import Slot
from reconciler.model.plan import Hindrance, NotRekeyed, Unmanaged
from reconciler.planning.diff import Differ, Differences, Placed
from reconciler.planning.identity import Identities, identify
from reconciler.planning.object_keys import TemplateRefused, default_key, is_form_of
from reconciler.planning.placement import How
from reconciler.planning.removals import unmanaged_in
from reconciler.planning.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Result of an analysis: row identities, slot keys and differences.

    It holds the row of each address, the keys of its slots, and how both differ from what is
    declared.

    `unmanaged` is what no resource names, ignored or not. `placed` has every resource in the order of
    addresses; it is empty unless it was asked for, since it takes memory for each resource. `not_rekeyed`
    are the objects that could not move to the keys of today.
    """

    identities: Identities
    differences: Differences
    unmanaged: Unmanaged
    placed: tuple[Placed, ...] = ()
    not_rekeyed: tuple[NotRekeyed, ...] = ()


def analyse(world: World, *, rekey: bool = False, keep_placed: bool = False) -> Analysis:
    """Analyse a world: identify rows, allocate keys, find differences.

    With `rekey`, analyse it as if objects moved to the keys that the templates give today.
    """
    identities = identify_rows(world)
    placed: list[Placed] = []
    left: list[NotRekeyed] = []

    def take(each: Placed) -> None:
        if keep_placed:
            placed.append(each)
        if rekey:
            left.extend(_not_rekeyed(world, each))

    differ = Differ(world, identities, rekey=rekey, take=take if keep_placed or rekey else None)
    differences = differ.run()
    return Analysis(
        identities=identities,
        differences=differences,
        unmanaged=unmanaged_in(world, identities, differences.used),
        placed=tuple(placed),
        not_rekeyed=tuple(left),
    )


def _not_rekeyed(world: World, placed: Placed) -> Iterator[NotRekeyed]:
    """Yield the objects that do not move to the key of today's template.

    Only bytes that nobody has hashed stay.
    """
    resource = placed.resource
    for slot, placement in placed.placements.items():
        if placement is None or placement.media.sha256 is not None or placement.how is How.NOWHERE:
            continue
        wished = _rendered(world, resource, slot, resource.media[slot] or "")
        if not is_form_of(placement.key, wished, ""):
            yield NotRekeyed(
                address=resource.address,
                slot=slot,
                key=placement.key,
                wished=wished,
                reason=Hindrance.NEVER_HASHED,
            )


def identify_rows(world: World) -> Identities:
    """Return the row of each address."""
    return identify(world.catalog, world.snapshot, world.recorded, _audio_key(world))


def _audio_key(world: World) -> Callable[[Resource], str]:
    """Return a function that renders the key of a lecture's audio.

    It returns the key that the audio would get, and renders it only once for each lecture.
    """

    @cache
    def key_of(address: Address) -> str:
        resource = world.catalog.resources[address]
        return _rendered(world, resource, Slot.LECTURE_AUDIO, resource.media.get(Slot.LECTURE_AUDIO) or "")

    return lambda resource: key_of(resource.address)


def _rendered(world: World, resource: Resource, slot: Slot, path: str) -> str:
    try:
        return default_key(world.policy.layout.templates, slot, lineage(world.catalog, resource), path)
    except TemplateRefused:
        return path  # reported where the key is allocated
