"""Playback ways: how the apps turn a lecture's row into a URL.

A way gives a *playback key*: the object key that arrives at the public domain when an app asks for
a lecture. What a key names is the lecture's recording; see `planning/playback.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.kinds import Kind


class RequestForm(StrEnum):
    """Form in which an app puts a key into a URL.

    It decides what of the key arrives at the server.
    """

    RAW = "raw"  # as it is: `?` and `#` cut it off, `%41` arrives as `A`, a backslash as a slash
    ENCODE_URI = "encode-uri"  # by JavaScript's encodeURI: `?` and `#` cut it off, all else arrives
    ENCODED = "encoded"  # each part percent-encoded: everything arrives


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Way by which an app finds the recording of a lecture.

    Either `key`, a template over the row's own columns and those of its parents, or `column`, the
    column of `lectures` that holds a key or a URL. `when` are the parents that the row must have;
    without one of them the app uses the next way's key. A way with `report` is measured, and never
    blocks a plan nor makes a copy. `base_url` is the public base that it asks, None for the
    library's own.
    """

    name: str
    key: str | None = None
    column: str | None = None
    when: tuple[Kind, ...] = ()
    request: RequestForm = RequestForm.RAW
    report: bool = False
    base_url: str | None = None


#: `Speaker/Collection/01 - Title.mp3`, from raw columns; the one exception is an app's own.
STREAM_KEY = (
    "{{ speaker.name }}/"
    "{{ 'Legends Islam' if collection.title == 'Legends of Islam' else collection.title }}/"
    "{{ (1 if lecture.number is none else lecture.number) | pad(2) }} - {{ lecture.title }}.mp3"
)

#: What the team's backend and app do.
DEFAULT_WAYS = (
    Way(
        name="stream",
        key=STREAM_KEY,
        when=(Kind.SPEAKER, Kind.COLLECTION),
        request=RequestForm.ENCODE_URI,
    ),
    Way(name="playlist", column="file_path"),
    Way(name="link", column="audio_url", report=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WayCount:
    """Lectures that play by one way, before and after a plan.

    `lectures` and `lectures_after` are all rows of `lectures` on each side; `report` is the way's own.
    """

    way: str
    lectures: int
    plays: int
    lectures_after: int
    plays_after: int
    report: bool = False


class CopyStep(StrEnum):
    """Step of an apply in which a playback copy is made."""

    FILL = "fill"  # before the commit, under a key that nothing stands under
    KEEP = "keep"  # before the commit: bytes that an alias replaces, under a key of their own
    ALIAS = "alias"  # after the commit, over other bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackCopy:
    """Server-side copy that a change needs to keep every way playing.

    `source` is an object that exists before the commit, or a key that the same plan puts; then
    `source_etag` is None. `replaces` is the ETag of the bytes under `key` that an alias overwrites.
    `address` is the declared lecture that the copy belongs to, None for an unmanaged row; `row` its
    row, None for a lecture that the plan creates. `media_type` None means the source's own.
    """

    step: CopyStep
    key: str
    source: str
    size_bytes: int
    way: str | None = None
    sha256: str | None = None
    source_etag: str | None = None
    replaces: str | None = None
    media_type: str | None = None
    address: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAlias:
    """Alias that a commit recorded and that is not yet made.

    The object under `key` is to become a copy of `source`, as long as it still has the ETag
    `replaces`.
    """

    key: str
    source: str
    size_bytes: int
    replaces: str
    sha256: str | None = None
    media_type: str | None = None
    address: str | None = None
    run: int | None = None
