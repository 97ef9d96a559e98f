"""Numbers worth a look: gaps between them, and numbers that a title repeats."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from reconciler.loading.locator import Locator
from reconciler.model.address import Address, parent_of
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import Kind
from reconciler.text.codes import Mistake

_GAPS_SHOWN = 5
_LEADING_NUMBER = re.compile(r"0*([0-9]{1,7})(?![0-9])")


def find_gaps(resources: Iterable[Resource], locator: Locator) -> Iterator[Diagnostic]:
    """Yield one warning for each collection whose numbers have gaps; where they begin is free."""
    for address, lectures in _by_collection(resources).items():
        gaps = [
            (before, after)
            for before, after in pairwise(sorted(lectures, key=_number))
            if _number(after) > _number(before) + 1
        ]
        if gaps:
            position = locator.field(gaps[0][1].position, "number")
            detail = f"`{address}` has no number {_listed(gaps)}."
            yield Mistake.NUMBER_GAP.at(position, detail)


def find_repeated_numbers(resources: Iterable[Resource], locator: Locator) -> Iterator[Diagnostic]:
    """Yield a warning for each title that begins with the lecture's own number."""
    for resource in resources:
        number = resource.fields.get("number")
        if number is not None and _leading_number(resource.name) == number:
            position = locator.field(resource.position, "title")
            yield Mistake.NUMBER_IN_TITLE.at(position, f"`{resource.name}` begins with {number}.")


def _by_collection(resources: Iterable[Resource]) -> dict[Address | None, list[Resource]]:
    lectures: dict[Address | None, list[Resource]] = defaultdict(list)
    for resource in resources:
        if resource.kind is Kind.LECTURE and resource.fields.get("number") is not None:
            lectures[parent_of(resource.address)].append(resource)
    return lectures


def _number(resource: Resource) -> int:
    number = resource.fields["number"]
    return number if isinstance(number, int) else 0


def _listed(gaps: Sequence[tuple[Resource, Resource]]) -> str:
    shown = [_span(_number(before) + 1, _number(after) - 1) for before, after in gaps[:_GAPS_SHOWN]]
    more = len(gaps) - len(shown)
    return ", ".join(shown) + (f" and {more} more gaps" if more else "")


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _leading_number(title: str) -> int | None:
    match = _LEADING_NUMBER.match(title)
    return int(match.group(1)) if match else None
