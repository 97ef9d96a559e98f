"""Multipart uploads that were begun and not completed, and their parts, as an S3 store tells of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from reconciler.model.errors import IncompleteListing, ListingRefused
from reconciler.model.ports import UnfinishedUpload

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_GONE = "NoSuchUpload"
_AGAIN = "Run the command again; if it happens again, the store is not one that elmify can trust."


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the store holds of an unfinished upload; its ETag, without quotes, is its MD5."""

    size_bytes: int
    etag: str


def list_unfinished(client: "S3Client", bucket: str, prefix: str = "") -> Iterator[UnfinishedUpload]:
    """Yield the unfinished uploads under `prefix`, in the store's order. Complete, or raises."""
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


def list_parts(client: "S3Client", where: Mapping[str, str]) -> dict[int, Part] | None:
    """Return the parts of an unfinished upload by number; None when there is no such upload any more."""
    from botocore.exceptions import ClientError

    found: dict[int, Part] = {}
    try:
        for page in _pages(client.list_parts, where, {"NextPartNumberMarker": "PartNumberMarker"}):
            for part in page.get("Parts", ()):
                found[part["PartNumber"]] = Part(part["Size"], part["ETag"].strip('"'))
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
    """Whether an error answer says that there is no such upload: completed, aborted or expired."""
    return bool(error.response["Error"].get("Code") == _GONE)


def _pages(
    ask: Callable[..., Any], asked: Mapping[str, Any], marks: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """Yield page after page. `marks` names, for each mark of an answer, how the next request says it."""
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
