"""The live library, described from a snapshot of both stores.

The result is the library that a catalog of the snapshot declares, and the findings that a person
has to look at.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reconciler.importing.declare import FoundResources, in_order
from reconciler.importing.describe import fields_of, label, line_of, name_of, said_path, title_of, unfit
from reconciler.importing.matching import CountUserRows, Join, no_user_rows, parent_id
from reconciler.importing.numbers import Numbering, Recording
from reconciler.model.actual import Row, Snapshot
from reconciler.model.catalog import MediaFile
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.outcomes import ImportFinding, Reason
from reconciler.model.playback import DEFAULT_WAYS, Way
from reconciler.model.remedies import ImportLive
from reconciler.model.values import counted
from reconciler.planning.playback import content_of
from reconciler.planning.references import KeySearch, references_in, split_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLibrary:
    """The library that is live.

    `media` are the lockfile lines for everything that it names, by NFC path.
    """

    speakers: tuple[FoundResources, ...]
    media: Mapping[str, MediaFile]
    findings: tuple[ImportFinding, ...]


def library_of(
    snapshot: Snapshot,
    *,
    known: Collection[tuple[Kind, int]] = (),
    loosely: bool = True,
    user_rows: CountUserRows = no_user_rows,
    ways: Sequence[Way] = DEFAULT_WAYS,
    told_numbers: bool = False,
) -> LiveLibrary:
    """Join bucket and rows into the library that they mean.

    `known` are the rows that the catalog declares already. Without `loosely`, nothing is joined or named in
    a way that would change what a row names. `user_rows` counts what listeners keep of lectures, to choose
    among rows of which only one can be declared. A number is the row's own, unless the names of recordings
    tell others and more lectures play for them by the `ways`, or `told_numbers` asks for them. Everything
    comes in the order of its names, lectures by number.
    """
    contents = {key: content_of(stored, None) for key, stored in snapshot.objects.items()}
    describer = _Describer(
        Join(snapshot, known=known, loosely=loosely, user_rows=user_rows),
        Numbering(ways, snapshot.rows, contents, is_asked=told_numbers),
    )
    speakers = tuple(describer.speakers())
    describer.note_free_objects()
    return LiveLibrary(speakers=speakers, media=describer.media, findings=tuple(describer.join.findings))


@dataclass
class _Describer:
    join: Join
    numbering: Numbering
    media: dict[str, MediaFile] = field(default_factory=dict)

    def speakers(self) -> Iterator[FoundResources]:
        rows = list(self._named(self.join.rows(Kind.SPEAKER)))
        self.join.note_similar(rows)
        yield from in_order([self._speaker(row) for row in rows])
        self._note_lost_lectures()

    def _named(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows that have a name, and note the others."""
        for row in rows:
            if title_of(row):
                yield row
            else:
                self.join.note(Reason.UNFIT, label(row), "its name is empty")

    def _speaker(self, row: Row) -> FoundResources:
        rows = [each for each in self.join.rows(Kind.COLLECTION) if parent_id(each) == row.id]
        named = list(self._named(rows))
        self.join.note_similar(named)
        collections = in_order(self._collection(each) for each in named)
        fields = {**fields_of(row), **self._images(row)}
        return FoundResources(kind=Kind.SPEAKER, fields=fields, row=row.id, children=collections)

    @cached_property
    def _lectures(self) -> dict[int | None, list[Row]]:
        """Lecture rows by the collection they belong to.

        Rows that belong to no collection are under None.
        """
        lectures: dict[int | None, list[Row]] = {}
        for row in self.join.rows(Kind.LECTURE):
            lectures.setdefault(self.join.collection_of(row), []).append(row)
        return lectures

    def _collection(self, row: Row) -> FoundResources:
        lectures = list(self._with_audio(self._lectures.pop(row.id, [])))
        self.join.note_similar(lectures)
        kept = self.join.one_of_each(lectures, self._path, "recording")
        kept = self.join.one_of_each(kept, lambda each: name_of(each).strip() and name_of(each), "title")
        numbers = self._numbers(row, kept)
        children = in_order(self._lecture(each, numbers.get(each.id)) for each in kept)
        fields = {**fields_of(row), **self._images(row)}
        return FoundResources(kind=Kind.COLLECTION, fields=fields, row=row.id, children=children)

    def _path(self, row: Row) -> str:
        return self.join.audio[row.id]

    def _with_audio(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            key = self.join.audio.get(row.id)
            if key is None:
                detail = f"{title_of(row)!r}: {row['file_path']}"
                self.join.note(Reason.ROW_WITHOUT_OBJECT, label(row), detail)
            elif self._takes(row, Slot.LECTURE_AUDIO, key):
                self._compare_sizes(row, key)
                yield row

    def _compare_sizes(self, row: Row, key: str) -> None:
        """Note a row that says another size than its recording has."""
        size_bytes = self.join.snapshot.objects[key].size_bytes
        if row["file_size"] != size_bytes:
            detail = f"the row says {row['file_size']!s} bytes, and {key} has {size_bytes:,}"
            self.join.note(Reason.SIZE_DIFFERS, label(row), detail)

    def _takes(self, row: Row, slot: Slot, key: str) -> bool:
        """Return whether the catalog can name the object in that slot.

        Its lockfile line is kept then; otherwise a finding is noted.
        """
        if key in self.media:
            return True
        if self.join.snapshot.objects[key].size_bytes == 0:
            self.join.note(Reason.EMPTY_OBJECT, label(row), f"{slot}: {key}")
            return False
        problem = unfit(key, slot)
        line = None if problem else line_of(key, self.join.snapshot.objects[key], self._naming(key))
        if line is None:
            self.join.note(
                Reason.UNFIT, label(row), f"{key} {problem or 'has facts that no lockfile can say'}"
            )
            return False
        self.media[key] = line
        return True

    @cached_property
    def _rows_by_audio(self) -> Mapping[str, list[Row]]:
        named: dict[str, list[Row]] = {}
        for row in self.join.rows(Kind.LECTURE):
            if row.id in self.join.audio:
                named.setdefault(self.join.audio[row.id], []).append(row)
        return named

    def _naming(self, key: str) -> Iterator[Row]:
        return iter(self._rows_by_audio.get(key, ()))

    def _numbers(self, collection: Row, rows: Sequence[Row]) -> Mapping[int, int]:
        """Return the number of each lecture that has one of its own.

        A number that the name of a recording contradicts is noted, unless it is declared as the name has it.
        """
        chosen = self.numbering.choose(collection, [self._recording(row) for row in rows])
        for each in chosen.doubted:
            said = "no number" if each.said is None else each.said
            detail = f"the row says {said}, and {each.key} says {each.told}: no more lectures would play"
            self.join.note(Reason.NUMBER_DOUBTED, label(each.row), detail, ImportLive(clean=("numbers",)))
        return chosen.numbers

    def _recording(self, row: Row) -> Recording:
        key = self._path(row)
        return Recording(row=row, key=key, said=_stored_number(row), told=self.join.places[key].number)

    def _lecture(self, row: Row, number: int | None) -> FoundResources:
        fields: dict[str, Any] = {
            **self._title_of_recording(row),
            **fields_of(row),
            "number": number,
            "audio": self._path(row),
            **self._thumbnail(row),
        }
        said = {name: value for name, value in fields.items() if value is not None}
        return FoundResources(kind=Kind.LECTURE, fields=said, row=row.id)

    def _title_of_recording(self, row: Row) -> Mapping[str, Any]:
        """Return a title for a row that has none, which the row does not get."""
        if title_of(row):
            return {}
        title = self.join.places[self._path(row)].title or f"Lecture {row.id}"
        return {"title": title, "as_is": {"title": row["title"]}}

    def _thumbnail(self, row: Row) -> Mapping[str, str]:
        key = split_reference(str(row["thumbnail_url"] or ""))[1]
        is_there = key in self.join.snapshot.objects
        if key and not is_there:
            self.join.note(Reason.ROW_WITHOUT_OBJECT, label(row), f"thumbnail: {row['thumbnail_url']}")
        return {"thumbnail": key} if is_there and self._takes(row, Slot.LECTURE_THUMBNAIL, key) else {}

    def _images(self, row: Row) -> Mapping[str, str]:
        found = {slot: self.join.image(row, slot) for slot in TABLES[row.kind].slots}
        return {slot.value: key for slot, key in found.items() if key and self._takes(row, slot, key)}

    # What is left.

    def _note_lost_lectures(self) -> None:
        """Note the lectures that no collection took.

        They belong to no collection, or to one that is not declared.
        """
        for collection, rows in self._lectures.items():
            for row in rows:
                detail = f"{title_of(row)!r}: {said_path(row)}"
                if collection is not None:
                    detail += f": collections[{collection}] is not declared"
                self.join.note(Reason.ROW_WITHOUT_PARENT, label(row), detail)
                if row.id not in self.join.audio:
                    self.join.note(Reason.ROW_WITHOUT_OBJECT, label(row), detail)

    def note_free_objects(self) -> None:
        """Note the objects that neither a row nor the library names.

        Sidecars are not part of a library, and are not noted.
        """
        rows = (row for kind in Kind for row in self.join.rows(kind))
        objects = self.join.snapshot.objects
        free = {key for key in objects if key not in self.media and not self.join.places[key].is_sidecar}
        free -= KeySearch(free).in_references(references_in(rows))
        for key, stored in sorted(objects.items()):
            if key in free:
                self.join.note(Reason.OBJECT_WITHOUT_ROW, key, counted(stored.size_bytes, "byte"))


def _stored_number(row: Row) -> int | None:
    number = fields_of(row).get("number")
    return number if isinstance(number, int) else None
