import pytest

from reconciler.importing.layout import KeyPlace, place_of
from reconciler.model.kinds import Slot


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (
            "Noor/Fiqh/07 - Patience.mp3",
            KeyPlace(speaker="Noor", collection="Fiqh", slot=Slot.LECTURE_AUDIO, number=7, title="Patience"),
        ),
        (
            "speakers/noor/collections/fiqh/lectures/07-the-patient.m4a",
            KeyPlace(
                speaker="noor", collection="fiqh", slot=Slot.LECTURE_AUDIO, number=7, title="The patient"
            ),
        ),
        ("Noor/speaker.png", KeyPlace(speaker="Noor", slot=Slot.SPEAKER_IMAGE)),
        ("Noor/speaker_small.JPG", KeyPlace(speaker="Noor", slot=Slot.SPEAKER_IMAGE_SMALL)),
        ("speakers/noor/images/speaker.jpg", KeyPlace(speaker="noor", slot=Slot.SPEAKER_IMAGE)),
        (
            "Noor/Fiqh/collection.webp",
            KeyPlace(speaker="Noor", collection="Fiqh", slot=Slot.COLLECTION_COVER),
        ),
        (
            "speakers/noor/collections/fiqh/images/cover_small.jpg",
            KeyPlace(speaker="noor", collection="fiqh", slot=Slot.COLLECTION_COVER_SMALL),
        ),
        (
            "Noor/Fiqh/07 - Patience_thumbnail.jpg",
            KeyPlace(
                speaker="Noor", collection="Fiqh", slot=Slot.LECTURE_THUMBNAIL, number=7, title="Patience"
            ),
        ),
        ("Noor/speaker.json", KeyPlace(speaker="Noor", is_sidecar=True)),
        ("Noor/Fiqh/collection.json", KeyPlace(speaker="Noor", collection="Fiqh", is_sidecar=True)),
        ("intro.mp3", KeyPlace(slot=Slot.LECTURE_AUDIO, title="Intro")),
        ("Noor/photo.jpg", KeyPlace(speaker="Noor")),
        ("Noor/Fiqh/notes.txt", KeyPlace(speaker="Noor", collection="Fiqh")),
        ("speakers/x.mp3", KeyPlace(speaker="speakers", slot=Slot.LECTURE_AUDIO, title="X")),
    ],
)
def test_a_key_says_whose_it_is_and_what(key: str, place: KeyPlace) -> None:
    assert place_of(key) == place
