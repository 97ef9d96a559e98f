"""Catalog files that are not written yet → what they declare."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.loading.assembly import Declared, ReadFile, assemble
from reconciler.loading.checks import check_declared
from reconciler.loading.entries import read_content
from reconciler.loading.locator import Locator
from reconciler.model.catalog import Catalog, MediaFile
from reconciler.model.diagnostics import Diagnostic, has_errors, in_reading_order
from reconciler.model.errors import InvalidInput
from reconciler.model.policy import Layout
from reconciler.text.yaml import read_document

_Read = tuple[str, ReadFile, tuple[Diagnostic, ...]]


@dataclass(slots=True)
class Preview:
    """Reads the texts of a catalog while it is being edited; a file that did not change is not read again.

    What is wrong with a text is left out of the catalog. `texts` are by file name.
    """

    _known: dict[str, _Read] = field(default_factory=dict)

    def catalog(self, texts: Mapping[str, str], media: Mapping[str, MediaFile]) -> Catalog:
        """Return what the texts declare; `media` is the lockfile to be."""
        declared = self._declared(texts)
        forget = frozenset(address for address, _ in declared.forget)
        return Catalog(resources=declared.resources, forget=forget, media=media)

    def mistakes(self, texts: Mapping[str, str], layout: Layout) -> tuple[Diagnostic, ...]:
        """Return everything that is wrong with the texts but for their media."""
        declared = self._declared(texts)
        found = [each for name in texts for each in self._known[name][2]]
        locator = Locator({name: text.encode() for name, text in texts.items()})
        found += declared.diagnostics
        found += check_declared(declared, layout, locator)
        return in_reading_order(found)

    def refuse_mistakes(self, texts: Mapping[str, str], layout: Layout) -> None:
        """Raise `InvalidInput` when anything is wrong: what cannot be read would seem not to be declared."""
        mistakes = self.mistakes(texts, layout)
        if has_errors(mistakes):
            raise InvalidInput(mistakes)

    def _declared(self, texts: Mapping[str, str]) -> Declared:
        names = sorted(texts, key=lambda name: (name.rpartition("/")[0], name))
        locator = Locator({name: text.encode() for name, text in texts.items()})
        return assemble([self._read(name, texts[name]) for name in names], locator)

    def _read(self, name: str, text: str) -> ReadFile:
        known = self._known.get(name)
        if known is None or known[0] != text:
            content, mistakes = read_content(read_document(text.encode(), name))
            known = self._known[name] = (text, ReadFile(name, content), mistakes)
        return known[1]
