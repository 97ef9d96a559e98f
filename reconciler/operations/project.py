"""Project: the settings of a folder with an elmify.yaml.

Its catalog is read once.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from reconciler.applying.observer_guard import guarded
from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.loading.catalog import Loaded, load_catalog
from reconciler.loading.lockfile import REPAIRABLE, read_lockfile, with_absent_as_one, without_lines
from reconciler.loading.revisions import Git
from reconciler.model.catalog import Catalog
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.errors import InvalidInput
from reconciler.model.ports import SILENT, Observer
from reconciler.settings import Settings, find_root, load_settings


@dataclass
class Project:
    """Folder with an elmify.yaml, read for one operation.

    `observer` receives the catalog's warnings. `environ` is the environment in which git runs;
    without it, git is not found. `cancel` stops work that takes long (`Interrupted`): hashing, and
    everything that a workspace of the project does.
    """

    settings: Settings
    observer: Observer = field(default_factory=lambda: SILENT)
    environ: Mapping[str, str] = field(default_factory=dict)
    cancel: CancellationToken = NEVER_CANCELLED

    def __post_init__(self) -> None:
        self.observer = guarded(self.observer)

    @property
    def git(self) -> Git:
        """git, asked about the repository that holds the project."""
        return Git(self.settings.root, self.environ)

    def load(self) -> Loaded:
        """Read the catalog and the lockfile, with everything wrong in them."""
        settings = self.settings
        media, mistakes = read_lockfile(settings.lock_path, settings.root)
        loaded = load_catalog(
            settings.root,
            catalog_dir=settings.catalog_dir,
            lock_path=settings.lock_path,
            media=media,
            media_root=settings.media_root,
            layout=settings.policy.layout,
            cache_dir=settings.cache_dir,
        )
        if not mistakes:
            return replace(loaded, diagnostics=self.of_media(loaded.diagnostics))
        grave = any(mistake.code not in REPAIRABLE for mistake in mistakes)
        others = without_lines(loaded.diagnostics) if grave else loaded.diagnostics
        return replace(loaded, catalog=None, diagnostics=(*mistakes, *others))

    def of_media(self, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        """Return diagnostics about media as they are.

        Without a lockfile, and where many lines are missing, one diagnostic replaces those about its lines.
        """
        path = self.settings.lock_path
        name = os.path.relpath(path, self.settings.root)
        return with_absent_as_one(found, name, is_there=path.exists()) if found else found

    def catalog(self) -> Catalog:
        """Return the catalog.

        The observer gets its warnings. `InvalidInput` carries all of its mistakes.
        """
        return self._catalog

    @cached_property
    def _catalog(self) -> Catalog:
        loaded = self.load()  # what was read of each file is let go: the plan needs its memory
        if loaded.catalog is None:
            raise InvalidInput(loaded.diagnostics)
        self.observer.diagnostics(loaded.diagnostics)
        return loaded.catalog


def open_project(directory: Path, environ: Mapping[str, str], observer: Observer = SILENT) -> Project:
    """Return the project at or above an absolute directory.

    Raises `InvalidInput` for mistakes in its settings.
    """
    return Project(load_settings(find_root(directory), environ), observer, environ)
