"""Small media of every format: made here, or taken from the sample catalog."""

import errno
import io
import os
import wave
from pathlib import Path
from typing import BinaryIO, NoReturn

from reconciler.loading.media import MediaFolder

SAMPLE = Path(__file__).parents[1] / "catalog" / "media"


def wav(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """Return silence that lasts."""
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(bytes(2 * int(seconds * rate)))
    return out.getvalue()


def sample(suffix: str) -> bytes:
    """Return the first file of that kind in the sample."""
    return next(path for path in sorted(SAMPLE.rglob(f"*{suffix}"))).read_bytes()


def adts(frames: int = 20) -> bytes:
    """Return silent AAC frames, each with its ADTS header: 44.1 kHz, mono, 9 bytes."""
    size = 9
    header = bytes([0xFF, 0xF1, 0x50, 0x40, size >> 3, (size & 7) << 5 | 0x1F, 0xFC])
    return (header + b"\x00\x00") * frames


def flac(rate: int = 8000, samples: int = 16000) -> bytes:
    """Return the header of a FLAC file of two seconds."""
    info = bytearray(34)
    info[0:4] = b"\x10\x00\x10\x00"
    info[10:18] = (rate << 44 | 0 << 41 | 15 << 36 | samples).to_bytes(8, "big")
    return b"fLaC" + bytes([0x80, 0, 0, 34]) + bytes(info)


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 32
WEBP = b"RIFF\x20\0\0\0WEBPVP8 " + b"\0" * 32


class _FailingFile(io.FileIO):
    def readinto(self, _buffer: object) -> NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class FailingDisk(MediaFolder):
    """A media folder on a disk that can be listed and not read."""

    def open_path(self, path: str) -> BinaryIO:
        """Return a handle whose every reading fails."""
        return io.BufferedReader(_FailingFile(self.root / path))
