"""The library as it should be: eight speakers, twelve collections, and lectures with every sort of title."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.address import slug

#: How many lectures each collection declares. One runs past 99.
FULL = (112, 104, 60, 45, 36, 30, 22, 16, 12, 10, 7, 3)
SMALL = (8, 6, 4, 4, 3, 3, 2, 2, 2, 2, 2, 2)

_NAMES = (
    "Yusuf of Karim",
    "The Reading Circle",
    "Studio Voice",
    "رشيد المعلم",
    "Idris & Sons",
    "Maryam’s Lessons",
    "Ḥasan the Weaver",
    "Noor (Evening)",
)

#: Titles as people write them: Arabic, signs, letters that have two spellings, what a URL must encode.
_STEMS = (
    "Al-Fatiha (The opener)",
    "Life of the Prophet ﷺ",
    "The Neighbour’s Right",
    "Don't Despair",
    "Hope & Fear",
    "Rest, Work, Prayer",
    "آل عمران",
    "Ḥikma",
    "سورة الإخلاص",
    "A Café of Patience",
    "100% Trust",
    "What Is Zakat?",
    "Story of the Cave",
    "Faith + Works",
    "Lesson #1",
)

#: Each collection: which speaker has it, its title, whether it stands in the older layout.
_SHELVES = (
    (0, "Quran", False),
    (0, "Stories of the Prophets ﷺ", False),
    (1, "Tafsir", False),
    (2, "Evening Talks", False),
    (3, "دروس", False),
    (3, "Seerah & Lessons", False),
    (4, "Café Lectures", False),
    (5, "Short Reminders", True),
    (6, "Fiqh, Made Easy", False),
    (7, "Night Prayer", True),
    (1, "Duas", False),
    (2, "Tafsir", False),
)

#: One recording stands in two collections of its speaker.
_SHARED = "Studio Voice/Evening Talks/01 - Al-Fatiha (The opener).mp3"

_GENRES = ("Recitation", "Talk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lecture:
    """A lecture as the catalog declares it; `path` is its key in the bucket, but for the spelling."""

    id: str
    number: int
    title: str
    path: str
    categories: tuple[str, ...] = ()
    thumbnail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection as the catalog declares it."""

    id: str
    title: str
    year: int | None
    genre: str
    cover: str
    cover_small: str | None
    categories: tuple[str, ...]
    lectures: tuple[Lecture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A speaker as the catalog declares him."""

    id: str
    name: str
    premium: bool
    image: str
    image_small: str
    collections: tuple[Collection, ...]


def library(sizes: Sequence[int] = FULL) -> tuple[Speaker, ...]:
    """Return the truth; `sizes` are the numbers of lectures of the twelve collections."""
    return tuple(_speaker(place, name, sizes) for place, name in enumerate(_NAMES))


def _speaker(place: int, name: str, sizes: Sequence[int]) -> Speaker:
    format_ = ("jpg", "png", "webp")[place % 3]
    return Speaker(
        id=slug(name) or "rashid-the-teacher",
        name=name,
        premium=place == 2,
        image=f"{name}/speaker.{format_}",
        image_small=f"{name}/speaker_small.{format_}",
        collections=tuple(
            _collection(shelf, name, title, sizes[shelf], older=older)
            for shelf, (owner, title, older) in enumerate(_SHELVES)
            if owner == place
        ),
    )


def _collection(shelf: int, speaker: str, title: str, size: int, *, older: bool) -> Collection:
    id_ = slug(title) or "lessons"
    folder = f"speakers/{slug(speaker)}/collections/{id_}" if older else f"{speaker}/{title}"
    cover = f"{folder}/images/cover.jpg" if older else f"{folder}/collection.jpg"
    return Collection(
        id=id_,
        title=title,
        year=2015 + shelf if shelf % 3 else None,
        genre=_GENRES[shelf % 2],
        cover=cover,
        cover_small=None if shelf % 3 == 2 else cover.replace(".jpg", "_small.jpg"),
        categories=("quran", "tafsir") if shelf % 2 else (),
        lectures=tuple(_lecture(shelf, folder, number, older=older) for number in range(1, size + 1)),
    )


def _lecture(shelf: int, folder: str, number: int, *, older: bool) -> Lecture:
    title = title_of(number)
    repeated = f"{number} " if number % 15 == 0 else ""
    name = f"lectures/{number:02}-{slug(title) or 'talk'}" if older else f"{number:02} - {repeated}{title}"
    extension = "m4a" if number % 13 == 5 else "mp3"
    path = _SHARED if (shelf, number) == (11, 1) else f"{folder}/{name}.{extension}"
    return Lecture(
        id=f"{slug(title) or 'talk'}-{number}",
        number=number,
        title=title,
        path=path,
        categories=("seerah",) if number % 9 == 2 else (),
        thumbnail=f"{folder}/{number:02}_thumbnail.jpg" if shelf == 0 and number in {1, 2, 3} else None,
    )


def title_of(number: int) -> str:
    """Return a title that is unique within a collection."""
    part, stem = divmod(number - 1, len(_STEMS))
    return _STEMS[stem] if part == 0 else f"{_STEMS[stem]} (Part {part + 1})"
