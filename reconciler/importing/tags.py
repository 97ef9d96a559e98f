"""What a recording says of itself in its tags: ID3, MP4 atoms, Vorbis comments."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from reconciler.importing.names import clean
from reconciler.loading.schema import NUMBER_MAX, YEAR_MAX

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
    """The tags that the catalog has a field for; empty or None where there is none."""

    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""
    number: int | None = None
    year: int | None = None


def read_tags(handle: BinaryIO) -> Tags:
    """Return the tags of an open file; of bytes that are no audio, or damaged, none. The handle moves."""
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
