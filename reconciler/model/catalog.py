"""Catalog and lockfile: what should exist.

Both are read and checked, and independent of YAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.diagnostics import Position
from reconciler.model.kinds import Kind, Slot
from reconciler.model.values import Value, nfc


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """One line of the lockfile: which bytes a path under the media root means.

    Hashes are lower-case hex. `sha256` is None for content that is live but was never hashed; then `etag`
    holds the ETag under which the bucket listed it. For files above the single-put size, `parts_etag` is
    the ETag that a multipart upload in parts of `part_bytes` will have.
    """

    path: str
    size_bytes: int
    media_type: str
    sha256: str | None = None
    md5: str | None = None
    etag: str | None = None
    part_bytes: int | None = None
    parts_etag: str | None = None
    duration_seconds: float | None = None
    bitrate: int | None = None  # bits per second
    sample_rate: int | None = None  # hertz


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One declared speaker, collection or lecture.

    `fields` holds what the entry says, by catalog field name, defaults already applied: a field that is
    absent is not managed, None clears. `media` maps a slot to a path under the media root, in the same way.
    `as_is` holds columns with the value that is put up with: a row that still has it keeps it, and no row is
    ever given it.
    """

    address: Address
    kind: Kind
    position: Position
    fields: Mapping[str, Value]
    media: Mapping[Slot, str | None]
    row: int | None = None
    previously: Address | None = None
    protect: bool = False
    as_is: Mapping[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Display name: a speaker's name, otherwise the title."""
        return str(self.fields["name" if self.kind is Kind.SPEAKER else "title"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Everything declared.

    `resources` is ordered: parents before their children, siblings as they stand in the files. `forget` are
    addresses to let go without deleting anything. `media` is the lockfile, by path.
    """

    resources: Mapping[Address, Resource]
    forget: frozenset[Address] = frozenset()
    media: Mapping[str, MediaFile] = field(default_factory=dict)

    def forgets(self, address: str) -> bool:
        """Return whether the catalog forgets the address or a parent of it."""
        parts = address.split("/")
        return any("/".join(parts[:depth]) in self.forget for depth in range(1, len(parts) + 1))


def media_by_path(catalog: Catalog) -> Mapping[str, MediaFile]:
    """Return the lockfile by the NFC spelling of its paths."""
    return {nfc(path): media for path, media in catalog.media.items()}


def lineage(catalog: Catalog, resource: Resource) -> Mapping[Kind, Resource]:
    """Return a resource and its parents, by kind."""
    parts = resource.address.split("/")
    return {
        kind: catalog.resources[Address("/".join(parts[: depth + 1]))]
        for depth, kind in enumerate(Kind)
        if depth < len(parts)
    }
