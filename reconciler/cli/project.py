"""The project a command works on: its settings, and its catalog read once."""

import logging
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.console import say, show_diagnostics
from reconciler.model.catalog import Catalog
from reconciler.model.errors import InvalidInput
from reconciler.model.ports import Meter
from reconciler.settings import Settings, find_root, load_settings, parse_duration

if TYPE_CHECKING:
    from reconciler.applying.apply import Job
    from reconciler.bootstrap import Stores
    from reconciler.loading.catalog import Loaded
    from reconciler.model.diagnostics import Diagnostic


@dataclass
class Project:
    """A folder with an elmify.yaml, and what it says."""

    settings: Settings

    def load(self) -> "Loaded":
        """Read the catalog and the lockfile, with everything that is wrong with them."""
        from dataclasses import replace

        from reconciler.loading.catalog import load_catalog
        from reconciler.loading.lockfile import REPAIRABLE, read_lockfile, without_lines

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

    def of_media(self, found: "tuple[Diagnostic, ...]") -> "tuple[Diagnostic, ...]":
        """Return diagnostics as they are, unless there is no lockfile: then what is absent is told once."""
        from reconciler.loading.lockfile import without_lockfile

        path = self.settings.lock_path
        if path.exists() or not found:
            return found
        return without_lockfile(found, os.path.relpath(path, self.settings.root))

    def catalog(self) -> Catalog:
        """Return the catalog, its warnings shown; `InvalidInput` carries all of its mistakes."""
        return self._catalog

    @cached_property
    def _catalog(self) -> Catalog:
        loaded = self.load()  # what was read of each file is let go: the plan needs its memory
        if loaded.catalog is None:
            raise InvalidInput(loaded.diagnostics)
        show_diagnostics(loaded.diagnostics)
        return loaded.catalog

    def job(self, stores: "Stores", command: str, lock_timeout: str, format_: str) -> "Job":
        """Return what applying works with."""
        from reconciler.applying.apply import Job

        return Job(
            policy=self.settings.policy,
            objects=stores.objects,
            database=stores.database,
            media=stores.media,
            staging=stores.staging,
            read_catalog=self.catalog,
            actor=self.settings.actor,
            observer=Console(format_),
            command=command,
            lock_timeout=parse_duration(lock_timeout),
        )


def open_project(directory: str) -> Project:
    """Return the project at or above a directory."""
    from reconciler.logs import hide

    settings = load_settings(find_root(Path(directory)), os.environ)
    hide(secret.reveal() for secret in settings.secrets)
    return Project(settings)


class Console:
    """Shows a run: bars and sentences, or NDJSON events."""

    def __init__(self, format_: str) -> None:
        self._json = format_ == "json"

    def event(self, name: str, **facts: object) -> None:
        """Print the step as an event, and log it; of the text output only trouble is worth a line."""
        trouble = "message" in facts
        extra = {"facts": facts, "said": trouble and not self._json}
        logging.getLogger("elmify.run").log(logging.WARNING if trouble else logging.INFO, name, extra=extra)
        if self._json:
            from reconciler.cli.progress import emit

            emit(name, **facts)
        elif "message" in facts:
            say(f"{name.replace('-', ' ')}: {facts['message']}")

    def meter(self, label: str, *, files: int, size_bytes: int) -> AbstractContextManager[Meter]:
        """Open a meter of the same sort."""
        from reconciler.cli.progress import meter

        return meter(label, files=files, size_bytes=size_bytes, style="json" if self._json else "auto")
