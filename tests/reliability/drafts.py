"""Small catalogs in the making: what they declare, and the files of a project that say so."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from providers.objects.etag import ContentDigest
from reconciler.loading.lockfile import write_lockfile
from reconciler.model.catalog import MediaFile

BASE_URL = "https://cdn.example.com"

#: One upload after the other, so that their order is always the same; parts as small as they may be.
_TRANSFER = "{concurrency: 1, single_put: 5MiB, part_size: 5MiB}"

PART_BYTES = 5 * 1024**2

Fields = dict[str, Any]


@dataclass
class Draft:
    """Speakers, collections and lectures by address; media by path. `write` makes a project of them.

    What is `torn` has other bytes in the folder than the lockfile says.
    """

    speakers: dict[str, Fields] = field(default_factory=dict)
    collections: dict[str, Fields] = field(default_factory=dict)
    lectures: dict[str, Fields] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)
    torn: set[str] = field(default_factory=set)

    def speaker(self, address: str, **fields: Any) -> None:
        self.speakers[address] = fields

    def collection(self, address: str, **fields: Any) -> None:
        self.collections[address] = fields

    def lecture(self, address: str, content: bytes | None = None, **fields: Any) -> None:
        """Declare a lecture and its audio, which is `<id>.mp3` unless another is named."""
        fields.setdefault("audio", f"{address.rpartition('/')[2]}.mp3")
        self.lectures[address] = fields
        self.media[fields["audio"]] = address.encode() if content is None else content

    def move(self, address: str, to: str) -> None:
        """Give a lecture another address, which says where it was."""
        self.lectures[to] = {"previously": address, **self.lectures.pop(address)}

    def drop(self, address: str) -> None:
        """Remove a resource with everything under it."""
        for declared in (self.speakers, self.collections, self.lectures):
            for each in [each for each in declared if each == address or each.startswith(f"{address}/")]:
                del declared[each]

    def write(self, root: Path, settings: str) -> None:
        """Write elmify.yaml, the catalog, the lockfile and the media; what is no longer declared goes."""
        folder = root / "catalog"
        for old in folder.glob("*/*.yaml"):
            old.unlink()
        text = f"environment: test\npublic_base_url: {BASE_URL}\ntransfer: {_TRANSFER}\n{settings}"
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
            file.write_bytes(content[::-1] if path in self.torn else content)
        lines = [media_file(path, content) for path, content in self.media.items() if self._names(path)]
        write_lockfile(root / "catalog" / "elmify.lock", lines)

    def _names(self, path: str) -> bool:
        declared: list[Mapping[str, Any]] = [
            *self.speakers.values(), *self.collections.values(), *self.lectures.values()
        ]  # fmt: skip
        return any(path in fields.values() for fields in declared)


def media_file(path: str, content: bytes) -> MediaFile:
    """Return the line of the lockfile for a file with this content."""
    audio = path.endswith(".mp3")
    parts = ContentDigest(PART_BYTES)
    parts.update(content)
    large = len(content) > PART_BYTES
    return MediaFile(
        path=path,
        size_bytes=len(content),
        media_type="audio/mpeg" if audio else "image/jpeg",
        sha256=hashlib.sha256(content).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        part_bytes=PART_BYTES if large else None,
        parts_etag=parts.etag if large else None,
        duration_seconds=12.0 if audio else None,
    )


def _write(file: Path, document: Fields) -> None:
    """Write YAML; JSON is YAML, a line for each key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in document.items()]
    file.write_text("".join(lines), "utf-8")
