"""The team's manifest JSON: reading and writing.

It is read into found resources, and written from a catalog.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from reconciler.importing.declare import FoundResources, in_order
from reconciler.importing.describe import name_in, text_in, unfit
from reconciler.importing.files import one_of_each
from reconciler.importing.layout import place_of
from reconciler.importing.metadata import year
from reconciler.importing.names import clean
from reconciler.importing.numbers import Numbering, Recording, with_values
from reconciler.loading.lockfile import format_line
from reconciler.loading.media_facts import MEDIA_TYPES, extension
from reconciler.loading.schema import NUMBER_MAX
from reconciler.model.actual import Row
from reconciler.model.address import parent_of
from reconciler.model.catalog import Catalog, MediaFile, Resource
from reconciler.model.errors import ElmifyError
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.outcomes import ImportFinding, Reason
from reconciler.model.playback import DEFAULT_WAYS, Way
from reconciler.model.policy import Layout
from reconciler.model.values import Value, nfc
from reconciler.planning.desired import fact_of, format_of
from reconciler.planning.playback import Content
from reconciler.planning.references import key_in, reference, style_of

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = 20  # mistakes of one manifest


class ManifestRefused(ElmifyError):
    """A file is no manifest; `details` say where. Nothing was written."""

    code = "manifest"


_Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
_Number = Annotated[float, BeforeValidator(lambda value: 0 if value in {None, ""} else value)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class _Lecture(_Part):
    title: _Text = ""
    description: _Text = ""
    lecture_number: int | None = None
    file_name: _Text = ""
    file_path: _Text = ""
    duration: _Number = 0
    file_size: _Number = 0
    file_format: _Text = ""
    bitrate: _Number = 0
    sample_rate: _Number = 0
    file_hash: _Text = ""


class _Collection(_Part):
    title: str
    description: _Text = ""
    year: int | str | None = None
    cover_image_url: _Text = ""
    cover_image_small_url: _Text = ""
    category_slug: _Text = ""
    lectures: list[_Lecture] = Field(default_factory=list)


class _Speaker(_Part):
    name: str
    bio: _Text = ""
    image_url: _Text = ""
    image_small_url: _Text = ""
    is_premium: bool | None = None
    collections: list[_Collection] = Field(default_factory=list)


class _Manifest(_Part):
    speakers: list[_Speaker]


def read_manifest(
    file: Path, ways: Sequence[Way] = DEFAULT_WAYS
) -> tuple[tuple[FoundResources, ...], Mapping[str, MediaFile], tuple[ImportFinding, ...]]:
    """Return what a manifest declares, its lines, and what does not fit.

    The lines are those of the lockfile that the manifest can fill, by NFC path. Null, empty and 0
    mean unknown. Where the names of files tell other numbers than the manifest, and more lectures would
    play for them by the `ways`, it is those that are declared. Raises `ManifestRefused` for a file of
    another form.
    """
    try:
        manifest = _Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        details = [f"{_place(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False)]
        raise ManifestRefused(
            f"{file} is not a manifest",
            details=details[:_SHOWN],
            hint="It is an object with a list of `speakers`, as the export of a manifest writes it.",
        ) from error
    reading = _Reading(ways)
    speakers = in_order(found for each in manifest.speakers if (found := reading.speaker(each)) is not None)
    return speakers, reading.lines, tuple(reading.findings)


def _place(loc: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".") or "it"


class _Reading:
    def __init__(self, ways: Sequence[Way]) -> None:
        self.ways = ways
        self.lines: dict[str, MediaFile] = {}
        self.findings: list[ImportFinding] = []

    def note(self, reason: Reason, subject: str, detail: str) -> None:
        self.findings.append(ImportFinding(reason=reason, subject=subject, detail=detail))

    def speaker(self, said: _Speaker) -> FoundResources | None:
        fields = {
            "name": name_in(said.name),
            "bio": text_in(said.bio),
            "premium": said.is_premium,
            "image": self._path(said.image_url, Slot.SPEAKER_IMAGE),
            "image_small": self._path(said.image_small_url, Slot.SPEAKER_IMAGE_SMALL),
        }
        found = (each for one in said.collections if (each := self._collection(one)) is not None)
        collections = in_order(self._numbered(said.name, each) for each in found)
        return self._found(Kind.SPEAKER, fields, collections)

    def _collection(self, said: _Collection) -> FoundResources | None:
        lectures = [fields for each in said.lectures if (fields := self._lecture(each)) is not None]
        children = in_order(
            FoundResources(kind=Kind.LECTURE, fields=each) for each in one_of_each(lectures, self.note)
        )
        fields = {
            "title": name_in(said.title),
            "description": text_in(said.description),
            "year": year(said.year),
            "cover": self._path(said.cover_image_url, Slot.COLLECTION_COVER),
            "cover_small": self._path(said.cover_image_small_url, Slot.COLLECTION_COVER_SMALL),
            "categories": [clean(said.category_slug)] if clean(said.category_slug) else None,
        }
        return self._found(Kind.COLLECTION, fields, children)

    def _numbered(self, speaker: str, collection: FoundResources) -> FoundResources:
        """Return a collection with the numbers by which most of its lectures play."""
        parents = {
            Kind.SPEAKER: _row(Kind.SPEAKER, 1, name=speaker),
            Kind.COLLECTION: _row(Kind.COLLECTION, 1, speaker_id=1, title=collection.name),
        }
        lectures = {
            id_: _row(Kind.LECTURE, id_, title=each.name, file_path=str(each.fields["audio"]))
            for id_, each in enumerate(collection.children, start=1)
        }
        rows = {**{kind: {1: row} for kind, row in parents.items()}, Kind.LECTURE: lectures}
        recordings = [
            Recording(
                row=lectures[id_],
                key=nfc(str(each.fields["audio"])),
                said=each.fields.get("number"),
                told=place_of(str(each.fields["audio"])).number,
            )
            for id_, each in enumerate(collection.children, start=1)
        ]
        contents = {each.key: Content(size_bytes=1, etag=each.key) for each in recordings}
        chosen = Numbering(self.ways, rows, contents).choose(parents[Kind.COLLECTION], recordings)
        children = (
            replace(each, fields=_with_number(each.fields, chosen.numbers.get(id_)))
            for id_, each in enumerate(collection.children, start=1)
        )
        return replace(collection, children=in_order(children))

    def _found(
        self, kind: Kind, fields: Mapping[str, Any], children: tuple[FoundResources, ...]
    ) -> FoundResources | None:
        known = {name: value for name, value in fields.items() if value is not None}
        if "name" not in known and "title" not in known:
            self.note(Reason.UNFIT, kind.value, "its name is empty")
            return None
        return FoundResources(kind=kind, fields=known, children=children)

    def _lecture(self, said: _Lecture) -> Mapping[str, Any] | None:
        path = self._path(said.file_path, Slot.LECTURE_AUDIO)
        title = name_in(said.title)
        if path is None or title is None:
            self.note(Reason.UNFIT, said.file_path or said.title, "it has no path, or no title")
            return None
        self._line(path, said)
        number = said.lecture_number
        fields = {
            "title": title,
            "number": number if number is not None and 0 < number <= NUMBER_MAX else None,
            "description": text_in(said.description),
            "audio": path,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _path(self, said: str, slot: Slot) -> str | None:
        """Return the path that a key or URL names.

        None when it names nothing, or something that cannot be a path.
        """
        path = key_in(said.strip())
        problem = unfit(path, slot) if path else None
        if path and problem:
            self.note(Reason.UNFIT, path, problem)
        return path if path and not problem else None

    def _line(self, path: str, said: _Lecture) -> None:
        sha256 = said.file_hash.strip().lower()
        if not said.file_size or not _SHA256.fullmatch(sha256):
            return
        media = MediaFile(
            path=path,
            size_bytes=int(said.file_size),
            media_type=MEDIA_TYPES[extension(path)],
            sha256=sha256,
            duration_seconds=round(said.duration, 3) or None,
            bitrate=int(said.bitrate) or None,
            sample_rate=int(said.sample_rate) or None,
        )
        try:
            format_line(media)
        except ValueError:
            self.note(Reason.UNFIT, path, "has facts that no lockfile can say")
        else:
            self.lines[nfc(path)] = media


def _row(kind: Kind, id_: int, **values: Value) -> Row:
    return with_values(Row(kind, id_, (None,) * len(TABLES[kind].columns)), **values)


def _with_number(fields: Mapping[str, Any], number: int | None) -> Mapping[str, Any]:
    left = {name: value for name, value in fields.items() if name != "number"}
    return left if number is None else {**left, "number": number}


def manifest_json(catalog: Catalog, layout: Layout) -> str:
    """Return a catalog as a manifest, in the order of the catalog.

    What the catalog does not say is left out: the importer of a manifest writes every key that it finds, and
    null would erase what is live. A null is what the catalog clears. `duration` and `fileSize`, which every
    row must have, are 0 while they are unknown.
    """
    writing = _Writing(catalog, layout)
    speakers = [writing.speaker(each) for each in writing.under(None)]
    return json.dumps({"speakers": speakers}, indent=2, ensure_ascii=False)


class _Writing:
    def __init__(self, catalog: Catalog, layout: Layout) -> None:
        self.layout = layout
        self.media = {nfc(path): line for path, line in catalog.media.items()}
        self._under: dict[str | None, list[Resource]] = {}
        for resource in catalog.resources.values():
            self._under.setdefault(parent_of(resource.address), []).append(resource)

    def under(self, address: str | None) -> Iterator[Resource]:
        yield from self._under.get(address, ())

    def speaker(self, resource: Resource) -> Mapping[str, Any]:
        return {
            "name": resource.name,
            **self._fields(resource, {"bio": "bio"}),
            **self._reference(resource, Slot.SPEAKER_IMAGE, "image_url"),
            **self._reference(resource, Slot.SPEAKER_IMAGE_SMALL, "image_small_url"),
            **self._fields(resource, {"premium": "isPremium"}),
            "collections": [self._collection(each) for each in self.under(resource.address)],
        }

    def _collection(self, resource: Resource) -> Mapping[str, Any]:
        categories = resource.fields.get("categories")
        slug = categories[0] if isinstance(categories, tuple) and categories else None
        return {
            "title": resource.name,
            **self._fields(resource, {"description": "description", "year": "year"}),
            **self._reference(resource, Slot.COLLECTION_COVER, "cover_image_url"),
            **self._reference(resource, Slot.COLLECTION_COVER_SMALL, "cover_image_small_url"),
            **({"categorySlug": slug} if "categories" in resource.fields else {}),
            "lectures": [self._lecture(each) for each in self.under(resource.address)],
        }

    def _lecture(self, resource: Resource) -> Mapping[str, Any]:
        path = resource.media.get(Slot.LECTURE_AUDIO) or ""
        line_ = self.media.get(nfc(path))
        facts = {
            "bitrate": line_.bitrate if line_ else None,
            "sampleRate": line_.sample_rate if line_ else None,
            "fileHash": line_.sha256 if line_ else None,
        }
        return {
            "title": resource.name,
            **self._fields(resource, {"description": "description", "number": "lectureNumber"}),
            "fileName": path.rpartition("/")[2],
            "filePath": path,
            "duration": (fact_of(line_, "duration_seconds") if line_ else None) or 0,
            "fileSize": line_.size_bytes if line_ else 0,
            **({"fileFormat": format_of(line_, self.layout.format_style)} if line_ else {}),
            **{name: value for name, value in facts.items() if value},
        }

    def _fields(self, resource: Resource, names: Mapping[str, str]) -> Mapping[str, Any]:
        """Return what the catalog says of fields, by their names in a manifest."""
        return {said: resource.fields[name] for name, said in names.items() if name in resource.fields}

    def _reference(self, resource: Resource, slot: Slot, column: str) -> Mapping[str, str | None]:
        """Return what a column of images holds, when the catalog says it."""
        if slot not in resource.media:
            return {}
        path = resource.media[slot]
        style = style_of(TABLES[resource.kind].column(column), resource.kind, self.layout)
        value = None if path is None else reference(style, self.layout.base_url, path)
        return {to_camel(column): value} if path is None or value is not None else {}
