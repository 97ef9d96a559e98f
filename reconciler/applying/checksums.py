"""What proves that an object holds certain bytes: a hash of them, and never a note about them."""

import hashlib

from reconciler.model.catalog import MediaFile
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import ObjectFacts, ObjectStore

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
    """Return the ETags that these bytes can have; none for a line that was never hashed in this way."""
    return frozenset(filter(None, (media.md5, media.parts_etag)))


def holds_the_bytes(objects: ObjectStore, found: ObjectFacts, media: MediaFile) -> bool:
    """Whether an object holds the bytes of a lockfile line.

    Told by size and ETag; where the ETag cannot tell (parts of another size), by reading the object and
    hashing it. What its metadata says of the hash is not looked at: whoever put it has written that.
    """
    if found.size_bytes != media.size_bytes:
        return False
    if found.etag in foretold_etags(media):
        return True
    return _etag_is_silent(found.etag, media) and _sha256_of(objects, found.key) == media.sha256


def _etag_is_silent(etag: str, media: MediaFile) -> bool:
    """Whether the ETag is of another making than the ones the line foretells."""
    return "-" in etag or media.md5 is None


def _sha256_of(objects: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    with objects.stream(key) as blocks:
        for block in blocks:
            digest.update(block)
    return digest.hexdigest()
