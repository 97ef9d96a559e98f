"""Import of a content folder on disk: catalog entries and lockfile lines."""

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from reconciler.concurrency import NEVER_CANCELLED, CancellationToken
from reconciler.importing import metadata
from reconciler.importing.declare import (
    NEW_LECTURE,
    Folder,
    FoundResources,
    by_number,
    declare,
    lockfile_lines,
)
from reconciler.importing.describe import unfit
from reconciler.importing.layout import KeyPlace, place_of
from reconciler.importing.metadata import Tags, read_tags
from reconciler.importing.names import clean, numbered, titled, without_number
from reconciler.loading.hashing import StatCache
from reconciler.loading.locking import lock, survey
from reconciler.loading.media import MediaFolder
from reconciler.model.catalog import MediaFile
from reconciler.model.diagnostics import Position
from reconciler.model.errors import UsageError
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.outcomes import Imported, ImportFinding, Reason
from reconciler.model.policy import Policy
from reconciler.model.ports import Meter
from reconciler.model.remedies import ImportFiles
from reconciler.model.values import nfc

#: A name as a machine gives it: `fresh`, `recording_0412`.
_BARE = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentFile:
    """A file of the content folder.

    `path` is its path as the catalog writes it; `within` is its path in the team's layout.
    """

    file: Path
    path: str
    within: str


def content_files(directory: Path, media_root: Path) -> Iterator[ContentFile]:
    """Yield every file below a folder of the media root, in path order.

    Hidden files, and files in hidden folders, are skipped.
    """
    for file in sorted(directory.resolve().rglob("*")):
        within = file.relative_to(media_root.resolve()).as_posix()
        if file.is_file() and not any(part.startswith(".") for part in within.split("/")):
            yield ContentFile(file=file, path=nfc(within), within=nfc(within))


def lecture_fields(path: str, place: KeyPlace, tags: Tags) -> dict[str, Any]:
    """Return the fields of a recording's entry, from its name and tags.

    The tags give what the name does not say. A name without a number, in lower case and without
    spaces, says less about the title than a tag does.
    """
    number = place.number if place.number is not None else tags.number
    tagged = numbered(tags.title)[1]
    is_bare = place.number is None and _BARE.fullmatch(path.rpartition("/")[2].rpartition(".")[0])
    title = (
        (tagged if is_bare else "")
        or place.title
        or tagged
        or (f"Lecture {number}" if number is not None else "")
    )
    said = {
        "number": number,
        "title": title or clean(path.rpartition("/")[2]),
        "audio": path,
        "genre": tags.genre,
        "year": tags.year,
    }
    return {name: value for name, value in said.items() if value not in {None, ""}}


