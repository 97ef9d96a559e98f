"""Facts of a media file from its content, and checks of files on disk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from reconciler.loading import media_codes as codes

AUDIO_TYPES: Mapping[str, str] = {
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
}
IMAGE_TYPES: Mapping[str, str] = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
#: The media type that each extension stands for.
MEDIA_TYPES: Mapping[str, str] = {**AUDIO_TYPES, **IMAGE_TYPES}

_ID3_HEADER_BYTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts that the content of a media file states.

    For an image, everything but the type is None.
    """

    media_type: str
    duration_seconds: float | None = None  # to the millisecond
    bitrate: int | None = None  # bits per second
    sample_rate: int | None = None  # hertz


class Unfit(Exception):
    """A media file must not be uploaded as it is.

    `code` is one of `MEDIA_CODES`, and `detail` says what is wrong with the file.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read_facts(handle: BinaryIO, path: str, size_bytes: int) -> Facts:
    """Return the facts of an open file; `path` is what it is called.

    Reads headers, and where a format wants it the last pages, never the whole file. Raises `Unfit` when it is
    empty, unreadable, of an unknown format, without duration, or not what its extension promises. The
    handle is left anywhere.
    """
    promised = MEDIA_TYPES.get(extension(path))
    if promised is None:
        raise Unfit(codes.MEDIA_TYPE_UNKNOWN, f"{path} has no known extension.")
    if size_bytes == 0:
        raise Unfit(codes.MEDIA_EMPTY, f"{path} has 0 bytes.")
    found = media_type_of(handle)
    if found not in {None, promised}:
        raise Unfit(codes.MEDIA_TYPE_DISAGREES, f"{path} holds {found}, but its name promises {promised}.")
    if promised in IMAGE_TYPES.values():
        if found is None:
            raise Unfit(codes.MEDIA_UNREADABLE, f"{path} is no {promised}: its first bytes are not those.")
        return Facts(media_type=promised)
    return _audio_facts(handle, path, promised, size_bytes)


def extension(path: str) -> str:
    """Return the extension of a path in lower case, without its dot.

    Empty when the path has no extension.
    """
    stem, dot, tail = path.rpartition("/")[2].rpartition(".")
    return tail.lower() if dot and stem else ""


def media_type_of(handle: BinaryIO) -> str | None:
    """Return the media type that the first bytes show.

    None when they show none of the types that elmify supports.
    """
    handle.seek(0)
    head = handle.read(16)
    if head.startswith(b"ID3"):
        handle.seek(_ID3_HEADER_BYTES + _synchsafe(head[6:10]))
        return _by_magic(handle.read(16)) or "audio/mpeg"
    return _by_magic(head)


def _synchsafe(four: bytes) -> int:
    """Return the size in an ID3v2 header: seven bits a byte."""
    size = 0
    for byte in four:
        size = size << 7 | byte & 0x7F
    return size


_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftyp", "audio/mp4"),
    (0, b"ADIF", "audio/aac"),
)


def _by_magic(head: bytes) -> str | None:
    for offset, magic, media_type in _MAGIC:
        if head.startswith(magic, offset):
            return media_type
    return _by_frame(head)


def _by_frame(head: bytes) -> str | None:
    """Distinguish ADTS from MPEG audio.

    Both begin with eleven set bits, and ADTS has layer 0.
    """
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004
        return None
    return "audio/aac" if head[1] & 0xF6 == 0xF0 else "audio/mpeg" if head[1] & 0x06 else None  # noqa: PLR2004


def _audio_facts(handle: BinaryIO, path: str, media_type: str, size_bytes: int) -> Facts:
    info = _stream_info(handle, path, media_type)
    duration = round(float(info.length or 0), 3)
    if not 0 < duration < 10**8:
        raise Unfit(codes.MEDIA_WITHOUT_DURATION, f"{path} says that it lasts {duration} seconds.")
    return Facts(
        media_type=media_type,
        duration_seconds=duration,
        bitrate=round(getattr(info, "bitrate", 0) or 0) or round(size_bytes * 8 / duration),
        sample_rate=getattr(info, "sample_rate", None) or _SAMPLE_RATE_OF_OPUS,
    )


_SAMPLE_RATE_OF_OPUS = 48_000  # RFC 7845: Opus always decodes at 48 kHz, so mutagen does not say it


def _stream_info(handle: BinaryIO, path: str, media_type: str) -> Any:
    handle.seek(0)
    try:
        info = _reader(media_type)(handle)
    except Exception as error:
        # mutagen meets whatever bytes there are, and answers damage with exceptions of many kinds.
        raise Unfit(
            codes.MEDIA_UNREADABLE, f"{path} cannot be read as {media_type}: {_said(error)}"
        ) from error
    if info is None or getattr(info, "sketchy", False):
        raise Unfit(codes.MEDIA_UNREADABLE, f"{path} does not hold {media_type} all through its beginning.")
    return info


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{text[:200]}." if text else f"{type(error).__name__}."


def _reader(media_type: str) -> Callable[[BinaryIO], Any]:
    """Return the function that reads the stream information of one media type."""
    import mutagen
    from mutagen.aac import AAC
    from mutagen.flac import FLAC
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggspeex import OggSpeex
    from mutagen.oggvorbis import OggVorbis
    from mutagen.wave import WAVE

    readers: Mapping[str, list[Any]] = {
        "audio/mpeg": [MP3],
        "audio/mp4": [MP4],
        "audio/wav": [WAVE],
        "audio/flac": [FLAC],
        "audio/aac": [AAC],
        "audio/ogg": [OggVorbis, OggOpus, OggFLAC, OggSpeex],
    }
    options = readers[media_type]

    def read(handle: BinaryIO) -> Any:
        if len(options) == 1:
            return options[0](fileobj=handle).info
        kind = mutagen.File(fileobj=handle, options=options)
        return None if kind is None else kind.info

    return read
