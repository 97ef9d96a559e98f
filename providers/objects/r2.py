"""A bucket on Cloudflare R2, or on anything else that speaks S3 as R2 does."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from providers.objects import listing
from providers.objects.body import Window
from providers.objects.client import Connection, connect
from providers.objects.faults import status_of, translated
from providers.objects.metadata import decoded, encoded
from providers.objects.multipart import MultipartPut
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, ProviderError, WrongBytes
from reconciler.model.ports import ObjectFacts, Upload

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

_PRECONDITION_FAILED = 412


class R2Bucket:
    """An `ObjectStore` on boto3, which retries transient faults with backoff.

    `concurrency` is how many connections are kept open: as many threads can work at once. `on_request`
    hears the operation name of every request sent, retries included. What a put was told of the bytes it
    sent, it checks itself: not every server does.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        bucket: str,
        access_key: str,
        secret_key: str,
        region: str = "auto",
        concurrency: int = 8,
        attempts: int = 5,
        idle: timedelta = timedelta(seconds=60),
        on_request: Callable[[str], None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._bucket = bucket
        connection = Connection(
            endpoint=endpoint,
            access_key=access_key,
            secret_key=secret_key,
            region=region,
            concurrency=concurrency,
            attempts=attempts,
            idle=idle,
        )
        self._client: S3Client = connect(connection, on_request)

    def __str__(self) -> str:
        return f"bucket {self._bucket} at {self._endpoint}"

    def close(self) -> None:
        """Give back every connection."""
        self._client.close()

    def now(self) -> datetime | None:
        """Return the store's clock, as the Date header of an answer tells it."""
        with translated(str(self), "ask for the bucket"):
            answer = self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=1)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return parsedate_to_datetime(date).astimezone(UTC) if date is not None else None

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object under `prefix`, as `ObjectStore.list` says."""
        with translated(str(self), "list the objects"):
            for page in listing.list_pages(self._client, self._bucket, prefix):
                yield from page

    def head(self, key: str) -> ObjectFacts | None:
        """Return what is stored under `key`, as `ObjectStore.head` says."""
        try:
            with translated(str(self), f"look at {key!r}"):
                return _facts(key, self._client.head_object(Bucket=self._bucket, Key=key))
        except ObjectMissing:
            return None

    def read(self, key: str) -> bytes:
        """Return a small object's bytes, as `ObjectStore.read` says."""
        with translated(str(self), f"read {key!r}"):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with answer["Body"] as body:
                return body.read()

    def put(self, upload: Upload) -> StoredObject:
        """Store an object where there is none, as `ObjectStore.put` says."""
        with translated(str(self), f"store {upload.key!r}"):
            if upload.part_bytes is None:
                etag = self._put_whole(upload)
            else:
                etag = self._put_parts(upload, upload.part_bytes)
        return StoredObject(upload.key, upload.size_bytes, etag)

    def delete(self, key: str) -> None:
        """Remove an object. Removing what is not there is no error."""
        try:
            with translated(str(self), f"delete {key!r}"):
                self._client.delete_object(Bucket=self._bucket, Key=key)
        except ObjectMissing:
            return

    def _put_whole(self, upload: Upload) -> str:
        from botocore.exceptions import ClientError

        window = Window(
            upload.body, start=upload.body.tell(), size_bytes=upload.size_bytes, on_bytes=upload.on_bytes
        )
        try:
            answer = self._client.put_object(
                Body=cast("BinaryIO", window),
                ContentLength=upload.size_bytes,
                ContentMD5=base64.b64encode(bytes.fromhex(upload.md5)).decode(),
                IfNoneMatch="*",
                **self._described(upload),
            )
        except ClientError as error:
            if _may_be_our_own(error) and self._holds(upload, upload.md5):
                return upload.md5
            raise
        self._verify(upload, upload.md5, answer.get("ETag"))
        return upload.md5

    def _put_parts(self, upload: Upload, part_bytes: int) -> str:
        if self.head(upload.key) is not None:
            raise ObjectExists(f"cannot store {upload.key!r} in {self}: something is there already")
        multipart = MultipartPut(self._client, upload, part_bytes, self._described(upload))
        etag, answered = multipart.run()
        if answered is None and self._holds(upload, etag):
            return etag  # the answer that completed it was lost
        self._verify(upload, etag, answered)
        return etag

    def _described(self, upload: Upload) -> dict[str, Any]:
        described: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": upload.key,
            "ContentType": upload.media_type,
            "Metadata": encoded(upload.metadata),
        }
        if upload.cache_control is not None:
            described["CacheControl"] = upload.cache_control
        return described

    def _holds(self, upload: Upload, etag: str) -> bool:
        """Whether the store holds the very object of this upload, metadata included."""
        there = self.head(upload.key)
        return (
            there is not None
            and (there.size_bytes, there.etag) == (upload.size_bytes, etag)
            and there.metadata == {name.lower(): value for name, value in upload.metadata.items()}
        )

    def _verify(self, upload: Upload, etag: str, answered: str | None) -> None:
        if answered is None:
            _not_a_store(upload.key)
        if answered.strip('"') != etag:
            self.delete(upload.key)  # ours alone: it was put where there was nothing
            raise WrongBytes(
                f"{self} holds other bytes than were sent for {upload.key!r}, and they were deleted again",
                hint="The file may have changed while it was being stored. Lock it again, then plan again.",
                details=(f"sent {etag}", f"answered {answered}"),
            )


def _may_be_our_own(error: Any) -> bool:
    """Whether a put that was tried again may have met its own first success."""
    return (
        status_of(error) == _PRECONDITION_FAILED
        and error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
    )


def _not_a_store(key: str) -> NoReturn:
    raise ProviderError(
        f"what answered for {key!r} is not an object store: it named no ETag",
        hint="Check the endpoint, and any proxy between here and the store.",
    )


def _facts(key: str, answer: "HeadObjectOutputTypeDef") -> ObjectFacts:
    if "ETag" not in answer:
        _not_a_store(key)
    return ObjectFacts(
        key=key,
        size_bytes=answer["ContentLength"],
        etag=answer["ETag"].strip('"'),
        media_type=answer["ContentType"],
        cache_control=answer.get("CacheControl"),
        metadata=decoded(answer["Metadata"]),
    )
