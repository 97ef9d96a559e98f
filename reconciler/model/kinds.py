"""Kinds of resource and their managed columns.

There are three kinds. This is the only place that says which column of which table comes from
which part of the catalog. Loading, planning, the database provider and the renderings all read
it; a column that is not listed here is never read for a decision and never written on an update.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from reconciler.model.values import Value


class Kind(StrEnum):
    """Kind of a resource; its parent is of the kind before it."""

    SPEAKER = "speaker"
    COLLECTION = "collection"
    LECTURE = "lecture"


class Slot(StrEnum):
    """Slot: a place for one object in a resource.

    It determines which file and which key template the object takes.
    """

    SPEAKER_IMAGE = "image"
    SPEAKER_IMAGE_SMALL = "image_small"
    COLLECTION_COVER = "cover"
    COLLECTION_COVER_SMALL = "cover_small"
    LECTURE_AUDIO = "audio"
    LECTURE_THUMBNAIL = "thumbnail"


class Origin(StrEnum):
    """Origin of a column's desired value."""

    FIELD = "field"  # a field of the catalog entry
    PARENT = "parent"  # the row id of a parent resource
    KEY = "key"  # the key of the object in a slot
    FILE_NAME = "file-name"  # the last part of that key
    URL = "url"  # the public URL of that object
    REFERENCE = "reference"  # key or URL of that object, as elmify.yaml says for this column
    FACT = "fact"  # a fact about that object's bytes, from the lockfile
    FORMAT = "format"  # the audio format, spelled as elmify.yaml says
    CATEGORIES = "categories"  # rows of the junction table, as a tuple of slugs, the primary one first


class Type(StrEnum):
    """The PostgreSQL type elmify sends for a column."""

    TEXT = "text"
    INTEGER = "integer"
    BIGINT = "bigint"
    BOOLEAN = "boolean"
    SLUGS = "slugs"  # not a column: the junction table


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One managed column.

    `source` names the catalog field, slot or lockfile fact that `origin` speaks of; for a parent, its kind.
    `fragile` columns may be null in the database, and the team's backend fails on a row where they are.
    """

    name: str
    origin: Origin
    source: str
    type: Type = Type.TEXT
    nullable: bool = True
    fragile: bool = False

    @property
    def clearable(self) -> bool:
        """True when the catalog may say `null`."""
        return self.nullable and not self.fragile


@dataclass(frozen=True)
class Table:
    """A content table: the rows of one kind.

    `natural_key` are the columns that identify a row to a person; for lectures nothing enforces it.
    `unique` are the columns of the table's unique constraint, which is not deferrable.
    """

    kind: Kind
    name: str
    parent: Kind | None
    slots: tuple[Slot, ...]
    columns: tuple[Column, ...]
    natural_key: tuple[str, ...]
    unique: tuple[str, ...]

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Position of each column's value in a row's `values`."""
        return {column.name: position for position, column in enumerate(self.columns)}

    def column(self, name: str) -> Column:
        """Return the managed column of that name."""
        return self.columns[self.index[name]]

    @cached_property
    def required(self) -> frozenset[str]:
        """Names of the columns that hold a value in every row."""
        return frozenset(column.name for column in self.columns if not column.nullable)

    @cached_property
    def parent_column(self) -> str | None:
        """Name of the column that holds the direct parent's row id."""
        return None if self.parent is None else f"{self.parent}_id"


def _field(name: str, source: str | None = None, type_: Type = Type.TEXT, *, nullable: bool = True) -> Column:
    return Column(name=name, origin=Origin.FIELD, source=source or name, type=type_, nullable=nullable)


def _flag(name: str, source: str) -> Column:
    return Column(name=name, origin=Origin.FIELD, source=source, type=Type.BOOLEAN, fragile=True)


def _of(slot: Slot, name: str, origin: Origin, *, nullable: bool = True) -> Column:
    return Column(name=name, origin=origin, source=slot.value, nullable=nullable)


