"""New entries: from a file that somebody dropped, or from a name."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.importing.declare import NEW_LECTURE, Folder, FoundResources, declare, lockfile_lines
from reconciler.importing.files import FileHashing, lecture_fields, without
from reconciler.importing.layout import KeyPlace, place_of
from reconciler.importing.metadata import Tags, read_tags
from reconciler.importing.names import clean, id_for, without_number
from reconciler.loading.catalog import Preview
from reconciler.loading.editing import CatalogEditor
from reconciler.loading.ids import unique
from reconciler.model.address import Address, join, kind_of, parse_address
from reconciler.model.catalog import Catalog, MediaFile, Resource, lineage
from reconciler.model.errors import UsageError
from reconciler.model.kinds import Kind, Slot
from reconciler.model.outcomes import Imported, ImportFinding, Reason
from reconciler.model.remedies import NewEntry
from reconciler.model.values import nfc
from reconciler.planning.object_keys import default_key


def new_lectures(
    folder: Folder,
    files: Sequence[Path],
    media_root: Path,
    hashing: FileHashing,
    collection: str | None = None,
) -> Imported:
    """Declare recordings in a collection, with their lockfile lines.

    The fields come from the names and tags of the recordings. Without `collection`, each recording
    goes where its path under the media root says. A file elsewhere is copied to the place under the
    media root that its key template gives. Raises `UsageError` for a path that is not a file or not a
    recording, and where nothing says which collection is meant; nothing but copies has been written
    then.
    """
    editor = CatalogEditor.open(folder.root, folder.catalog_dir)
    preview = Preview()
    preview.refuse_mistakes(editor.texts(), hashing.policy.layout)
    catalog = preview.catalog(editor.texts(), {})
    chosen = None if collection is None else existing(catalog, collection, Kind.COLLECTION)
    described = [_described(file, media_root) for file in files]
    found: list[tuple[Resource, Mapping[str, Any]]] = []
    for file, (place, tags, path) in zip(files, described, strict=True):
        under = chosen if chosen is not None else _collection_of(catalog, file, place, tags)
        fields = lecture_fields(path or file.name, place, tags)
        fields["title"] = without_number(fields["title"], fields.get("number"))
        if path is None:
            fields["audio"] = _copied(file, media_root, catalog, hashing, under, fields)
        found.append((under, fields))
    lines, refused = hashing.lines(media_root, (fields["audio"] for _, fields in found))
    notes = [ImportFinding(reason=Reason.UNFIT, subject=path, detail=why) for path, why in refused.items()]
    notes += _heard_before(catalog, lockfile_lines(folder), lines)
    speakers = without(tuple(_trees(catalog, found)), refused)
    return declare(folder, hashing.policy.layout, speakers, lines, notes, hashed=True, new=NEW_LECTURE)


def _heard_before(
    catalog: Catalog, locked: Mapping[str, MediaFile], lines: Mapping[str, MediaFile]
) -> Iterator[ImportFinding]:
    """Yield new recordings with the same bytes as a declared lecture.

    The lecture has these bytes under another path.
    """
    heard: dict[str, tuple[Address, str]] = {}
    for resource in catalog.resources.values():
        path = nfc(resource.media.get(Slot.LECTURE_AUDIO) or "")
        if path in locked and path not in lines and (sha256 := locked[path].sha256) is not None:
            heard.setdefault(sha256, (resource.address, path))
    for path, line in lines.items():
        if line.sha256 in heard:
            address, other = heard[line.sha256]
            detail = f"has the very bytes of {other}, which is {address}: is it another lecture?"
            yield ImportFinding(reason=Reason.DUPLICATE, subject=path, detail=detail)


def existing(catalog: Catalog, text: str, kind: Kind) -> Resource:
    """Return a declared resource.

    Raises `UsageError` when the text is not the address of one of that kind.
    """
    resource = catalog.resources.get(Address(text))
    if resource is None or resource.kind is not kind:
        from difflib import get_close_matches

        known = [address for address, each in catalog.resources.items() if each.kind is kind]
        near = get_close_matches(text, known, n=1)
        message = f"{text} is no {kind} of the catalog"
        if near:
            raise UsageError(message, hint=f"Did you mean `{near[0]}`?")
        raise UsageError(message, hint="Declare it first:", remedies=[NewEntry(of=kind)])
    return resource


def _described(file: Path, media_root: Path) -> tuple[KeyPlace, Tags, str | None]:
    """Return what a file says about itself, and its path.

    The path is the one under the media root; None if the file is not there.
    """
    if not file.is_file():
        raise UsageError(f"{file} is no file", code="no-file", hint="Give the path of a recording.")
    real, root = file.resolve(), media_root.resolve()
    path = nfc(real.relative_to(root).as_posix()) if real.is_relative_to(root) else None
    with file.open("rb") as handle:
        tags = read_tags(handle)
    place = place_of(path or nfc(file.name))
    if place.slot is not Slot.LECTURE_AUDIO:
        raise UsageError(
            f"{file} is no recording",
            code="no-recording",
            hint="Give an mp3, m4a, wav, flac, aac or ogg file.",
        )
    return place, tags, path


def _collection_of(catalog: Catalog, file: Path, place: KeyPlace, tags: Tags) -> Resource:
    speaker, title = place.speaker or tags.artist, place.collection or tags.album
    for resource in catalog.resources.values():
        if resource.kind is Kind.COLLECTION:
            parent = lineage(catalog, resource)[Kind.SPEAKER]
            if (clean(parent.name), clean(resource.name)) == (clean(speaker), clean(title)):
                return resource
    raise UsageError(
        f"nothing says to which collection {file.name} belongs",
        hint="Say it:",
        remedies=[NewEntry(of=Kind.LECTURE, file=str(file))],
    )


def _copied(
    file: Path,
    media_root: Path,
    catalog: Catalog,
    hashing: FileHashing,
    under: Resource,
    fields: Mapping[str, Any],
) -> str:
    """Copy a file to the place under the media root that its template has.

    Returns its path there.
    """
    lecture = replace(
        under,
        address=join(under.address, id_for(str(fields["title"])) or "lecture"),
        kind=Kind.LECTURE,
        fields={name: value for name, value in fields.items() if name != "audio"},
        media={},
    )
    above = {**lineage(catalog, under), Kind.LECTURE: lecture}
    wished = default_key(hashing.policy.layout.templates, Slot.LECTURE_AUDIO, above, file.name)
    target = media_root / wished
    if target.exists() and target.read_bytes() != file.read_bytes():
        raise UsageError(
            f"{target} is there already, with other bytes", code="file-exists", hint="Rename the file."
        )
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return nfc(wished)


def _trees(catalog: Catalog, found: Sequence[tuple[Resource, Mapping[str, Any]]]) -> Iterator[FoundResources]:
    """Yield the lectures below their collections and speakers.

    The collections and speakers are declared already; each of them occurs once.
    """
    lectures: dict[Address, list[FoundResources]] = {}
    collections: dict[Address, list[FoundResources]] = {}
    for under, fields in found:
        lectures.setdefault(under.address, []).append(FoundResources(kind=Kind.LECTURE, fields=fields))
    for address, children in lectures.items():
        title = {"title": catalog.resources[address].name}
        collection = FoundResources(kind=Kind.COLLECTION, fields=title, children=tuple(children))
        collections.setdefault(Address(address.partition("/")[0]), []).append(collection)
    for address, children in collections.items():
        name = {"name": catalog.resources[address].name}
        yield FoundResources(kind=Kind.SPEAKER, fields=name, children=tuple(children))


def new_parent(folder: Folder, name: str, speaker: str | None, id_: str | None = None) -> Address:
    """Declare a speaker or a collection by name; return its address.

    A collection needs a speaker that is declared; its `defaults:` say what new lectures are, unless those
    of the speaker do. The id is made from the name when none is given.
    Raises `UsageError` for a name or an id that is declared already.
    """
    editor = CatalogEditor.open(folder.root, folder.catalog_dir)
    if speaker is not None and Address(speaker) not in editor:
        raise UsageError(
            f"{speaker} is no speaker of the catalog",
            code="no-speaker",
            hint="Declare it first:",
            remedies=[NewEntry(of=Kind.SPEAKER)],
        )
    kind = Kind.SPEAKER if speaker is None else Kind.COLLECTION
    wanted = clean(name)
    siblings = {each for each in editor.addresses if kind_of(each) is kind and _under(each, speaker)}
    named = "name" if kind is Kind.SPEAKER else "title"
    for sibling in siblings:
        if clean(str(editor.fields(sibling).get(named))) == wanted:
            raise UsageError(
                f"{sibling} has that name already", code="name-taken", hint="Choose another one."
            )
    taken = {sibling.rpartition("/")[2] for sibling in siblings}
    made = id_ or unique(id_for(wanted) or kind.value, taken)
    address = parse_address(made if speaker is None else f"{speaker}/{made}")
    if address in editor:
        raise UsageError(f"{address} is declared already", code="already-declared", hint="Choose another id.")
    editor.add(address, {named: wanted, **_new_defaults(editor, speaker)})
    editor.save()
    return address


def _new_defaults(editor: CatalogEditor, speaker: str | None) -> Mapping[str, Any]:
    """Return the `defaults:` of a new collection; nothing for a speaker."""
    if speaker is None:
        return {}
    said = editor.fields(Address(speaker)).get("defaults")
    inherited = said if isinstance(said, Mapping) else {}
    fresh = {name: value for name, value in NEW_LECTURE.items() if name not in inherited}
    return {"defaults": fresh} if fresh else {}


def _under(address: Address, speaker: str | None) -> bool:
    return speaker is None or address.startswith(f"{speaker}/")
