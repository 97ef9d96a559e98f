"""Declaration of found resources: entries merged into the catalog's files."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.importing.layout import place_of
from reconciler.importing.names import clean, id_for
from reconciler.loading.catalog import Preview
from reconciler.loading.editing import CatalogEditor, amend_lockfile
from reconciler.loading.ids import unique
from reconciler.loading.lockfile import REPAIRABLE, read_lockfile
from reconciler.model.address import Address, join, kind_of, parent_of
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import InvalidInput
from reconciler.model.kinds import Kind
from reconciler.model.outcomes import Imported, ImportFinding, Reason
from reconciler.model.policy import Layout
from reconciler.model.values import nfc


def in_order(found: Iterable["FoundResources"]) -> tuple["FoundResources", ...]:
    """Return found siblings in the order in which they are declared.

    Lectures are in the order of their numbers, or else of those in the names of their recordings, then of
    their titles; everything else is in the order of its names.
    """
    return tuple(sorted(found, key=lambda each: (*_place(each.fields), each.name, each.row or 0)))


def _place(fields: Mapping[str, Any]) -> tuple[bool, int]:
    number = fields.get("number")
    if number is None:
        number = place_of(str(fields.get("audio", ""))).number
    return by_number({"number": number})


def by_number(fields: Mapping[str, Any]) -> tuple[bool, int]:
    """Return the sort key of a lecture: its number.

    Lectures without a number come last.
    """
    number = fields.get("number")
    return number is None, number or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResources:
    """A speaker, a collection or a lecture that exists.

    `fields` are those of its entry, `name` or `title` among them, without its id; those that are unknown are
    absent. `row` is the row it is, None outside the database.
    """

    kind: Kind
    fields: Mapping[str, Any]
    row: int | None = None
    children: tuple["FoundResources", ...] = field(default=())

    @property
    def name(self) -> str:
        """The name that people use."""
        return str(self.fields["name" if self.kind is Kind.SPEAKER else "title"])


#: Fields that a whole collection often shares: said once, under `defaults:`.
_SHARED = ("public", "genre", "year")

#: What a new lecture is: one that nobody may hear is of no use, and the database would hide it.
NEW_LECTURE: Mapping[str, Any] = {"public": True}

NO_FIELDS: Mapping[str, Any] = {}

#: Where no row is known by an address already.
NOTHING: Mapping[tuple[Kind, int], Address] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedEntries:
    """Result of a merge: entries added, filled and kept, and findings.

    `added` are the addresses that the merge added; `matched` are those that existed already; `filled`
    are the fields that some of these received. All are in order. `findings` say what could not be declared
    in addition to them.
    """

    added: Mapping[Address, FoundResources]
    matched: Mapping[Address, FoundResources] = field(default_factory=dict)
    filled: Mapping[Address, Sequence[str]] = field(default_factory=dict)
    findings: tuple[ImportFinding, ...] = ()


def merge(
    editor: CatalogEditor,
    found: Iterable[FoundResources],
    known: Mapping[tuple[Kind, int], Address],
    *,
    fill: bool,
    remembered: Mapping[tuple[Kind, int], Address] = NOTHING,
    new: Mapping[str, Any] = NO_FIELDS,
) -> MergedEntries:
    """Declare what is not declared yet.

    Nothing that is already written is changed or removed. A resource counts as declared under the
    address that its row has in `known`, under the address of an entry with the same file, or under
    the address of an entry with the same name and parent. With `fill`, fields that such an entry
    lacks are added to it. New ids are those of the addresses by which rows are `remembered`, and are
    otherwise made from names. A new id is never one that a sibling has or is remembered by, or one
    that `forget:` names. New lectures get the fields `new` where neither they nor a default says
    otherwise; for those of a new collection they stand under its `defaults:`.
    """
    merging = _Merging(editor, known, fill, remembered, new)
    merging.take_all(found, None)
    return MergedEntries(
        added=merging.added,
        matched=merging.matched,
        filled=merging.filled,
        findings=tuple(merging.findings),
    )


@dataclass
class _Merging:
    editor: CatalogEditor
    known: Mapping[tuple[Kind, int], Address]
    fill: bool
    remembered: Mapping[tuple[Kind, int], Address]
    new: Mapping[str, Any]
    added: dict[Address, FoundResources] = field(default_factory=dict)
    matched: dict[Address, FoundResources] = field(default_factory=dict)
    filled: dict[Address, Sequence[str]] = field(default_factory=dict)
    findings: list[ImportFinding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids: dict[Address | None, set[str]] = {}
        self._by_name: dict[tuple[Address | None, str], Address] = {}
        self._by_clean_name: dict[tuple[Address | None, str], list[tuple[str, Address]]] = {}
        self._by_audio: dict[str, Address] = {}
        self._by_number: dict[tuple[Address | None, Any], Address] = {}
        self._children: dict[Address | None, list[Address]] = {}
        for address in list(self.editor.addresses):
            self._children.setdefault(parent_of(address), []).append(address)
            self._note(address, self.editor.fields(address))
        self._declared = frozenset(self.known.values())
        self._rows: set[Address] = set()  # entries that a row was found for in this merge
        self._found_names: set[tuple[Address | None, str]] = set()
        self._reserved: dict[Address | None, set[str]] = {}
        for address in self.remembered.values():
            self._reserved.setdefault(parent_of(address), set()).add(address.rpartition("/")[2])

    def _note(self, address: Address, fields: Mapping[str, Any]) -> None:
        parent, _, id_ = address.rpartition("/")
        under = Address(parent) if parent else None
        self._ids.setdefault(under, set()).add(id_)
        name = str(fields.get("name" if kind_of(address) is Kind.SPEAKER else "title"))
        self._by_name.setdefault((under, name), address)
        self._by_clean_name.setdefault((under, clean(name)), []).append((name, address))
        if isinstance(fields.get("audio"), str):
            self._by_audio.setdefault(nfc(fields["audio"]), address)
        if fields.get("number") is not None:
            self._by_number.setdefault((under, fields["number"]), address)
        forgotten = fields.get("forget")
        for reference in forgotten if isinstance(forgotten, list) else ():
            self._ids.setdefault(address, set()).add(str(reference).rpartition("/")[2])

    def take_all(self, found: Iterable[FoundResources], parent: Address | None) -> None:
        """Declare resources that stand side by side."""
        siblings = list(found)
        self._found_names |= {(parent, each.name) for each in siblings}
        for each in siblings:
            self.take(each, parent)

    def take(self, found: FoundResources, parent: Address | None) -> None:
        """Declare a resource under its parent, and then what it contains."""
        address = self._address_of(found, parent)
        if address is not None and self._is_another_recording(address, found):
            return
        if address is None:
            address = self._add(found, parent)
        elif found.kind is Kind.LECTURE and address in self.matched:
            self._clash(str(found.fields.get("audio")), f"another of that path or title is {address}")
        elif address not in self.added:
            self._keep(address, found)
        if found.row is not None:
            self._rows.add(address)
        self.take_all(found.children, address)

    def _is_another_recording(self, address: Address, found: FoundResources) -> bool:
        """Return whether the entry with this title is another recording.

        The entry is the one that a file would be, by its title. When it names another file, that is noted
        as a finding.
        """
        audio = found.fields.get("audio")
        said = self.editor.fields(address).get("audio")
        if found.row is not None or audio is None or nfc(str(said)) == nfc(audio):
            return False
        self._clash(audio, f"{address} has this title, and another recording: {said}")
        return True

    def _address_of(self, found: FoundResources, parent: Address | None) -> Address | None:
        if found.row is not None and (found.kind, found.row) in self.known:
            return self.known[found.kind, found.row]
        if found.kind is Kind.LECTURE:
            audio = self._by_audio.get(nfc(str(found.fields.get("audio", ""))))
            if audio is not None and (found.row is None or parent_of(audio) == parent):
                return audio
        exact = self._by_name.get((parent, found.name))
        named = [] if exact is None else [exact]
        for name, address in self._by_clean_name.get((parent, clean(found.name)), ()):
            if (parent, name) not in self._found_names:  # else it is the one of that very name
                named.append(address)
        return next((each for each in named if not self._is_another_row(each, found)), None)

    def _is_another_row(self, address: Address, found: FoundResources) -> bool:
        """Return whether an entry of this name is another row than the one found."""
        return found.row is not None and (address in self._declared or address in self._rows)

    def _add(self, found: FoundResources, parent: Address | None) -> Address:
        taken = self._ids.setdefault(parent, set())
        address = self._remembered_address(found, parent)
        if address is None:
            made = id_for(found.name) or _id_without_letters(found)
            id_ = unique(made, taken | self._reserved.get(parent, set()))
            address = Address(id_) if parent is None else join(parent, id_)
        self.editor.add(address, self._fields(found, address))
        taken.add(address.rpartition("/")[2])
        if found.kind is not Kind.LECTURE:
            self._by_name.setdefault((parent, found.name), address)
            self._by_clean_name.setdefault((parent, clean(found.name)), []).append((found.name, address))
        self.added[address] = found
        return address

    def _remembered_address(self, found: FoundResources, parent: Address | None) -> Address | None:
        address = self.remembered.get((found.kind, found.row)) if found.row is not None else None
        if address is None or parent_of(address) != parent:
            return None
        return None if address.rpartition("/")[2] in self._ids.get(parent, ()) else address

    def _fields(self, found: FoundResources, address: Address) -> Mapping[str, Any]:
        if found.kind is Kind.COLLECTION:
            shared = self._shared(address, found)
            return {**found.fields, **({"defaults": shared} if shared else {})}
        parent = parent_of(address)
        fields = dict(found.fields)
        if found.kind is Kind.LECTURE:
            fields = {**self.new, **fields} if found.row is None else fields
            shared = self._shared(parent, self.added[parent]) if parent in self.added else {}
            fields = {name: value for name, value in fields.items() if shared.get(name) != value}
        if found.row is None:
            fields = {name: value for name, value in fields.items() if name not in self._defaults(address)}
        holder = self._by_number.get((parent, fields.get("number")))
        if holder is not None:
            self._clash(address, f"its number, {fields.pop('number')}, is that of {holder}")
        return fields

    def _shared(self, address: Address, found: FoundResources) -> Mapping[str, Any]:
        """Return the defaults of a new collection.

        They are what its lectures share, and what new ones get.
        """
        inherited = self._defaults(address)
        fresh = self.new if found.row is None else {}
        return {**{name: fresh[name] for name in fresh if name not in inherited}, **_shared(found.children)}

    def _defaults(self, address: Address) -> Mapping[str, Any]:
        """Return the defaults that apply to an address.

        They are what the entries above it, written by hand, say for everything under them.
        """
        defaults: dict[str, Any] = {}
        parent = parent_of(address)
        while parent is not None:
            if parent not in self.added:
                said = self.editor.fields(parent).get("defaults")
                defaults |= said if isinstance(said, Mapping) else {}
            parent = parent_of(parent)
        return defaults

    def _clash(self, subject: str, detail: str) -> None:
        self.findings.append(ImportFinding(reason=Reason.DUPLICATE, subject=subject, detail=detail))

    def _keep(self, address: Address, found: FoundResources) -> None:
        self.matched[address] = found
        if not self.fill:
            return
        said = self.editor.fields(address)
        given = {**said, **self._defaults(address), "protect": None}
        if said.get("name", said.get("title")) != found.name:
            given["as_is"] = None  # it would take the new name back
        if (parent_of(address), found.fields.get("number")) in self._by_number:
            given["number"] = None
        absent = {name: value for name, value in found.fields.items() if name not in given}
        shared = self._new_defaults(address, found)
        if absent or shared:
            self.editor.set(address, {**absent, **({"defaults": shared} if shared else {})})
            self.filled[address] = (*absent, *shared)
        if "number" in absent:
            self.editor.place(address)

    def _new_defaults(self, address: Address, found: FoundResources) -> Mapping[str, Any]:
        """Return what all lectures of a collection share and none says."""
        if found.kind is not Kind.COLLECTION or "defaults" in self.editor.fields(address):
            return {}
        said = {name for each in self._children.get(address, ()) for name in self.editor.fields(each)}
        given = self._defaults(address)
        return {
            name: value
            for name, value in _shared(found.children).items()
            if name not in said and name not in given
        }


def _shared(lectures: Sequence[FoundResources]) -> Mapping[str, Any]:
    """Return the fields that all lectures of a new collection share.

    Empty unless there are several lectures.
    """
    if len(lectures) < 2:  # noqa: PLR2004 - of one lecture nothing is shared
        return {}
    first = lectures[0].fields
    return {
        name: first[name]
        for name in _SHARED
        if name in first and all(each.fields.get(name) == first[name] for each in lectures)
    }


def _id_without_letters(found: FoundResources) -> str:
    number = found.fields.get("number")
    return found.kind.value if number is None else f"{found.kind.value}-{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Location of the catalog. All paths are absolute."""

    root: Path
    catalog_dir: Path
    lock_path: Path


