"""The project folder of a team that declares its live library, with no media on disk."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from providers.objects.directory import DirectoryBucket
from reconciler.applying.apply import apply
from reconciler.applying.refresh import make_plan
from reconciler.applying.workspace import Workspace
from reconciler.loading.lockfile import write_lockfile
from reconciler.loading.media_facts import MEDIA_TYPES, extension
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Plan
from reconciler.model.ports import ObjectStore
from reconciler.model.values import nfc
from reconciler.operations.project import Project
from reconciler.operations.workspace import open_workspace
from reconciler.planning.world import Request, World
from reconciler.settings import load_settings
from tests.live.mess import BASE_URL, Mess, Object, make_mess
from tests.live.system import LiveRows, fill_database, fill_directory
from tests.live.truth import FULL, Collection, Lecture, Speaker, library
from tests.stand import Quiet
from tests.uploads import md5_of

Entry = dict[str, Any]

SETTINGS = f"""\
environment: live
public_base_url: {BASE_URL}
columns:
  image_url: key
  image_small_url: key
  cover_image_url: url
  cover_image_small_url: url
  thumbnail_url: key
  file_format: mp3
objects:
  store: directory
  directory: bucket
"""


@dataclass
class LiveProject:
    """A project folder. `files` are its YAML documents by path under `catalog/`, `lock` its lockfile by path.

    Both are written anew before each plan, so a test changes them as a person edits files.
    """

    root: Path
    url: str
    truth: Sequence[Speaker]
    mess: Mess
    rows: LiveRows
    files: dict[str, Entry] = field(default_factory=dict)
    lock: dict[str, MediaFile] = field(default_factory=dict)

    @property
    def bucket(self) -> DirectoryBucket:
        return DirectoryBucket(self.root / "bucket")

    def copied(self, root: Path, url: str) -> "LiveProject":
        """Return the same project over a copy of its database, its bucket copied to `root`."""
        shutil.copytree(self.root / "bucket", root / "bucket")
        return replace(self, root=root, url=url, files=deepcopy(self.files), lock=dict(self.lock))

    # Editing.

    def entry(self, address: str) -> Entry:
        """Return the entry of an address, to be changed in place."""
        speaker, _, rest = address.partition("/")
        collection, _, lecture = rest.partition("/")
        if not collection:
            return self.files[f"{speaker}/speaker.yaml"]
        document = self.files[f"{speaker}/{collection}.yaml"]
        return _lecture_entry(document, lecture) if lecture else document

    def addresses(self) -> list[str]:
        """Return the addresses of all lectures, in the order of the files."""
        return [
            f"{name.removesuffix('.yaml')}/{entry['id']}"
            for name, document in self.files.items()
            for entry in document.get("lectures", ())
        ]

    def move(self, address: str, collection: str) -> str:
        """Move a lecture's entry to the end of another collection, saying where it was; the new address."""
        entry = self.entry(address)
        self.entry(address.rpartition("/")[0])["lectures"].remove(entry)
        target = self.entry(collection)["lectures"]
        entry |= {"previously": address, "number": 1 + max(other["number"] for other in target)}
        entry["id"] = f"{entry['id']}-moved"
        entry["title"] = f"{entry['title']}, again"
        target.append(entry)
        return f"{collection}/{entry['id']}"

    def record(self, path: str, content: bytes, duration_seconds: float) -> None:
        """Put a file under the media root and lock it."""
        file = self.root / "media" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.lock[path] = MediaFile(
            path=path,
            size_bytes=len(content),
            media_type=MEDIA_TYPES[extension(path)],
            sha256=hashlib.sha256(content).hexdigest(),
            md5=md5_of(content),
            duration_seconds=duration_seconds,
        )

    def write(self) -> None:
        """Write the project folder as it is declared now."""
        (self.root / "elmify.yaml").write_text(SETTINGS)
        for name, document in self.files.items():
            file = self.root / "catalog" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False))
        for file in (self.root / "catalog").rglob("*.yaml"):
            if file.relative_to(self.root / "catalog").as_posix() not in self.files:
                file.unlink()
        write_lockfile(self.root / "catalog" / "elmify.lock", self.lock.values())

    # elmify.

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        self.write()
        with open_workspace(Project(load_settings(self.root, {"DATABASE_URL": self.url}))) as workspace:
            yield workspace

    def survey(self, request: Request | None = None) -> tuple[Plan, World]:
        with self.opened() as workspace:
            return make_plan(workspace, request or Request())

    def plan(self, request: Request | None = None) -> Plan:
        return self.survey(request)[0]

    def apply(self, plan: Plan | None = None, observer: Quiet | None = None) -> Outcome:
        """Apply a reviewed plan, or what a plan shows now."""
        reviewed = self.plan() if plan is None else plan
        with self.opened() as workspace:
            observed = replace(workspace, observer=observer or Quiet())
            return apply(observed, Request(), [reviewed])


