"""Bucket seen through an S3 client: heads, metadata, put conditions.

The conditions are what puts must match.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from providers.objects.errors import translated
from providers.objects.etag import decoded, encoded
from reconciler.model.errors import ObjectChanged, ObjectExists, ObjectMissing, ProviderError
from reconciler.model.ports import Copy, ObjectFacts, Upload

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef


@dataclass(frozen=True, slots=True)
class BucketClient:
    """One bucket. `name` is for a person."""

    client: "S3Client"
    bucket: str
    name: str

    def head(self, key: str) -> ObjectFacts | None:
        """Return what is stored under `key`, as `ObjectStore.head` says."""
        try:
            with translated(self.name, f"look at {key!r}"):
                return _facts(key, self.client.head_object(Bucket=self.bucket, Key=key))
        except ObjectMissing:
            return None

    def refuse_existing(self, key: str) -> None:
        """Raise `ObjectExists` when anything is under the key."""
        if self.head(key) is not None:
            raise ObjectExists(f"cannot store {key!r} in {self.name}: something is there already")

    def refuse_another(self, key: str, etag: str) -> None:
        """Raise `ObjectChanged` unless the object under the key has that ETag."""
        there = self.head(key)
        if there is None or there.etag != etag:
            raise changed(self.name, key, etag, there)

    def delete(self, key: str) -> None:
        """Remove an object that was just put.

        Removing what is not there is no error.
        """
        try:
            with translated(self.name, f"delete {key!r}"):
                self.client.delete_object(Bucket=self.bucket, Key=key)
        except ObjectMissing:
            return

    def described(self, asked: Upload | Copy) -> dict[str, Any]:
        """Return where an object goes and what is said of it, as boto3 takes it."""
        described: dict[str, Any] = {
            "Bucket": self.bucket,
            "Key": asked.key,
            "ContentType": asked.media_type,
            "Metadata": encoded(asked.metadata),
        }
        if asked.cache_control is not None:
            described["CacheControl"] = asked.cache_control
        return described


def is_of(facts: ObjectFacts, asked: Upload | Copy) -> bool:
    """Return whether an object has the requested size and properties.

    The properties are what the object says about itself.
    """
    return (
        facts.size_bytes == asked.size_bytes
        and (facts.media_type, facts.cache_control) == (asked.media_type, asked.cache_control)
        and facts.metadata == {name.lower(): value for name, value in asked.metadata.items()}
    )


def changed(place: str, key: str, etag: str, there: ObjectFacts | None) -> ObjectChanged:
    """Return the failure of a copy over an object that is not the named one."""
    held = "nothing is there" if there is None else f"holds {there.size_bytes:,} bytes, {there.etag}"
    return ObjectChanged(
        f"cannot replace {key!r} in {place}: it is not the object that was to be replaced",
        hint="Somebody else wrote to the bucket. Plan again.",
        details=(f"was to hold {etag}", held),
    )


def not_a_store(key: str) -> NoReturn:
    """Say that something other than a store answered."""
    raise ProviderError(
        f"what answered for {key!r} is not an object store: it named no ETag",
        code="not-a-store",
        hint="Check the endpoint, and any proxy between here and the store.",
    )


def _facts(key: str, answer: "HeadObjectOutputTypeDef") -> ObjectFacts:
    if "ETag" not in answer:
        not_a_store(key)
    return ObjectFacts(
        key=key,
        size_bytes=answer["ContentLength"],
        etag=answer["ETag"].strip('"'),
        media_type=answer["ContentType"],
        cache_control=answer.get("CacheControl"),
        metadata=decoded(answer["Metadata"]),
    )
