"""Small catalogs in the making: what they declare, and the files of a project that say so."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.loading.lockfile import write_lockfile
from reconciler.model.catalog import MediaFile

BASE_URL = "https://cdn.example.com"

Fields = dict[str, Any]


@dataclass
class Draft:
    """Speakers, collections and lectures by address; media by path. `write` makes a project of them."""

    speakers: dict[str, Fields] = field(default_factory=dict)
    collections: dict[str, Fields] = field(default_factory=dict)
    lectures: dict[str, Fields] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)
    settings: str = ""

    def speaker(self, address: str, **fields: Any) -> None:
        self.speakers[address] = fields

    def collection(self, address: str, **fields: Any) -> None:
        self.collections[address] = fields

    def lecture(self, address: str, audio: bytes | None = None, **fields: Any) -> None:
        """Declare a lecture, whose audio is `<id>.mp3` unless it names another."""
        id_ = address.rpartition("/")[2]
        fields.setdefault("audio", f"{id_}.mp3")
        self.lectures[address] = fields
        self.media.setdefault(fields["audio"], address.encode())
        if audio is not None:
            self.media[fields["audio"]] = audio

    def move(self, address: str, to: str) -> None:
        """Give a lecture another address, which says where it was."""
        self.lectures[to] = {**self.lectures.pop(address), "previously": address}

    def drop(self, address: str) -> None:
        """Remove a resource with everything under it."""
        for declared in (self.speakers, self.collections, self.lectures):
            for each in [each for each in declared if each == address or each.startswith(f"{address}/")]:
                del declared[each]

    def write(self, root: Path) -> None:
        """Write elmify.yaml, the catalog, the lockfile and the media; what is no longer declared goes."""
        folder = root / "catalog"
        for old in folder.glob("*/*.yaml"):
            old.unlink()
        text = f"environment: test\npublic_base_url: {BASE_URL}\ntransfer: {{concurrency: 1}}\n{self.settings}"
        (root / "elmify.yaml").write_text(text, "utf-8")
        for address, fields in self.speakers.items():
            _write(folder / address / "speaker.yaml", {"speaker": address, **fields})
        for address, fields in self.collections.items():
            inside = [
                {"id": lecture.rpartition("/")[2], **entry}
                for lecture, entry in self.lectures.items()
                if lecture.rpartition("/")[0] == address
            ]
            head = {"collection": address.partition("/")[2], **fields}
            _write(folder / f"{address}.yaml", {**head, "lectures": inside} if inside else head)
        self._write_media(root)

    def _write_media(self, root: Path) -> None:
        for path, content in self.media.items():
            file = root / "media" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        named = {path for path in self.media if self._names(path)}
        lines = [media_file(path, content) for path, content in self.media.items() if path in named]
        write_lockfile(root / "catalog" / "elmify.lock", lines)

    def _names(self, path: str) -> bool:
        declared: list[Mapping[str, Any]] = [
            *self.speakers.values(), *self.collections.values(), *self.lectures.values()
        ]  # fmt: skip
        return any(path in fields.values() for fields in declared)


def media_file(path: str, content: bytes) -> MediaFile:
    """Return the line of the lockfile for a file with this content."""
    audio = path.endswith(".mp3")
    return MediaFile(
        path=path,
        size_bytes=len(content),
        media_type="audio/mpeg" if audio else "image/jpeg",
        sha256=hashlib.sha256(content).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        duration_seconds=12.0 if audio else None,
    )


def _write(file: Path, document: Fields) -> None:
    """Write YAML; JSON is YAML, a line for each key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in document.items()]
    file.write_text("".join(lines), "utf-8")
