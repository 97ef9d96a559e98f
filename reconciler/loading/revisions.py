"""Revisions of the catalog in git, and resources that differ since one."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.loading.catalog import Loaded, load_catalog
from reconciler.loading.lockfile import read_lockfile
from reconciler.model.address import Address
from reconciler.model.catalog import Catalog, Resource
from reconciler.model.errors import ElmifyError, UsageError
from reconciler.model.policy import Layout
from reconciler.model.values import nfc

#: A folder of a checkout can hold the files of a bare repository, whose config can name programs.
_ONLY_OWN_CONFIG = ("-c", "safe.bareRepository=explicit")


class GitRefused(ElmifyError):
    """git could not be asked, or said no."""

    code = "git-refused"


@dataclass(frozen=True)
class Git:
    """Access to the git repository that contains a folder.

    Nothing in the checkout is changed. `environ` is the environment that git runs in, without what
    would point it at another repository.
    """

    folder: Path
    environ: Mapping[str, str]

    def commit_of(self, revision: str) -> str:
        """Return the full hash of the commit that a revision names.

        Raises `UsageError` when the revision names no commit.
        """
        done = self._run(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
        if done.returncode:
            self.run("rev-parse", "--git-dir")  # raises where there is no repository at all
            raise UsageError(
                f"{revision} names no commit of this repository",
                hint="In a shallow clone, fetch it first: git fetch --unshallow",
            )
        return done.stdout.decode("ascii").strip()

    def is_ancestor(self, commit: str, of: str) -> bool:
        """Return whether a commit is in the history of another.

        False for a commit that this repository does not have.
        """
        return self._run(["merge-base", "--is-ancestor", commit, of]).returncode == 0

    def commits_since(self, since: str | None, until: str) -> list[str]:
        """Return the commits of a branch after `since`, the oldest first.

        If `since` is None, they are all from the beginning of the branch. Of a merge, only the merge
        commit itself is included, which is what came into the branch. Raises `GitRefused` in a shallow
        clone, which does not know the commits.
        """
        if self.run("rev-parse", "--is-shallow-repository").strip() == b"true":
            raise GitRefused(
                "this is a shallow clone, so what was merged cannot be told",
                hint="Check out with fetch-depth: 0",
            )
        span = until if since is None else f"{since}..{until}"
        return self.run("rev-list", "--first-parent", "--reverse", span).decode("ascii").split()

    def top(self) -> "Git":
        """Return git at the top folder of the repository."""
        folder = Path(os.fsdecode(self.run("rev-parse", "--show-toplevel").rstrip(b"\n")))
        return Git(folder, self.environ)

    def added_in(self, path: str, until: str) -> str | None:
        """Return the commit of a branch's history that added a file.

        None when no commit added it. `path` is relative to the folder.
        """
        listed = self.run("log", "--first-parent", "-m", "--diff-filter=A", "--format=%H", until, "--", path)
        commits = listed.decode("ascii").split()
        return commits[-1] if commits else None

    def run(self, *arguments: str, given: str = "") -> bytes:
        """Return what git prints; `GitRefused` with its words when it says no.

        No argument may come from outside where an option could stand.
        """
        done = self._run(arguments, given)
        if done.returncode:
            raise GitRefused(f"git refused: {done.stderr.decode('utf-8', 'replace').strip()}")
        return done.stdout

    def _run(self, arguments: Sequence[str], given: str = "") -> "subprocess.CompletedProcess[bytes]":
        program = shutil.which("git", path=self.environ.get("PATH"))
        if program is None:
            raise GitRefused("git is not installed", hint="Install it; the catalog lives in git.")
        fixed = ["--no-pager", "--literal-pathspecs", *_ONLY_OWN_CONFIG, "-C", str(self.folder)]
        return subprocess.run(  # noqa: S603 - no shell
            [program, *fixed, *arguments],
            input=given.encode("ascii"),
            capture_output=True,
            check=False,
            env=_environment(self.environ),
        )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for git: the same repository and no prompts.

    It is without anything that would point git at another repository or let it ask a person.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


_YAML = (".yaml", ".yml")
_REGULAR_FILE = "100"  # how the mode of a file that is no link, folder or submodule begins


def catalog_at(
    revision: str, git: Git, *, catalog_dir: Path, lock_path: Path, media_root: Path, layout: Layout
) -> Catalog:
    """Return the catalog as it was at a revision.

    The repository is the one that holds the project, which is git's folder. If the project did not
    exist yet, the catalog is empty. Nothing in the checkout is changed. Raises `UsageError` when the
    revision names no commit, and `GitRefused` when git cannot be asked or the catalog had mistakes at
    that time.
    """
    commit, root = git.commit_of(revision), git.folder
    with TemporaryDirectory(prefix="elmify-") as name:
        then = Path(name)
        for file, data in _files(git, commit, [catalog_dir, lock_path]):
            target = then / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        loaded = _load(root, then, catalog_dir, lock_path, media_root, layout)
    if loaded.catalog is None:
        first = loaded.diagnostics[0]
        raise GitRefused(
            f"the catalog had mistakes at {revision}, so nothing can be compared with it",
            details=(f"{first.position}: {first.summary}",),
            hint="Name a revision whose catalog was valid.",
        )
    return loaded.catalog


def changed_addresses(then: Catalog, now: Catalog) -> frozenset[Address]:
    """Return the addresses that differ between two catalogs.

    An address differs when its entry or lockfile lines differ, when it was added or removed, or when
    only one of the catalogs lists it under `forget`.
    """
    old, new = dict(_contents(then)), dict(_contents(now))
    differing = {address for address in old.keys() | new.keys() if old.get(address) != new.get(address)}
    return frozenset(differing | (then.forget ^ now.forget))


def _contents(catalog: Catalog) -> Iterator[tuple[Address, object]]:
    """Yield the content of each entry, with its media's lockfile facts.

    The position of the entry is not included.
    """
    media = {nfc(path): file for path, file in catalog.media.items()}
    for address, resource in catalog.resources.items():
        files = [(slot, path and media.get(nfc(path), path)) for slot, path in resource.media.items()]
        yield address, (_said(resource), sorted(files, key=str))


def _said(resource: Resource) -> tuple[object, ...]:
    fields = sorted(resource.fields.items(), key=str)
    return repr(fields), resource.row, resource.previously, resource.protect


def _load(
    root: Path, then: Path, catalog_dir: Path, lock_path: Path, media_root: Path, layout: Layout
) -> Loaded:
    catalog_then, lock_then = then / catalog_dir.relative_to(root), then / lock_path.relative_to(root)
    catalog_then.mkdir(parents=True, exist_ok=True)
    media, _ = read_lockfile(lock_then, then)
    return load_catalog(
        then,
        catalog_dir=catalog_then,
        lock_path=lock_then,
        media=media,
        media_root=media_root,
        layout=layout,
    )


def _files(git: Git, commit: str, wanted: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the YAML files and the lockfile at a commit.

    Each item is the path under the folder, and the bytes of the file.
    """
    paths = [path.relative_to(git.folder).as_posix() for path in wanted]
    listed = git.run("ls-tree", "-r", "-z", commit, "--", *paths)
    found = list(_entries(listed.decode("utf-8", "surrogateescape"), paths))
    blobs = git.run("cat-file", "--batch", given="".join(f"{blob}\n" for _, blob in found))
    at = 0
    for name, _ in found:
        head_end = blobs.index(b"\n", at)
        size = int(blobs[at:head_end].rpartition(b" ")[2])
        yield name, blobs[head_end + 1 : head_end + 1 + size]
        at = head_end + 1 + size + 1


def _entries(listed: str, paths: list[str]) -> Iterator[tuple[str, str]]:
    for line in filter(None, listed.split("\0")):
        facts, _, name = line.partition("\t")
        mode, _, blob = facts.split(" ")
        if mode.startswith(_REGULAR_FILE) and (name in paths or name.endswith(_YAML)):
            yield name, blob
