"""A multipart upload: equal parts, each with its MD5, completed whole or aborted."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from providers.objects.body import Window
from providers.objects.etag import md5, part_sizes, parts_etag
from reconciler.model.errors import WrongBytes
from reconciler.model.ports import Upload

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

_CHUNK_BYTES = 1024**2


class MultipartPut:
    """Sends one upload in parts, one after the other: many files go up at once, so one alone need not.

    Each part is read twice, first for its MD5: so the memory stays the same whatever a part's size.
    """

    def __init__(
        self, client: "S3Client", upload: Upload, part_bytes: int, described: Mapping[str, Any]
    ) -> None:
        self._client = client
        self._upload = upload
        self._sizes = part_sizes(upload.size_bytes, part_bytes)
        self._described = described
        self._whole = md5()
        self._digests: list[bytes] = []

    def run(self) -> tuple[str, str | None]:
        """Return the ETag that the parts have, and the one the store answered: None when its answer was lost.

        Whatever is raised, the upload has been aborted, or a note on the exception says that it was not.
        """
        started = self._client.create_multipart_upload(**self._described)
        where = {
            "Bucket": self._described["Bucket"],
            "Key": self._upload.key,
            "UploadId": started["UploadId"],
        }
        try:
            parts = self._send_all(where)
            self._check(self._whole.hexdigest(), self._upload.md5)
            return parts_etag(self._digests), self._complete(where, parts)
        except BaseException as error:
            self._abort(where, error)
            raise

    def _send_all(self, where: Mapping[str, str]) -> "list[CompletedPartTypeDef]":
        start = self._upload.body.tell()
        parts: list[CompletedPartTypeDef] = []
        for number, size in enumerate(self._sizes, start=1):
            etag = self._send(where, number, start, size)
            parts.append({"PartNumber": number, "ETag": etag})
            start += size
        return parts

    def _send(self, where: Mapping[str, str], number: int, start: int, size: int) -> str:
        digest = self._digest(start, size)
        self._upload.body.seek(start)
        window = Window(self._upload.body, start=start, size_bytes=size, on_bytes=self._upload.on_bytes)
        answer = self._client.upload_part(
            **where,  # type: ignore[arg-type]
            PartNumber=number,
            Body=cast("BinaryIO", window),
            ContentLength=size,
            ContentMD5=base64.b64encode(digest).decode(),
        )
        self._check(answer["ETag"].strip('"'), digest.hex())
        return answer["ETag"]

    def _digest(self, start: int, size: int) -> bytes:
        part = md5()
        window = Window(self._upload.body, start=start, size_bytes=size)
        while chunk := window.read(_CHUNK_BYTES):
            part.update(chunk)
            self._whole.update(chunk)
        self._digests.append(part.digest())
        return part.digest()

    def _complete(self, where: Mapping[str, str], parts: "list[CompletedPartTypeDef]") -> str | None:
        from botocore.exceptions import ClientError

        try:
            answer = self._client.complete_multipart_upload(
                **where,  # type: ignore[arg-type]
                MultipartUpload={"Parts": parts},
            )
        except ClientError as error:
            retried = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
            if retried and error.response["Error"].get("Code") == "NoSuchUpload":
                return None
            raise
        return answer.get("ETag", "")

    def _abort(self, where: Mapping[str, str], because: BaseException) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.abort_multipart_upload(**where)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            because.add_note(f"the upload {where['UploadId']} could not be aborted: {error}")

    def _check(self, md5_found: str, md5_named: str) -> None:
        if md5_found != md5_named:
            raise WrongBytes(
                f"the parts that went out for {self._upload.key!r} are not the bytes that were named",
                hint="The file changed while it was being stored. Lock it again, then plan again.",
            )
