"""Multipart uploads: listed, resumed part by part, completed or aborted."""

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import unquote_plus

from providers.objects.errors import Abandoned
from providers.objects.etag import md5, part_sizes, parts_etag
from reconciler.model.errors import IncompleteListing, ListingRefused, WrongBytes
from reconciler.model.ports import UnfinishedUpload, Upload, ignore_bytes
from reconciler.model.values import nfc

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef


class Window:
    """Part of a seekable body, as the file that an HTTP client sends.

    The client may rewind it. `on_bytes` is told of every byte once, however often the window is
    rewound. An exception of `on_bytes` or of the body, and a body that ends too early, is raised as
    `Abandoned`.
    """

    def __init__(
        self, body: BinaryIO, *, start: int, size_bytes: int, on_bytes: Callable[[int], None] = ignore_bytes
    ) -> None:
        self._body = body
        self._start = start
        self._size = size_bytes
        self._on_bytes = on_bytes
        self._position = 0
        self._reported = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; empty at the window's end."""
        left = self._size - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        try:
            return self._take(wanted) if wanted else b""
        except Exception as reason:
            raise Abandoned(reason) from reason

    def _take(self, wanted: int) -> bytes:
        chunk = self._body.read(wanted)
        if not chunk:
            raise WrongBytes(
                f"the file ended {self._size - self._position:,} bytes early",
                hint="It changed while it was being stored. Lock it again, then plan again.",
            )
        self._position += len(chunk)
        if self._position > self._reported:
            fresh, self._reported = self._position - self._reported, self._position
            self._on_bytes(fresh)
        return chunk

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a place in the window, and the body with it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        self._body.seek(self._start + self._position)
        return self._position

    def tell(self) -> int:
        """Return the place in the window."""
        return self._position


_GONE = "NoSuchUpload"
_AGAIN = "Run the command again; if it happens again, the store is not one that elmify can trust."


@dataclass(frozen=True, slots=True)
class StoredPart:
    """Part of an unfinished upload that the store holds.

    Its ETag, without quotes, is its MD5.
    """

    size_bytes: int
    etag: str


def list_unfinished(client: "S3Client", bucket: str, prefix: str = "") -> Iterator[UnfinishedUpload]:
    """Yield the unfinished uploads under `prefix`, in the store's order.

    The list is complete, or this raises.
    """
    asked = {"Bucket": bucket, "Prefix": prefix, "EncodingType": "url"}
    marks = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}
    for page in _pages(client.list_multipart_uploads, asked, marks):
        plain = _decoder(page)
        for upload in page.get("Uploads", ()):
            yield UnfinishedUpload(
                key=plain(upload["Key"]),
                upload_id=upload["UploadId"],
                begun_at=upload["Initiated"].astimezone(UTC),
            )


def list_parts(client: "S3Client", where: Mapping[str, str]) -> dict[int, StoredPart] | None:
    """Return the parts of an unfinished upload, by number.

    None when the upload no longer exists.
    """
    from botocore.exceptions import ClientError

    found: dict[int, StoredPart] = {}
    try:
        for page in _pages(client.list_parts, where, {"NextPartNumberMarker": "PartNumberMarker"}):
            for part in page.get("Parts", ()):
                found[part["PartNumber"]] = StoredPart(part["Size"], part["ETag"].strip('"'))
    except ClientError as error:
        if is_gone(error):
            return None
        raise
    return found


def abort(client: "S3Client", where: Mapping[str, str]) -> None:
    """Give an upload up. No error when it is no longer there."""
    from botocore.exceptions import ClientError

    try:
        client.abort_multipart_upload(**where)  # type: ignore[arg-type]
    except ClientError as error:
        if not is_gone(error):
            raise


def is_gone(error: Any) -> bool:
    """Return whether an error answer says that the upload does not exist.

    Then it was completed, was aborted or has expired.
    """
    return bool(error.response["Error"].get("Code") == _GONE)


