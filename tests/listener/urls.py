"""URLs as the apps make them from a row of the database.

Written from the side of the apps, with nothing of elmify's: what is measured here must not share a mistake
with what is measured.
"""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlsplit

STREAM_BASE = "https://cdn.elmify.store"
PLAYLIST_BASE = "https://pub-elmify.r2.example"

#: What JavaScript's `encodeURI` leaves as it is beside letters and digits: its reserved and unescaped signs.
_ENCODE_URI_LEAVES = ";/?:@&=+$,#" + "-_.!~*'()"

#: What a client leaves as it is in the path of a URL that it was given: it takes a `%` for its own.
_CLIENT_LEAVES = "!$%&'()*+,-./:;=@[]_|~"


class Way(StrEnum):
    """A way from a row to its audio; `object` is `GET /lectures/{id}/stream`, which reads the bucket."""

    STREAM = "stream"
    PLAYLIST = "playlist"
    LINK = "link"
    OBJECT = "object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the apps know of a lecture; `speaker` and `collection` are None where the row's own id is null."""

    id: int
    title: str
    number: int | None
    file_path: str
    audio_url: str | None = None
    speaker: str | None = None
    collection: str | None = None


def stream_name(row: Row) -> str:
    """Return what the backend puts behind the host of a stream URL: raw names, or the raw `file_path`."""
    if row.speaker is None or row.collection is None:
        return row.file_path
    folder = "Legends Islam" if row.collection == "Legends of Islam" else row.collection
    number = 1 if row.number is None else row.number
    return f"{row.speaker}/{folder}/{number:02d} - {row.title}.mp3"


def url_of(row: Row, way: Way) -> str | None:
    """Return the URL that an app asks for; None when there is none."""
    match way:
        case Way.STREAM:
            return encode_uri(f"{STREAM_BASE}/{stream_name(row)}")
        case Way.PLAYLIST:
            return f"{PLAYLIST_BASE}/{row.file_path}"
        case Way.LINK:
            return row.audio_url
        case Way.OBJECT:
            return None


def encode_uri(text: str) -> str:
    """Return what JavaScript's `encodeURI` makes of a text."""
    return quote(text, safe=_ENCODE_URI_LEAVES)


def request_target(url: str) -> str:
    """Return the path that a client sends for a URL as it was given, by the rules of browsers.

    Spaces at the ends go, and tabs and line ends everywhere; `#` and what follows is never sent; a backslash
    is a slash; `.` and `..` are resolved; a `%` stays, and whatever no path may hold is percent-encoded.
    """
    given = url.strip("".join(map(chr, range(0x21))))
    given = "".join(sign for sign in given if sign not in "\t\r\n").partition("#")[0]
    _, _, behind = given.partition("://")
    before_query, mark, query = behind.partition("?")
    _, _, path = before_query.replace("\\", "/").partition("/")
    resolved = "/".join(_resolved(path.split("/")))
    return f"/{quote(resolved, safe=_CLIENT_LEAVES)}{mark}{quote(query, safe=_CLIENT_LEAVES)}"


def host_of(url: str) -> str | None:
    """Return scheme and host of a URL, lower-case; None when it has none, such as a relative one."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.scheme and parts.netloc else None


def _resolved(segments: list[str]) -> list[str]:
    done: list[str] = []
    for place, segment in enumerate(segments):
        is_last = place == len(segments) - 1
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del done[-1:]
        if dots in {".", ".."}:
            done += [""] if is_last else []
        else:
            done.append(segment)
    return done