def _lecture_entry(document: Entry, id_: str) -> Entry:
    entry: Entry = next(entry for entry in document["lectures"] if entry["id"] == id_)
    return entry


# A project that declares a live library.


def live_project(
    root: Path, url: str, sizes: Sequence[int] = FULL, *, rows: int = 467, objects: int = 532
) -> LiveProject:
    """Build a live system in a database and in `root/bucket`, and the project that declares its truth."""
    truth = library(sizes)
    mess = make_mess(truth, rows=rows, objects=objects)
    project = LiveProject(root=root, url=url, truth=truth, mess=mess, rows=fill_database(url, mess))
    fill_directory(root / "bucket", mess.objects, project.bucket)
    declare(project, project.bucket)
    return project


def declare(project: LiveProject, store: ObjectStore) -> None:
    """Write the truth into the project, its lockfile from what the bucket lists."""
    project.files = dict(_documents(project.truth))
    for address in ambiguous(project):
        project.entry(address)["row"] = project.rows.lectures[address]
    listed = {nfc(stored.key): stored for stored in store.list()}
    contents = {nfc(stored.key): stored for stored in project.mess.objects}
    project.lock = {
        path: _line(place, path, listed[nfc(path)], contents[nfc(path)])
        for place, path in enumerate(dict.fromkeys(_paths(project.truth)))
    }


def ambiguous(project: LiveProject) -> list[str]:
    """Return the addresses whose recording stands in two rows that nothing tells apart."""
    return [address for address, _ in project.mess.twins[:2]]


def _line(place: int, path: str, stored: StoredObject, content: Object) -> MediaFile:
    """Return the line of an object that is live: of every fifth somebody kept the hashes."""
    is_audio = MEDIA_TYPES[extension(path)].startswith("audio/")
    known = place % 5 == 0
    return MediaFile(
        path=path,
        size_bytes=stored.size_bytes,
        media_type=MEDIA_TYPES[extension(path)],
        sha256=hashlib.sha256(content.content).hexdigest() if known else None,
        md5=md5_of(content.content) if known else None,
        etag=None if known else stored.etag,
        duration_seconds=60.0 + place if is_audio and place % 4 else None,
        bitrate=128_000 if is_audio and place % 4 else None,
    )


def _documents(truth: Sequence[Speaker]) -> Iterator[tuple[str, Entry]]:
    for speaker in truth:
        yield (
            f"{speaker.id}/speaker.yaml",
            {
                "speaker": speaker.id,
                "name": speaker.name,
                "premium": speaker.premium,
                "image": speaker.image,
                "image_small": speaker.image_small,
            },
        )
        for collection in speaker.collections:
            yield f"{speaker.id}/{collection.id}.yaml", _collection_entry(collection)


def _collection_entry(collection: Collection) -> Entry:
    optional: Mapping[str, Any] = {
        "year": collection.year,
        "cover_small": collection.cover_small,
        "categories": list(collection.categories),
    }
    return {
        "collection": collection.id,
        "title": collection.title,
        "cover": collection.cover,
        **{name: value for name, value in optional.items() if value},
        "defaults": {"public": True, "genre": collection.genre},
        "lectures": [_entry(lecture) for lecture in collection.lectures],
    }


def _entry(lecture: Lecture) -> Entry:
    entry: Entry = {"id": lecture.id, "number": lecture.number, "title": lecture.title, "audio": lecture.path}
    if lecture.thumbnail is not None:
        entry["thumbnail"] = lecture.thumbnail
    if lecture.categories:
        entry["categories"] = list(lecture.categories)
    return entry


def _paths(truth: Sequence[Speaker]) -> Iterator[str]:
    for speaker in truth:
        yield from (speaker.image, speaker.image_small)
        for collection in speaker.collections:
            yield from filter(None, (collection.cover, collection.cover_small))
            for lecture in collection.lectures:
                yield from filter(None, (lecture.path, lecture.thumbnail))
