"""Analysis of a world: row identities, key allocation and differences.

All three are found in one pass. The planner, verification and import share this one stage, so
that an address means the same row and the same key in all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from reconciler.model.address import Address
from reconciler.model.catalog import Resource, lineage
from reconciler.model.kinds import Slot
from reconciler.model.plan import Unmanaged
from reconciler.planning.diff import Differ, Differences, Placed
from reconciler.planning.identity import Identities, identify
from reconciler.planning.object_keys import TemplateRefused, default_key
from reconciler.planning.removals import unmanaged_in
from reconciler.planning.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Result of an analysis: row identities, slot keys and differences.

    It holds the row of each address, the keys of its slots, and how both differ from what is
    declared.

    `unmanaged` is what no resource names, ignored or not. `placed` has every resource in the order of
    addresses; it is empty unless it was asked for, since it takes memory for each resource.
    """

    identities: Identities
    differences: Differences
    unmanaged: Unmanaged
    placed: tuple[Placed, ...] = ()


def analyse(world: World, *, rekey: bool = False, keep_placed: bool = False) -> Analysis:
    """Analyse a world: identify rows, allocate keys, find differences.

    With `rekey`, analyse it as if objects moved to the keys that the templates give today.
    """
    identities = identify_rows(world)
    placed: list[Placed] = []
    differ = Differ(world, identities, rekey=rekey, take=placed.append if keep_placed else None)
    differences = differ.run()
    return Analysis(
        identities=identities,
        differences=differences,
        unmanaged=unmanaged_in(world, identities, differences.used),
        placed=tuple(placed),
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
        path = resource.media.get(Slot.LECTURE_AUDIO) or ""
        try:
            templates = world.policy.layout.templates
            return default_key(templates, Slot.LECTURE_AUDIO, lineage(world.catalog, resource), path)
        except TemplateRefused:
            return path  # reported where the key is allocated

    return lambda resource: key_of(resource.address)
