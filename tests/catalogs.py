"""Catalogs for tests: files written in a temporary project, and loaded as a command loads them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.loading.catalog import Loaded, load_catalog
from reconciler.model.catalog import MediaFile
from reconciler.model.policy import Layout
from reconciler.model.values import nfc

SPEAKER = "speaker: rashid\nname: Rashid\n"
COLLECTION = "collection: quran\ntitle: Quran\nlectures:\n- {id: one, title: One, audio: one.mp3}\n"


@dataclass
class CatalogProject:
    """A project whose catalog is made file by file."""

    root: Path
    media: dict[str, MediaFile] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    cache_dir: Path | None = None

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file under the catalog."""
        path = self.root / "catalog" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def lock(self, *paths: str, media_type: str = "audio/mpeg") -> None:
        """Put paths in the lockfile."""
        for path in paths:
            self.media[nfc(path)] = MediaFile(path=path, size_bytes=1, media_type=media_type)

    def load(self, **options: Any) -> Loaded:
        """Load it."""
        wanted = {"media": self.media, "layout": self.layout, "cache_dir": self.cache_dir, **options}
        return load_catalog(
            self.root,
            catalog_dir=self.root / "catalog",
            lock_path=self.root / "catalog" / "elmify.lock",
            media_root=self.root / "media",
            **wanted,
        )

    def found(self) -> Sequence[tuple[str, str]]:
        """Load it and return each diagnostic's code and place, the place relative to the catalog."""
        return [(each.code, str(each.position).removeprefix("catalog/")) for each in self.load().diagnostics]
