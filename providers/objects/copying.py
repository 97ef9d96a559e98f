"""Copies that the store makes itself."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from providers.objects.bucket import BucketClient, is_of
from providers.objects.errors import status_of
from providers.objects.etag import part_sizes, parts_etag
from providers.objects.multipart import abort
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, WrongBytes
from reconciler.model.ports import Copy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

_WHOLE_MAX_BYTES = 5 * 1024**3  # of one CopyObject
_PART_BYTES = 1024**3  # above that, where nobody asks for a size: 5 TiB in 5,120 parts
_EVENT = "before-call.s3.CopyObject"
_PRECONDITION_FAILED = 412
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


def install(client: "S3Client") -> None:
    """Make the client's copies conditional on R2.

    R2 has no other way to express that condition.
    """

    def add_condition(params: dict[str, Any], **_: object) -> None:
        params["headers"]["cf-copy-destination-if-none-match"] = "*"

    client.meta.events.register(_EVENT, add_condition)


class ServerCopy:
    """Server-side copy between two buckets of one store.

    The source's ETag is a condition of every request, so all that is copied belongs to one content.
    Errors of boto3 are not translated here.
    """

    def __init__(self, place: BucketClient, source: BucketClient, copy: Copy) -> None:
        self._place = place
        self._source = source
        self._copy = copy
        self._client = place.client
        self._described = place.described(copy)

    def run(self) -> StoredObject:
        """Make the copy and look at it, as `ObjectStore.copy` says."""
        from botocore.exceptions import ClientError

        self._place.refuse_existing(self._copy.key)
        etag = self._source_etag()
        origin = {
            "CopySource": {"Bucket": self._source.bucket, "Key": self._copy.source},
            "CopySourceIfMatch": f'"{etag}"',
        }
        try:
            made = self._make(origin) or etag
        except ClientError as error:
            self._forgive(error)
            made = etag
        return self._checked(made)

    def _source_etag(self) -> str:
        there = self._source.head(self._copy.source)
        if there is None:
            raise ObjectMissing(f"there is no {self._copy.source!r} in {self._source.name}")
        if there.size_bytes != self._copy.size_bytes or self._copy.etag not in {None, there.etag}:
            raise WrongBytes(
                f"{self._copy.source!r} in {self._source.name} is not what was to be copied",
                hint="It was replaced meanwhile. Plan again.",
                details=(f"holds {there.size_bytes:,} bytes, {there.etag}",),
            )
        return there.etag

    def _forgive(self, error: Any) -> None:
        """Accept the error if a retried copy met its own first success.

        Then the answer to that success was lost, and this returns; any other error is raised.
        """
        there = self._place.head(self._copy.key)
        if there is None and status_of(error) == _PRECONDITION_FAILED:
            raise WrongBytes(
                f"{self._copy.source!r} was replaced while it was copied",
                code="source-replaced",
                hint="Plan again.",
            ) from error
        retried = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
        if there is not None and not (retried and is_of(there, self._copy)):
            raise ObjectExists(
                f"cannot copy to {self._copy.key!r} in {self._place.name}: something is there already"
            ) from error
        if there is None:
            raise error

    def _checked(self, etag: str) -> StoredObject:
        copy, there = self._copy, self._place.head(self._copy.key)
        comparable = there is not None and ("-" in etag) == ("-" in there.etag)
        if there is None or not is_of(there, copy) or (comparable and there.etag != etag):
            self._place.delete(copy.key)  # ours alone: it was put where there was nothing
            raise WrongBytes(
                f"{self._place.name} holds something else under {copy.key!r} than was copied, and it was "
                "deleted again",
                hint="Run the command again; if it happens again, the store is not one to trust.",
            )
        return StoredObject(copy.key, there.size_bytes, there.etag)

    def _make(self, origin: Mapping[str, Any]) -> str | None:
        """Make the copy, and return the ETag of its parts.

        None where the copy is in one piece, or the ETag is unknown. Copied parts cost nothing to make
        again: whatever is raised, their upload has been aborted.
        """
        part_bytes = self._copy.part_bytes
        if part_bytes is None and self._copy.size_bytes > _WHOLE_MAX_BYTES:
            part_bytes = _PART_BYTES
        if part_bytes is not None:
            return self._in_parts(origin, part_bytes)
        self._client.copy_object(**self._described, **origin, MetadataDirective="REPLACE")
        return None

    def _in_parts(self, origin: Mapping[str, Any], part_bytes: int) -> str | None:
        started = self._client.create_multipart_upload(**self._described)
        where: dict[str, Any] = {
            "Bucket": self._place.bucket,
            "Key": self._copy.key,
            "UploadId": started["UploadId"],
        }
        try:
            parts = self._copy_parts(where, origin, part_bytes)
            self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except BaseException as error:
            self._abort(where, error)
            raise
        return _etag_of(parts)

    def _copy_parts(
        self, where: Mapping[str, str], origin: Mapping[str, Any], part_bytes: int
    ) -> "list[CompletedPartTypeDef]":
        parts: list[CompletedPartTypeDef] = []
        start = 0
        for number, size in enumerate(part_sizes(self._copy.size_bytes, part_bytes), start=1):
            place = {**where, "PartNumber": number}
            etag = self._copy_part(place, origin, start, size) if size else self._empty_part(place)
            parts.append({"PartNumber": number, "ETag": etag})
            start += size
        return parts

    def _copy_part(self, place: Mapping[str, Any], origin: Mapping[str, Any], start: int, size: int) -> str:
        answer = self._client.upload_part_copy(
            **place, **origin, CopySourceRange=f"bytes={start}-{start + size - 1}"
        )
        return answer["CopyPartResult"]["ETag"]

    def _empty_part(self, place: Mapping[str, Any]) -> str:
        return self._client.upload_part(**place, Body=b"")["ETag"]  # no range names nothing

    def _abort(self, where: Mapping[str, str], because: BaseException) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            abort(self._client, where)
        except (BotoCoreError, ClientError) as error:
            because.add_note(f"the upload {where['UploadId']} could not be aborted: {error}")


def _etag_of(parts: "Sequence[CompletedPartTypeDef]") -> str | None:
    """Return the ETag that parts make; None where the store's are no MD5s."""
    found = [_MD5.fullmatch(part["ETag"]) for part in parts]
    digests = [bytes.fromhex(match[1]) for match in found if match]
    return parts_etag(digests) if len(digests) == len(parts) else None
