"""Analysis of a world: row identities, key allocation and differences, in one pass.

The one stage that planner, verification and import share, so that all three mean the same row and the same
key by an address.
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
    """The row of each address, the keys of its slots, and how both differ from what is declared.

    `unmanaged` is what no resource names, ignored or not. `placed` has every resource in catalog order; it is
    empty unless it was asked for, since it takes memory for each of them.
    """

    identities: Identities
    differences: Differences
    unmanaged: Unmanaged
    placed: tuple[Placed, ...] = ()


def analyse(world: World, *, rekey: bool = False, keep_placed: bool = False) -> Analysis:
    """Analyse a world; with `rekey` as if objects moved to the keys that the templates give today."""
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
    """Return a function that renders the key a lecture's audio would get, once for each lecture."""

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
