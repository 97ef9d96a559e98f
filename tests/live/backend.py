"""The team's library as its backend has it: recitations past number 99, and nine collections more.

In today's mess `file_path` leads every row to its recording, and the names of a row do for 155 of 467: the
numbers were counted in the text order of the files. Healthy, both do for every row.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from reconciler.model.address import slug
from tests.live.mess import LAST_YEAR, LectureRow, Mess, Object, Values, nfd

BASE_URL = "https://cdn.elmify.store"

#: So many listeners leave 2,000 user rows at 467 lectures.
USERS = 17

_SPEAKERS = (
    "Yusuf of Karim",
    "رشيد المعلم",
    "Idris & Sons",
    "Maryam’s Lessons",
    "Ḥasan the Weaver",
    "Noor (Evening)",
    "O'Neill, Reader",
    "Studio Voice",
)

_ALL = tuple(range(1, 115))

#: Each collection: which speaker has it, its title, the numbers of its lectures; those of a small library.
_SHELVES: Sequence[tuple[int, str, Sequence[int], Sequence[int]]] = (
    (0, "Quran Hafs", _ALL, (1, 2, 10, 11, 15, 16, 17, 18, 99, 100, 101)),
    (1, "القرآن", _ALL, (1, 2, 100)),
    (2, "Quran, Slowly", _ALL, ()),
    (3, "Legends of Islam", range(1, 21), (1, 2, 3, 4)),
    (3, "Seerah & Lessons ﷺ", range(1, 19), (1, 2)),
    (4, "Café Lectures", range(1, 17), (1, 2)),
    (5, "Short Reminders", range(1, 16), (1, 2, 3, 4, 5)),
    (5, "Fiqh, Made Easy", range(1, 15), (1,)),
    (6, "Night Prayer", range(1, 13), (1,)),
    (6, "Duas", range(1, 13), (1,)),
    (7, "Tafsir", range(1, 11), (1, 2)),
    (7, "Talks + More", range(1, 9), (1, 2)),
)

_STEMS = (
    "The Opener",
    "Life of the Prophet ﷺ",
    "The Neighbour’s Right",
    "Don't Despair",
    "Hope & Fear",
    "Rest, Work, Prayer",
    "آل عمران",
    "Ḥikma (a lesson)",
    "سورة الإخلاص",
    "A Café of Patience",
    "100% Trust",
    "Faith + Works",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lecture:
    """A lecture in its place: `key` is that of `file_path`, `copies` are other keys with the same bytes."""

    number: int
    title: str
    key: str
    copies: Sequence[str] = ()
    speaker_is_null: bool = False
    collection_is_null: bool = False


def backend(*, healthy: bool, small: bool = False) -> Mess:
    """Return the library: in today's mess or healthy, 467 rows, or a small one of the same sorts."""
    mess = Mess()
    for name in _SPEAKERS:
        image = f"{name}/speaker.jpg"
        mess.speakers[_id(name)] = {
            "name": name,
            "is_premium": False,
            "image_url": image if len(mess.speakers) % 2 else f"{BASE_URL}/{quote(image)}",
            "image_small_url": f"{name}/speaker_small.jpg",
        }
        mess.objects += [_picture(image), _picture(f"{name}/speaker_small.jpg")]
    for shelf, (speaker, title, full, few) in enumerate(_SHELVES):
        numbers = few if small else full
        if numbers:
            _add_collection(mess, _SPEAKERS[speaker], title)
            lectures = list(_lectures(shelf, _SPEAKERS[speaker], title, numbers, healthy=healthy))
            _add_lectures(mess, _SPEAKERS[speaker], title, lectures, healthy=healthy)
    for stray in (".DS_Store", "intro.mp3", f"{_SPEAKERS[0]}/loose talk.mp3"):
        mess.strays.append(stray)
        mess.objects.append(_picture(stray))
    return mess


def recordings(mess: Mess, rows: Mapping[str, int]) -> dict[int, set[str]]:
    """Return the SHA-256 of the recording of each row, by its id; `rows` are ids by address."""
    contents = {nfd(stored.key): stored.content for stored in mess.objects}
    return {
        id_: {hashlib.sha256(contents[nfd(mess.lectures[address].values["file_path"])]).hexdigest()}
        for address, id_ in rows.items()
    }


# Lectures with their sorts.


