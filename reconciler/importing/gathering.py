"""A content folder of the team's layout → what it holds, with sidecars and tags for what names do not say."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.importing import sidecars
from reconciler.importing.describing import unfit
from reconciler.importing.found import Finding, Found, Reason, by_number
from reconciler.importing.layout import KeyPlace, place_of
from reconciler.importing.names import clean, numbered, titled, without_number
from reconciler.importing.tags import Tags, read_tags
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.values import nfc

#: A name as a machine gives it: `fresh`, `recording_0412`.
_BARE = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentFile:
    """A file of the folder. `path` is what the catalog calls it, `within` its path in the team's layout."""

    file: Path
    path: str
    within: str


def content_files(directory: Path, media_root: Path) -> Iterator[ContentFile]:
    """Yield every file below a folder of the media root, in the order of the paths.

    Hidden ones are passed over.
    """
    for file in sorted(directory.resolve().rglob("*")):
        within = file.relative_to(media_root.resolve()).as_posix()
        if file.is_file() and not any(part.startswith(".") for part in within.split("/")):
            yield ContentFile(file=file, path=nfc(within), within=nfc(within))


def lecture_fields(path: str, place: KeyPlace, tags: Tags) -> dict[str, Any]:
    """Return the fields of a recording's entry: from its name, and from its tags what that does not say.

    A name without a number, in small letters and no spaces, says less of the title than a tag does.
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
    """What was found in the folder, by speaker and collection, both as their folders are called."""

    findings: list[Finding] = field(default_factory=list)
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
        self.findings.append(Finding(reason=reason, subject=subject, detail=detail))


def gather(files: Sequence[ContentFile]) -> tuple[tuple[Found, ...], tuple[Finding, ...]]:
    """Return the speakers that a folder holds, in the order of their names, and what does not fit.

    Reads sidecars, and of each recording the tags; the bytes are not hashed here.
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
        path = nfc(sidecars.beside(folder, name)) if isinstance(name, str) else ""
        return path if path in paths else None

    try:
        sidecar = sidecars.read_sidecar(file.file)
    except sidecars.SidecarRefused as refused:
        gathering.note(Reason.UNFIT, file.path, str(refused))
        return
    speaker = place.speaker or ""
    if place.collection is None:
        gathering.speakers.setdefault(speaker, {}).update(sidecars.speaker_fields(sidecar, path_of))
    else:
        fields = gathering.collections[speaker].setdefault(place.collection, {})
        fields.update(sidecars.collection_fields(sidecar, path_of))


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


def _speakers(gathering: Gathering) -> Iterator[Found]:
    for speaker in sorted(gathering.speakers.keys() | gathering.collections.keys()):
        collections = tuple(
            _collection(gathering, speaker, title, fields)
            for title, fields in sorted(gathering.collections[speaker].items())
        )
        fields = {"name": _folder_name(speaker), **gathering.speakers.get(speaker, {})}
        if fields["name"]:
            yield Found(kind=Kind.SPEAKER, fields=fields, children=collections)


def _folder_name(folder: str) -> str:
    """Return a folder's name as people say it: the older layout has slugs there."""
    text = clean(folder)
    return titled(text).title() if "-" in text and text == text.lower() and " " not in text else text


def _collection(gathering: Gathering, speaker: str, title: str, fields: Mapping[str, Any]) -> Found:
    lectures = gathering.lectures[speaker, title]
    for each in lectures:
        at = place_of(f"{speaker}/{title}/{each['audio'].rpartition('/')[2]}")
        thumbnail = gathering.thumbnails.get((speaker, title, at.number, at.title))
        if thumbnail is not None:
            each["thumbnail"] = thumbnail
    children = tuple(Found(kind=Kind.LECTURE, fields=each) for each in one_of_each(lectures, gathering.note))
    return Found(kind=Kind.COLLECTION, fields={"title": _folder_name(title), **fields}, children=children)


def one_of_each(
    lectures: Sequence[Mapping[str, Any]], note: Callable[[Reason, str, str], None]
) -> Iterator[Mapping[str, Any]]:
    """Yield the lectures of one collection by number, each title and number once; the rest is noted."""
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
