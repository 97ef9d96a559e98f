"""Verify stored bytes by size, ETag or SHA-256.

Metadata is never trusted.
"""

import hashlib

from reconciler.model.catalog import MediaFile
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import ObjectFacts, ObjectStore
from reconciler.planning.object_keys import has_hash

#: Metadata key under which every object carries the SHA-256 of its bytes, for people and other tools.
HASH_METADATA = "sha256"


def part_bytes_of(media: MediaFile, limits: TransferLimits) -> int | None:
    """Return the size of the parts a file goes up in; None for a single put.

    The lockfile's own, where it has one: so the object gets the ETag that the lockfile foretells.
    """
    if media.size_bytes <= limits.single_put_bytes:
        return None
    return media.part_bytes or limits.part_bytes


def foretold_etags(media: MediaFile) -> frozenset[str]:
    """Return the ETags that the bytes of a media file can have.

    Empty for a line that was never hashed in this way.
    """
    return frozenset(filter(None, (media.md5, media.parts_etag)))


def holds_the_bytes(objects: ObjectStore, found: ObjectFacts, media: MediaFile) -> bool:
    """Return whether an object holds the bytes of a lockfile line.

    Decided by size and ETag. Where the ETag cannot decide (parts of another size), the object is read
    and hashed. The hash in its metadata is ignored: it is only what the uploader wrote there.
    """
    if found.size_bytes != media.size_bytes:
        return False
    if found.etag in foretold_etags(media):
        return True
    return _etag_is_silent(found.etag, media) and _sha256_of(objects, found.key) == media.sha256


def is_copy(objects: ObjectStore, found: ObjectFacts, origin: ObjectFacts, sha256: str | None) -> bool:
    """Return whether an object holds the bytes of another one.

    `sha256` is the hash of those bytes, where it is known. Objects whose ETags were made in different ways
    are read and hashed.
    """
    if found.size_bytes != origin.size_bytes:
        return False
    if found.etag == origin.etag or "-" not in found.etag + origin.etag:
        return found.etag == origin.etag
    return _sha256_of(objects, found.key) == (sha256 or _sha256_of(objects, origin.key))


def _etag_is_silent(etag: str, media: MediaFile) -> bool:
    """Return whether the ETag cannot be compared with the expected ones.

    That is so if it was made in another way than the ETags that the line predicts.
    """
    return "-" in etag or media.md5 is None


def _sha256_of(objects: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    with objects.stream(key) as blocks:
        for block in blocks:
            digest.update(block)
    return digest.hexdigest()


def cache_control_of(key: str, limits: TransferLimits) -> str:
    """Return the cache lifetime of an object.

    Only a key with a hash keeps its bytes forever; any other may get new ones.
    """
    return limits.cache_control if has_hash(key) else limits.playback_cache_control
