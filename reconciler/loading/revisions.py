"""What the catalog said at an earlier git revision, and which resources say something else since."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.loading.catalog import Loaded, load_catalog
from reconciler.loading.git import GitRefused, commit_of, git
from reconciler.loading.lockfile import read_lockfile
from reconciler.model.address import Address
from reconciler.model.catalog import Catalog, Resource
from reconciler.model.policy import Layout
from reconciler.model.values import nfc

_YAML = (".yaml", ".yml")
_REGULAR_FILE = "100"  # how the mode of a file that is no link, folder or submodule begins


def catalog_at(
    revision: str, root: Path, *, catalog_dir: Path, lock_path: Path, media_root: Path, layout: Layout
) -> Catalog:
    """Return the catalog as it stood at a revision of the repository that holds the project at `root`.

    Of a project that was not there yet it is empty. Nothing of the checkout is touched. Raises `UsageError`
    for what names no commit, `GitRefused` when git cannot be asked or the catalog had mistakes at that time.
    """
    commit = commit_of(root, revision)
    with TemporaryDirectory(prefix="elmify-") as name:
        then = Path(name)
        for file, data in _files(root, commit, [catalog_dir, lock_path]):
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
    """Return the addresses whose entries or lockfile lines differ; also what came, went or is let go."""
    old, new = dict(_contents(then)), dict(_contents(now))
    differing = {address for address in old.keys() | new.keys() if old.get(address) != new.get(address)}
    return frozenset(differing | (then.forget ^ now.forget))


def _contents(catalog: Catalog) -> Iterator[tuple[Address, object]]:
    """Yield what each entry says, and what the lockfile says of its media; not where it stands."""
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


def _files(root: Path, commit: str, wanted: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the YAML files and the lockfile at a commit, by their path under `root`, with their bytes."""
    paths = [path.relative_to(root).as_posix() for path in wanted]
    listed = git(root, "ls-tree", "-r", "-z", commit, "--", *paths)
    found = list(_entries(listed.decode("utf-8", "surrogateescape"), paths))
    blobs = git(root, "cat-file", "--batch", given="".join(f"{blob}\n" for _, blob in found))
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
