"""Metadata of a content folder: JSON sidecars and tags in recordings."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from reconciler.importing.names import clean
from reconciler.loading.schema import NUMBER_MAX, YEAR_MAX

#: The largest sidecar that is read: a thousand times the longest there is.
SIDECAR_MAX_BYTES = 1024**2

_Said = Callable[[Any], Any]


class SidecarRefused(Exception):
    """A sidecar cannot be read; the message says why."""


def read_sidecar(file: Path) -> Mapping[str, Any]:
    """Return the JSON object in a sidecar.

    Raises `SidecarRefused` when there is none in it.
    """
    if file.stat().st_size > SIDECAR_MAX_BYTES:
        raise SidecarRefused(f"it has more than {SIDECAR_MAX_BYTES:,} bytes")
    try:
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SidecarRefused(f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise SidecarRefused("it is not an object in braces")
    return value


def speaker_fields(sidecar: Mapping[str, Any], path_of: Callable[[str], str | None]) -> Mapping[str, Any]:
    """Return the fields of a speaker's entry.

    `path_of` gives the path of an image under the media root.
    """
    return _fields(
        sidecar,
        {
            "name": ("name", line),
            "bio": ("bio", paragraph),
            "isPremium": ("premium", flag),
            "image": ("image", path_of),
            "imageSmall": ("image_small", path_of),
        },
    )


def collection_fields(sidecar: Mapping[str, Any], path_of: Callable[[str], str | None]) -> Mapping[str, Any]:
    """Return the fields of a collection's entry, in the same way."""
    return _fields(
        sidecar,
        {
            "title": ("title", line),
            "description": ("description", paragraph),
            "year": ("year", year),
            "cover": ("cover", path_of),
            "coverSmall": ("cover_small", path_of),
            "categorySlug": ("categories", slugs),
        },
    )


def _fields(sidecar: Mapping[str, Any], names: Mapping[str, tuple[str, _Said]]) -> Mapping[str, Any]:
    said = {field: read(sidecar[name]) for name, (field, read) in names.items() if name in sidecar}
    return {name: value for name, value in said.items() if value is not None}


def line(value: Any) -> str | None:
    """Return a text as one line; None for what is none."""
    return (clean(value) or None) if isinstance(value, str) else None


def paragraph(value: Any) -> str | None:
    """Return a text that may have several lines."""
    return (value.replace("\r\n", "\n").strip() or None) if isinstance(value, str) else None


def flag(value: Any) -> bool | None:
    """Return true or false."""
    return value if isinstance(value, bool) else None


def year(value: Any) -> int | None:
    """Return a year, which scripts also wrote as text; 0 is none."""
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    is_year = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= YEAR_MAX
    return number if is_year else None


def slugs(value: Any) -> list[str] | None:
    """Return one slug as the list of categories."""
    slug = line(value)
    return [slug] if slug else None


def beside(folder: str, name: str) -> str:
    """Return the path of a file that a sidecar in `folder` names.

    A sidecar names a file in its own folder, or gives a whole path.
    """
    return name if "/" in name else str(PurePosixPath(folder) / name)


_FIRST_NUMBER = re.compile(r"\s*(\d{1,7})")
_YEAR = re.compile(r"\s*(\d{4})(?!\d)")

#: ID3 frames, for the formats that mutagen gives no easy names for.
_FRAMES = {
    "title": "TIT2",
    "tracknumber": "TRCK",
    "artist": "TPE1",
    "album": "TALB",
    "genre": "TCON",
    "date": "TDRC",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags that the catalog has a field for.

    Empty or None for a tag that is missing.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""
    number: int | None = None
    year: int | None = None


def read_tags(handle: BinaryIO) -> Tags:
    """Return the tags of an open file.

    There are none for bytes that are not audio, or that are damaged. Moves the position of the
    handle.
    """
    import mutagen

    handle.seek(0)
    try:
        file = mutagen.File(fileobj=handle, easy=True)
        tags: Mapping[str, Any] = dict(file.tags or {}) if file is not None else {}
    except Exception:  # noqa: BLE001 - damage has as many exceptions as formats; locking says what is wrong
        return Tags()
    return _tags(lambda name: _first(tags, name))


def _first(tags: Mapping[str, Any], name: str) -> str:
    value = tags.get(name) or tags.get(_FRAMES[name]) or ""
    values = list(getattr(value, "text", value)) if not isinstance(value, str) else [value]
    return clean(str(values[0])) if values else ""


def _tags(first: Callable[[str], str]) -> Tags:
    return Tags(
        title=first("title"),
        artist=first("artist"),
        album=first("album"),
        genre=first("genre"),
        number=_number(_FIRST_NUMBER, first("tracknumber"), NUMBER_MAX),
        year=_number(_YEAR, first("date"), YEAR_MAX),
    )


def _number(pattern: re.Pattern[str], text: str, most: int) -> int | None:
    match = pattern.match(text)
    number = int(match[1]) if match else 0
    return number if 0 < number <= most else None
