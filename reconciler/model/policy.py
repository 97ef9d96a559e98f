"""Policy of one environment: elmify.yaml as values for the planner.

It says how this environment wants things done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from reconciler.model.kinds import Slot
from reconciler.model.playback import DEFAULT_WAYS, Way

#: The keys under this prefix are elmify's own: never unmanaged, refused from templates.
OWN_PREFIX = ".elmify/"

#: Under this prefix the audit log's heads are kept: `<seq>-<hash>`.
AUDIT_PREFIX = f"{OWN_PREFIX}audit/"

#: Audit heads from before a rebind, by the id of their environment: kept for people.
FORMER_AUDIT_PREFIX = f"{OWN_PREFIX}former-audit/"

#: Under this prefix of the library's own bucket bytes wait for their merge, each under its SHA-256.
STAGED_PREFIX = f"{OWN_PREFIX}staged/"

#: Under this prefix doctor tries what it may do.
PROBE_PREFIX = f"{OWN_PREFIX}probe/"

KEY_MAX_BYTES = 1024  # of UTF-8: R2's limit for a key

_NUMBERED = (
    "{% if lecture.number is not none %}{{ lecture.number | pad(2) }} - {% endif %}{{ lecture.title }}"
)

#: The flat, human-readable layout: `Speaker/Collection/01 - Title.mp3`.
DEFAULT_TEMPLATES: Mapping[Slot, str] = {
    Slot.SPEAKER_IMAGE: "{{ speaker.name }}/speaker.{{ ext }}",
    Slot.SPEAKER_IMAGE_SMALL: "{{ speaker.name }}/speaker_small.{{ ext }}",
    Slot.COLLECTION_COVER: "{{ speaker.name }}/{{ collection.title }}/collection.{{ ext }}",
    Slot.COLLECTION_COVER_SMALL: "{{ speaker.name }}/{{ collection.title }}/collection_small.{{ ext }}",
    Slot.LECTURE_AUDIO: (  # as the apps ask for it: without a number they ask for 01
        "{{ speaker.name }}/{{ collection.title }}/"
        "{{ (1 if lecture.number is none else lecture.number) | pad(2) }} - {{ lecture.title }}.{{ ext }}"
    ),
    Slot.LECTURE_THUMBNAIL: (
        f"{{{{ speaker.name }}}}/{{{{ collection.title }}}}/{_NUMBERED}_thumbnail.{{{{ ext }}}}"
    ),
}


class ReferenceStyle(StrEnum):
    """Style of the value in a column that names an image."""

    KEY = "key"
    URL = "url"


class FormatStyle(StrEnum):
    """Style of the value in `file_format`: `mp3`, or `audio/mpeg`."""

    EXTENSION = "extension"
    MEDIA_TYPE = "media-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Layout: the keys of objects, and their references in rows.

    `base_url` ends without a slash; None leaves URL columns unmanaged. `references` gives the style
    of each column of origin REFERENCE by `table.column`; a column that is not named there holds the key.
    """

    templates: Mapping[Slot, str] = field(default_factory=lambda: DEFAULT_TEMPLATES)
    base_url: str | None = None
    references: Mapping[str, ReferenceStyle] = field(default_factory=dict)
    format_style: FormatStyle = FormatStyle.EXTENSION


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """Limits on what a plan may do without a reviewed allowance.

    Deletes are measured against the recorded resources once there are `delete_floor` of them.
    """

    delete_percent: int = 30
    delete_floor: int = 10
    delete_count: int | None = None
    user_rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLimits:
    """Limits of transfers.

    A file above `single_put_bytes` goes up in equal parts of `part_bytes`.
    """

    single_put_bytes: int = 64 * 1024**2
    part_bytes: int = 16 * 1024**2
    concurrency: int = 8
    cache_control: str = "public, max-age=31536000, immutable"  # a key with a hash keeps its bytes
    playback_cache_control: str = "public, max-age=300"  # any other key may get new bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Something that is let be: an address or a glob of addresses, and why."""

    what: str
    reason: str


#: Somebody may be listening to a retired object, or hold a page that names it; a pull request may still count
#: on what was staged for it: never sooner than this.
RETENTION_MIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything the planner and the applier need to know of elmify.yaml."""

    environment: str
    layout: Layout = field(default_factory=Layout)
    guards: GuardLimits = field(default_factory=GuardLimits)
    transfer: TransferLimits = field(default_factory=TransferLimits)
    retention: timedelta = timedelta(days=30)
    ignore: tuple[Ignored, ...] = ()
    staged_retention: timedelta = timedelta(days=30)  # pull requests are rarely open for longer
    playback: tuple[Way, ...] = DEFAULT_WAYS
    own_prefix_is_private: bool = False  # elmify.yaml says that the public cannot read `.elmify/`
