"""Sources of an object's bytes, and proof by listing that it holds them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.plan import ObjectState, PutOrigin
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.values import nfc
from reconciler.planning.object_keys import HASH_DIGITS, has_hash
from reconciler.planning.world import World


class Match(Enum):
    """Result of comparing an object by size and ETag."""

    SAME = "same"
    UNVERIFIED = "unverified"  # nothing speaks against it; nobody has hashed the bytes
    OTHER = "other"


def compare(stored: StoredObject, media: MediaFile, record: KeyRecord | None) -> Match:
    """Compare an object with a lockfile line by size and ETag.

    `record` is what is known of the object's key.

    The ETag of a single put is the MD5 of the content. The ETag of a multipart upload is a hash of
    the parts' hashes, which can be predicted only for the part size that elmify itself uses. For
    parts of unknown size, the ETag recorded when the object was adopted shows whether the object was
    replaced since.
    """
    if stored.size_bytes != media.size_bytes:
        return Match.OTHER
    if stored.etag in {media.md5, media.parts_etag}:
        return Match.SAME
    if media.sha256 is None:
        known = stored.etag == media.etag or _is_moved(stored, media, record)
        return Match.UNVERIFIED if known else Match.OTHER
    if stored.etag == media.etag:
        return Match.SAME
    if record is not None and record.etag is not None and record.state is not KeyState.INTENDED:
        return _against_record(stored, media, record)
    return Match.UNVERIFIED if "-" in stored.etag else Match.OTHER


def _is_moved(stored: StoredObject, media: MediaFile, record: KeyRecord | None) -> bool:
    """Return whether elmify copied the line's object to this key.

    A copy of an object in parts has another ETag; its key has the digits of the old one.
    """
    if media.etag is None or record is None or record.state is not KeyState.LIVE:
        return False
    digits = media.etag.replace("-", "")[:HASH_DIGITS]
    named_by_it = has_hash(record.key) and f"~{digits}" in record.key
    return named_by_it and record.sha256 is None and record.etag == stored.etag


def same_bytes(one: MediaFile, other: MediaFile) -> bool:
    """Return whether two lockfile lines are known to be the same bytes."""
    if one.sha256 is not None and other.sha256 is not None:
        return one.sha256 == other.sha256
    return nfc(one.path) == nfc(other.path)


def _against_record(stored: StoredObject, media: MediaFile, record: KeyRecord) -> Match:
    declared_same = record.sha256 == media.sha256
    if stored.etag != record.etag or not declared_same:
        return Match.OTHER
    return Match.SAME if record.verified else Match.UNVERIFIED


def object_at(world: World, key: str) -> ObjectState | None:
    """Return the object under a key, as the listing and the records know it.

    None when nothing stands there. It is verified only while the bytes that stand there are those
    that were hashed.
    """
    stored, known = world.snapshot.objects.get(nfc(key)), world.recorded.keys.get(nfc(key))
    if stored is None:
        return None
    sha256 = known.sha256 if known is not None else None
    hashed = known is not None and known.verified and known.etag in {None, stored.etag}
    return ObjectState(
        key=key, size_bytes=stored.size_bytes, sha256=sha256, verified=hashed and sha256 is not None
    )


#: gc may be deleting these at this very moment.
_GOING = frozenset({KeyState.CONDEMNED, KeyState.DELETED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteSource:
    """Object that holds the bytes of a lockfile line.

    `stored.key` is a key in the bucket that `origin` names.
    """

    origin: PutOrigin
    stored: StoredObject


class Origins:
    """Finds the objects that hold the bytes a lockfile line means.

    What an object holds is told by its size and its ETag, never by the name it is staged under.
    """

    def __init__(
        self,
        objects: Mapping[str, StoredObject],
        staged: Mapping[str, StoredObject],
        keys: Mapping[str, KeyRecord],
    ) -> None:
        """`objects` and `keys` go by NFC key, `staged` by SHA-256."""
        self._objects, self._staged, self._records = objects, staged, keys

    def first(self, media: MediaFile) -> ByteSource | None:
        """Return the best source; None when the bytes are only on somebody's disk."""
        return next(self.all(media), None)

    def all(self, media: MediaFile) -> Iterator[ByteSource]:
        """Yield every source of these bytes, staged objects before copies.

        Copies are in the order of their keys.
        """
        if media.sha256 is None:
            return
        staged = self._staged.get(media.sha256)
        if staged is not None and compare(staged, media, None) is Match.SAME:
            yield ByteSource(origin=PutOrigin.STAGED, stored=staged)
        for key in sorted(self._candidates(media, media.sha256)):
            record = self._records.get(key)
            gone = record is not None and record.state in _GOING
            if not gone and compare(self._objects[key], media, record) is Match.SAME:
                yield ByteSource(origin=PutOrigin.COPY, stored=self._objects[key])

    def _candidates(self, media: MediaFile, sha256: str) -> set[str]:
        etags = filter(None, (media.md5, media.parts_etag, media.etag))
        listed = {key for etag in etags for key in self._by_etag.get(etag, ())}
        return listed | {key for key in self._by_hash.get(sha256, ()) if key in self._objects}

    @cached_property
    def _by_etag(self) -> Mapping[str, list[str]]:
        keys: defaultdict[str, list[str]] = defaultdict(list)
        for key, stored in self._objects.items():
            keys[stored.etag].append(key)
        return keys

    @cached_property
    def _by_hash(self) -> Mapping[str, list[str]]:
        keys: defaultdict[str, list[str]] = defaultdict(list)
        for key, record in self._records.items():
            if record.sha256 is not None:
                keys[record.sha256].append(key)
        return keys


def origins_in(world: World) -> Origins:
    """Return where bytes can be had in a world that was read."""
    return Origins(world.snapshot.objects, world.snapshot.staged, world.recorded.keys)
