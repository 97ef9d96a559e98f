"""Matching of rows and objects, by path or else by names.

The names are those that rows and keys contain. The module is pure.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from reconciler.importing.describe import label, name_of, said_path, stated_key, title_of
from reconciler.importing.layout import KeyPlace, place_of
from reconciler.importing.names import alike, folded
from reconciler.model.actual import Row, Snapshot
from reconciler.model.kinds import TABLES, Kind, Slot
from reconciler.model.outcomes import ImportFinding, Reason
from reconciler.model.remedies import Merge, Operation
from reconciler.planning.references import key_in

_T = TypeVar("_T")
_Names = tuple[str, str]

#: Counts what listeners keep of lectures, by row id.
CountUserRows = Callable[[Collection[int]], Mapping[int, int]]


def no_user_rows(_rows: Collection[int]) -> Mapping[int, int]:
    """Count nothing."""
    return {}


@dataclass
class Join:
    """Matches between the rows and objects of a snapshot.

    `known` are the rows that the catalog has already; they come first among equals. Without
    `loosely`, a row is joined by its own path alone, so that the join corrects nothing.
    """

    snapshot: Snapshot
    known: Collection[tuple[Kind, int]] = ()
    loosely: bool = True
    user_rows: CountUserRows = no_user_rows
    findings: list[ImportFinding] = field(default_factory=list)

    def note(self, reason: Reason, subject: str, detail: str, remedy: Operation | None = None) -> None:
        """Keep something for a person to look at."""
        self.findings.append(ImportFinding(reason=reason, subject=subject, detail=detail, remedy=remedy))

    @cached_property
    def places(self) -> Mapping[str, KeyPlace]:
        """Facts that each object's key gives about itself, by NFC key."""
        return {key: place_of(key) for key in self.snapshot.objects}

    def rows(self, kind: Kind) -> Iterable[Row]:
        """Return the rows of a kind, those that are known first, then by id."""
        rows = self.snapshot.rows[kind].values()
        return sorted(rows, key=lambda row: ((kind, row.id) not in self.known, row.id))

    # Names.

    @cached_property
    def _speaker_names(self) -> Mapping[int, str]:
        return {row.id: alike(title_of(row)) for row in self.rows(Kind.SPEAKER)}

    @cached_property
    def _collection_names(self) -> Mapping[int, _Names]:
        return {
            row.id: (self._speaker_names.get(_id(row["speaker_id"]), ""), alike(title_of(row)))
            for row in self.rows(Kind.COLLECTION)
        }

    @cached_property
    def _collections_by_name(self) -> Mapping[_Names, list[int]]:
        return _grouped(self._collection_names, lambda id_: self._collection_names[id_])

    # Audio.

    @cached_property
    def audio(self) -> Mapping[int, str]:
        """The NFC key of each lecture row's object; a row without one is absent."""
        found = {row.id: key for row in self.rows(Kind.LECTURE) if (key := self._by_path(row)) is not None}
        if self.loosely:
            for way, by_way in (("a looser reading of its path", self._by_loose_path), *self._by_names()):
                found |= self._joined(way, by_way, found)
        return found

    def _by_path(self, row: Row) -> str | None:
        key = said_path(row)
        return key if key in self.snapshot.objects else None

    def _joined(
        self, way: str, by_way: Callable[[Row], Hashable], found: Mapping[int, str]
    ) -> Mapping[int, str]:
        """Join the remaining rows with objects that no row has.

        A join needs exactly one row and exactly one object: it never chooses between several.
        """
        rows = _grouped((r for r in self.rows(Kind.LECTURE) if r.id not in found), by_way)
        objects = self._free_audio(way, frozenset(found.values()))
        joined = {}
        for sign, candidates in rows.items():
            keys = objects.get(sign, ())
            if sign is not None and len(candidates) == len(keys) == 1:
                joined[candidates[0].id] = keys[0]
                detail = f"{candidates[0]['file_path']} is not there; by {way} it is {keys[0]}"
                self.note(Reason.JOINED_LOOSELY, label(candidates[0]), detail)
        return joined

    def _free_audio(self, way: str, taken: Collection[str]) -> Mapping[Hashable, list[str]]:
        free = (key for key, at in self.places.items() if at.slot is Slot.LECTURE_AUDIO and key not in taken)
        return _grouped(free, lambda key: _signs(key, self.places[key])[way])

    def _by_loose_path(self, row: Row) -> Hashable:
        for said in (row["file_path"], row["audio_url"]):
            key = folded(key_in(said) or "")
            if key in self._folded_keys:
                return key
        return None

    @cached_property
    def _folded_keys(self) -> Mapping[str, list[str]]:
        return _grouped(self.snapshot.objects, folded)

    def _by_names(self) -> Sequence[tuple[str, Callable[[Row], Hashable]]]:
        """Return the ways to join by names, the most reliable one first.

        They use the speaker and the collection, together with the title or the number.
        """

        def parents(row: Row) -> _Names | None:
            return self._collection_names.get(_id(row["collection_id"]))

        def by_title(row: Row) -> Hashable:
            names, title = parents(row), alike(title_of(row))
            return (*names, title) if names and title else None

        def by_number(row: Row) -> Hashable:
            names, number = parents(row), row["lecture_number"]
            is_told = names and number is not None and row["collection_id"] not in self._misnumbered
            return (*names, number) if names and is_told else None

        return (
            ("its speaker, collection and title", by_title),
            ("its speaker, collection and number", by_number),
        )

    @cached_property
    def _misnumbered(self) -> Collection[object]:
        """Collections with a number that a recording's name contradicts.

        None of the numbers of such a collection is used.
        """
        numbered = (
            (row, self.places[key].number) for row in self.rows(Kind.LECTURE) if (key := self._by_path(row))
        )
        return {
            row["collection_id"] for row, number in numbered if number not in {None, row["lecture_number"]}
        }

    # Parents.

    def collection_of(self, row: Row) -> int | None:
        """Return the row id of a lecture's collection.

        It is the lecture's own collection, or else the one that its folder means. None for none.
        """
        own = _id(row["collection_id"])
        if own in self._collection_names:
            return own
        key = self.audio.get(row.id, said_path(row))
        return self._collection_of_folder(key) or self._of_neighbours.get(_folder(key))

    def _collection_of_folder(self, key: str) -> int | None:
        place = self.places.get(key) or place_of(key)
        names = (alike(place.speaker or ""), alike(place.collection or ""))
        found = self._collections_by_name.get(names, []) if place.collection else []
        return found[0] if len(found) == 1 else None

    @cached_property
    def _of_neighbours(self) -> Mapping[str, int]:
        """The collection of each folder whose recordings agree on one."""
        meant = defaultdict(set)
        for row in self.rows(Kind.LECTURE):
            if row["collection_id"] is not None and row.id in self.audio:
                meant[_folder(self.audio[row.id])].add(_id(row["collection_id"]))
        return {folder: next(iter(ids)) for folder, ids in meant.items() if folder and len(ids) == 1}

    # Images.

    def image(self, row: Row, slot: Slot) -> str | None:
        """Return the NFC key of a row's image.

        It is the key that the row names, or else the object at the place that the layout has for it. None
        for none.
        """
        stated = key_in(stated_key(row, slot))
        candidates = self._images.get((slot, *self._names_of(row)), [])
        if len(candidates) > 1:
            self.note(Reason.TWO_FORMATS, label(row), f"{slot}: {', '.join(sorted(candidates))}")
        if stated in self.snapshot.objects:
            return stated
        if self.loosely and len(candidates) == 1:
            return candidates[0]
        if stated is not None:
            self.note(Reason.ROW_WITHOUT_OBJECT, label(row), f"{slot}: {stated_key(row, slot)}")
        return None

    def _names_of(self, row: Row) -> _Names:
        if row.kind is Kind.SPEAKER:
            return self._speaker_names[row.id], ""
        return self._collection_names[row.id]

    @cached_property
    def _images(self) -> Mapping[tuple[Slot, str, str], list[str]]:
        """Images at the places that the layouts have for them.

        They are grouped by slot and by the names of their folders.
        """
        named = [(key, place) for key, place in self.places.items() if place.slot is not None]
        images = defaultdict(list)
        for key, place in named:
            if place.slot is not None:
                images[place.slot, alike(place.speaker or ""), alike(place.collection or "")].append(key)
        return images

    # One of several.

    def one_of_each(self, rows: Sequence[Row], sign: Callable[[Row], str], what: str) -> Sequence[Row]:
        """Return one row of each sign, in the order of the rows.

        An empty sign is none. It is the row that the catalog knows, else the one with a number, the one
        that listeners keep most of, the one that knows its parents, the oldest. The others are noted as
        duplicates of it.
        """
        groups = _grouped(rows, lambda row: sign(row) or (row.id,))
        several = [group for group in groups.values() if len(group) > 1]
        if not several:
            return rows
        kept_rows = self.user_rows([row.id for group in several for row in group])
        left: set[int] = set()
        for group in several:
            first, *others = sorted(group, key=lambda row: self._rank(row, kept_rows.get(row.id, 0)))
            left.update(row.id for row in others)
            for row in others:
                detail = f"{name_of(row)!r}: {label(first)} has the same {what}, and is the one declared"
                self.note(Reason.DUPLICATE, label(row), detail, Merge(row=str(row.id), into=str(first.id)))
        return [row for row in rows if row.id not in left]

    def _rank(self, row: Row, user_rows: int) -> tuple[bool, bool, int, bool, int]:
        is_known = (row.kind, row.id) in self.known
        is_placed = row["collection_id"] is not None and row["speaker_id"] is not None
        return not is_known, row["lecture_number"] is None, -user_rows, not is_placed, row.id

    def note_similar(self, rows: Iterable[Row]) -> None:
        """Note names under one parent that differ by nothing a listener would see."""
        for sign, similar in _grouped(rows, lambda row: alike(name_of(row))).items():
            spelled = Counter(name_of(row) for row in similar)
            if sign and len(spelled) > 1:
                rest = ", ".join(f"{label(row)} {name_of(row)!r}" for row in similar[1:])
                self.note(Reason.SIMILAR_NAME, label(similar[0]), f"{name_of(similar[0])!r}; {rest}")


def _signs(key: str, place: KeyPlace) -> Mapping[str, Hashable]:
    """Return what an object is found by, for each way of joining."""
    names = (alike(place.speaker or ""), alike(place.collection or ""))
    title = alike(place.title)
    return {
        "a looser reading of its path": folded(key),
        "its speaker, collection and title": (*names, title) if title else None,
        "its speaker, collection and number": None if place.number is None else (*names, place.number),
    }


def _id(value: object) -> int:
    return value if isinstance(value, int) else 0


def _folder(key: str) -> str:
    return key.rpartition("/")[0]


_Key = TypeVar("_Key", bound=Hashable)


def _grouped(items: Iterable[_T], sign: Callable[[_T], _Key]) -> dict[_Key, list[_T]]:
    groups: defaultdict[_Key, list[_T]] = defaultdict(list)
    for item in items:
        groups[sign(item)].append(item)
    return dict(groups)


def parent_id(row: Row) -> int | None:
    """Return the row id that a row's own parent column holds."""
    column = TABLES[row.kind].parent_column
    return _id(row[column]) or None if column else None
