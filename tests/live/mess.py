"""What years of shell scripts and imports made of the library: its objects and its rows, as they are found.

Everything depends on nothing but the place of an entry, so that a test can say what it will meet.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.live.truth import Collection, Lecture, Speaker

BASE_URL = "https://cdn.example.com"
LAST_YEAR = "https://audio-2024.example.net"

#: Part sizes of uploads that other tools made; nobody has written them down.
_PART_BYTES = 64

Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object of the bucket; uploaded in parts where `part_bytes` says so."""

    key: str
    content: bytes
    part_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LectureRow:
    """A row of `lectures`; `speaker` and `collection` are the addresses of its parents, None for null."""

    speaker: str | None
    collection: str | None
    values: Values
    categories: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Mess:
    """The live system, not yet in any store.

    `speakers` and `collections` are column values by address; `lectures` the rows that the catalog declares,
    by address. `twins` are second rows of some of them, with the address of the recording, `orphans` rows
    whose object is gone. `strays` are the keys that nothing declared has.
    """

    objects: list[Object] = field(default_factory=list)
    speakers: dict[str, Values] = field(default_factory=dict)
    collections: dict[str, Values] = field(default_factory=dict)
    lectures: dict[str, LectureRow] = field(default_factory=dict)
    twins: list[tuple[str, LectureRow]] = field(default_factory=list)
    orphans: list[LectureRow] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def make_mess(truth: Sequence[Speaker], *, rows: int, objects: int) -> Mess:
    """Make the mess of a library; orphans and strays fill it up to that many lecture rows and objects."""
    mess = Mess()
    for place, speaker in enumerate(truth):
        _add_speaker(mess, place, speaker)
        for collection in speaker.collections:
            _add_collection(mess, speaker, collection)
            _add_lectures(mess, speaker, collection)
    _add_twins(mess)
    while len(mess.lectures) + len(mess.twins) + len(mess.orphans) < rows:
        _add_orphan(mess, truth[0], len(mess.orphans))
    _add_strays(mess, truth, objects)
    return mess


# Speakers and collections.


def _add_speaker(mess: Mess, place: int, speaker: Speaker) -> None:
    image, small = speaker.image, speaker.image_small
    shown: Sequence[str | None] = (
        image,  # a key
        f"{BASE_URL}/{quote(image)}",
        f"{LAST_YEAR}/{quote(image)}",
        None,
        f"{speaker.name}/speaker.jpg",  # the other format, which is there too
        f"{speaker.name}/photo.jpg",  # what was never there
        nfd(image),
        f"{BASE_URL}/{image}",  # not encoded
    )
    mess.speakers[speaker.id] = {
        "name": f"{speaker.name} " if place % 3 == 1 else nfd(speaker.name),
        "image_url": shown[place],
        "image_small_url": small if place % 2 else f"{BASE_URL}/{quote(small)}",
        "is_premium": False,
        "bio": f"A few words about {speaker.name}.",
    }
    mess.objects += [_image(image), _image(small)]
    if place == 4:
        _add_stray(mess, f"{speaker.name}/speaker.jpg")
    if place == 7:
        _add_stray(mess, image.rpartition(".")[0] + ".jpg")


def _image(key: str) -> Object:
    return Object(key=key, content=b"image " + key.encode())


def _add_collection(mess: Mess, speaker: Speaker, collection: Collection) -> None:
    place = len(mess.collections)
    cover = collection.cover
    shown: Sequence[str | None] = (cover, f"{BASE_URL}/{quote(cover)}", f"{LAST_YEAR}/{quote(cover)}", None)
    mess.collections[f"{speaker.id}/{collection.id}"] = {
        "title": f"{nfd(collection.title)}  " if place in {1, 5, 8, 9} else collection.title,
        "description": f"All of {collection.title}.",
        "year": None,
        "cover_image_url": shown[place % 4],
        "cover_image_small_url": None,
    }
    mess.objects += [_image(cover), *([_image(collection.cover_small)] if collection.cover_small else [])]


# Lectures.


def _add_lectures(mess: Mess, speaker: Speaker, collection: Collection) -> None:
    in_text_order = sorted(lecture.path for lecture in collection.lectures)
    known = {stored.key for stored in mess.objects}
    for lecture in collection.lectures:
        place = len(mess.lectures)
        key = nfd(lecture.path) if place % 7 == 3 else lecture.path
        if lecture.path not in known:
            part_bytes = _PART_BYTES if place % 25 == 7 else None
            mess.objects.append(Object(key=key, content=recording(lecture), part_bytes=part_bytes))
        if lecture.thumbnail is not None:
            mess.objects.append(_image(lecture.thumbnail))
        mess.lectures[f"{speaker.id}/{collection.id}/{lecture.id}"] = LectureRow(
            speaker=None if place % 29 == 4 else speaker.id,
            collection=None if place % 31 == 6 else f"{speaker.id}/{collection.id}",
            values=_lecture_values(place, lecture, key, 1 + in_text_order.index(lecture.path)),
            categories=("quran", "seerah") if place % 8 == 0 else (),
        )


