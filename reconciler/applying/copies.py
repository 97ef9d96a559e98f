"""Objects made of bytes that the store holds already, without their passing through here."""

from dataclasses import dataclass

from reconciler.applying.evidence import HASH_METADATA, foretold_etags, part_bytes_of
from reconciler.model.actual import StoredObject
from reconciler.model.catalog import MediaFile
from reconciler.model.errors import WrongBytes
from reconciler.model.plan import Put, PutOrigin
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import Copy, ObjectFacts, ObjectStore
from reconciler.model.staging import Staging
from reconciler.planning.origins import ByteSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Copier:
    """Copies into the library's bucket, from itself or from where bytes wait for their merge."""

    objects: ObjectStore
    staging: Staging
    limits: TransferLimits

    def copy(self, put: Put, media: MediaFile, source: ByteSource) -> StoredObject:
        """Store the object of a put as a copy, and return what a look at it shows.

        Raises `ObjectExists` when anything is under its key, `ObjectMissing` or `WrongBytes` when the source
        is no longer what it was; what was copied then is taken away again.
        """
        copy = Copy(
            source=source.stored.key,
            key=put.key,
            size_bytes=media.size_bytes,
            media_type=media.media_type,
            cache_control=self.limits.cache_control,
            metadata={HASH_METADATA: put.sha256},
            part_bytes=part_bytes_of(media, self.limits),
            etag=source.stored.etag,
        )
        from_apart = source.origin is PutOrigin.STAGED and self.staging.apart
        self.objects.copy(copy, self.staging.store if from_apart else None)
        found = self.objects.head(put.key)
        if found is None or not _is_the_copy(found, copy, media):
            self.objects.delete(put.key)  # ours alone: it was copied where there was nothing
            raise WrongBytes(f"what was copied from {copy.source!r} is not what was asked for")
        return StoredObject(found.key, found.size_bytes, found.etag)


def _is_the_copy(found: ObjectFacts, copy: Copy, media: MediaFile) -> bool:
    foretold = foretold_etags(media)
    return (
        found.size_bytes == copy.size_bytes
        and (not foretold or found.etag in foretold)
        and found.metadata.get(HASH_METADATA) == copy.metadata[HASH_METADATA]
        and found.cache_control == copy.cache_control
    )
