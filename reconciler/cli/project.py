"""Project and workspace of a command, and the observer of its progress."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.console import say, show_diagnostics
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.ports import Meter

if TYPE_CHECKING:
    from reconciler.applying.workspace import Workspace
    from reconciler.operations.project import Project


def open_project(directory: str, format_: str = "text") -> "Project":
    """Return the project at or above a directory.

    What the project reports is shown in the format `format_`.
    """
    from reconciler.logs import hide
    from reconciler.operations.project import open_project as opened

    project = opened(Path(directory), os.environ, Console(format_))
    hide(secret.reveal() for secret in project.settings.secrets)
    return project


@contextmanager
def open_workspace(directory: str, format_: str = "text") -> "Iterator[Workspace]":
    """Open the project at or above a directory, and both of its stores.

    They stay open for as long as the block runs.
    """
    from reconciler.operations.workspace import open_workspace as opened

    with opened(open_project(directory, format_)) as workspace:
        yield workspace


class Console:
    """Shows a run: bars and sentences, or NDJSON events."""

    def __init__(self, format_: str) -> None:
        self._json = format_ == "json"

    def event(self, name: str, **facts: object) -> None:
        """Print the step as an event, and log it.

        In text output only problems are printed.
        """
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

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        """Print warnings to stderr."""
        show_diagnostics(found)
