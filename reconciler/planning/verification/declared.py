"""Checks of declared resources: rows, objects and their references.

They find wrong rows, wrong objects, and wrong names of the one in the other.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.model.actual import Row, StoredObject
from reconciler.model.kinds import TABLES, Column, Origin, Slot
from reconciler.model.remedies import Lock, Remedy, Sentence
from reconciler.model.values import Value, canonical_json, nfc, same
from reconciler.planning.byte_sources import Match, compare
from reconciler.planning.diff import Placed
from reconciler.planning.drift import baseline
from reconciler.planning.placement import How, Placement
from reconciler.planning.references import split_reference
from reconciler.planning.verification.context import VerifyContext, named_in, value_in
from reconciler.planning.verification.findings import Condition, VerifyFinding, apply_alone

#: What a column that holds something else is called, by where its value comes from.
_BY_ORIGIN: Mapping[Origin, Condition] = {
    Origin.FACT: Condition.WRONG_FACTS,
    Origin.FORMAT: Condition.WRONG_FACTS,
    Origin.FILE_NAME: Condition.WRONG_FACTS,
    Origin.KEY: Condition.WRONG_FACTS,
    Origin.URL: Condition.WRONG_URL,
    Origin.REFERENCE: Condition.WRONG_URL,
    Origin.FIELD: Condition.OTHER_VALUES,
    Origin.PARENT: Condition.OTHER_VALUES,
    Origin.CATEGORIES: Condition.OTHER_VALUES,
}
_OF_OBJECT = frozenset({Origin.KEY, Origin.FILE_NAME, Origin.URL, Origin.REFERENCE, Origin.FORMAT})

_LONGEST_VALUE = 80  # characters


def declared(context: VerifyContext) -> Iterator[VerifyFinding]:
    """Yield what is wrong with each declared resource."""
    for placed in context.placed:
        yield from _Checks(context, placed).run()


class _Checks:
    """The checks of one resource."""

    def __init__(self, context: VerifyContext, placed: Placed) -> None:
        self._ground, self._placed = context, placed

    def run(self) -> Iterator[VerifyFinding]:
        question = self._ground.problems.get(self._placed.address)
        if question is not None:
            detail = f"{question.summary}. {question.detail} ({question.position})"
            yield VerifyFinding(
                condition=Condition.QUESTION,
                what=self._placed.address,
                detail=detail,
                remedies=(Sentence(text=question.hint), *question.remedies),
                row=self._placed.row.id if self._placed.row is not None else None,
            )
        if self._placed.row is not None:
            yield from self._of_row(self._placed.row)
        elif not self._ground.is_asked(self._placed.address):
            yield self._without_row()

    def _without_row(self) -> VerifyFinding:
        lost = self._placed.address in self._ground.identities.broken
        detail = "its recorded row is gone" if lost else "it is declared, and no row is it"
        return self._finding(Condition.ENTRY_WITHOUT_ROW, detail, repairable=lost)

    def _of_row(self, row: Row) -> Iterator[VerifyFinding]:
        if self._placed.record is None:
            yield self._finding(
                Condition.ADOPTION_PENDING,
                f"row {row.id} of {TABLES[row.kind].name}: the next apply takes it over as it is",
                repairable=False,
            )
        told: set[str] = set()
        for slot, placement in self._placed.placements.items():
            found = None if placement is None else self._of_slot(row, slot, placement)
            if found is not None:
                told.add(slot.value)
                yield found
        yield from self._of_columns(row, told)

    # Objects.

    def _of_slot(self, row: Row, slot: Slot, placement: Placement) -> VerifyFinding | None:
        named = named_in(row, slot)
        stored = self._ground.stored(named)
        if named is None or stored is None:
            return self._without_object(row, slot, named)
        if slot is Slot.LECTURE_AUDIO and stored.size_bytes == 0:
            return self._empty(row, stored, placement)
        others = self._ground.owners.get(named, frozenset()) - {self._placed.address}
        if others and named != nfc(placement.key):
            detail = f"{slot.value}: row {row.id} names {named}, the object of {min(others)}"
            return self._finding(Condition.WRONG_LECTURE, detail, key=named)
        if placement.how is How.KEPT and named == nfc(placement.key):
            return None
        if compare(stored, placement.media, self._ground.world.recorded.keys.get(named)) is not Match.OTHER:
            return None
        if slot is not Slot.LECTURE_AUDIO and self._stands_elsewhere(named, placement):
            return None  # the column tells it
        if self._is_as_recorded(slot, named):
            detail = f"{slot.value}: {placement.media.path} is declared with new bytes"
            return self._finding(Condition.PENDING, detail, key=named, repairable=False)
        detail = f"{slot.value}: {stored.key} is not what the catalog means ({_told_apart(placement)})"
        return self._finding(Condition.OTHER_BYTES, detail, key=named, size_bytes=stored.size_bytes)

    def _without_object(self, row: Row, slot: Slot, named: str | None) -> VerifyFinding | None:
        if slot is Slot.LECTURE_AUDIO:
            detail = f"row {row.id} names {named or 'no key'}, and there is no such object"
            return self._finding(Condition.ROW_WITHOUT_OBJECT, detail, key=named)
        if named is None:
            return self._finding(Condition.MISSING_IMAGE, f"{slot.value}: row {row.id} names none")
        base, _ = split_reference(value_in(row, slot) or "")
        if base is not None and base != self._ground.world.policy.layout.base_url:
            return None  # on another domain: a wrong URL
        detail = f"{slot.value}: row {row.id} names {named}, and there is no such object"
        return self._finding(Condition.MISSING_IMAGE, detail, key=named)

    def _empty(self, row: Row, stored: StoredObject, placement: Placement) -> VerifyFinding:
        """Return the finding for an object without a byte.

        A plan repairs it where the catalog means other bytes; else the recording has to be found.
        """
        found = self._finding(
            Condition.EMPTY_AUDIO,
            f"row {row.id} names {stored.key}, which holds 0 bytes",
            key=nfc(stored.key),
            repairable=placement.media.size_bytes > 0,
        )
        if placement.media.size_bytes > 0:
            return found
        return replace(found, remedies=(*_bytes_nowhere(placement.media.path), found.remedies[-1]))

    def _stands_elsewhere(self, named: str, placement: Placement) -> bool:
        """Return whether the declared bytes are in the bucket under another key.

        It is another key than the one that the row names.
        """
        return placement.how in {How.KEPT, How.REUSED} and named != nfc(placement.key)

    def _is_as_recorded(self, slot: Slot, named: str) -> bool:
        """Return whether the object is the one that the last apply left.

        If so, it is the catalog that is ahead.
        """
        record, known = self._placed.record, self._ground.world.recorded.keys.get(named)
        stored = self._ground.stored(named)
        return (
            record is not None
            and known is not None
            and stored is not None
            and nfc(record.keys.get(slot, "")) == named
            and known.etag in {None, stored.etag}
            and known.size_bytes == stored.size_bytes
        )

    # Columns.

    def _of_columns(self, row: Row, told: set[str]) -> Iterator[VerifyFinding]:
        differing = [name for name, value in self._placed.want.values.items() if not same(value, row[name])]
        by_condition: defaultdict[Condition, list[str]] = defaultdict(list)
        for name in differing:
            column = TABLES[row.kind].column(name)
            if _slot_of(column) not in told:
                by_condition[self._condition(column, row)].append(name)
        for condition, names in by_condition.items():
            yield self._finding(
                condition,
                _in_columns(row, names, self._placed.want.values),
                repairable=condition is not Condition.PENDING,
            )

    def _condition(self, column: Column, row: Row) -> Condition:
        """Return the condition of a column whose value is not the desired one.

        It separates changes made outside elmify from what the catalog asks for and is not applied yet.
        """
        record = self._placed.record
        if record is not None:
            left = baseline(record).get(column.name, row[column.name])
            if same(left, row[column.name]):
                return Condition.PENDING
        return _BY_ORIGIN[column.origin]

    # Findings.

    def _finding(
        self,
        condition: Condition,
        detail: str,
        *,
        key: str | None = None,
        size_bytes: int = 0,
        repairable: bool = True,
    ) -> VerifyFinding:
        address, row = self._placed.address, self._placed.row
        lacking = self._ground.lacking(self._placed)
        can_repair = repairable and self._ground.can_repair(self._placed)
        return VerifyFinding(
            condition=condition,
            what=address,
            detail=detail,
            remedies=(apply_alone(address),) if lacking is None else _bytes_nowhere(lacking),
            repairs=(address,) if can_repair else (),
            key=key,
            row=row.id if row is not None else None,
            size_bytes=size_bytes,
        )


def _bytes_nowhere(path: str) -> tuple[Remedy, ...]:
    """Return what a person must do before a file can be put."""
    nowhere = f"Its bytes are nowhere to be found. Put {path} under the media root, then"
    return (Sentence(text=nowhere), Lock())


def _slot_of(column: Column) -> str | None:
    """Return the slot whose object decides a column's value.

    None for a column of another origin.
    """
    if column.origin is Origin.FACT:
        return Slot.LECTURE_AUDIO.value
    return column.source if column.origin in _OF_OBJECT else None


def _in_columns(row: Row, names: list[str], values: Mapping[str, Value]) -> str:
    told = (f"{name} is {_shown(row[name])}, not {_shown(values[name])}" for name in names)
    return f"row {row.id} of {TABLES[row.kind].name}: {'; '.join(told)}"


def _shown(value: Value) -> str:
    """Return a value so short that several fit in a sentence."""
    text = canonical_json(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _told_apart(placement: Placement) -> str:
    return "its size or its ETag is another" if placement.media.sha256 else "its ETag is another"
