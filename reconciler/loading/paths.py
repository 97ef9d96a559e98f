"""What a path under the media root may look like, judged without touching the disk."""

import re

from reconciler.loading.facts import AUDIO_TYPES, IMAGE_TYPES, MEDIA_TYPES
from reconciler.model.kinds import Slot
from reconciler.planning.keys import extension_of

_DRIVE = re.compile(r"[A-Za-z]:")


def path_flaw(path: str) -> str | None:
    """Say why a path does not stay under the media root, as the end of a sentence; None when it does."""
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return "is not relative to the media root"
    if "\\" in path:
        return "has a backslash"
    parts = path.split("/")
    if ".." in parts:
        return "has a `..` in it"
    if "." in parts or "" in parts:
        return "has an empty part or a `.` in it"
    return None


def wrong_sort(slot: Slot, path: str) -> str | None:
    """Say that a file cannot stand in that slot, by its extension; None when it can, or nobody knows."""
    extension = extension_of(path)
    wanted = AUDIO_TYPES if slot is Slot.LECTURE_AUDIO else IMAGE_TYPES
    if extension in wanted or extension not in MEDIA_TYPES:
        return None
    return "no audio" if slot is Slot.LECTURE_AUDIO else "no image"