def declare(
    folder: Folder,
    layout: Layout,
    found: Iterable[FoundResources],
    lines: Mapping[str, MediaFile],
    findings: Iterable[ImportFinding] = (),
    *,
    hashed: bool,
    new: Mapping[str, Any] = NO_FIELDS,
) -> Imported:
    """Merge what was found into the catalog, and write the catalog.

    Fields that existing entries lack are added too. `lines` are the lockfile lines for what was
    found, by NFC path; lines that no entry names are left out. They replace existing lines only when
    they were `hashed` just now. `new` are fields of new lectures, as in `merge`. Raises
    `InvalidInput` for a catalog or a lockfile with mistakes; nothing has been written then.
    """
    editor = CatalogEditor.open(folder.root, folder.catalog_dir)
    preview = Preview()
    preview.refuse_mistakes(editor.texts(), layout)
    before = lockfile_lines(folder)
    merged = merge(editor, found, {}, fill=True, new=new)
    after = {**before, **lines} if hashed else {**before, **completed(before, lines)}
    catalog = preview.catalog(editor.texts(), after)
    named = {nfc(path) for each in catalog.resources.values() for path in each.media.values() if path}
    new = {path: after[path] for path in named & after.keys() if after[path] != before.get(path)}
    written = editor.save()
    amend_lockfile(folder.lock_path, folder.root, new.values())
    return Imported(
        added=Counter(kind_of(address) for address in merged.added),
        kept=len(merged.matched),
        filled=len(merged.filled),
        written=written,
        lines=len(new),
        findings=(*findings, *merged.findings),
        unlocked=tuple(sorted(named - after.keys())),
        diagnostics=preview.mistakes(editor.texts(), layout),
    )