def recording(lecture: Lecture) -> bytes:
    return f"recording {lecture.path} ".encode() * 4


def _lecture_values(place: int, lecture: Lecture, key: str, number: int) -> Values:
    repeated = f"{lecture.number} " if lecture.number % 15 == 0 else ""
    title = f"{repeated}{lecture.title}"
    loosely = quote(nfd(key), safe="/&(),'")
    urls = (None, f"{LAST_YEAR}/{quote(key)}", f"{BASE_URL}/{quote(key)}", f"{BASE_URL}/{loosely}")
    return {
        "title": {3: f"{title} ", 5: nfd(title), 7: f" {nfd(title)}  "}.get(place % 10, title),
        "lecture_number": number,
        "duration": 0,
        "file_name": lecture.path.rpartition("/")[2],
        "file_path": nfd(key) if place % 5 == 2 else key,
        "file_size": 0 if place % 41 == 9 else len(recording(lecture)),
        "file_format": "mp3" if place % 2 else "audio/mpeg",
        "file_hash": None,
        "thumbnail_url": lecture.thumbnail,
        "is_public": place % 6 != 0,
        "audio_url": urls[place % 4],
        "genre": "talk" if place % 3 else None,
    }


def _add_twins(mess: Mess) -> None:
    """Add second rows of four recordings: the same file, another spelling, an object of its own."""
    addresses = list(mess.lectures)
    same, spelled, spaced, own = (addresses[place] for place in (7, 22, 31, 13))
    row = mess.lectures[same]
    mess.twins.append((same, row))
    row = mess.lectures[spelled]
    values = {**row.values, "title": nfd(row.values["title"]), "file_path": nfd(row.values["file_path"])}
    mess.twins.append((spelled, LectureRow(speaker=row.speaker, collection=row.collection, values=values)))
    row = mess.lectures[spaced]
    values = {**row.values, "title": f"{row.values['title']} "}
    mess.twins.append((spaced, LectureRow(speaker=row.speaker, collection=None, values=values)))
    row = mess.lectures[own]
    key = row.values["file_path"].replace(".mp3", " (1).mp3")
    mess.twins.append(
        (
            own,
            LectureRow(
                speaker=row.speaker, collection=row.collection, values={**row.values, "file_path": key}
            ),
        )
    )
    _add_stray(mess, key)


def _add_orphan(mess: Mess, speaker: Speaker, place: int) -> None:
    title = f"Lost Recording {place}"
    values = {
        "title": title,
        "lecture_number": 500 + place,
        "duration": 0,
        "file_name": f"{title}.mp3",
        "file_path": f"{speaker.name}/Lost/{title}.mp3",
        "file_size": 1,
        "file_format": "mp3",
        "audio_url": f"{LAST_YEAR}/{quote(f'{speaker.name}/Lost/{title}.mp3')}",
    }
    parent = f"{speaker.id}/{speaker.collections[0].id}" if place % 2 else None
    mess.orphans.append(LectureRow(speaker=speaker.id, collection=parent, values=values))


# What no row of the catalog has.


def _add_stray(mess: Mess, key: str) -> None:
    mess.strays.append(key)
    mess.objects.append(Object(key=key, content=b"stray " + key.encode()))


def _add_strays(mess: Mess, truth: Sequence[Speaker], objects: int) -> None:
    for key in _stray_keys(truth):
        if len(mess.objects) == objects:
            return
        _add_stray(mess, key)


def _stray_keys(truth: Sequence[Speaker]) -> Iterator[str]:
    yield from (
        "intro.mp3",
        ".DS_Store",
        "backup//old.mp3",
        f"{truth[0].name}/loose talk.mp3",
        "Nobody/ﷺ.mp3",
    )
    for speaker in truth:
        yield f"{speaker.name}/speaker.json"
        yield from (f"{speaker.name}/{each.title}/collection.json" for each in speaker.collections)
    number = 0
    while True:
        number += 1
        yield f"{truth[1].name}/Never Imported/{number:02} - {nfd('Ḥadith')} {number}.mp3"
