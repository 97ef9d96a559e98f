"""A project whose commands run inside of the test's own process: a tenth of the time, the same code."""

import contextlib
import io
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

from reconciler.cli import run
from tests.acceptance.projects import Project, Ran, clean_environment


class InsideProject(Project):
    """As `Project`, but its commands run here, with its folder and variables in place of the test's own."""

    def elmify(self, *arguments: str, env: Mapping[str, str] | None = None, status: int = 0) -> Ran:
        """Run a command in the project, without a terminal, and check its exit status."""
        ran = self.ended(*arguments, env=env)
        assert ran.status == status, f"{arguments} exited {ran.status}\n{ran.out}\n{ran.err}"
        return ran

    def ended(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run a command in the project, whatever its exit status is."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, {**self.environ, **(env or {})}, clear=True),
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _handlers_kept(),
        ):
            status = run(list(arguments))
        return Ran(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Give SIGTERM back to whoever had it: a command listens for it until its process ends."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def inside_project(folder: Path, database_url: str) -> InsideProject:
    """Return a project with one lecture, on a directory bucket; nothing is applied yet."""
    home, root = folder / "home", folder / "project"
    home.mkdir()
    root.mkdir()
    project = InsideProject(root, clean_environment(home, DATABASE_URL=database_url))
    project.lecture("opening", number=1, title="The Opening")
    return project
