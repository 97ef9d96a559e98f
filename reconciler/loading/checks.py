"""Checks over the whole catalog.

They cover duplicates, numbers, keys, references and the lockfile.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from reconciler.loading import media_codes as codes
from reconciler.loading.assembly import Declared
from reconciler.loading.diagnostic_codes import Mistake
from reconciler.loading.entries import Locator
from reconciler.loading.media import MediaFolder, MediaRefused
from reconciler.loading.media_facts import MEDIA_TYPES, extension
from reconciler.model.address import Address, parent_of
from reconciler.model.catalog import MediaFile, Resource
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.kinds import Kind, Slot
from reconciler.model.policy import Layout
from reconciler.model.values import nfc
from reconciler.planning.object_keys import TemplateRefused, default_key, key_problem
from reconciler.planning.references import URL_MAX_CHARS, url_of


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
    return parent_of(resource.address), resource.name


def _tidy_scope(resource: Resource) -> Hashable:
    """Return a scope for names that give the same keys.

    Their bytes get keys of their own.
    """
    return parent_of(resource.address), tidy(resource.name)


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


_GAPS_SHOWN = 5
_LEADING_NUMBER = re.compile(r"0*([0-9]{1,7})(?![0-9])")


def find_gaps(resources: Iterable[Resource], locator: Locator) -> Iterator[Diagnostic]:
    """Yield one warning for each collection whose numbers have gaps.

    Numbers may begin anywhere: a collection need not start at 1.
    """
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
    """Yield a warning for each title that begins with the lecture's number."""
    for resource in resources:
        number = resource.fields.get("number")
        if number is not None and _leading_number(resource.name) == number:
            position = locator.field(resource.position, "title")
            yield Mistake.NUMBER_IN_TITLE.at(position, f"`{resource.name}` begins with {number}.")


def find_untidy_names(resources: Iterable[Resource], locator: Locator) -> Iterator[Diagnostic]:
    """Yield one warning for each file with names that nobody would type so."""
    untidy: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        if resource.name != tidy(resource.name):
            untidy[resource.position.file].append(resource)
    for found in untidy.values():
        position = locator.field(found[0].position, _name_field(found[0]))
        shown = ", ".join(repr(each.name) for each in found[:_GAPS_SHOWN])
        more = len(found) - _GAPS_SHOWN
        detail = f"{shown}{f' and {more:,} more' if more > 0 else ''}."
        yield Mistake.UNTIDY_NAME.at(position, detail)


def tidy(name: str) -> str:
    """Return a name in NFC, without space at its ends."""
    return nfc(name).strip()


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


_SHOWN_CHARS = 80


def check_keys(
    resources: Mapping[Address, Resource], layout: Layout, twins: AbstractSet[Address], locator: Locator
) -> Iterator[Diagnostic]:
    """Yield what is wrong with the keys.

    `twins` are addresses known to repeat another's name or number: that they, and all under them, share its
    keys is no news.
    """
    checker = _Checker(resources, layout, twins, locator)
    for resource in resources.values():
        for slot, path in resource.media.items():
            if path is not None:
                yield from checker.check(resource, slot, path)


@dataclass(frozen=True, slots=True)
class _Checker:
    """`taken` maps each key, in NFC, to the first that has it."""

    resources: Mapping[Address, Resource]
    layout: Layout
    twins: AbstractSet[Address]
    locator: Locator
    taken: dict[str, tuple[Resource, Slot]] = field(default_factory=dict)

    def check(self, resource: Resource, slot: Slot, path: str) -> Iterator[Diagnostic]:
        lineage = self._lineage(resource)
        try:
            key = default_key(self.layout.templates, slot, lineage, path)
        except TemplateRefused as refused:
            detail = f"The template of `{slot}` cannot be filled: {refused}."
            yield self._at(Mistake.NO_KEY, resource, slot, detail)
            return
        if problem := key_problem(key) or self._url_problem(slot, key):
            yield self._at(Mistake.BAD_KEY, resource, slot, f"The key would be `{_short(key)}`: {problem}.")
            return
        first, first_slot = self.taken.setdefault(nfc(key), (resource, slot))
        if (first is not resource or first_slot is not slot) and self._is_news(lineage):
            detail = f"The `{first_slot}` of `{first.address}` would have the key `{key}` too."
            yield self._at(Mistake.SAME_KEY, resource, slot, detail)

    def _lineage(self, resource: Resource) -> dict[Kind, Resource]:
        lineage = {resource.kind: resource}
        address = parent_of(resource.address)
        while address is not None:
            parent = self.resources[address]
            lineage[parent.kind] = parent
            address = parent_of(address)
        return lineage

    def _is_news(self, lineage: Mapping[Kind, Resource]) -> bool:
        return not any(resource.address in self.twins for resource in lineage.values())

    def _url_problem(self, slot: Slot, key: str) -> str | None:
        """Return the problem of a URL that is longer than its column.

        `lectures.audio_url` is varchar(1024). The columns of images are text, so images have no such
        limit. None when there is no problem.
        """
        base = self.layout.base_url
        if slot is not Slot.LECTURE_AUDIO or base is None or len(url_of(base, key)) <= URL_MAX_CHARS:
            return None
        return f"its URL is longer than {URL_MAX_CHARS:,} characters"

    def _at(self, mistake: Mistake, resource: Resource, slot: Slot, detail: str) -> Diagnostic:
        return mistake.at(self.locator.field(resource.position, slot.value), detail)


