"""git, asked about the repository that holds a project. Nothing of the checkout is touched."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.model.errors import ElmifyError, UsageError


class GitRefused(ElmifyError):
    """git could not be asked, or said no."""

    code = "git-refused"


def commit_of(root: Path, revision: str) -> str:
    """Return the full hash of the commit that a revision names; `UsageError` when it names none."""
    done = _run(root, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
    if done.returncode:
        git(root, "rev-parse", "--git-dir")  # raises where there is no repository at all
        raise UsageError(
            f"{revision} names no commit of this repository",
            hint="In a shallow clone, fetch it first: git fetch --unshallow",
        )
    return done.stdout.decode("ascii").strip()


def is_ancestor(root: Path, commit: str, of: str) -> bool:
    """Whether a commit is in the history of another; False for one that this repository does not have."""
    return _run(root, ["merge-base", "--is-ancestor", commit, of]).returncode == 0


def commits_since(root: Path, since: str | None, until: str) -> list[str]:
    """Return what was committed to a branch after `since` (None: from its beginning), the oldest first.

    Of a merge only the merge commit itself, which is what came into the branch. Raises `GitRefused` in a
    shallow clone, which does not know.
    """
    if git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise GitRefused(
            "this is a shallow clone, so what was merged cannot be told", hint="Check out with fetch-depth: 0"
        )
    span = until if since is None else f"{since}..{until}"
    return git(root, "rev-list", "--first-parent", "--reverse", span).decode("ascii").split()


def top_of(root: Path) -> Path:
    """Return the folder of the repository that a folder is in."""
    return Path(os.fsdecode(git(root, "rev-parse", "--show-toplevel").rstrip(b"\n")))


def added_in(root: Path, path: str, until: str) -> str | None:
    """Return the commit of a branch's history that brought a file; None when none has.

    `path` is relative to `root`.
    """
    listed = git(root, "log", "--first-parent", "-m", "--diff-filter=A", "--format=%H", until, "--", path)
    commits = listed.decode("ascii").split()
    return commits[-1] if commits else None


def git(root: Path, *arguments: str, given: str = "") -> bytes:
    """Return what git prints; `GitRefused` with its words when it says no.

    No argument may come from outside where an option could stand.
    """
    done = _run(root, arguments, given)
    if done.returncode:
        raise GitRefused(f"git refused: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def _run(root: Path, arguments: Sequence[str], given: str = "") -> "subprocess.CompletedProcess[bytes]":
    program = shutil.which("git")
    if program is None:
        raise GitRefused("git is not installed", hint="Install it; the catalog lives in git.")
    return subprocess.run(  # noqa: S603 - no shell
        [program, "--no-pager", "--literal-pathspecs", "-C", str(root), *arguments],
        input=given.encode("ascii"),
        capture_output=True,
        check=False,
        env=_environment(os.environ),
    )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would point git at another repository, or let it ask a person."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
