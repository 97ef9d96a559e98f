"""What each column of a resource should hold: from the catalog, the lockfile and the placements."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.actual import Row
from reconciler.model.address import Address, parent_of
from reconciler.model.catalog import MediaFile, Resource
from reconciler.model.kinds import TABLES, Column, Kind, Origin, Slot
from reconciler.model.policy import FormatStyle, Layout
from reconciler.model.values import Value, nfc
from reconciler.planning.keys import extension_of
from reconciler.planning.placement import Placement
from reconciler.planning.references import reference, says_the_same, style_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """The managed columns of one resource and what they should hold; a column that is absent is not managed.

    `pending` maps parent columns to the address of a parent that has no row yet.
    """

    values: dict[str, Value] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)


def wanted(
    resource: Resource,
    row: Row | None,
    placements: Mapping[Slot, Placement | None],
    parents: Mapping[Address, int],
    layout: Layout,
) -> Wanted:
    """Work out the managed columns of a resource.

    `parents` maps the addresses that have a row to its id. Where the row already says the same in another
    spelling (an NFD key, a differently encoded URL), its own spelling is what is wanted.
    """
    result = Wanted()
    for column in TABLES[resource.kind].columns:
        match column.origin:
            case Origin.FIELD:
                if column.source in resource.fields:
                    result.values[column.name] = resource.fields[column.source]
            case Origin.CATEGORIES:
                if column.source in resource.fields:
                    result.values[column.name] = category_tuple(resource.fields[column.source])
            case Origin.PARENT:
                parent = _ancestor(resource.address, Kind(column.source))
                if parent in parents:
                    result.values[column.name] = parents[parent]
                else:
                    result.pending[column.name] = parent
            case _:
                slot = _slot_of(column)
                if slot in placements:
                    actual = row[column.name] if row is not None else None
                    _set_from_object(result, column, resource.kind, placements[slot], actual, layout)
    return result


def category_tuple(value: Value) -> tuple[str, ...]:
    """Return categories as they are compared: the primary one first, then the others by slug."""
    if not isinstance(value, tuple) or not value:
        return ()
    return (value[0], *sorted(set(value[1:]) - {value[0]}))


def _slot_of(column: Column) -> Slot:
    return Slot.LECTURE_AUDIO if column.origin is Origin.FACT else Slot(column.source)


def _ancestor(address: Address, kind: Kind) -> Address:
    depth = list(Kind).index(kind) + 1
    return Address("/".join(address.split("/")[:depth])) if parent_of(address) else address


def _set_from_object(
    result: Wanted, column: Column, kind: Kind, placement: Placement | None, actual: Value, layout: Layout
) -> None:
    if placement is None:
        result.values[column.name] = None
        return
    match column.origin:
        case Origin.KEY:
            result.values[column.name] = _in_its_spelling(actual, placement.key)
        case Origin.FILE_NAME:
            result.values[column.name] = _in_its_spelling(actual, placement.key.rpartition("/")[2])
        case Origin.URL | Origin.REFERENCE:
            value = reference(style_of(column, kind, layout), layout.base_url, placement.key)
            if value is not None:
                result.values[column.name] = actual if says_the_same(actual, value) else value
        case Origin.FORMAT:
            result.values[column.name] = format_of(placement.media, layout.format_style)
        case Origin.FACT:
            fact = fact_of(placement.media, column.source)
            if fact is not None:
                result.values[column.name] = fact
        case _:
            raise AssertionError(column.origin)


def _in_its_spelling(actual: Value, text: str) -> str:
    return actual if isinstance(actual, str) and nfc(actual) == nfc(text) else text


def format_of(media: MediaFile, style: FormatStyle) -> str:
    """Return an audio file's format as rows hold it: `mp3`, or `audio/mpeg`."""
    return media.media_type if style is FormatStyle.MEDIA_TYPE else extension_of(media.path)


def fact_of(media: MediaFile, fact: str) -> Value:
    """Return a fact about a file as its column holds it; a duration in whole seconds, rounded half up."""
    match fact:
        case "size_bytes":
            return media.size_bytes
        case "sha256":
            return media.sha256
        case "duration_seconds":
            return None if media.duration_seconds is None else int(media.duration_seconds + 0.5)
        case "bitrate":
            return media.bitrate
        case "sample_rate":
            return media.sample_rate
        case _:
            raise AssertionError(fact)
