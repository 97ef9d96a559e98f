"""Desired column values of a resource.

They come from the catalog, the lockfile and the placements.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import assert_never

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.catalog import MediaFile, Resource
from reconciler.model.kinds import TABLES, Column, Kind, Origin, Slot
from reconciler.model.policy import FormatStyle, Layout
from reconciler.model.values import Value, nfc, same
from reconciler.planning.object_keys import extension_of
from reconciler.planning.placement import Placement
from reconciler.planning.references import reference, says_the_same, style_of


@dataclass(frozen=True, slots=True)
class DesiredRow:
    """Managed columns of one resource and their desired values.

    A column that is absent is not managed. `pending` maps parent columns to the address of a parent
    that has no row yet.
    """

    values: dict[str, Value] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)


def wanted(
    resource: Resource,
    row: Row | None,
    placements: Mapping[Slot, Placement | None],
    parents: Mapping[Address, int],
    layout: Layout,
) -> DesiredRow:
    """Work out the managed columns of a resource.

    `parents` maps the addresses that have a row to its id. Where the row already says the same in another
    spelling (an NFD key, a differently encoded URL), its own spelling is what is wanted; and so is a value
    that `as_is` puts up with, and the file name while the file path stays.
    """
    result = DesiredRow()
    for source in _sources(resource.kind):
        column = source.column
        if source.slot is not None:
            if source.slot in placements:
                actual = row[column.name] if row is not None else None
                _set_from_object(result, source, placements[source.slot], actual, layout)
        elif source.depth:
            _set_parent(result, column.name, _ancestor(resource.address, source.depth), parents)
        elif column.source in resource.fields:
            value = resource.fields[column.source]
            is_sorted = column.origin is Origin.CATEGORIES
            result.values[column.name] = category_tuple(value) if is_sorted else value
    if row is not None:
        _keep_file_name(result, row)
        _keep_accepted_values(result, resource.as_is, row)
    return result


def _keep_file_name(result: DesiredRow, row: Row) -> None:
    """Keep the file name of a row whose file path stays.

    A file name is written together with a new file path only: nothing reads it, and the library's own
    names are no mistakes to be repaired.
    """
    path = result.values.get("file_path")
    if path is not None and same(path, row["file_path"]) and row["file_name"] is not None:
        result.values["file_name"] = row["file_name"]


def _keep_accepted_values(result: DesiredRow, as_is: Mapping[str, Value], row: Row) -> None:
    """Keep the actual values that the catalog accepts through `as_is`.

    Where the catalog says to leave the value of a managed column alone, the actual value becomes the
    desired one.
    """
    for name, value in as_is.items():
        if (name in result.values or name in result.pending) and same(row[name], value):
            result.pending.pop(name, None)
            result.values[name] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Source of a column's value: a slot's object, a parent, or a field.

    It is the object in `slot`; else the parent whose address has `depth` parts; else a catalog field.
    """

    column: Column
    kind: Kind
    slot: Slot | None = None
    depth: int = 0


@cache
def _sources(kind: Kind) -> tuple[_Source, ...]:
    """Return the source of every column of a kind.

    The result is computed once and cached, because it is needed for every resource.
    """
    return tuple(_source_of(kind, column) for column in TABLES[kind].columns)


def _source_of(kind: Kind, column: Column) -> _Source:
    match column.origin:
        case Origin.FIELD | Origin.CATEGORIES:
            return _Source(column=column, kind=kind)
        case Origin.PARENT:
            return _Source(column=column, kind=kind, depth=list(Kind).index(Kind(column.source)) + 1)
        case Origin.FACT:
            return _Source(column=column, kind=kind, slot=Slot.LECTURE_AUDIO)
        case Origin.KEY | Origin.FILE_NAME | Origin.URL | Origin.REFERENCE | Origin.FORMAT:
            return _Source(column=column, kind=kind, slot=Slot(column.source))
        case _ as unreachable:
            assert_never(unreachable)


def _ancestor(address: Address, depth: int) -> Address:
    return Address("/".join(address.split("/", depth)[:depth]))


def _set_parent(result: DesiredRow, name: str, parent: Address, parents: Mapping[Address, int]) -> None:
    if parent in parents:
        result.values[name] = parents[parent]
    else:
        result.pending[name] = parent


def category_tuple(value: Value) -> tuple[str, ...]:
    """Return categories in canonical order, for comparison.

    The primary category comes first, then the others by slug.
    """
    if not isinstance(value, tuple) or not value:
        return ()
    return (value[0], *sorted(set(value[1:]) - {value[0]}))


def _set_from_object(
    result: DesiredRow, source: _Source, placement: Placement | None, actual: Value, layout: Layout
) -> None:
    name = source.column.name
    if placement is None:
        result.values[name] = None
        return
    value = _FROM_OBJECT[source.column.origin](source, placement, actual, layout)
    if value is not None:
        result.values[name] = value


def _key(_source: _Source, placement: Placement, actual: Value, _layout: Layout) -> Value:
    return _in_its_spelling(actual, placement.key)


def _file_name(_source: _Source, placement: Placement, actual: Value, _layout: Layout) -> Value:
    return _in_its_spelling(actual, placement.key.rpartition("/")[2])


def _reference(source: _Source, placement: Placement, actual: Value, layout: Layout) -> Value:
    value = reference(style_of(source.column, source.kind, layout), layout.base_url, placement.key)
    return actual if value is not None and says_the_same(actual, value) else value


def _format(_source: _Source, placement: Placement, _actual: Value, layout: Layout) -> Value:
    return format_of(placement.media, layout.format_style)


def _fact(source: _Source, placement: Placement, _actual: Value, _layout: Layout) -> Value:
    return fact_of(placement.media, source.column.source)


#: What an object says of a column, by the column's origin; None says nothing.
_FROM_OBJECT: Mapping[Origin, Callable[[_Source, Placement, Value, Layout], Value]] = {
    Origin.KEY: _key,
    Origin.FILE_NAME: _file_name,
    Origin.URL: _reference,
    Origin.REFERENCE: _reference,
    Origin.FORMAT: _format,
    Origin.FACT: _fact,
}


def _in_its_spelling(actual: Value, text: str) -> str:
    return actual if isinstance(actual, str) and nfc(actual) == nfc(text) else text


def format_of(media: MediaFile, style: FormatStyle) -> str:
    """Return an audio file's format as rows hold it: `mp3`, or `audio/mpeg`."""
    return media.media_type if style is FormatStyle.MEDIA_TYPE else extension_of(media.path)


def fact_of(media: MediaFile, fact: str) -> Value:
    """Return a fact about a media file in the form that its column holds.

    A duration is in whole seconds, rounded half up.
    """
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
