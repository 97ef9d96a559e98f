"""Catalog files that are not written yet → what they declare."""

from collections.abc import Mapping

from reconciler.loading.assembly import ReadFile, assemble
from reconciler.loading.checks import check_declared
from reconciler.loading.entries import read_content
from reconciler.loading.locator import Locator
from reconciler.model.catalog import Catalog, MediaFile
from reconciler.model.diagnostics import Diagnostic, in_reading_order
from reconciler.model.policy import Layout
from reconciler.text.yaml import read_document


def preview(
    texts: Mapping[str, str], media: Mapping[str, MediaFile], layout: Layout
) -> tuple[Catalog, tuple[Diagnostic, ...]]:
    """Return what the texts declare, and everything that is wrong with them but for their media.

    `texts` are by file name, `media` is the lockfile to be. What is wrong is left out of the catalog.
    """
    data = {name: text.encode() for name, text in sorted(texts.items(), key=_by_folder)}
    locator = Locator(data)
    found: list[Diagnostic] = []
    files = []
    for name, each in data.items():
        content, mistakes = read_content(read_document(each, name))
        found += mistakes
        files.append(ReadFile(name, content))
    declared = assemble(files, locator)
    found += declared.diagnostics
    found += check_declared(declared, layout, locator)
    forget = frozenset(address for address, _ in declared.forget)
    catalog = Catalog(resources=declared.resources, forget=forget, media=media)
    return catalog, in_reading_order(found)


def _by_folder(item: tuple[str, str]) -> tuple[str, str]:
    return item[0].rpartition("/")[0], item[0]
