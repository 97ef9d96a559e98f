"""Whether a stored object holds the bytes that the lockfile means, told from a listing alone."""

from enum import Enum

from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.recorded import KeyRecord, KeyState


class Match(Enum):
    """What size and ETag say."""

    SAME = "same"
    UNVERIFIED = "unverified"  # nothing speaks against it; nobody has hashed the bytes
    OTHER = "other"


def compare(stored: StoredObject, media: MediaFile, record: KeyRecord | None) -> Match:
    """Compare an object with a lockfile line by size and ETag; `record` is what is known of its key.

    The ETag of a single put is the MD5 of the content; of a multipart upload it is a hash of the parts'
    hashes, which can be foretold only for the part size that elmify itself uses. For parts of unknown size,
    the ETag recorded when the object was adopted tells whether it was replaced since.
    """
    if stored.size_bytes != media.size_bytes:
        return Match.OTHER
    if stored.etag in {media.md5, media.parts_etag}:
        return Match.SAME
    if media.sha256 is None:
        return Match.UNVERIFIED if stored.etag == media.etag else Match.OTHER
    if stored.etag == media.etag:
        return Match.SAME
    if record is not None and record.etag is not None and record.state is not KeyState.INTENDED:
        return _against_record(stored, media, record)
    return Match.UNVERIFIED if "-" in stored.etag else Match.OTHER


def _against_record(stored: StoredObject, media: MediaFile, record: KeyRecord) -> Match:
    declared_same = record.sha256 == media.sha256
    if stored.etag != record.etag or not declared_same:
        return Match.OTHER
    return Match.SAME if record.verified else Match.UNVERIFIED
