"""Formatting a whole catalog: new ids differ across its files."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.loading.files import SourceFile
from reconciler.loading.fmt import Formatted, format_catalog_file
from reconciler.model.diagnostics import Diagnostic
from reconciler.text.encoding import decode
from reconciler.text.yaml import FILE_MAX_BYTES, read_document


@dataclass(frozen=True, slots=True)
class FormattedFile:
    """One file of the catalog. `formatted` is None when it is no text, which `problems` explain."""

    name: str
    formatted: Formatted | None
    problems: Sequence[Diagnostic]

    @property
    def differs(self) -> bool:
        """Whether the file is not in its canonical form."""
        return self.formatted is not None and self.formatted.differs


def format_catalog(sources: Sequence[SourceFile]) -> Iterator[FormattedFile]:
    """Yield every file in the order given, formatted.

    An id that a file gets is none that another speaker, or another collection of the same folder, has.
    """
    taken = _taken(sources)
    for source in sources:
        text, problems = decode(source.data, source.name, limit=FILE_MAX_BYTES)
        if text is None or problems:
            yield FormattedFile(source.name, None, problems)
            continue
        formatted = format_catalog_file(
            text, source.name, taken=taken["speakers"] | taken[f"in {source.folder}"]
        )
        if formatted.differs:
            _note(taken, source.folder, formatted.after.encode(), source.name)
        yield FormattedFile(source.name, formatted, formatted.problems)


def _taken(sources: Sequence[SourceFile]) -> defaultdict[str, set[str]]:
    taken: defaultdict[str, set[str]] = defaultdict(set)
    for source in sources:
        _note(taken, source.folder, source.data, source.name)
    return taken


def _note(taken: defaultdict[str, set[str]], folder: str, data: bytes, name: str) -> None:
    value = read_document(data, name).value
    if isinstance(value, dict):
        taken["speakers"].add(str(value.get("speaker", "")))
        taken[f"in {folder}"].add(str(value.get("collection", "")))
