"""Makes the media of the sample anew: tones, a synthetic voice, colour gradients, so no rights are touched.

Needs ffmpeg and espeak-ng. Run it at the repository root, then `elmify lock`:

    python -m tests.make_sample_media
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path("catalog/media")

_QURAN = "Abdul Rashid Sufi/Quran Hafs"
_SEERAH = "The Reading Circle/Seerah & Shama'il"
_DUAS = "The Reading Circle/Daily Duas"
_TAFSIR = "Studio Voice/Introduction to Tafsir"

#: Three rising notes each, in hertz.
TONES = {
    f"{_QURAN}/01 - Al-Fatiha (The opener).mp3": (220, 277, 330),
    f"{_QURAN}/02 - Al-Baqarah (The cow).mp3": (247, 311, 370),
    f"{_QURAN}/03 - آل عمران.mp3": (262, 330, 392),
}

SPEECH = {
    f"{_SEERAH}/01 - The Prophet's ﷺ Birth.ogg": "Lecture one: a sample about the birth of the Prophet.",
    f"{_SEERAH}/02 - The Cave of Hira.ogg": "Lecture two: a sample about the cave of Hira.",
    f"{_SEERAH}/03 - Home & Family.ogg": "Lecture three: a sample about home and family.",
    f"{_DUAS}/99 - On Waking.mp3": "Number ninety nine: a sample for the morning.",
    f"{_DUAS}/100 - On Leaving Home.mp3": "Number one hundred: a sample for the way out.",
    f"{_DUAS}/101 - On Returning.mp3": "Number one hundred and one: a sample for the way back.",
    f"{_TAFSIR}/01 - What Tafsir Is.m4a": "Lecture one: a sample about what tafsir is.",
    f"{_TAFSIR}/02 - Its Sources.m4a": "Lecture two: a sample about its sources.",
    f"{_TAFSIR}/03 - How to Go On.m4a": "Lecture three: a sample about how to go on.",
}

#: Size in pixels, and the two colours of a gradient.
IMAGES = {
    "Abdul Rashid Sufi/speaker.jpg": (320, "0x0b3d2e", "0x9fd8b4"),
    "Abdul Rashid Sufi/speaker_small.jpg": (96, "0x0b3d2e", "0x9fd8b4"),
    f"{_QURAN}/collection.jpg": (320, "0x14213d", "0xfca311"),
    "The Reading Circle/speaker.png": (160, "0x3d0b37", "0xd89fd1"),
    f"{_SEERAH}/collection.webp": (320, "0x5f0f40", "0xfb8b24"),
    f"{_SEERAH}/collection_small.webp": (96, "0x5f0f40", "0xfb8b24"),
    f"{_DUAS}/collection.jpg": (320, "0x0f4c5f", "0xe2f3f7"),
    "Studio Voice/speaker.jpg": (320, "0x333333", "0xdddddd"),
    f"{_TAFSIR}/collection.png": (160, "0x1b4332", "0xd8f3dc"),
}

_CODECS = {
    ".mp3": ["-c:a", "libmp3lame", "-b:a", "32k", "-ar", "22050"],
    ".ogg": ["-c:a", "libopus", "-b:a", "24k"],
    ".m4a": ["-c:a", "aac", "-b:a", "32k", "-ar", "22050"],
}
#: The same input gives the same bytes: no dates, no versions.
_EXACT = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", "-flags:v", "+bitexact"]


def main() -> None:
    """Write every file."""
    for name, notes in TONES.items():
        _encode(_tone_input(notes), name)
    for name, sentence in SPEECH.items():
        speech = subprocess.run(
            ["espeak-ng", "-v", "en", "-s", "150", "--stdout", sentence], check=True, capture_output=True
        )
        _encode(["-i", "pipe:0"], name, speech.stdout)
    for name, (size, first, second) in IMAGES.items():
        gradient = (
            f"gradients=s={size}x{size}:c0={first}:c1={second}:x0=0:y0=0:x1={size}:y1={size}:n=2:d=1:seed=1"
        )
        _ffmpeg(["-f", "lavfi", "-i", gradient, "-frames:v", "1", *_EXACT], name)


def _tone_input(notes: Sequence[int]) -> list[str]:
    parts = "+".join(
        f"0.3*sin(2*PI*{note}*t)*between(t,{place},{place + 1})" for place, note in enumerate(notes)
    )
    return ["-f", "lavfi", "-i", f"aevalsrc='{parts}':d={len(notes)}:s=22050"]


def _encode(source: Sequence[str], name: str, data: bytes = b"") -> None:
    _ffmpeg([*source, "-ac", "1", *_CODECS[Path(name).suffix], *_EXACT], name, data)


def _ffmpeg(arguments: Sequence[str], name: str, data: bytes = b"") -> None:
    target = ROOT / name
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ["ffmpeg", "-v", "error", "-y", *arguments, str(target)]
    subprocess.run(command, check=True, input=data)
    sys.stdout.write(f"{target}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
