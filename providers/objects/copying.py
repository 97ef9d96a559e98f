"""Copies that the store makes itself."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from providers.objects.bucket import BucketClient, changed, is_of
from providers.objects.errors import status_of
from providers.objects.etag import part_sizes, parts_etag
from providers.objects.multipart import abort
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, ObjectMissing, WrongBytes
from reconciler.model.ports import Copy, ObjectFacts

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

_WHOLE_MAX_BYTES = 5 * 1024**3  # of one CopyObject
_PART_BYTES = 1024**3  # above that, where nobody asks for a size: 5 TiB in 5,120 parts
_COPY_OBJECT = "s3.CopyObject"
_IF_MATCH, _IF_NONE_MATCH = "cf-copy-destination-if-match", "cf-copy-destination-if-none-match"
_REPLACES = "Replaces"  # a parameter of ours, which boto3 does not know
_PRECONDITION_FAILED = 412
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


def install(client: "S3Client") -> None:
    """Make the client's copies conditional on R2.

    R2 has no other way to express that condition. `copy_object` takes one parameter more: the ETag that
    the copy replaces.
    """

    def take_condition(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context[_REPLACES] = params.pop(_REPLACES, None)

    def add_condition(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        replaces = context[_REPLACES]
        name, value = (_IF_NONE_MATCH, "*") if replaces is None else (_IF_MATCH, f'"{replaces}"')
        params["headers"][name] = value

    client.meta.events.register(f"before-parameter-build.{_COPY_OBJECT}", take_condition)
    client.meta.events.register(f"before-call.{_COPY_OBJECT}", add_condition)


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
        #: The ETag that the copy will show; None when only the store knows.
        self._expected: str | None = None

    def run(self) -> StoredObject:
        """Make the copy and look at it, as `ObjectStore.copy` says."""
        from botocore.exceptions import ClientError

        etag = self._source_etag()
        self._refuse_another()
        origin = {
            "CopySource": {"Bucket": self._source.bucket, "Key": self._copy.source},
            "CopySourceIfMatch": f'"{etag}"',
        }
        try:
            self._make(origin, etag)
        except ClientError as error:
            self._forgive(error)
        return self._checked()

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

    def _refuse_another_source(self, etag: str) -> None:
        """Look at the source again.

        Not every store knows that condition on a part.
        """
        if self._source_etag() != etag:
            raise self._source_replaced()

    def _refuse_another(self) -> None:
        """Look under the key right before it is written to."""
        if self._copy.replaces is None:
            self._place.refuse_existing(self._copy.key)
        else:
            self._place.refuse_another(self._copy.key, self._copy.replaces)

    def _forgive(self, error: "ClientError") -> None:
        """Accept the error if a retried copy met its own first success.

        Then the answer to that success was lost, and this returns; any other error is raised.
        """
        copy, there = self._copy, self._place.head(self._copy.key)
        retried = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
        if there is not None and retried and self._is_copy(there):
            return
        untouched = copy.replaces == (there.etag if there is not None else None)
        refused = status_of(error) == _PRECONDITION_FAILED
        if untouched and refused:
            raise self._source_replaced() from error
        if there is not None and copy.replaces is None:
            raise ObjectExists(
                f"cannot copy to {copy.key!r} in {self._place.name}: something is there already"
            ) from error
        if refused and copy.replaces is not None:
            raise changed(self._place.name, copy.key, copy.replaces, there) from error
        raise error

    def _source_replaced(self) -> WrongBytes:
        return WrongBytes(
            f"{self._copy.source!r} was replaced while it was copied",
            code="source-replaced",
            hint="Plan again.",
        )

    def _is_copy(self, there: ObjectFacts) -> bool:
        """Return whether an object is this copy, by all that is known of it."""
        expected = self._expected
        comparable = expected is not None and ("-" in expected) == ("-" in there.etag)
        return is_of(there, self._copy) and not (comparable and there.etag != expected)

    def _checked(self) -> StoredObject:
        copy, there = self._copy, self._place.head(self._copy.key)
        if there is not None and self._is_copy(there):
            return StoredObject(copy.key, there.size_bytes, there.etag)
        stays = "it was deleted again"
        if copy.replaces is None:
            self._place.delete(copy.key)  # ours alone: it was put where there was nothing
        else:
            stays = "it was left as it is"  # it may be somebody else's, and listeners may hear it
        raise WrongBytes(
            f"{self._place.name} holds something else under {copy.key!r} than was copied; {stays}",
            hint="Run the command again; if it happens again, the store is not one to trust.",
        )

    def _make(self, origin: Mapping[str, Any], etag: str) -> None:
        """Make the copy.

        Copied parts cost nothing to make again: whatever is raised, their upload has been aborted.
        """
        part_bytes = self._copy.part_bytes
        if part_bytes is None and self._copy.size_bytes > _WHOLE_MAX_BYTES:
            part_bytes = _PART_BYTES
        if part_bytes is not None:
            self._in_parts(origin, etag, part_bytes)
            return
        self._expected = None if "-" in etag else etag
        condition: dict[str, Any] = {_REPLACES: self._copy.replaces}
        self._client.copy_object(**self._described, **origin, **condition, MetadataDirective="REPLACE")

    def _in_parts(self, origin: Mapping[str, Any], etag: str, part_bytes: int) -> None:
        started = self._client.create_multipart_upload(**self._described)
        where: dict[str, Any] = {
            "Bucket": self._place.bucket,
            "Key": self._copy.key,
            "UploadId": started["UploadId"],
        }
        try:
            parts = self._copy_parts(where, origin, part_bytes)
            self._expected = _etag_of(parts)
            self._refuse_another_source(etag)
            self._refuse_another()
            self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except BaseException as error:
            self._abort(where, error)
            raise

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
