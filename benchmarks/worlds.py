"""Projects of any size: a catalog, its lockfile and its media, the same bytes each time."""

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.loading.lockfile import write_lockfile
from reconciler.loading.media_facts import read_facts
from reconciler.model.catalog import MediaFile

LECTURES_PER_COLLECTION = 100
COLLECTIONS_PER_SPEAKER = 10

#: The modification time of every media file, in seconds since 1970. Long ago and whole: a sync that goes by
#: time then finds no file newer than its object.
MODIFIED_AT = 1_577_836_800

_SETTINGS = """\
environment: benchmark
public_base_url: https://cdn.example.org
media: media
objects:
  region: us-east-1
"""

_ID3_HEADER_BYTES = 10
#: A silent frame: MPEG 1 layer III, 32 kbit/s, 32 kHz, one channel, and side information that is all zero.
_FRAME = b"\xff\xfb\x18\xc0".ljust(144, b"\0")
_JPEG_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A project on disk. Its media have the paths that its objects will have as keys."""

    root: Path
    lectures: int

    @property
    def media(self) -> Path:
        """The media root."""
        return self.root / "media"

    @property
    def lock_path(self) -> Path:
        """The lockfile."""
        return self.root / "catalog" / "elmify.lock"

    def edit(self, lectures: int) -> None:
        """Give new descriptions to that many lectures, whole collections at a time."""
        for place in range(-(-lectures // LECTURES_PER_COLLECTION)):
            collection = _Collection(place, min(LECTURES_PER_COLLECTION, self.lectures))
            changed = min(LECTURES_PER_COLLECTION, lectures - place * LECTURES_PER_COLLECTION)
            _write(self.root / "catalog" / collection.file, collection.yaml(edited=changed))


def write_world(root: Path, lectures: int, audio_bytes: int) -> World:
    """Write a project of that many lectures, each with its own audio of `audio_bytes` (1 KiB or more).

    100 lectures make a collection and ten collections a speaker, each with a small image.
    """
    _write(root / "elmify.yaml", _SETTINGS)
    write_lockfile(root / "catalog" / "elmify.lock", list(_write_catalog(root, lectures, audio_bytes)))
    return World(root=root, lectures=lectures)


def _write_catalog(root: Path, lectures: int, audio_bytes: int) -> Iterator[MediaFile]:
    """Write catalog and media, and yield the lockfile's lines."""
    media = _MediaWriter(root / "media")
    for place, first in enumerate(range(0, lectures, LECTURES_PER_COLLECTION)):
        collection = _Collection(place, min(LECTURES_PER_COLLECTION, lectures - first))
        speaker = collection.speaker
        if place % COLLECTIONS_PER_SPEAKER == 0:
            _write(root / "catalog" / speaker.file, speaker.yaml())
            yield media.write(speaker.image, image(speaker.image))
        _write(root / "catalog" / collection.file, collection.yaml())
        yield media.write(collection.cover, image(collection.cover))
        for number in collection.numbers:
            path = collection.audio(number)
            yield media.write(path, silence(path, audio_bytes))


class _MediaWriter:
    """Writes media files and says what their lockfile lines are."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._facts: dict[tuple[str, int], MediaFile] = {}

    def write(self, path: str, content: bytes) -> MediaFile:
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (MODIFIED_AT, MODIFIED_AT))
        alike = self._described(path, content)
        return MediaFile(
            path=path,
            size_bytes=len(content),
            media_type=alike.media_type,
            sha256=hashlib.sha256(content).hexdigest(),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            duration_seconds=alike.duration_seconds,
            bitrate=alike.bitrate,
            sample_rate=alike.sample_rate,
        )

    def _described(self, path: str, content: bytes) -> MediaFile:
        """Return the facts of such a file; those of one type and size have the same ones."""
        kind = (path.rpartition(".")[2], len(content))
        if kind not in self._facts:
            facts = read_facts(io.BytesIO(content), path, len(content))
            self._facts[kind] = MediaFile(
                path=path,
                size_bytes=len(content),
                media_type=facts.media_type,
                duration_seconds=facts.duration_seconds,
                bitrate=facts.bitrate,
                sample_rate=facts.sample_rate,
            )
        return self._facts[kind]


@dataclass(frozen=True, slots=True)
class _Speaker:
    place: int

    @property
    def id(self) -> str:
        return f"speaker-{self.place:04d}"

    @property
    def name(self) -> str:
        return f"Speaker {self.place:04d}"

    @property
    def file(self) -> str:
        return f"{self.id}/speaker.yaml"

    @property
    def image(self) -> str:
        return f"{self.name}/speaker.jpg"

    def yaml(self) -> str:
        return f"speaker: {self.id}\nname: {self.name}\npremium: false\nimage: {self.image}\n"


@dataclass(frozen=True, slots=True)
class _Collection:
    place: int
    size: int

    @property
    def speaker(self) -> _Speaker:
        return _Speaker(self.place // COLLECTIONS_PER_SPEAKER)

    @property
    def id(self) -> str:
        return f"collection-{self.place:05d}"

    @property
    def title(self) -> str:
        return f"Collection {self.place:05d}"

    @property
    def file(self) -> str:
        return f"{self.speaker.id}/{self.id}.yaml"

    @property
    def cover(self) -> str:
        return f"{self.speaker.name}/{self.title}/collection.jpg"

    @property
    def numbers(self) -> range:
        return range(1, self.size + 1)

    def audio(self, number: int) -> str:
        return f"{self.speaker.name}/{self.title}/{number:02d} - Lecture {number:02d} of {self.place:05d}.mp3"

    def yaml(self, *, edited: int = 0) -> str:
        head = f"collection: {self.id}\ntitle: {self.title}\nyear: 2025\ncover: {self.cover}\nlectures:\n"
        return head + "".join(self._entry(number, edited=number <= edited) for number in self.numbers)

    def _entry(self, number: int, *, edited: bool) -> str:
        word = "corrected" if edited else "first"
        return (
            f"- id: lecture-{number:03d}\n"
            f"  number: {number}\n"
            f"  title: Lecture {number:02d} of {self.place:05d}\n"
            f"  description: A {word} description of lecture {number}, in a sentence of the usual length.\n"
            f"  audio: {self.audio(number)}\n"
        )


def silence(name: str, size_bytes: int) -> bytes:
    """Return an mp3 of exactly that size: silence, and a tag that makes it differ from every other name's."""
    title = b"\x03" + name.encode()
    frame = b"TIT2" + _synchsafe(len(title)) + b"\0\0" + title
    sounds = (size_bytes - _ID3_HEADER_BYTES - len(frame)) // len(_FRAME)
    tag_bytes = size_bytes - sounds * len(_FRAME) - _ID3_HEADER_BYTES
    header = b"ID3\x04\x00\x00" + _synchsafe(tag_bytes)
    return header + frame.ljust(tag_bytes, b"\0") + _FRAME * sounds


def _synchsafe(number: int) -> bytes:
    """Return a number as ID3 writes it: four bytes of seven bits."""
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def image(name: str) -> bytes:
    """Return what begins as a JPEG and differs for every name."""
    return _JPEG_START + name.encode()


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
