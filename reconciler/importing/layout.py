"""Interpretation of keys in the team's layouts.

The layouts define where things are put, so a key, or a path of the content folder, carries facts
about itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.importing.names import numbered, titled
from reconciler.loading.media_facts import AUDIO_TYPES, IMAGE_TYPES
from reconciler.model.kinds import Slot
from reconciler.planning.object_keys import extension_of

_SPEAKER_IMAGES: Mapping[str, Slot] = {
    "speaker": Slot.SPEAKER_IMAGE,
    "speaker_small": Slot.SPEAKER_IMAGE_SMALL,
}
_COVERS: Mapping[str, Slot] = {
    "collection": Slot.COLLECTION_COVER,
    "collection_small": Slot.COLLECTION_COVER_SMALL,
    "cover": Slot.COLLECTION_COVER,
    "cover_small": Slot.COLLECTION_COVER_SMALL,
}
_THUMBNAIL = "_thumbnail"
SIDECARS = frozenset({"speaker.json", "collection.json"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlace:
    """The place of a key in the layout: what the key says about itself.

    `speaker` and `collection` are the folders that contain it, or the slugs of the older layout.
    `slot` is None for what is neither audio nor an image of a known name; `number` and `title` are
    those of a recording.
    """

    speaker: str | None = None
    collection: str | None = None
    slot: Slot | None = None
    number: int | None = None
    title: str = ""
    is_sidecar: bool = False


def place_of(key: str) -> KeyPlace:
    """Return what a key says in the flat layout or in the older one.

    The keys of the older layout are below `speakers/`.
    """
    speaker, collection, name = _folders(key)
    if name in SIDECARS:
        return KeyPlace(speaker=speaker, collection=collection, is_sidecar=True)
    stem = name.rpartition(".")[0]
    extension = extension_of(name)
    if extension in AUDIO_TYPES:
        number, title = numbered(stem)
        return KeyPlace(
            speaker=speaker,
            collection=collection,
            slot=Slot.LECTURE_AUDIO,
            number=number,
            title=titled(title),
        )
    slot = _image_slot(stem, collection) if extension in IMAGE_TYPES else None
    number, title = numbered(stem.removesuffix(_THUMBNAIL)) if slot is Slot.LECTURE_THUMBNAIL else (None, "")
    return KeyPlace(speaker=speaker, collection=collection, slot=slot, number=number, title=title)


def _image_slot(stem: str, collection: str | None) -> Slot | None:
    if stem.endswith(_THUMBNAIL):
        return Slot.LECTURE_THUMBNAIL
    return (_SPEAKER_IMAGES if collection is None else _COVERS).get(stem.lower())


def _folders(key: str) -> tuple[str | None, str | None, str]:
    """Return the speaker, collection and file name that a key names.

    Deeper folders add nothing to this.
    """
    *folders, name = key.split("/")
    if folders[:1] == ["speakers"] and len(folders) > 1:
        older = folders[3] if folders[2:3] == ["collections"] and len(folders) > 3 else None  # noqa: PLR2004
        return folders[1], older, name
    return (folders[0] if folders else None), (folders[1] if len(folders) > 1 else None), name
