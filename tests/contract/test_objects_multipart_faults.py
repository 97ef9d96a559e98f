"""Multipart uploads at stores that misbehave: a server in the test says each answer."""

from urllib.parse import parse_qs

import pytest

from reconciler.model.errors import IncompleteListing, ListingRefused, ProviderError, Unavailable, WrongBytes
from tests.answers import DATA, FACTS, Script, error, in_turn, served
from tests.failures import failing
from tests.servers import Answer, Request
from tests.uploads import md5_of, upload


def begun(*ids: str, next_marks: str = "", truncated: bool = False) -> Answer:
    """Return a page of unfinished uploads of the key `a`."""
    uploads = "".join(
        f"<Upload><Key>a</Key><UploadId>{upload_id}</UploadId><Initiated>2026-01-02T03:04:05Z</Initiated></Upload>"
        for upload_id in ids
    )
    root = "ListMultipartUploadsResult"
    goes_on = f"<IsTruncated>{str(truncated).lower()}</IsTruncated>{next_marks}"
    return Answer(body=f"<{root}>{goes_on}{uploads}</{root}>".encode())


def marks(key: str, upload_id: str) -> str:
    """Return where the next page of unfinished uploads begins."""
    return f"<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{upload_id}</NextUploadIdMarker>"


def multipart(complete: Script, then_head: Answer) -> Script:
    """Return a store's side of a multipart upload under a key that is free before it."""
    heads = [Answer(404)]

    def script(request: Request) -> Answer | None:
        match request.method, parse_qs(request.query, keep_blank_values=True):
            case "HEAD", _:
                return heads.pop() if heads else then_head
            case "GET", {"uploads": _}:
                return begun()
            case "POST", {"uploads": _}:
                started = (
                    b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
                )
                return Answer(body=started)
            case "PUT", _:
                return Answer(headers={"ETag": f'"{md5_of(request.body)}"'})
            case "POST", _:
                return complete(request)
        return Answer(204)

    return script


def completed(etag: str) -> Answer:
    """Return the answer that completes a multipart upload."""
    body = f"<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>"
    return Answer(body=body.encode())


ONE_PART_ETAG = md5_of(bytes.fromhex(md5_of(DATA))) + "-1"


def test_parts_whose_last_answer_was_lost_are_found_to_be_complete() -> None:
    lost_then_gone = in_turn(None, error(404, "NoSuchUpload"))
    head = Answer(headers={**FACTS, "ETag": f'"{ONE_PART_ETAG}"'})

    with served(multipart(lost_then_gone, head)) as (store, requests):
        assert store.put(upload("a", DATA, part_bytes=8)).etag == ONE_PART_ETAG

    assert requests[-3:] == ["CompleteMultipartUpload", "CompleteMultipartUpload", "HeadObject"]


def test_parts_that_vanished_are_not_taken_for_complete() -> None:
    lost_then_gone = in_turn(None, error(404, "NoSuchUpload"))

    with (
        served(multipart(lost_then_gone, Answer(404))) as (store, _),
        pytest.raises(ProviderError),
    ):
        store.put(upload("a", DATA, part_bytes=8))


def test_parts_with_another_etag_are_wrong_bytes_and_deleted() -> None:
    with (
        served(multipart(in_turn(completed("other-1")), Answer(404))) as (store, requests),
        pytest.raises(WrongBytes),
    ):
        store.put(upload("a", DATA, part_bytes=8))

    assert requests[-1] == "DeleteObject"


def test_parts_that_cannot_be_completed_are_aborted() -> None:
    with (
        served(multipart(in_turn(error(400, "InvalidPart")), Answer(404))) as (store, requests),
        pytest.raises(ProviderError),
    ):
        store.put(upload("a", DATA, part_bytes=8))

    assert requests[-1] == "AbortMultipartUpload"


def test_a_store_that_cannot_tell_what_was_begun_is_put_to_all_the_same() -> None:
    answers = multipart(in_turn(completed(ONE_PART_ETAG)), Answer(404))

    def script(request: Request) -> Answer | None:
        listing = request.method == "GET"
        return error(501, "NotImplemented") if listing else answers(request)

    with served(script) as (store, _):
        assert store.put(upload("a", DATA, part_bytes=8)).etag == ONE_PART_ETAG


def test_an_upload_that_somebody_ended_asks_to_run_again() -> None:
    answers = multipart(in_turn(error(404, "NoSuchUpload")), Answer(404))

    with served(answers) as (store, _), failing(Unavailable, "upload-ended", "a"):
        store.put(upload("a", DATA, part_bytes=8))


def test_unfinished_uploads_are_listed_to_the_last_page() -> None:
    asked: list[dict[str, list[str]]] = []
    pages = [begun("1", next_marks=marks("a", "1"), truncated=True), begun("2")]

    def script(request: Request) -> Answer:
        asked.append(parse_qs(request.query))
        return pages[len(asked) - 1]

    with served(script) as (store, _):
        assert [upload.upload_id for upload in store.unfinished()] == ["1", "2"]

    assert (asked[1]["key-marker"], asked[1]["upload-id-marker"]) == (["a"], ["1"])


@pytest.mark.parametrize(
    "pages",
    [
        [begun("1", truncated=True)],
        [begun("1", next_marks=marks("a", "1"), truncated=True)],
        [begun("1", next_marks="<NextKeyMarker>a</NextKeyMarker>", truncated=True)],
    ],
)
def test_a_listing_of_unfinished_uploads_that_never_ends_is_none(pages: list[Answer]) -> None:
    with served(in_turn(*pages)) as (store, _), pytest.raises(IncompleteListing):
        list(store.unfinished())


def test_a_200_that_lists_no_uploads_never_reads_as_none_unfinished() -> None:
    page = Answer(body=b"<html><body>Sign in to the hotel's network</body></html>")

    with served(in_turn(page)) as (store, _), pytest.raises(ListingRefused):
        list(store.unfinished())
