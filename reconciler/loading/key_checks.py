"""The keys that an empty bucket would get: each usable, no two the same."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from reconciler.loading.locator import Locator
from reconciler.model.address import Address, parent_of
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import Kind, Slot
from reconciler.model.policy import Layout
from reconciler.model.values import nfc
from reconciler.planning.keys import TemplateRefused, default_key, key_problem
from reconciler.planning.references import URL_MAX_CHARS, url_of
from reconciler.text.codes import Mistake

_SHOWN_CHARS = 80


def check_keys(
    resources: Mapping[Address, Resource], layout: Layout, twins: AbstractSet[Address], locator: Locator
) -> Iterator[Diagnostic]:
    """Yield what is wrong with the keys.

    `twins` are addresses known to repeat another's name or number: that they, and all under them, share its
    keys is no news.
    """
    checker = _Checker(resources, layout, twins, locator)
    for resource in resources.values():
        for slot, path in resource.media.items():
            if path is not None:
                yield from checker.check(resource, slot, path)


@dataclass(frozen=True, slots=True)
class _Checker:
    """`taken` maps each key, in NFC, to the first that has it."""

    resources: Mapping[Address, Resource]
    layout: Layout
    twins: AbstractSet[Address]
    locator: Locator
    taken: dict[str, tuple[Resource, Slot]] = field(default_factory=dict)

    def check(self, resource: Resource, slot: Slot, path: str) -> Iterator[Diagnostic]:
        lineage = self._lineage(resource)
        try:
            key = default_key(self.layout.templates, slot, lineage, path)
        except TemplateRefused as refused:
            detail = f"The template of `{slot}` cannot be filled: {refused}."
            yield self._at(Mistake.NO_KEY, resource, slot, detail)
            return
        if problem := key_problem(key) or self._url_problem(slot, key):
            yield self._at(Mistake.BAD_KEY, resource, slot, f"The key would be `{_short(key)}`: {problem}.")
            return
        first, first_slot = self.taken.setdefault(nfc(key), (resource, slot))
        if (first is not resource or first_slot is not slot) and self._is_news(lineage):
            detail = f"The `{first_slot}` of `{first.address}` would have the key `{key}` too."
            yield self._at(Mistake.SAME_KEY, resource, slot, detail)

    def _lineage(self, resource: Resource) -> dict[Kind, Resource]:
        lineage = {resource.kind: resource}
        address = parent_of(resource.address)
        while address is not None:
            parent = self.resources[address]
            lineage[parent.kind] = parent
            address = parent_of(address)
        return lineage

    def _is_news(self, lineage: Mapping[Kind, Resource]) -> bool:
        return not any(resource.address in self.twins for resource in lineage.values())

    def _url_problem(self, slot: Slot, key: str) -> str | None:
        """Say that the URL outgrows its column: `lectures.audio_url` is varchar(1024), images are text."""
        base = self.layout.base_url
        if slot is not Slot.LECTURE_AUDIO or base is None or len(url_of(base, key)) <= URL_MAX_CHARS:
            return None
        return f"its URL is longer than {URL_MAX_CHARS:,} characters"

    def _at(self, mistake: Mistake, resource: Resource, slot: Slot, detail: str) -> Diagnostic:
        return mistake.at(self.locator.field(resource.position, slot.value), detail)


def _short(key: str) -> str:
    return key if len(key) <= _SHOWN_CHARS else f"{key[:_SHOWN_CHARS]}…"
