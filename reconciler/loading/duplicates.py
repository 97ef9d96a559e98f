"""What is given twice within its scope: names, numbers, files, rows, old addresses."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass

from reconciler.loading.locator import Locator
from reconciler.model.address import parent_of
from reconciler.model.catalog import Resource
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.kinds import Kind, Slot
from reconciler.model.values import nfc
from reconciler.text.codes import Mistake


@dataclass(frozen=True, slots=True)
class Repeat:
    """`again` says in `field` what `first` said before it."""

    mistake: Mistake
    first: Resource
    again: Resource
    field: str

    def diagnostic(self, locator: Locator) -> Diagnostic:
        """Return the diagnostic, at the second place."""
        position = locator.field(self.again.position, self.field)
        detail = f"`{self.first.address}` has the same {self.field}, at {self.first.position}."
        return self.mistake.at(position, detail)


def find_repeats(resources: Iterable[Resource]) -> tuple[Repeat, ...]:
    """Return everything that is given twice, in the order of the resources."""
    everything = tuple(resources)
    return tuple(
        Repeat(mistake, first, again, field if field != "name" else _name_field(again))
        for mistake, field, scope in _SCOPES
        for first, again in _pairs(everything, scope)
    )


def _pairs(
    resources: Iterable[Resource], scope: Callable[[Resource], Hashable]
) -> Iterator[tuple[Resource, Resource]]:
    first: dict[Hashable, Resource] = {}
    for resource in resources:
        key = scope(resource)
        if key is not None and (earlier := first.setdefault(key, resource)) is not resource:
            yield earlier, resource


def _name_field(resource: Resource) -> str:
    return "name" if resource.kind is Kind.SPEAKER else "title"


def _name_scope(resource: Resource) -> Hashable:
    return parent_of(resource.address), nfc(resource.name)


def _number_scope(resource: Resource) -> Hashable:
    number = resource.fields.get("number")
    return None if number is None else (parent_of(resource.address), number)


def _audio_scope(resource: Resource) -> Hashable:
    path = resource.media.get(Slot.LECTURE_AUDIO)
    return None if path is None else (parent_of(resource.address), nfc(path))


def _row_scope(resource: Resource) -> Hashable:
    return None if resource.row is None else (resource.kind, resource.row)


def _previous_scope(resource: Resource) -> Hashable:
    return resource.previously


_SCOPES: tuple[tuple[Mistake, str, Callable[[Resource], Hashable]], ...] = (
    (Mistake.DUPLICATE_NAME, "name", _name_scope),
    (Mistake.DUPLICATE_NUMBER, "number", _number_scope),
    (Mistake.DUPLICATE_FILE, "audio", _audio_scope),
    (Mistake.DUPLICATE_ROW, "row", _row_scope),
    (Mistake.PREVIOUSLY_TWICE, "previously", _previous_scope),
)
