"""The two kinds of bucket that faults are tried on, each put back as it was before every trial."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from providers.objects.directory import DirectoryBucket
from reconciler.model.ports import ObjectFacts, ObjectStore
from tests.buckets import bucket_at
from tests.servers import ACCESS_KEY, REGION, SECRET_KEY, make_bucket
from tests.uploads import upload


class Bucket(Protocol):
    """A bucket that a project uses. `settings` and `environ` are what leads elmify to it."""

    settings: str
    environ: Mapping[str, str]

    def at(self, root: Path) -> ObjectStore:
        """Open it, as the one who serves the app's listeners does; `root` is the project."""

    def keep(self, root: Path) -> None:
        """Remember what it holds."""

    def put_back(self, root: Path) -> None:
        """Make it hold what was remembered, in a fresh copy of the project."""


@dataclass
class Directory:
    """A directory bucket, which takes the spellings of a key for one object. It lies in the project."""

    settings: str = "objects: {store: directory}\n"
    environ: Mapping[str, str] = field(default_factory=dict)

    def at(self, root: Path) -> ObjectStore:
        return DirectoryBucket(root / ".elmify" / "bucket")

    def keep(self, root: Path) -> None:
        """Do nothing: it is a part of the project's folder."""

    def put_back(self, root: Path) -> None:
        """Do nothing: it was copied with the project."""


@dataclass
class Server:
    """A bucket of an S3 server."""

    store: ObjectStore
    environ: Mapping[str, str]
    settings: str = f"objects: {{region: {REGION}}}\n"  # a link is signed for one, and no answer corrects it
    _kept: dict[str, tuple[ObjectFacts, bytes]] = field(default_factory=dict)

    def at(self, root: Path) -> ObjectStore:
        return self.store

    def keep(self, root: Path) -> None:
        for stored in self.store.list():
            facts = self.store.head(stored.key)
            assert facts is not None
            self._kept[stored.key] = (facts, self.store.read(stored.key))

    def put_back(self, root: Path) -> None:
        """Only what differs: nothing is ever overwritten, so little does."""
        for unfinished in self.store.unfinished():
            self.store.abort(unfinished)
        there = {stored.key: stored.etag for stored in self.store.list()}
        for key, etag in there.items():
            if key not in self._kept or self._kept[key][0].etag != etag:
                self.store.delete(key)
        for key, (facts, content) in self._kept.items():
            if there.get(key) != facts.etag:
                self.store.put(
                    upload(key, content, metadata=facts.metadata, cache_control=facts.cache_control)
                )


@contextmanager
def bucket_of(server: str | None) -> Iterator[Bucket]:
    """Yield a fresh bucket: of the S3 server at that URL, or in a directory."""
    if server is None:
        yield Directory()
        return
    name = make_bucket(server)
    environ = {
        "R2_ENDPOINT": server,
        "R2_ACCESS_KEY_ID": ACCESS_KEY,
        "R2_SECRET_ACCESS_KEY": SECRET_KEY,
        "R2_BUCKET_NAME": name,
    }
    store = bucket_at(server, name)
    yield Server(store, environ)
    store.close()


def fresh_copy(to: Path, *, of: Path) -> None:
    """Copy a project's folder; times are kept, by which a directory bucket knows its files."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(of, to, symlinks=True)
