"""Checks of what listeners hear: every lecture row, by every way.

A way that is only reported is not checked.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.actual import Row
from reconciler.model.kinds import Kind
from reconciler.model.playback import Way
from reconciler.model.remedies import Apply, Remedy, Sentence
from reconciler.model.values import Value, nfc
from reconciler.planning.diff import Placed
from reconciler.planning.playback import Content, Library, Route, canonical_key, with_values
from reconciler.planning.playback_claims import broken_copies, is_broken
from reconciler.planning.verification.context import VerifyContext, name_of
from reconciler.planning.verification.findings import (
    Condition,
    ConditionSeverity,
    VerifyFinding,
    apply_alone,
    row_address,
)

_FILE = re.compile(r"(?P<number>[0-9]{1,9}) - (?P<title>.+)\.[^./]+")


def heard(context: VerifyContext, found: Collection[VerifyFinding]) -> Iterator[VerifyFinding]:
    """Yield each way by which a lecture row is not heard, or another one is.

    `found` are the findings so far: a key of a row that one of them is about is not told again.
    """
    told = {
        (f.row, nfc(f.key))
        for f in found
        if f.row is not None and f.key is not None and f.severity is ConditionSeverity.ERROR
    }
    declared = lectures_declared(context)
    broken = broken_copies(context.world)
    for row in context.world.library.rows[Kind.LECTURE].values():
        for each in ways_checked(context.world.library, row):
            if (row.id, each.route.key) not in told:
                yield from _Check(context, row, declared.get(row.id), each, row.id in broken).run()


@dataclass(frozen=True, slots=True)
class WayOfRow:
    """A way that counts, with its place, and where it leads from a row."""

    place: int
    way: Way
    route: Route


def ways_checked(library: Library, row: Row) -> Iterator[WayOfRow]:
    """Yield where a lecture row leads by each way that is not only reported."""
    for place, (way, route) in enumerate(zip(library.ways, library.routes(row), strict=True)):
        if not way.report:
            yield WayOfRow(place, way, route)


def lectures_declared(context: VerifyContext) -> Mapping[int, Placed]:
    """Return the declared lectures by the id of their row."""
    return {
        placed.row.id: placed
        for placed in context.placed
        if placed.row is not None and placed.resource.kind is Kind.LECTURE
    }


class _Check:
    """The check of one row by one way."""

    def __init__(
        self, context: VerifyContext, row: Row, placed: Placed | None, of: WayOfRow, broken: bool
    ) -> None:
        self._context, self._library = context, context.world.library
        self._row, self._placed, self._of, self._broken = row, placed, of, broken

    def run(self) -> Iterator[VerifyFinding]:
        key = self._of.route.key
        there = self._library.contents.get(key) if key is not None else None
        if self._library.plays(self._row, key) and not self._is_other(there):
            return
        if key is not None and key in self._context.world.recorded.aliases:
            yield self._finding(
                Condition.COPY_PENDING,
                f"run {self._context.world.recorded.aliases[key].run} committed it, and {key} still has the "
                "recording from before",
                (Apply(),),
            )
        elif there is None or there.size_bytes == 0:
            what = "there is no such object" if there is None else "it is empty"
            detail = f"it asks for {key}, and {what}" if key is not None else "it leads to no key at all"
            yield self._finding(Condition.WAY_BROKEN, detail, tuple(self._when_silent(key)))
        else:
            detail = f"{key} has {self._whose(key or '')}"
            yield self._finding(Condition.WAY_PLAYS_ANOTHER, detail, tuple(self._when_another()))

    def _is_other(self, there: Content | None) -> bool:
        """Return whether it is known to be other bytes than the recording."""
        own = self._library.own(self._row)
        if own is None or there is None or own.same(there):
            return False
        if is_broken(self._context.world, self._of.route.key or ""):
            return True
        both_hashed = own.sha256 is not None and there.sha256 is not None
        return both_hashed or own.size_bytes != there.size_bytes

    def _whose(self, key: str) -> str:
        others = self._library.named_by(key) - {self._row.id}
        if not others:
            return "other bytes than the row's recording"
        other = self._library.rows[Kind.LECTURE][min(others)]
        return f"the recording of row {other.id}, {name_of(other)}"

    # Remedies.

    def _when_silent(self, key: str | None) -> Iterator[Remedy]:
        if self._is_repairable():
            yield apply_alone(self._placed.address) if self._placed is not None else Apply()
            return
        yield from self._correct()
        if key is not None:
            yield Sentence(text=f"Or, with the bucket's own tools, upload or copy the recording to {key}.")

    def _when_another(self) -> Iterator[Remedy]:
        if self._is_repairable():
            yield apply_alone(self._placed.address) if self._placed is not None else Apply()
            return
        yield from self._correct()
        yield Sentence(
            text="Or, if what is there is there by mistake, put this lecture's recording in its place with "
            "the bucket's own tools."
        )

    def _correct(self) -> Iterator[Remedy]:
        """Yield how the row is corrected.

        It has the values that lead to the recording, where some do.
        """
        values = self._leading_values()
        if values is None:
            names = "the names, the number or the title" if self._of.way.key else f"`{self._of.way.column}`"
            yield Sentence(text=f"Correct the row: it is found by {names}.")
            return
        found, key = values
        told = " and ".join(f"{TITLES[name]} {value}" for name, value in found.items())
        yield Sentence(text=f"Correct the row: with {told} it leads to {key}.")
        if self._placed is not None:
            yield Sentence(text="Write that into the catalog, then")
            yield apply_alone(self._placed.address)

    def _leading_values(self) -> tuple[Mapping[str, Value], str] | None:
        """Return number or title, or both, that would lead to the recording."""
        if self._of.way.key is None:
            return None
        named = _FILE.fullmatch(canonical_key(self._row).rpartition("/")[2])
        if named is None:
            return None
        number: dict[str, Value] = {"lecture_number": int(named["number"])}
        title: dict[str, Value] = {"title": named["title"]}
        for values in (number, title, {**number, **title}):
            key = self._key_with(values)
            if key is not None:
                return values, key
        return None

    def _key_with(self, values: Mapping[str, Value]) -> str | None:
        """Return where other values lead, if that is the own recording."""
        row = with_values(self._row, values)
        changed = Library(
            self._library.ways,
            {**self._library.rows, Kind.LECTURE: {row.id: row}},
            self._library.contents,
        )
        key = changed.routes(row)[self._of.place].key
        own, there = self._library.own(row), self._library.contents.get(key or "")
        return key if own is not None and own.size_bytes and there is not None and own.same(there) else None

    def _is_repairable(self) -> bool:
        """Return whether a plan of this address alone makes the way play again."""
        if self._placed is None or not self._context.can_repair(self._placed):
            return False
        return self._broken or self._key_with(self._placed.want.values) is not None

    # Findings.

    def _finding(self, condition: Condition, detail: str, remedies: Sequence[Remedy]) -> VerifyFinding:
        placed, row = self._placed, self._row
        if placed is None and condition.severity is ConditionSeverity.ERROR:
            condition, detail = Condition.UNDECLARED_WAY, f"{name_of(row)}: {detail}"
        repairable = condition is not Condition.COPY_PENDING and self._is_repairable()
        return VerifyFinding(
            condition=condition,
            what=placed.address if placed is not None else row_address(Kind.LECTURE, row.id),
            detail=f"by way {self._of.way.name}: {detail}",
            remedies=tuple(remedies),
            repairs=(placed.address,) if repairable and placed is not None else (),
            key=self._of.route.key,
            row=row.id,
        )


#: What the columns by which a lecture is found are called in the catalog.
TITLES: Mapping[str, str] = {"lecture_number": "number", "title": "title"}
