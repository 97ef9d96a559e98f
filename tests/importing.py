"""A project folder to import into, with media made in the test."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reconciler.importing.declare import Folder
from reconciler.importing.files import FileHashing, import_files
from reconciler.loading.catalog import Loaded, load_catalog
from reconciler.loading.lockfile import read_lockfile
from reconciler.model.catalog import MediaFile
from reconciler.model.outcomes import Imported
from reconciler.model.policy import Layout, Policy
from reconciler.model.ports import Meter
from tests.media_files import JPEG, wav
from tests.stand import Quiet


@dataclass
class ImportProject:
    """A project without a catalog yet; its media are under `media/`."""

    root: Path

    @property
    def folder(self) -> Folder:
        catalog = self.root / "catalog"
        return Folder(root=self.root, catalog_dir=catalog, lock_path=catalog / "elmify.lock")

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def hashing(self) -> FileHashing:
        return FileHashing(
            policy=Policy(environment="test"), cache_file=self.root / "cache.json", meter=_meter
        )

    def audio(self, path: str, seconds: float = 1.0, *, under: str = "media") -> Path:
        """Put a recording somewhere below the project."""
        return self._put(f"{under}/{path}", wav(seconds))

    def image(self, path: str) -> Path:
        return self._put(f"media/{path}", JPEG + path.encode())

    def sidecar(self, path: str, **said: Any) -> Path:
        return self._put(f"media/{path}", json.dumps(said).encode())

    def write(self, name: str, text: str) -> Path:
        """Write a file of the catalog by hand."""
        return self._put(f"catalog/{name}", text.encode())

    def _put(self, path: str, content: bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def import_files(self, directory: Path | None = None) -> Imported:
        return import_files(self.folder, directory or self.media, self.media, self.hashing)

    # What it came to.

    def text(self, name: str) -> str:
        return (self.root / "catalog" / name).read_text()

    def entry(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = yaml.safe_load(self.text(name))
        return entry

    def lectures(self, name: str) -> list[dict[str, Any]]:
        return list(self.entry(name)["lectures"])

    @property
    def lines(self) -> Mapping[str, MediaFile]:
        lines, problems = read_lockfile(self.folder.lock_path, self.root)
        assert problems == ()
        return lines

    def load(self) -> Loaded:
        """Load the catalog as a command does."""
        return load_catalog(
            self.root,
            catalog_dir=self.folder.catalog_dir,
            lock_path=self.folder.lock_path,
            media=self.lines,
            media_root=self.media,
            layout=Layout(),
        )


def _meter(files: int, size_bytes: int) -> AbstractContextManager[Meter]:
    return Quiet().meter("FileHashing", files=files, size_bytes=size_bytes)