def completed(before: Mapping[str, MediaFile], found: Mapping[str, MediaFile]) -> Mapping[str, MediaFile]:
    """Return the lines that were found, completed with what is known.

    What a line says already is kept. One of other bytes gains nothing, and one that was hashed from a
    file gains no ETag: the object may be an older one.
    """
    return {path: _completed(before[path], line) if path in before else line for path, line in found.items()}


def _completed(line: MediaFile, found: MediaFile) -> MediaFile:
    is_other = line.sha256 is not None and found.sha256 not in {None, line.sha256}
    if line.size_bytes != found.size_bytes or is_other:
        return line
    was_hashed = line.md5 is not None or line.parts_etag is not None
    return replace(
        line,
        sha256=line.sha256 or found.sha256,
        etag=line.etag if was_hashed else line.etag or found.etag,
        duration_seconds=line.duration_seconds or found.duration_seconds,
        bitrate=line.bitrate or found.bitrate,
        sample_rate=line.sample_rate or found.sample_rate,
    )


def lockfile_lines(folder: Folder) -> Mapping[str, MediaFile]:
    """Return the lines of the lockfile, by NFC path.

    Raises `InvalidInput` for a lockfile that a person has to look at first.
    """
    lines, mistakes = read_lockfile(folder.lock_path, folder.root)
    grave = [mistake for mistake in mistakes if mistake.code not in REPAIRABLE]
    if grave:
        raise InvalidInput(grave)
    return lines