def _pages(
    ask: Callable[..., Any], asked: Mapping[str, Any], marks: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """Yield page after page of a listing.

    `marks` maps the name of each continuation mark in an answer to the name of the parameter of the
    next request.
    """
    asking, seen = dict(asked), set[tuple[Any, ...]]()
    while True:
        page = ask(**asking)
        if "IsTruncated" not in page:
            raise ListingRefused(
                "the unfinished uploads were answered with something else",
                hint="Something other than the object store answered: check the endpoint, and any proxy.",
            )
        yield page
        if not page["IsTruncated"]:
            return
        following = _following(page, marks)
        if not all(following.values()) or tuple(following.values()) in seen:
            raise IncompleteListing("the listing of unfinished uploads never ends", hint=_AGAIN)
        seen.add(tuple(following.values()))
        asking |= following


def _following(page: Mapping[str, Any], marks: Mapping[str, str]) -> dict[str, Any]:
    following = {request: page.get(answer) for answer, request in marks.items()}
    key = following.get("KeyMarker")
    return following | {"KeyMarker": _decoder(page)(key)} if key else following


def _decoder(page: Mapping[str, Any]) -> Callable[[str], str]:
    return unquote_plus if page.get("EncodingType") == "url" else str


_CHUNK_BYTES = 1024**2

#: What a store answers when the parts it holds can never become the object.
_HOPELESS = frozenset(
    {"BadDigest", "InvalidDigest", "InvalidPart", "InvalidPartOrder", "EntityTooSmall", "EntityTooLarge"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A multipart upload that went through.

    `etag` is the one that the parts have; `answered` the one that the store named, None when the upload was
    gone by the time it was to be completed. `continued` says that another put had begun it, and so had said
    what the object's metadata is.
    """

    etag: str
    answered: str | None
    continued: bool


class MultipartPut:
    """Multipart upload of one object, its parts sent one after the other.

    Many files are sent at once, so a single file need not send its parts in parallel. Each part is
    read twice, first for its MD5: so memory use stays the same whatever the size of a part.

    An upload that was already begun for the key is continued, the newest if there are several, if
    every part that the store holds of it is a part of this file. Meanwhile no other process may put
    the key: the lease ensures that.
    """

    def __init__(
        self, client: "S3Client", upload: Upload, part_bytes: int, described: Mapping[str, Any]
    ) -> None:
        self._client = client
        self._upload = upload
        self._start = upload.body.tell()
        self._part_bytes = part_bytes
        self._sizes = part_sizes(upload.size_bytes, part_bytes)
        self._described = described
        self._whole = md5()
        self._digests: list[bytes] = []

    def run(self) -> Sent:
        """Send what the store lacks, and complete the upload.

        Whatever interrupts this leaves the parts where they are, for the next put of the key. The upload is
        aborted only when it can never become the object: when the file is not what was named, or changed
        while it went out (`WrongBytes`), or when the store refuses the parts for good.
        """
        upload_id, held = self._earlier()
        where = self._where(upload_id or self._begin())
        try:
            if not self._fits(held):
                abort(self._client, where)
                upload_id, held = None, {}
                where = self._where(self._begin())
            parts = self._send_all(where, held)
            self._check(self._whole.hexdigest(), self._upload.md5)
            etag = parts_etag(self._digests)
            return Sent(etag=etag, answered=self._complete(where, parts), continued=upload_id is not None)
        except BaseException as error:
            if _is_hopeless(error):
                self._abort(where, error)
            raise

    def _where(self, upload_id: str) -> dict[str, str]:
        return {"Bucket": self._described["Bucket"], "Key": self._upload.key, "UploadId": upload_id}

    def _begin(self) -> str:
        return self._client.create_multipart_upload(**self._described)["UploadId"]

    def _earlier(self) -> tuple[str | None, dict[int, StoredPart]]:
        """Return the newest unfinished upload of the key, and its parts."""
        found = self._unfinished()
        if not found:
            return None, {}
        newest = max(found, key=lambda upload: upload.begun_at)
        held = list_parts(self._client, self._where(newest.upload_id))
        return (None, {}) if held is None else (newest.upload_id, held)

    def _unfinished(self) -> list[UnfinishedUpload]:
        from botocore.exceptions import ClientError

        key, bucket = self._upload.key, self._described["Bucket"]
        try:
            begun = list(list_unfinished(self._client, bucket, key))
        except ClientError as error:
            if error.response["Error"].get("Code") == "NotImplemented":
                return []  # a store that cannot tell: what cannot be continued is begun anew
            raise
        return [upload for upload in begun if nfc(upload.key) == nfc(key)]

    def _fits(self, held: Mapping[int, StoredPart]) -> bool:
        """Return whether every part that the store holds is a part of this file."""
        return all(
            number <= len(self._sizes)
            and part.size_bytes == self._sizes[number - 1]
            and part.etag == self._digest(number).hexdigest()
            for number, part in held.items()
        )

    def _send_all(
        self, where: Mapping[str, str], held: Mapping[int, StoredPart]
    ) -> "list[CompletedPartTypeDef]":
        parts: list[CompletedPartTypeDef] = []
        for number in range(1, len(self._sizes) + 1):
            digest = self._digest(number, self._whole).digest()
            self._digests.append(digest)
            if number in held:
                self._upload.on_bytes(self._sizes[number - 1])
            else:
                self._send(where, number, digest)
            parts.append({"PartNumber": number, "ETag": f'"{digest.hex()}"'})
        return parts

    def _send(self, where: Mapping[str, str], number: int, digest: bytes) -> None:
        window = self._window(number, reported=True)
        answer = self._client.upload_part(
            **where,  # type: ignore[arg-type]
            PartNumber=number,
            Body=cast("BinaryIO", window),
            ContentLength=len(window),
            ContentMD5=base64.b64encode(digest).decode(),
        )
        self._check(answer["ETag"].strip('"'), digest.hex())

    def _digest(self, number: int, whole: Any = None) -> Any:
        """Return the MD5 object of a part of the file.

        `whole` is updated with the same bytes.
        """
        part, window = md5(), self._window(number)
        while chunk := window.read(_CHUNK_BYTES):
            part.update(chunk)
            if whole is not None:
                whole.update(chunk)
        return part

    def _window(self, number: int, *, reported: bool = False) -> Window:
        start = self._start + (number - 1) * self._part_bytes
        size = self._sizes[number - 1]
        self._upload.body.seek(start)
        if reported:
            return Window(self._upload.body, start=start, size_bytes=size, on_bytes=self._upload.on_bytes)
        return Window(self._upload.body, start=start, size_bytes=size)

    def _complete(self, where: Mapping[str, str], parts: "list[CompletedPartTypeDef]") -> str | None:
        from botocore.exceptions import ClientError

        try:
            answer = self._client.complete_multipart_upload(
                **where,  # type: ignore[arg-type]
                MultipartUpload={"Parts": parts},
            )
        except ClientError as error:
            if is_gone(error):
                return None
            raise
        return answer.get("ETag", "")

    def _abort(self, where: Mapping[str, str], because: BaseException) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            abort(self._client, where)
        except (BotoCoreError, ClientError) as error:
            because.add_note(f"the upload {where['UploadId']} could not be aborted: {error}")

    def _check(self, md5_found: str, md5_named: str) -> None:
        if md5_found != md5_named:
            raise WrongBytes(
                f"the parts that went out for {self._upload.key!r} are not the bytes that were named",
                hint="The file changed while it was being stored. Lock it again, then plan again.",
            )


def _is_hopeless(error: BaseException) -> bool:
    from botocore.exceptions import ClientError

    if isinstance(error, Abandoned):
        return isinstance(error.reason, WrongBytes)
    if isinstance(error, ClientError):
        return error.response["Error"].get("Code") in _HOPELESS
    return isinstance(error, WrongBytes)
