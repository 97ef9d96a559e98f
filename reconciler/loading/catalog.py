"""Loading of the catalog directory.

The result is a catalog, or everything that is wrong with it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.loading.assembly import Declared, ReadFile, assemble, media_references
from reconciler.loading.catalog_files import SourceFile, find_files
from reconciler.loading.checks import check_declared, check_lockfile, check_unused
from reconciler.loading.entries import Locator, read_content
from reconciler.loading.parse_cache import ParseCache, reading_version
from reconciler.loading.yaml import read_document
from reconciler.model.catalog import Catalog, MediaFile
from reconciler.model.diagnostics import Diagnostic, Position, has_errors, in_reading_order
from reconciler.model.errors import InvalidInput
from reconciler.model.policy import Layout

_Read = tuple[str, ReadFile, tuple[Diagnostic, ...]]


@dataclass(slots=True)
class Preview:
    """Incremental reader of catalog texts while they are being edited.

    A file that did not change is not read again. Anything wrong with a text is left out of the
    catalog. `texts` are keyed by file name.
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
        """Raise `InvalidInput` when the texts have errors.

        Otherwise an entry that cannot be read would look as if it were not declared.
        """
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


@dataclass(frozen=True, slots=True)
class Loaded:
    """Result of one reading of the catalog.

    `catalog` is None when any diagnostic is an error: half a catalog must never be planned.
    """

    catalog: Catalog | None
    diagnostics: tuple[Diagnostic, ...]
    files: Sequence[ReadFile]

    def media_references(self) -> Mapping[str, Position]:
        """Return every media path and the first place that names it.

        Only the paths in readable files are included. `check_media` takes this mapping. A path that
        cannot be a media path already has its diagnostic.
        """
        return media_references(self.files)


def load_catalog(
    root: Path,
    *,
    catalog_dir: Path,
    lock_path: Path,
    media: Mapping[str, MediaFile],
    media_root: Path,
    layout: Layout,
    cache_dir: Path | None = None,
) -> Loaded:
    """Read the catalog: every file once, every mistake at once.

    `media` is what the lockfile at `lock_path` says, keyed by NFC. Positions are relative to `root`. The
    media folder is looked at only for files that the lockfile does not know. With a `cache_dir`, outside the
    checkout, a file that did not change is not parsed again, and an input that had no errors is not checked
    again.
    """
    cache = ParseCache.of_project(cache_dir, root)
    sources, found = _read_sources(root, catalog_dir)
    locator = Locator({source.name: source.data for source in sources})
    files = [_read(source, cache, found) for source in sources]
    declared = assemble(files, locator)
    found += declared.diagnostics
    stamp = _stamp(sources, media, layout)
    if has_errors(found) or stamp != cache.checked:
        found += check_declared(declared, layout, locator)
        found += check_lockfile(media_references(files), media, media_root)
        if not has_errors(found):
            lockfile = lock_path.relative_to(root) if lock_path.is_relative_to(root) else lock_path
            found += check_unused(declared.resources.values(), media, lockfile.as_posix())
            cache.set_checked(stamp, found)
    else:
        found = list(cache.warnings)
    cache.save()
    return Loaded(_catalog(declared, media, found), in_reading_order(found), files)


def _read_sources(root: Path, catalog_dir: Path) -> tuple[list[SourceFile], list[Diagnostic]]:
    sources: list[SourceFile] = []
    found: list[Diagnostic] = []
    for item in find_files(root, catalog_dir):
        if isinstance(item, SourceFile):
            sources.append(item)
        else:
            found.append(item)
    return sorted(sources, key=lambda source: (source.folder, source.name)), found


def _read(source: SourceFile, cache: ParseCache, found: list[Diagnostic]) -> ReadFile:
    content = cache.get(source.sha256)
    if content is None:
        # Checking a file takes pydantic, whose import costs more than reading a small catalog from the cache.
        from reconciler.loading.entries import read_content
        from reconciler.loading.yaml import read_document

        content, mistakes = read_content(read_document(source.data, source.name))
        found += mistakes
        if content is not None:
            cache.put(source.sha256, content)
    return ReadFile(source.name, content)


def _stamp(sources: Sequence[SourceFile], media: Mapping[str, MediaFile], layout: Layout) -> str:
    """Return a hash of everything that the checks look at."""
    digest = hashlib.sha256()
    for line in _stamped(sources, media, layout):
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def _stamped(sources: Sequence[SourceFile], media: Mapping[str, MediaFile], layout: Layout) -> Iterator[str]:
    yield reading_version()
    yield repr(layout)
    for source in sources:
        yield f"{source.sha256} {source.name}"
    yield ""
    for path, locked in media.items():
        yield f"{locked.media_type} {path}"


def _catalog(
    declared: Declared, media: Mapping[str, MediaFile], found: Sequence[Diagnostic]
) -> Catalog | None:
    if has_errors(found):
        return None
    forget = frozenset(address for address, _ in declared.forget)
    return Catalog(resources=declared.resources, forget=forget, media=media)
