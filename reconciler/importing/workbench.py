"""The catalog on a bench beside both stores: edited in memory, compared by the planner's own rules."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from reconciler.importing.declaring import Folder, Imported, lockfile_lines
from reconciler.importing.found import Finding
from reconciler.importing.merging import Merged
from reconciler.loading.editing import CatalogEditor, amend_lockfile
from reconciler.loading.preview import Preview
from reconciler.model.actual import Snapshot
from reconciler.model.address import Address, kind_of
from reconciler.model.catalog import Catalog, MediaFile, Resource, lineage
from reconciler.model.kinds import Kind, Slot
from reconciler.model.plan import Change
from reconciler.model.policy import Policy
from reconciler.model.recorded import Recorded
from reconciler.model.values import Value, same
from reconciler.planning.diff import Differ
from reconciler.planning.identity import Identities, identify
from reconciler.planning.keys import TemplateRefused, default_key
from reconciler.planning.world import World


class Workbench:
    """A catalog that is being edited, and the world it is about. Nothing is written before `save`."""

    def __init__(self, folder: Folder, policy: Policy, snapshot: Snapshot, recorded: Recorded) -> None:
        """Read catalog and lockfile; `InvalidInput` for whatever is wrong with them."""
        self.folder, self.policy = folder, policy
        self.snapshot, self.recorded = snapshot, recorded
        self.editor = CatalogEditor.open(folder.root, folder.catalog_dir)
        self.before = lockfile_lines(folder)
        self.lines = dict(self.before)
        self._preview = Preview()
        self._preview.refuse_mistakes(self.editor.texts(), policy.layout)

    def catalog(self) -> Catalog:
        """Return what is declared as things stand."""
        return self._preview.catalog(self.editor.texts(), self.lines)

    def identities(self) -> Identities:
        """Return which row each address is, as the planner will decide it."""
        return self._identify(self.catalog())

    def known(self) -> Mapping[tuple[Kind, int], Address]:
        """Return the addresses that the catalog has for rows."""
        bound = self.identities().bound
        return {(binding.row.kind, binding.row.id): address for address, binding in bound.items()}

    def differences(self) -> Sequence[Change]:
        """Return what an apply would change, questions left out."""
        catalog = self.catalog()
        world = World(catalog=catalog, snapshot=self.snapshot, recorded=self.recorded, policy=self.policy)
        return Differ(world, self._identify(catalog)).run().changes

    def _identify(self, catalog: Catalog) -> Identities:
        templates = self.policy.layout.templates

        @cache
        def audio_key(address: Address) -> str:
            return audio_key_of(catalog.resources[address])

        def audio_key_of(resource: Resource) -> str:
            path = resource.media.get(Slot.LECTURE_AUDIO) or ""
            try:
                return default_key(templates, Slot.LECTURE_AUDIO, lineage(catalog, resource), path)
            except TemplateRefused:
                return path

        return identify(catalog, self.snapshot, self.recorded, lambda resource: audio_key(resource.address))

    def add_lines(self, media: Mapping[str, MediaFile]) -> None:
        """Add lines of what the catalog names now; a line that is there knows better than the stores."""
        named = self.catalog().resources.values()
        paths = {path for resource in named for path in resource.media.values() if path is not None}
        self.lines |= {path: media[path] for path in sorted(paths & media.keys() - self.lines.keys())}

    def pin(self, merged: Merged) -> None:
        """Write `row:` where the planner would find another row, or could not decide."""
        bound = self.identities().bound
        for address, found in merged.added.items():
            binding = bound.get(address)
            if found.row is not None and (binding is None or binding.row.id != found.row):
                self.editor.set(address, {"row": found.row})

    def save(self, merged: Merged, findings: Iterable[Finding]) -> Imported:
        """Write the files and the lockfile's lines that changed."""
        diagnostics = self._preview.mistakes(self.editor.texts(), self.policy.layout)
        lines = {path: line for path, line in self.lines.items() if line != self.before.get(path)}
        written = self.editor.save()
        amend_lockfile(self.folder.lock_path, self.folder.root, lines.values())
        return Imported(
            added=Counter(kind_of(address) for address in merged.added),
            kept=merged.kept,
            filled=len(merged.filled),
            written=written,
            lines=len(lines),
            findings=(*findings, *merged.findings),
            diagnostics=diagnostics,
        )


def columns_of(change: Change) -> Mapping[str, Value]:
    """Return the columns that a change would correct, with what the row holds now."""
    before = change.before.values if change.before is not None else {}
    wanted = change.after.values if change.after is not None else {}
    pending = change.after.pending if change.after is not None else {}
    return {
        name: value
        for name, value in before.items()
        if name in pending or (name in wanted and not same(value, wanted[name]))
    }