def _fact(name: str, fact: str, type_: Type = Type.INTEGER, *, nullable: bool = True) -> Column:
    return Column(name=name, origin=Origin.FACT, source=fact, type=type_, nullable=nullable)


def _parent(kind: Kind, *, nullable: bool = True) -> Column:
    return Column(
        name=f"{kind}_id", origin=Origin.PARENT, source=kind.value, type=Type.BIGINT, nullable=nullable
    )


_CATEGORIES = Column(name="categories", origin=Origin.CATEGORIES, source="categories", type=Type.SLUGS)

SPEAKERS = Table(
    kind=Kind.SPEAKER,
    name="speakers",
    parent=None,
    slots=(Slot.SPEAKER_IMAGE, Slot.SPEAKER_IMAGE_SMALL),
    columns=(
        _field("name", nullable=False),
        _field("bio"),
        _of(Slot.SPEAKER_IMAGE, "image_url", Origin.REFERENCE),
        _of(Slot.SPEAKER_IMAGE_SMALL, "image_small_url", Origin.REFERENCE),
        _flag("is_premium", "premium"),
        _field("visibility_type", "visibility"),
    ),
    natural_key=("name",),
    unique=("name",),
)

COLLECTIONS = Table(
    kind=Kind.COLLECTION,
    name="collections",
    parent=Kind.SPEAKER,
    slots=(Slot.COLLECTION_COVER, Slot.COLLECTION_COVER_SMALL),
    columns=(
        _parent(Kind.SPEAKER, nullable=False),
        _field("title", nullable=False),
        _field("description"),
        _field("year", type_=Type.INTEGER),
        _of(Slot.COLLECTION_COVER, "cover_image_url", Origin.REFERENCE),
        _of(Slot.COLLECTION_COVER_SMALL, "cover_image_small_url", Origin.REFERENCE),
        _CATEGORIES,
    ),
    natural_key=("speaker_id", "title"),
    unique=("speaker_id", "title"),
)

LECTURES = Table(
    kind=Kind.LECTURE,
    name="lectures",
    parent=Kind.COLLECTION,
    slots=(Slot.LECTURE_AUDIO, Slot.LECTURE_THUMBNAIL),
    columns=(
        _parent(Kind.SPEAKER),
        _parent(Kind.COLLECTION),
        _field("title", nullable=False),
        _field("description"),
        _field("lecture_number", "number", Type.INTEGER),
        _field("year", type_=Type.INTEGER),
        _field("genre"),
        _flag("is_public", "public"),
        _of(Slot.LECTURE_AUDIO, "file_name", Origin.FILE_NAME, nullable=False),
        _of(Slot.LECTURE_AUDIO, "file_path", Origin.KEY, nullable=False),
        _fact("file_size", "size_bytes", Type.BIGINT, nullable=False),
        _of(Slot.LECTURE_AUDIO, "file_format", Origin.FORMAT, nullable=False),
        _fact("file_hash", "sha256", Type.TEXT),
        _fact("duration", "duration_seconds", nullable=False),
        _fact("bitrate", "bitrate"),
        _fact("sample_rate", "sample_rate"),
        _of(Slot.LECTURE_AUDIO, "audio_url", Origin.URL),
        _of(Slot.LECTURE_THUMBNAIL, "thumbnail_url", Origin.REFERENCE),
        _CATEGORIES,
    ),
    natural_key=("collection_id", "title"),
    unique=(),
)

#: Every content table, parents before children.
TABLES: Mapping[Kind, Table] = {table.kind: table for table in (SPEAKERS, COLLECTIONS, LECTURES)}

#: What the database chooses for a managed column that an insert leaves out: the `default` of that column in
#: the tables that the team's migrations create. Columns that are not named here are null.
DATABASE_DEFAULTS: Mapping[Kind, Mapping[str, Value]] = {
    Kind.SPEAKER: {"is_premium": False, "visibility_type": "public"},
    Kind.COLLECTION: {},
    Kind.LECTURE: {"is_public": False},
}
