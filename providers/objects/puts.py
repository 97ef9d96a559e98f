"""Puts of whole objects and of parts, and what the store's answers mean."""

import base64
from typing import Any, BinaryIO, cast

from providers.objects.bucket import BucketClient, is_of, not_a_store
from providers.objects.errors import status_of
from providers.objects.multipart import MultipartPut, Window
from reconciler.model.errors import Unavailable, WrongBytes
from reconciler.model.ports import Upload

_PRECONDITION_FAILED = 412


def put_whole(place: BucketClient, upload: Upload) -> str:
    """Store an object in one request, and return its ETag."""
    from botocore.exceptions import ClientError

    window = Window(
        upload.body, start=upload.body.tell(), size_bytes=upload.size_bytes, on_bytes=upload.on_bytes
    )
    try:
        answer = place.client.put_object(
            Body=cast("BinaryIO", window),
            ContentLength=upload.size_bytes,
            ContentMD5=base64.b64encode(bytes.fromhex(upload.md5)).decode(),
            IfNoneMatch="*",
            **place.described(upload),
        )
    except ClientError as error:
        if _may_be_our_own(error) and _holds(place, upload, upload.md5):
            return upload.md5
        raise
    _verify(place, upload, upload.md5, answer.get("ETag"))
    return upload.md5


def put_parts(place: BucketClient, upload: Upload, part_bytes: int) -> str:
    """Store an object in parts, and return its ETag.

    Continues an unfinished upload of the key if there is one.
    """
    place.refuse_existing(upload.key)
    start = upload.body.tell()
    sent = MultipartPut(place.client, upload, part_bytes, place.described(upload)).run()
    if sent.answered is None:
        if _holds(place, upload, sent.etag):
            return sent.etag  # the answer that completed it was lost
        raise Unavailable(
            f"cannot store {upload.key!r} in {place.name}: its upload was ended by somebody else",
            code="upload-ended",
            hint="Run the command again: it begins anew.",
        )
    _verify(place, upload, sent.etag, sent.answered)
    if not sent.continued or _holds(place, upload, sent.etag):
        return sent.etag
    # Whoever began it said other things of the object, which nobody can change once it is there.
    place.delete(upload.key)
    upload.on_bytes(-upload.size_bytes)
    upload.body.seek(start)
    return put_parts(place, upload, part_bytes)


def _may_be_our_own(error: Any) -> bool:
    """Return whether a retried put may have met its own first success."""
    return (
        status_of(error) == _PRECONDITION_FAILED
        and error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
    )


def _holds(place: BucketClient, upload: Upload, etag: str) -> bool:
    """Return whether the store holds exactly the object of this upload.

    Its metadata is compared too.
    """
    there = place.head(upload.key)
    return there is not None and there.etag == etag and is_of(there, upload)


def _verify(place: BucketClient, upload: Upload, etag: str, answered: str | None) -> None:
    if not answered:
        not_a_store(upload.key)
    if answered.strip('"') != etag:
        place.delete(upload.key)  # ours alone: it was put where there was nothing
        raise WrongBytes(
            f"{place.name} holds other bytes than were sent for {upload.key!r}, and they were deleted again",
            hint="The file may have changed while it was being stored. Lock it again, then plan again.",
            details=(f"sent {etag}", f"answered {answered}"),
        )