def _lectures(
    shelf: int, speaker: str, collection: str, numbers: Sequence[int], *, healthy: bool
) -> Iterator[_Lecture]:
    folder = f"{speaker}/{'Legends Islam' if collection == 'Legends of Islam' else collection}"
    for number in numbers:
        title = f"{_STEMS[number % len(_STEMS)]} {number}"
        usual = f"{folder}/{number:02} - {title}.mp3"
        match shelf, number:
            case 0, 15:
                cut = f"{folder}/15 - What Is Zakat"
                copies = [cut] if healthy else []
                yield _Lecture(number=15, title="What Is Zakat?", key=f"{cut}.mp3", copies=copies)
            case 0, 16:
                copies = [f"{folder}/16 - Lesson "] if healthy else []
                key = f"{folder}/16 - Lesson 1.mp3"
                yield _Lecture(number=16, title="Lesson #1", key=key, copies=copies)
            case 0, 17:
                copies = [usual] if healthy else []
                yield _Lecture(number=17, title=title, key=f"{usual[:-3]}m4a", copies=copies)
            case 0, 18:
                key = f"{folder}/18 - {title} .mp3" if healthy else usual
                yield _Lecture(number=18, title=f"{title} ", key=key)
            case 5, _ if number % 2 == 0:
                yield _Lecture(number=number, title=title, key=nfd(usual))
            case 6, 1:
                yield _Lecture(number=1, title=title, key=f"{usual[:-3]}m4a", collection_is_null=True)
            case 6, 2:
                yield _Lecture(number=2, title=title, key=usual, collection_is_null=True)
            case 6, 3:
                yield _Lecture(number=3, title=title, key=usual, speaker_is_null=True)
            case 6, 4:
                yield _Lecture(number=4, title=f" {title} ", key=f"{folder}/04 -  {title} .mp3")
            case 6, 5:
                key = f"{folder}/05 - %41.mp3"
                yield _Lecture(number=5, title="%41", key=key, copies=[f"{folder}/05 - A.mp3"])
            case _:
                yield _Lecture(number=number, title=title, key=usual)


def _add_collection(mess: Mess, speaker: str, title: str) -> None:
    cover = f"{speaker}/{title}/collection.jpg"
    mess.collections[f"{_id(speaker)}/{_id(title)}"] = {
        "title": title,
        "cover_image_url": cover if len(mess.collections) % 2 else f"{BASE_URL}/{quote(cover)}",
        "cover_image_small_url": None,
    }
    mess.objects.append(_picture(cover))


def _add_lectures(
    mess: Mess, speaker: str, collection: str, lectures: Sequence[_Lecture], *, healthy: bool
) -> None:
    in_text_order = sorted(map(_file_name, lectures))
    parent = f"{_id(speaker)}/{_id(collection)}"
    for lecture in lectures:
        place = len(mess.lectures)
        content = f"recording {lecture.key} ".encode() * 4
        for key in (lecture.key, *lecture.copies):
            part_bytes = 64 if place % 25 == 7 else None
            mess.objects.append(Object(key=key, content=content, part_bytes=part_bytes))
        number = lecture.number if healthy else 1 + in_text_order.index(_file_name(lecture))
        mess.lectures[f"{parent}/{lecture.number}"] = LectureRow(
            speaker=None if lecture.speaker_is_null else _id(speaker),
            collection=None if lecture.collection_is_null else parent,
            values=_values(place, lecture, number, len(content)),
        )


def _values(place: int, lecture: _Lecture, number: int, size: int) -> Values:
    urls = (None, f"{LAST_YEAR}/{quote(lecture.key)}", f"{BASE_URL}/{quote(lecture.key)}")
    return {
        "title": lecture.title,
        "lecture_number": number,
        "duration": 0,
        "file_name": _file_name(lecture),
        "file_path": lecture.key,
        "file_size": size,
        "file_format": "mp3" if place % 2 else "audio/mpeg",
        "file_hash": None,
        "is_public": True,
        "audio_url": urls[place % 3],
    }


def _file_name(lecture: _Lecture) -> str:
    return lecture.key.rpartition("/")[2]


def _picture(key: str) -> Object:
    return Object(key=key, content=b"picture " + key.encode())


def _id(name: str) -> str:
    return slug(name) or "rashid-the-teacher"