def _short(key: str) -> str:
    return key if len(key) <= _SHOWN_CHARS else f"{key[:_SHOWN_CHARS]}…"


_UNUSED_SHOWN = 3


def check_declared(declared: Declared, layout: Layout, locator: Locator) -> Iterator[Diagnostic]:
    """Yield what is wrong with the resources beside each other."""
    resources = declared.resources
    repeats = find_repeats(resources.values())
    yield from (repeat.diagnostic(locator) for repeat in repeats)
    yield from check_references(declared, locator)
    twins = {repeat.again.address for repeat in repeats}
    twins |= {again.address for _, again in _pairs(resources.values(), _tidy_scope)}
    yield from check_keys(resources, layout, twins, locator)
    yield from find_gaps(resources.values(), locator)
    yield from find_repeated_numbers(resources.values(), locator)
    yield from find_untidy_names(resources.values(), locator)
    for name, position in declared.idle_defaults:
        yield Mistake.NO_EFFECT.at(position, f"Nothing takes the default of `{name}`.")


def check_references(declared: Declared, locator: Locator) -> Iterator[Diagnostic]:
    """Yield old or forgotten addresses at which something is still declared."""
    resources = declared.resources
    for resource in resources.values():
        if resource.previously in resources:
            position = locator.field(resource.position, "previously")
            detail = f"`{resource.previously}` is declared at {resources[resource.previously].position}."
            yield Mistake.PREVIOUSLY_DECLARED.at(position, detail)
    for address, position in declared.forget:
        if address in resources:
            detail = f"`{address}` is declared at {resources[address].position}."
            yield Mistake.FORGET_DECLARED.at(position, detail)


def check_lockfile(
    references: Mapping[str, Position], media: Mapping[str, MediaFile], media_root: Path
) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each file not locked, or of another type.

    A file is of another type when the lockfile's type is not what the file's name says. Only files
    that are not locked are looked up on disk. The diagnostics are those of `check_media`, which looks
    at every file.
    """
    folder = MediaFolder(media_root)
    for path, position in references.items():
        locked = media.get(nfc(path))
        if locked is None:
            yield _not_locked(folder, path, position)
        elif (promised := MEDIA_TYPES.get(extension(path))) is None:
            yield codes.media_diagnostic(
                codes.MEDIA_TYPE_UNKNOWN, f"{path} has no known extension.", position
            )
        elif promised != locked.media_type:
            detail = f"{path} holds {locked.media_type}, but its name promises {promised}."
            yield codes.media_diagnostic(codes.MEDIA_TYPE_DISAGREES, detail, position)


def _not_locked(folder: MediaFolder, path: str, position: Position) -> Diagnostic:
    try:
        status = folder.stat(path)
    except MediaRefused as refused:
        return codes.media_diagnostic(refused.diagnosis, refused.detail, position)
    if status is None:
        return codes.media_diagnostic(codes.MEDIA_MISSING, f"{path} is not under the media root.", position)
    return codes.media_diagnostic(codes.MEDIA_NOT_LOCKED, f"{path} has no line in the lockfile.", position)


def check_unused(
    resources: Iterable[Resource], media: Mapping[str, MediaFile], lockfile: str
) -> Iterator[Diagnostic]:
    """Yield one warning when the lockfile holds files that no resource names."""
    used = {nfc(path) for resource in resources for path in resource.media.values() if path is not None}
    unused = sorted(locked.path for path, locked in media.items() if path not in used)
    if unused:
        shown = ", ".join(unused[:_UNUSED_SHOWN]) + (", …" if len(unused) > _UNUSED_SHOWN else "")
        detail = f"No entry names {len(unused):,} of its files: {shown}."
        yield Mistake.UNUSED_MEDIA.at(Position(lockfile), detail)
