"""Tidying of declared names, titles and numbers, on request.

An import declares names as the rows have them: apps build URLs out of them. What a person would write
otherwise is told, and written otherwise on request alone.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.importing.declare import FoundResources
from reconciler.importing.names import clean, without_number
from reconciler.loading.editing import CatalogEditor
from reconciler.model.address import Address, kind_of, parent_of
from reconciler.model.kinds import Kind
from reconciler.model.outcomes import ImportFinding, Reason, Tidied
from reconciler.model.remedies import ImportLive


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyName:
    """A declared name, and the one that a person would write.

    `field` is `name` or `title`, which is the column too.
    """

    address: Address
    field: str
    said: str
    tidy: str

    @property
    def sort(self) -> Tidied:
        """The sort of text that one asks for to have it tidied."""
        return Tidied.NAMES if self.field == "name" else Tidied.TITLES


def tidy_names(editor: CatalogEditor) -> Iterator[TidyName]:
    """Yield the declared names that are not tidy.

    Tidy is NFC, without space at the ends, and without a number that is said anyway. A name that would
    become the name of a sibling is left as it is.
    """
    siblings: dict[Address | None, list[tuple[TidyName, int | None]]] = {}
    for address in editor.addresses:
        fields = editor.fields(address)
        field = "name" if kind_of(address) is Kind.SPEAKER else "title"
        said = _said(fields, field)
        number = fields.get("number") if kind_of(address) is Kind.LECTURE else None
        if isinstance(said, str):
            name = TidyName(address=address, field=field, said=said, tidy=clean(said))
            siblings.setdefault(parent_of(address), []).append(
                (name, number if isinstance(number, int) else None)
            )
    for names in siblings.values():
        yield from _tidy_among(names)


def _said(fields: Mapping[str, Any], field: str) -> Any:
    """Return the name that the row has.

    It is the one that `as_is` puts up with, else the declared one.
    """
    accepted = fields.get("as_is")
    return (accepted.get(field) if isinstance(accepted, Mapping) else None) or fields.get(field)


def _tidy_among(names: Collection[tuple[TidyName, int | None]]) -> Iterator[TidyName]:
    forms = [(name, without_number(name.tidy, number)) for name, number in names]
    meant = Counter(form for name, bare in forms for form in {name.said, name.tidy, bare})
    for name, bare in forms:
        wanted = next((form for form in (bare, name.tidy) if form and meant[form] == 1), name.said)
        if wanted != name.said:
            yield replace(name, tidy=wanted)


def write_tidy_names(editor: CatalogEditor, sorts: Collection[Tidied]) -> tuple[Address, ...]:
    """Write the tidy names of these sorts, and return their addresses."""
    wanted = [name for name in tidy_names(editor) if name.sort in sorts]
    for name in wanted:
        accepted = editor.fields(name.address).get("as_is")
        if isinstance(accepted, Mapping) and name.field in accepted:
            left = {column: value for column, value in accepted.items() if column != name.field}
            editor.remove(name.address, ["as_is"])
            if left:
                editor.set(name.address, {"as_is": left})
        editor.set(name.address, {name.field: name.tidy})
    return tuple(name.address for name in wanted)


def write_numbers(
    editor: CatalogEditor, known: Mapping[tuple[Kind, int], Address], found: Iterable[FoundResources]
) -> None:
    """Write the numbers that were found for declared lectures.

    A number that another lecture of the collection would have too is not written.
    """
    wanted: dict[Address, int] = {}
    for lecture in _lectures(found):
        address = known.get((Kind.LECTURE, lecture.row or 0))
        number = lecture.fields.get("number")
        if address is not None and isinstance(number, int):
            wanted[address] = number
    holders = Counter(
        (parent_of(each), wanted.get(each, editor.fields(each).get("number"))) for each in editor.addresses
    )
    for address, number in wanted.items():
        is_free = holders[parent_of(address), number] == 1
        if is_free and editor.fields(address).get("number") != number:
            editor.set(address, {"number": number})
            editor.place(address)


def _lectures(found: Iterable[FoundResources]) -> Iterator[FoundResources]:
    for each in found:
        if each.kind is Kind.LECTURE:
            yield each
        yield from _lectures(each.children)


def untidy_findings(editor: CatalogEditor) -> Iterator[ImportFinding]:
    """Yield a finding with its command for each name that is not tidy."""
    for name in tidy_names(editor):
        yield ImportFinding(
            reason=Reason.UNTIDY_NAME,
            subject=name.address,
            detail=f"{name.said!r} would be {name.tidy!r}",
            remedy=ImportLive(clean=(name.sort.value,)),
        )
