"""Bucket on Cloudflare R2, or on another store that speaks S3 as R2 does."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from providers.objects import listing, multipart
from providers.objects.bucket import BucketClient
from providers.objects.client import Connection, connect
from providers.objects.copying import ServerCopy
from providers.objects.deleting import LINK_MAX, Deletes
from providers.objects.errors import translated
from providers.objects.puts import put_parts, put_whole
from providers.objects.streaming import Stream
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ProviderError, Unavailable
from reconciler.model.ports import Capabilities, Copy, ObjectFacts, ObjectStore, UnfinishedUpload, Upload

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_R2_DOMAIN = ".r2.cloudflarestorage.com"


class R2Bucket:
    """An `ObjectStore` on boto3, which retries transient faults with backoff.

    `concurrency` is how many connections are kept open: as many threads can work at once. `on_request`
    hears the operation name of every request sent, retries included. What a put was told of the bytes it
    sent, it checks itself: not every server does. `conditional_copies` says whether the endpoint knows R2's
    conditions on the target of a copy; None leaves that to its domain.
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
        conditional_copies: bool | None = None,
    ) -> None:
        self._endpoint = endpoint
        is_r2 = (urlsplit(endpoint).hostname or "").endswith(_R2_DOMAIN)
        self._conditional_copies = is_r2 if conditional_copies is None else conditional_copies
        self._bucket = bucket
        self._attempts = attempts
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
        self._place = BucketClient(self._client, bucket, str(self))
        self._deletes = Deletes(self._place)

    def __str__(self) -> str:
        return f"bucket {self._bucket} at {self._endpoint}"

    def close(self) -> None:
        """Close every connection.

        A thread that is still working gets `Unavailable` at its next request.
        """
        self._client.meta.events.register_first("before-send.s3", _refuse_closed)
        self._client.close()

    @property
    def capabilities(self) -> Capabilities:
        """The abilities of R2, or of another store with its API.

        Of the conditions on a copy's target only R2 is known (its headers `cf-copy-destination-if-…`).
        """
        return Capabilities(
            conditional_copy=self._conditional_copies,
            lists_unfinished=True,
            folds_nfc=False,
            own_clock=True,
        )

    def now(self) -> datetime:
        """Return the store's clock, as the Date header of an answer tells it."""
        with translated(str(self), "ask for the bucket"):
            answer = self._client.list_objects_v2(Bucket=self._bucket, MaxKeys=1)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return parsedate_to_datetime(date).astimezone(UTC) if date is not None else datetime.now(UTC)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object under `prefix`, as `ObjectStore.list` says."""
        with translated(str(self), "list the objects"):
            for page in listing.list_pages(self._client, self._bucket, prefix):
                yield from page

    def head(self, key: str) -> ObjectFacts | None:
        """Return what is stored under `key`, as `ObjectStore.head` says."""
        return self._place.head(key)

    def read(self, key: str) -> bytes:
        """Return a small object's bytes, as `ObjectStore.read` says."""
        with self.stream(key) as blocks:
            return b"".join(blocks)

    @contextmanager
    def stream(self, key: str) -> Iterator[Iterator[bytes]]:
        """Open an object of any size, as `ObjectStore.stream` says.

        One request, unless the connection breaks.
        """
        with translated(str(self), f"read {key!r}"):
            stream = Stream(self._client, self._bucket, key, self._attempts)
        with closing(stream):
            yield self._translated(stream.blocks(), key)

    def _translated(self, blocks: Iterator[bytes], key: str) -> Iterator[bytes]:
        with translated(str(self), f"read {key!r}"):
            yield from blocks

    def put(self, upload: Upload) -> StoredObject:
        """Store an object where there is none, as `ObjectStore.put` says."""
        with translated(str(self), f"store {upload.key!r}"):
            if upload.part_bytes is None:
                etag = put_whole(self._place, upload)
            else:
                etag = put_parts(self._place, upload, upload.part_bytes)
        return StoredObject(upload.key, upload.size_bytes, etag)

    def copy(self, copy: Copy, source: ObjectStore | None = None) -> StoredObject:
        """Copy an object inside the store, as `ObjectStore.copy` says.

        Takes three head requests in addition to the copy. `source` is a bucket at the same endpoint,
        which this bucket's access key may read.
        """
        origin = self._place if source is None else self._sibling(source)
        with translated(str(self), f"copy {copy.source!r} to {copy.key!r}"):
            return ServerCopy(self._place, origin, copy).run()

    def _sibling(self, source: ObjectStore) -> BucketClient:
        if not isinstance(source, R2Bucket) or source._endpoint != self._endpoint:  # noqa: SLF001 - its own kind
            raise ProviderError(
                f"{self} cannot copy from {source}: a store copies only between buckets of its own",
                code="foreign-store",
                hint="Give both environments the same endpoint.",
            )
        return source._place  # noqa: SLF001 - its own kind

    def dated(self, prefix: str = "") -> Iterator[tuple[StoredObject, datetime]]:
        """Yield what `list` yields with its last modification, at the same cost."""
        with translated(str(self), "list the objects"):
            yield from listing.list_dated(self._client, self._bucket, prefix)

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        """Yield every unfinished upload, as `ObjectStore.unfinished` says."""
        with translated(str(self), "list the unfinished uploads"):
            found = list(multipart.list_unfinished(self._client, self._bucket))
        yield from sorted(found, key=lambda upload: (upload.key, upload.begun_at, upload.upload_id))

    def abort(self, upload: UnfinishedUpload) -> None:
        """Give up an unfinished upload. No error when it is no longer there."""
        where = {"Bucket": self._bucket, "Key": upload.key, "UploadId": upload.upload_id}
        with translated(str(self), f"abort the upload of {upload.key!r}"):
            multipart.abort(self._client, where)

    def presign(self, key: str, lasts: timedelta) -> str | None:
        """Return a link that lets anybody get the object.

        See `ObjectStore.presign`.
        """
        if not timedelta(0) < lasts <= LINK_MAX:
            raise ProviderError(
                f"a link cannot last {lasts}",
                code="link-lifetime",
                hint=f"Ask for more than nothing and at most {LINK_MAX}.",
            )
        return self._client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key},
            ExpiresIn=int(lasts.total_seconds()),
        )

    def delete(self, key: str, *, within: timedelta | None = None) -> None:
        """Remove an object, as `ObjectStore.delete` says. One request."""
        self._deletes.delete(key, within)


def _refuse_closed(**_: object) -> None:
    """Refuse a request after the close, also a request that is retried.

    Such a request would open a connection that nothing closes.
    """
    raise Unavailable("the bucket was closed")


_TIMEOUT_SECONDS = 10
_OK = 200


def is_public(base_url: str, key: str) -> bool | None:
    """Return whether anybody can get the object from the public URL.

    None when the domain does not answer.
    """
    request = urllib.request.Request(f"{base_url}/{quote(key)}", method="GET")  # noqa: S310 - https, by settings
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return bool(answer.status == _OK)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except (OSError, ValueError):
        return None
