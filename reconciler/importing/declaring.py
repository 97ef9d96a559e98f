"""Found resources and their lines → the catalog's files and the lockfile, written."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.importing.found import Finding, Found, Reason
from reconciler.importing.merging import merge
from reconciler.loading.editing import CatalogEditor, amend_lockfile
from reconciler.loading.lockfile import REPAIRABLE, read_lockfile
from reconciler.loading.preview import Preview
from reconciler.model.address import kind_of
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.errors import InvalidInput
from reconciler.model.kinds import Kind
from reconciler.model.policy import Layout
from reconciler.model.values import nfc


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where the catalog is. All paths are absolute."""

    root: Path
    catalog_dir: Path
    lock_path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import wrote. `written` are the catalog's files, `lines` the lockfile's lines that are new.

    `diagnostics` are what the catalog, as it now stands, is warned of or refused for.
    """

    added: Mapping[Kind, int]
    kept: int
    filled: int = 0
    written: tuple[str, ...]
    lines: int
    findings: tuple[Finding, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def declare(
    folder: Folder,
    layout: Layout,
    found: Iterable[Found],
    lines: Mapping[str, MediaFile],
    findings: Iterable[Finding] = (),
    *,
    hashed: bool,
) -> Imported:
    """Merge what was found into the catalog, fields that entries lack included, and write it.

    `lines` are the lockfile's for what was found, by NFC path; those that nothing names are left out. Only
    when they were `hashed` just now do they take the place of lines that are there. `InvalidInput` for a
    catalog or a lockfile with mistakes; nothing is written then.
    """
    editor = CatalogEditor.open(folder.root, folder.catalog_dir)
    preview = Preview()
    preview.refuse_mistakes(editor.texts(), layout)
    before = lockfile_lines(folder)
    merged = merge(editor, found, {}, fill=True)
    after = {**before, **lines} if hashed else {**lines, **before}
    catalog = preview.catalog(editor.texts(), after)
    named = {nfc(path) for each in catalog.resources.values() for path in each.media.values() if path}
    new = {path: after[path] for path in named & after.keys() if after[path] != before.get(path)}
    unknown = [
        Finding(reason=Reason.NOT_LOCKED, subject=path, detail="") for path in sorted(named - after.keys())
    ]
    written = editor.save()
    amend_lockfile(folder.lock_path, folder.root, new.values())
    return Imported(
        added=Counter(kind_of(address) for address in merged.added),
        kept=merged.kept,
        filled=len(merged.filled),
        written=written,
        lines=len(new),
        findings=(*findings, *merged.findings, *unknown),
        diagnostics=preview.mistakes(editor.texts(), layout),
    )


def lockfile_lines(folder: Folder) -> Mapping[str, MediaFile]:
    """Return the lockfile by NFC path; `InvalidInput` for one that a person has to look at first."""
    lines, mistakes = read_lockfile(folder.lock_path, folder.root)
    grave = [mistake for mistake in mistakes if mistake.code not in REPAIRABLE]
    if grave:
        raise InvalidInput(grave)
    return lines
