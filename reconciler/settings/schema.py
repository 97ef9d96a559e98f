"""The fields of elmify.yaml."""

from functools import cache
from typing import Annotated, Any, Literal, Required

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from reconciler.loading.text_rules import ID, LINE, TEXT
from reconciler.model.address import ID_MAX_CHARS
from reconciler.settings.source import VARIABLE

_STRICT = ConfigDict(strict=True, extra="forbid")

_Id = Annotated[str, Field(pattern=ID, max_length=ID_MAX_CHARS)]
_Line = Annotated[str, Field(pattern=LINE)]
_Template = Annotated[str, Field(pattern=TEXT)]
_Count = Annotated[int, Field(ge=0)]
_Style = Literal["key", "url"]

CONCURRENCY_MAX = 256


@with_config(_STRICT)
class KeysSection(TypedDict, total=False):
    """The template of each slot's keys."""

    speaker_image: _Template
    speaker_image_small: _Template
    collection_cover: _Template
    collection_cover_small: _Template
    lecture_audio: _Template
    lecture_thumbnail: _Template


@with_config(_STRICT)
class ColumnsSection(TypedDict, total=False):
    """Settings of the columns that name an object or a format.

    They say what these columns hold.
    """

    image_url: _Style
    image_small_url: _Style
    cover_image_url: _Style
    cover_image_small_url: _Style
    thumbnail_url: _Style
    file_format: Literal["mp3", "audio/mpeg"]


@with_config(_STRICT)
class WayEntry(TypedDict, total=False):
    """A playback way: how the apps find the recording of a lecture.

    Exactly one of `key` and `column` is there.
    """

    way: Required[_Id]
    key: _Template
    column: Literal["file_path", "audio_url", "file_name", "thumbnail_url"]
    when: list[Literal["speaker", "collection"]]
    request: Literal["raw", "encode-uri", "encoded"]
    report: bool
    base_url: _Line


@with_config(_STRICT)
class GuardsSection(TypedDict, total=False):
    """Guard settings: limits on what a plan may do without an allowance."""

    delete_percent: Annotated[int, Field(ge=0, le=100)]
    delete_floor: _Count
    delete_count: _Count
    user_rows: _Count


@with_config(_STRICT)
class TransferSection(TypedDict, total=False):
    """Transfer settings of the bytes."""

    concurrency: Annotated[int, Field(ge=1, le=CONCURRENCY_MAX)]
    single_put: _Line
    part_size: _Line
    cache_control: _Line
    playback_cache_control: _Line


@with_config(_STRICT)
class ObjectsSection(TypedDict, total=False):
    """Object store settings: the location of the objects."""

    store: Literal["directory", "r2"]
    directory: _Line
    endpoint: _Line
    account_id: _Line
    bucket: _Line
    region: _Line


@with_config(_STRICT)
class DatabaseSection(TypedDict, total=False):
    """Database settings: the location of the rows."""

    store: Literal["embedded", "postgresql"]
    embedded: _Line
    url_from: _Line


@with_config(_STRICT)
class StagingSection(TypedDict, total=False):
    """Staging settings: the location of bytes that wait for their merge."""

    bucket: _Line
    directory: _Line
    prefix_is_private: bool
    keep: _Line


@with_config(_STRICT)
class NotifySection(TypedDict, total=False):
    """Notification settings: recipients, and kinds of messages.

    The URLs themselves are secrets, and come from the environment.
    """

    urls_from: _Line
    on: list[Literal["failed", "partial", "guarded", "drift", "lease-taken-over"]]


@with_config(_STRICT)
class CdnSection(TypedDict, total=False):
    """CDN settings: the zone whose cache is purged.

    The token itself is a secret, and comes from the environment.
    """

    zone: Required[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]]
    token_from: Annotated[str, Field(pattern=VARIABLE)]


@with_config(_STRICT)
class IgnoredSection(TypedDict):
    """Something that is let be."""

    what: _Line
    reason: _Line


@with_config(_STRICT)
class SettingsFile(TypedDict, total=False):
    """elmify.yaml."""

    environment: Required[_Id]
    catalog: _Line
    media: _Line
    public_base_url: _Line
    keys: KeysSection
    columns: ColumnsSection
    playback: list[WayEntry]
    guards: GuardsSection
    retention: _Line
    ignore: list[IgnoredSection]
    transfer: TransferSection
    objects: ObjectsSection
    database: DatabaseSection
    staging: StagingSection
    notify: NotifySection
    cdn: CdnSection


@cache
def settings_adapter() -> TypeAdapter[Any]:
    """Return what checks elmify.yaml."""
    return TypeAdapter(SettingsFile)