@dataclass
class Gathering:
    """Content found in a folder, by speaker and collection.

    Speakers and collections are named as their folders are.
    """

    findings: list[ImportFinding] = field(default_factory=list)
    speakers: dict[str, dict[str, Any]] = field(default_factory=dict)
    collections: defaultdict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    thumbnails: dict[tuple[str, str, int | None, str], str] = field(default_factory=dict)
    lectures: defaultdict[tuple[str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def note(self, reason: Reason, subject: str, detail: str) -> None:
        """Keep something for a person to look at."""
        self.findings.append(ImportFinding(reason=reason, subject=subject, detail=detail))


def gather(files: Sequence[ContentFile]) -> tuple[tuple[FoundResources, ...], tuple[ImportFinding, ...]]:
    """Return the speakers that a folder holds, and what does not fit.

    The speakers are in the order of their names. Reads the sidecars, and the tags of each recording;
    the bytes are not hashed here.
    """
    gathering = Gathering()
    paths = {file.path for file in files}
    for file in files:
        place = place_of(file.within)
        if place.is_sidecar:
            _take_sidecar(gathering, file, place, paths)
        elif place.slot is not None:
            _take_media(gathering, file, place)
        else:
            gathering.note(Reason.UNFIT, file.path, "is neither audio nor an image of the layout")
    return tuple(_speakers(gathering)), tuple(gathering.findings)


def _take_sidecar(gathering: Gathering, file: ContentFile, place: KeyPlace, paths: set[str]) -> None:
    folder = file.path.rpartition("/")[0]

    def path_of(name: Any) -> str | None:
        path = nfc(metadata.beside(folder, name)) if isinstance(name, str) else ""
        return path if path in paths else None

    try:
        sidecar = metadata.read_sidecar(file.file)
    except metadata.SidecarRefused as refused:
        gathering.note(Reason.UNFIT, file.path, str(refused))
        return
    speaker = place.speaker or ""
    if place.collection is None:
        gathering.speakers.setdefault(speaker, {}).update(metadata.speaker_fields(sidecar, path_of))
    else:
        fields = gathering.collections[speaker].setdefault(place.collection, {})
        fields.update(metadata.collection_fields(sidecar, path_of))


def _take_media(gathering: Gathering, file: ContentFile, place: KeyPlace) -> None:
    assert place.slot is not None
    problem = unfit(file.path, place.slot)
    if problem:
        gathering.note(Reason.UNFIT, file.path, problem)
    elif place.slot is Slot.LECTURE_AUDIO:
        _take_audio(gathering, file, place)
    elif place.slot is Slot.LECTURE_THUMBNAIL:
        whose = (place.speaker or "", place.collection or "", place.number, place.title)
        gathering.thumbnails.setdefault(whose, file.path)
    else:
        _take_image(gathering, file, place, place.slot)


def _take_audio(gathering: Gathering, file: ContentFile, place: KeyPlace) -> None:
    with file.file.open("rb") as handle:
        tags = read_tags(handle)
    speaker, collection = place.speaker or tags.artist, place.collection or tags.album
    if not speaker or not collection:
        gathering.note(
            Reason.ROW_WITHOUT_PARENT, file.path, "neither its folder nor its tags say whose it is"
        )
        return
    gathering.collections[speaker].setdefault(collection, {})
    fields = lecture_fields(file.path, place, tags)
    fields["title"] = without_number(fields["title"], fields.get("number"))
    gathering.lectures[speaker, collection].append(fields)


def _take_image(gathering: Gathering, file: ContentFile, place: KeyPlace, slot: Slot) -> None:
    speaker = place.speaker or ""
    if slot in TABLES[Kind.SPEAKER].slots:
        fields = gathering.speakers.setdefault(speaker, {})
    else:
        fields = gathering.collections[speaker].setdefault(place.collection or "", {})
    other = fields.setdefault(slot.value, file.path)
    if other != file.path:
        gathering.note(Reason.TWO_FORMATS, file.path, f"{other} is the one declared")


def _speakers(gathering: Gathering) -> Iterator[FoundResources]:
    for speaker in sorted(gathering.speakers.keys() | gathering.collections.keys()):
        collections = tuple(
            _collection(gathering, speaker, title, fields)
            for title, fields in sorted(gathering.collections[speaker].items())
        )
        fields = {"name": _folder_name(speaker), **gathering.speakers.get(speaker, {})}
        if fields["name"]:
            yield FoundResources(kind=Kind.SPEAKER, fields=fields, children=collections)


def _folder_name(folder: str) -> str:
    """Return the readable name of a folder.

    In the older layout, folders are named by slugs.
    """
    text = clean(folder)
    return titled(text).title() if "-" in text and text == text.lower() and " " not in text else text


def _collection(gathering: Gathering, speaker: str, title: str, fields: Mapping[str, Any]) -> FoundResources:
    lectures = gathering.lectures[speaker, title]
    for each in lectures:
        at = place_of(f"{speaker}/{title}/{each['audio'].rpartition('/')[2]}")
        thumbnail = gathering.thumbnails.get((speaker, title, at.number, at.title))
        if thumbnail is not None:
            each["thumbnail"] = thumbnail
    children = tuple(
        FoundResources(kind=Kind.LECTURE, fields=each) for each in one_of_each(lectures, gathering.note)
    )
    return FoundResources(
        kind=Kind.COLLECTION, fields={"title": _folder_name(title), **fields}, children=children
    )


def one_of_each(
    lectures: Sequence[Mapping[str, Any]], note: Callable[[Reason, str, str], None]
) -> Iterator[Mapping[str, Any]]:
    """Yield the lectures of one collection by number, without duplicates.

    Each title and each number occurs once; the rest is noted.
    """
    titles: dict[str, str] = {}
    numbers: dict[int, str] = {}
    for fields in sorted(lectures, key=by_number):
        path, number = fields["audio"], fields.get("number")
        first = titles.setdefault(fields["title"], path)
        if first != path:
            note(Reason.DUPLICATE, path, f"has the title of {first}, which is the one declared")
            continue
        holder = numbers.setdefault(number, path) if number is not None else path
        if holder != path:
            note(Reason.DUPLICATE, path, f"its number, {number}, is that of {holder}, and is left out")
            yield {name: value for name, value in fields.items() if name != "number"}
        else:
            yield fields


_IMAGES = tuple(slot for slot in Slot if slot is not Slot.LECTURE_AUDIO)


class OpenMeter(Protocol):
    """Opens a meter for the hashing of that many files and bytes."""

    def __call__(self, files: int, size_bytes: int, /) -> AbstractContextManager[Meter]:
        """Return the meter, to be entered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHashing:
    """Hashing of files, with a cache.

    The cache file holds what was hashed before.
    """

    policy: Policy
    cache_file: Path
    meter: OpenMeter
    cancel: CancellationToken = NEVER_CANCELLED

    def lines(self, root: Path, paths: Iterable[str]) -> tuple[Mapping[str, MediaFile], Mapping[str, str]]:
        """Return the lockfile lines of files under a root, and the failures.

        The lines are by NFC path. The failures say why the other files have no line, by path.
        """
        cache = StatCache.read(self.cache_file)
        references = {path: Position(path) for path in paths}
        found = survey(MediaFolder(root), references, {}, cache, self.policy.transfer, cancel=self.cancel)
        with self.meter(len(found.pending), found.pending_bytes) as meter:
            locked = lock(found, on_bytes=meter.bytes_done, on_file=meter.file_done, cancel=self.cancel)
        if found.pending:
            cache.write(self.cache_file)
        return locked.files, {each.position.file: each.detail for each in locked.diagnostics}


def import_files(folder: Folder, directory: Path, media_root: Path, hashing: FileHashing) -> Imported:
    """Declare the resources that a content folder holds.

    Existing entries keep what they say, and get what they lack. Files that cannot be locked are not
    declared. Raises `UsageError` for a folder outside the media root, where no plan would find its
    files; nothing has been written then.
    """
    _refuse_elsewhere(directory, media_root)
    found, findings = gather(list(content_files(directory, media_root)))
    lines, refused = hashing.lines(media_root, media_of(found))
    noted = [ImportFinding(reason=Reason.UNFIT, subject=path, detail=why) for path, why in refused.items()]
    return declare(
        folder,
        hashing.policy.layout,
        without(found, refused),
        lines,
        (*findings, *noted),
        hashed=True,
        new=NEW_LECTURE,
    )


def _refuse_elsewhere(directory: Path, media_root: Path) -> None:
    if directory.resolve().is_relative_to(media_root.resolve()):
        return
    root, source = shlex.quote(f"{media_root}/"), shlex.quote(f"{directory}/.")
    raise UsageError(
        f"{directory} is not under {media_root}, where elmify looks for media",
        hint=f"Copy it there first, then import that:\n    cp -R {source} {root}",
        remedies=[ImportFiles(folder=str(media_root))],
    )


def without_unseen(
    folder: Folder, media_root: Path, found: Sequence[FoundResources], lines: Mapping[str, MediaFile]
) -> tuple[tuple[FoundResources, ...], tuple[ImportFinding, ...]]:
    """Return found resources without unknown images, and a finding for each.

    An image is unknown when no lockfile line names it and no such file exists.
    """
    known, disk = {**lockfile_lines(folder), **lines}, MediaFolder(media_root)
    images = {nfc(path) for path in media_of(found, _IMAGES)}
    unseen = {path: "" for path in sorted(images - known.keys()) if disk.stat(path) is None}
    findings = (ImportFinding(reason=Reason.UNSEEN, subject=path, detail="") for path in unseen)
    return without(found, unseen), tuple(findings)


def media_of(found: Iterable[FoundResources], slots: Collection[Slot] = tuple(Slot)) -> Iterator[str]:
    """Yield every media path that found resources name in some slots."""
    for each in found:
        yield from (str(each.fields[slot]) for slot in slots if slot.value in each.fields)
        yield from media_of(each.children, slots)


def without(found: Sequence[FoundResources], refused: Mapping[str, Any]) -> tuple[FoundResources, ...]:
    """Return found resources without the media that are refused.

    Lectures whose audio is refused are left out.
    """
    return tuple(
        replace(each, fields=fields, children=without(each.children, refused))
        for each in found
        if (fields := _left_out(each.fields, refused)) is not None
    )


def _left_out(fields: Mapping[str, Any], refused: Mapping[str, Any]) -> Mapping[str, Any] | None:
    slots = {slot.value for slot in Slot}
    wrong = {name for name, value in fields.items() if name in slots and nfc(str(value)) in refused}
    if Slot.LECTURE_AUDIO.value in wrong:
        return None
    return {name: value for name, value in fields.items() if name not in wrong}
