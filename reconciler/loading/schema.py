"""The fields of a catalog file, and the JSON Schema that editors read."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Required

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler.loading.text_rules import ID, LINE, NAME, TEXT
from reconciler.model.address import ID_MAX_CHARS
from reconciler.model.kinds import Kind

YEAR_MAX = 9999
NUMBER_MAX = 1_000_000
ROW_MAX = 2**63 - 1  # bigserial

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_STRICT = ConfigDict(strict=True, extra="forbid")


def _doc(text: str) -> Any:
    return Field(description=text)


Id = Annotated[str, Field(pattern=ID, max_length=ID_MAX_CHARS)]
Line = Annotated[str, Field(pattern=LINE)]
Name = Annotated[str, Field(pattern=NAME)]
Text = Annotated[str, Field(pattern=TEXT)]
Slug = Annotated[str, Field(pattern=LINE, max_length=100)]  # categories.slug is varchar(100)
Year = Annotated[int, Field(ge=1, le=YEAR_MAX)]

_Path = Annotated[Line, _doc("A path under the media root.")]
_Categories = Annotated[list[Slug] | None, _doc("Slugs of categories, the primary one first.")]
_Genre = Annotated[Name | None, _doc("The genre.")]
_Year = Annotated[Year | None, _doc("The year.")]
_Public = Annotated[bool, _doc("Whether everybody may listen.")]  # the app cannot read null
_Protect = Annotated[
    bool, _doc("true: this entry may not be removed before an apply has carried `protect: false`.")
]
_Row = Annotated[
    int, Field(ge=1, le=ROW_MAX), _doc("The row in the database that this is, where that is in doubt.")
]
_Previously = Annotated[Line, _doc("The address it had before: an id beside it, or a full address.")]
_Forget = Annotated[
    list[Line],
    _doc(
        "What to let go without deleting anything: ids of what stood in this file, or full addresses; "
        "a speaker is written with a slash before his id."
    ),
]


@with_config(_STRICT)
class SpeakerDefaults(TypedDict, total=False):
    """Defaults for the collections and lectures of the speaker.

    A default applies to every collection and lecture that does not set its own value.
    """

    genre: _Genre
    year: _Year
    public: _Public
    categories: _Categories
    protect: _Protect


@with_config(_STRICT)
class CollectionDefaults(TypedDict, total=False):
    """Defaults for the lectures of the collection.

    A default applies to every lecture that does not set its own value.
    """

    genre: _Genre
    year: _Year
    public: _Public
    categories: _Categories
    protect: _Protect


_AS_IS = (
    "Columns as they are in the row, put up with for now: a row that still has this value keeps it. "
    "Deleting a line has the next apply correct that column."
)


@with_config(_STRICT)
class SpeakerAsIs(TypedDict, total=False):
    """Columns of a speaker's row that stay as they are.

    A column stays as it is while it has the value that is given here.
    """

    name: str
    bio: str | None
    image_url: str | None
    image_small_url: str | None
    is_premium: bool | None
    visibility_type: str | None


@with_config(_STRICT)
class CollectionAsIs(TypedDict, total=False):
    """Columns of a collection's row that stay as they are.

    A column stays as it is while it has the value that is given here.
    """

    title: str
    description: str | None
    year: int | None
    cover_image_url: str | None
    cover_image_small_url: str | None


@with_config(_STRICT)
class LectureAsIs(TypedDict, total=False):
    """Columns of a lecture's row that stay as they are.

    A column stays as it is while it has the value that is given here.
    """

    speaker_id: int | None
    collection_id: int | None
    title: str
    description: str | None
    lecture_number: int | None
    year: int | None
    genre: str | None
    is_public: bool | None
    file_name: str
    file_size: int
    file_format: str
    file_hash: str | None
    duration: int
    bitrate: int | None
    sample_rate: int | None
    audio_url: str | None
    thumbnail_url: str | None


@with_config(_STRICT)
class SpeakerFile(TypedDict, total=False):
    """A speaker. A field that is left out is not managed; `null` clears."""

    speaker: Required[Annotated[Id, _doc("The speaker's id, which never changes.")]]
    name: Required[Annotated[Name, _doc("The name.")]]
    bio: Annotated[Text | None, _doc("A few sentences about the speaker.")]
    premium: Annotated[bool, _doc("Whether only paying listeners may listen.")]
    visibility: Annotated[Literal["public", "premium", "restricted"] | None, _doc("Who sees the speaker.")]
    image: _Path | None
    image_small: _Path | None
    protect: _Protect
    row: _Row
    previously: _Previously
    as_is: Annotated[SpeakerAsIs, _doc(_AS_IS)]
    forget: _Forget
    defaults: SpeakerDefaults


@with_config(_STRICT)
class Lecture(TypedDict, total=False):
    """A lecture. A field that is left out is not managed; `null` clears."""

    id: Required[Annotated[Id, _doc("The lecture's id, which never changes.")]]
    title: Required[Annotated[Name, _doc("The title, without the number.")]]
    audio: Required[_Path]
    number: Annotated[Annotated[int, Field(ge=0, le=NUMBER_MAX)] | None, _doc("Its place in the collection.")]
    description: Annotated[Text | None, _doc("A few sentences about the lecture.")]
    year: _Year
    genre: _Genre
    public: _Public
    thumbnail: _Path | None
    categories: _Categories
    protect: _Protect
    row: _Row
    previously: _Previously
    as_is: Annotated[LectureAsIs, _doc(_AS_IS)]


@with_config(_STRICT)
class CollectionFile(TypedDict, total=False):
    """A collection and its lectures.

    A field that is left out is not managed; `null` clears.
    """

    collection: Required[Annotated[Id, _doc("The collection's id, which never changes.")]]
    title: Required[Annotated[Name, _doc("The title.")]]
    description: Annotated[Text | None, _doc("A few sentences about the collection.")]
    year: _Year
    cover: _Path | None
    cover_small: _Path | None
    categories: _Categories
    protect: _Protect
    row: _Row
    previously: _Previously
    as_is: Annotated[CollectionAsIs, _doc(_AS_IS)]
    forget: _Forget
    defaults: CollectionDefaults
    lectures: list[Lecture]


_FILES: Mapping[Kind, type] = {Kind.SPEAKER: SpeakerFile, Kind.COLLECTION: CollectionFile}


@cache
def adapter(kind: Kind) -> TypeAdapter[Any]:
    """Return what checks a file of that kind (a speaker's or a collection's)."""
    return TypeAdapter(_FILES[kind])


def catalog_schema() -> dict[str, Any]:
    """Return the JSON Schema of any catalog file, for editors."""
    schema = TypeAdapter(SpeakerFile | CollectionFile).json_schema()
    return {"$schema": SCHEMA_DIALECT, "title": "A file of an elmify catalog", **schema}
