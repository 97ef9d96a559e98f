"""Numbers of lectures: the rows' own, unless recordings prove others.

Another number is declared only where more lectures play for it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.model.actual import Row
from reconciler.model.kinds import TABLES
from reconciler.model.playback import Way
from reconciler.model.values import Value
from reconciler.planning.playback import Content, Library, Rows, arrives, raw_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Recording of a lecture row in a collection.

    `key` is the NFC key of its object, `said` the number of its row, and `told` the one in the name of the
    object; both None for none.
    """

    row: Row
    key: str
    said: int | None
    told: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Numbers to declare for the lectures of one collection, by row id.

    No number is there twice: a lecture whose number another one has is absent, as is one without a number.
    `doubted` are the recordings whose name tells another number than the one that their row keeps.
    """

    numbers: Mapping[int, int]
    doubted: tuple[Recording, ...] = ()


@dataclass
class Numbering:
    """Choice of numbers, by what apps would find with them.

    `is_asked` takes what the recordings tell, whether more lectures play for it or not.
    """

    ways: Sequence[Way]
    rows: Rows
    contents: Mapping[str, Content]
    is_asked: bool = False

    def choose(self, collection: Row, recordings: Collection[Recording]) -> Numbers:
        """Return the numbers of a collection's lectures.

        They are those of the rows. Where more lectures of the collection play with the numbers in the names
        of their recordings, they are those; but for a lecture that plays as it is, and would not any more.
        """
        differing = [each for each in recordings if each.told not in {None, each.said}]
        plays = {each.row.id: self._plays(collection, each, each.said) for each in differing}
        would = {each.row.id: self._plays(collection, each, each.told) for each in differing}
        changed: set[int] = set()
        if self.is_asked or sum(would.values()) > sum(plays.values()):
            changed = {id_ for id_ in plays if self.is_asked or would[id_] >= plays[id_]}
        chosen = _each_once(
            (each.row.id, number)
            for takes_told in (True, False)
            for each in recordings
            if (each.row.id in changed) is takes_told
            and (number := each.told if takes_told else each.said) is not None
        )
        return Numbers(
            numbers=chosen, doubted=tuple(each for each in differing if each.row.id not in changed)
        )

    def _plays(self, collection: Row, recording: Recording, number: int | None) -> int:
        """Return by how many ways a lecture would play under that number."""
        row = with_values(
            recording.row,
            speaker_id=collection["speaker_id"],
            collection_id=collection.id,
            lecture_number=number,
            file_path=recording.key,
        )
        return sum(self._library.plays(row, self._key(row, place)) for place in self._places)

    @cached_property
    def _library(self) -> Library:
        return Library(self.ways, self.rows, self.contents)

    @cached_property
    def _places(self) -> Sequence[int]:
        return [place for place, way in enumerate(self.ways) if not way.report]

    def _key(self, row: Row, place: int) -> str | None:
        raw = raw_key(self.ways, place, row, self.rows)
        return None if raw is None else arrives(self.ways[place].request, raw)


def _each_once(numbers: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    chosen: dict[int, int] = {}
    taken: set[int] = set()
    for row, number in numbers:
        if number not in taken:
            chosen[row] = number
            taken.add(number)
    return chosen


def with_values(row: Row, **values: Value) -> Row:
    """Return a row with other values in some columns."""
    index, changed = TABLES[row.kind].index, list(row.values)
    for name, value in values.items():
        changed[index[name]] = value
    return Row(row.kind, row.id, tuple(changed))
