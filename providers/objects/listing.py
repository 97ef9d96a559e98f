"""Bucket listings: pages of 1,000 keys, parsed by expat.

Parsing takes a ninth of the time that botocore's own parser takes. The parser is attached to
botocore's `before-parse` event, so signing, credentials and retries are still botocore's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_plus
from xml.parsers import expat

from reconciler.model.actual import StoredObject
from reconciler.model.errors import IncompleteListing, ListingRefused
from reconciler.model.values import nfc, shared

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from types_boto3_s3 import S3Client

#: The error code of a page that was cut off, once botocore has tried again in vain.
CUT_OFF = "ElmifyCutOff"

_ROOT = "ListBucketResult"
_ERROR_ROOT = "Error"
_ANSWER_KEY = "ElmifyPage"
_OK = 200
_EVENT = "before-parse.s3.*"
_LIST_AGAIN = "Run the command again; if it happens again, the store is not one that elmify can trust."


@dataclass(slots=True)
class Page:
    """One page of a listing.

    `token` asks for the next page, and is None where the answer held none. `modified` are the last
    modifications of the objects, in the same order and as the store writes them; `announced` is how
    many objects the page says it has.
    """

    objects: list[StoredObject] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    announced: int = 0
    truncated: bool = False
    token: str | None = None


class _PageParser:
    """Reads one `ListBucketResult`. The order of its elements does not matter."""

    def __init__(self) -> None:
        self.root: str | None = None
        self._path: list[str] = []
        self._text: list[str] = []
        self._top: dict[str, str] = {}
        self._entry: dict[str, str] = {}
        self._entries: list[dict[str, str]] = []

    def feed(self, body: bytes) -> None:
        """Take the whole body; `ExpatError` when it is not XML to its end."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.Parse(body, True)

    def _refuse_doctype(self, name: str, *_: object) -> None:
        self.root = f"!DOCTYPE {name}"
        raise expat.ExpatError("a listing has no document type")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self.root = self.root or name
        self._path.append(name)
        self._text.clear()

    def _end(self, name: str) -> None:
        match self._path:
            case [_, "Contents"]:
                self._entries.append(self._entry)
                self._entry = {}
            case [_, "Contents", _]:
                self._entry[name] = "".join(self._text)
            case [_, _]:
                self._top[name] = "".join(self._text)
            case _:
                pass  # owners, checksums and prefixes are nothing to us
        self._path.pop()
        self._text.clear()

    def page(self) -> Page:
        """Return the page that was parsed.

        Raises `KeyError` or `ValueError` when an entry lacks its key, size or ETag.
        """
        plain: Callable[[str], str] = unquote_plus if self._top.get("EncodingType") == "url" else str
        objects = [
            StoredObject(shared(plain(entry["Key"])), int(entry["Size"]), shared(entry["ETag"].strip('"')))
            for entry in self._entries
        ]
        modified = [entry.get("LastModified", "") for entry in self._entries]
        truncated = self._top["IsTruncated"].strip() == "true"
        announced = int(self._top.get("KeyCount", "0"))
        return Page(objects, modified, announced, truncated, self._top.get("NextContinuationToken"))


def _read_page(
    operation_model: "OperationModel",
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: object,
) -> None:
    """Parse a listing in place of botocore's parser.

    Errors are still left to botocore, including errors inside a 200.
    """
    if operation_model.name != "ListObjectsV2" or response_dict["status_code"] != _OK:
        return
    parser = _PageParser()
    try:
        parser.feed(response_dict["body"])
    except expat.ExpatError as error:
        _refuse_other_roots(parser, error)
        response_dict["status_code"] = 500  # botocore tries again what was cut off
        response_dict["body"] = f"<Error><Code>{CUT_OFF}</Code><Message>{error}</Message></Error>".encode()
        return
    _refuse_other_roots(parser, None)
    if parser.root == _ERROR_ROOT:
        return  # a handler of botocore's makes it a 500, and tries again
    try:
        customized_response_dict[_ANSWER_KEY] = parser.page()
    except (KeyError, ValueError) as error:
        raise ListingRefused(
            f"the listing lacks what every listing has: {error}",
            hint="Check that the endpoint is the address of an S3 interface.",
        ) from error
    response_dict["body"] = f"<{_ROOT}/>".encode()


def _refuse_other_roots(parser: _PageParser, cause: Exception | None) -> None:
    if parser.root not in {_ROOT, _ERROR_ROOT}:
        what = f"a document that begins with <{parser.root}>" if parser.root else "no XML at all"
        raise ListingRefused(
            f"the listing was answered with {what}",
            hint="Something other than the object store answered: check the endpoint, and any proxy.",
        ) from cause


def install(client: "S3Client") -> None:
    """Make the client answer `list_objects_v2` with pages for `list_pages`.

    It has to come before a handler of botocore's, which takes a 200 that holds no XML for a passing fault of
    the store, and tries again what a hotel's sign-in page answers.
    """
    from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST

    firsts = [entry[1] for entry in BUILTIN_HANDLERS if entry[0] == _EVENT and REGISTER_FIRST in entry[2:]]
    for handler in firsts:
        client.meta.events.unregister(_EVENT, handler)
    for handler in (_read_page, *firsts):
        client.meta.events.register_first(_EVENT, handler)


class _Order:
    """Order check: the keys of a listing must only increase.

    A repeated or skipped page cannot keep this order. The order is that of the keys as spelled or,
    because R2 holds both spellings for one key, that of their NFC.
    """

    def __init__(self) -> None:
        self._spelled: str | None = None
        self._folded: str | None = None
        self._holds_spelled = True
        self._holds_folded = True

    def check(self, objects: Sequence[StoredObject]) -> None:
        spelled = [stored.key for stored in objects]
        folded = [nfc(key) for key in spelled]
        self._holds_spelled &= _increasing(self._spelled, spelled)
        self._holds_folded &= _increasing(self._folded, folded)
        if not (self._holds_spelled or self._holds_folded):
            raise IncompleteListing(
                "the listing repeats itself or goes backwards",
                hint=_LIST_AGAIN,
                details=(f"on the page from {spelled[0]!r} to {spelled[-1]!r}",),
            )
        if objects:
            self._spelled, self._folded = spelled[-1], folded[-1]


def _increasing(before: str | None, keys: Sequence[str]) -> bool:
    """Return whether the keys strictly increase.

    Python's order by code point is the order of the UTF-8 bytes.
    """
    if keys and before is not None and keys[0] <= before:
        return False
    return all(left < right for left, right in pairwise(keys))


def list_pages(client: "S3Client", bucket: str, prefix: str) -> Iterator[list[StoredObject]]:
    """Yield the objects under `prefix` page by page, or raise.

    One request for each page, and no others.
    """
    for page in _pages(client, bucket, prefix):
        yield page.objects


def list_dated(client: "S3Client", bucket: str, prefix: str) -> Iterator[tuple[StoredObject, datetime]]:
    """Yield the objects under `prefix` with their last modifications.

    The cost is the same as for the listing without them.
    """
    for page in _pages(client, bucket, prefix):
        yield from zip(page.objects, map(_moment, page.modified), strict=True)


def _moment(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except ValueError as error:
        raise ListingRefused(
            f"the listing says of an object that it was modified at {written!r}",
            code="listing-undated",
            hint="Check that the endpoint is the address of an S3 interface.",
        ) from error


def _pages(client: "S3Client", bucket: str, prefix: str) -> Iterator[Page]:
    order, seen = _Order(), set[str]()
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "EncodingType": "url"}
    while True:
        page = cast("Page", client.list_objects_v2(**asked).get(_ANSWER_KEY))
        if page.announced > len(page.objects):
            raise IncompleteListing("a page of the listing lacks objects that it announces", hint=_LIST_AGAIN)
        order.check(page.objects)
        yield page
        if not page.truncated:
            return
        asked["ContinuationToken"] = _next_token(page, seen)


def _next_token(page: Page, seen: set[str]) -> str:
    if not page.token:
        raise IncompleteListing("the listing says that it goes on, but not where", hint=_LIST_AGAIN)
    if page.token in seen:
        raise IncompleteListing("the listing goes round in a circle", hint=_LIST_AGAIN)
    seen.add(page.token)
    return page.token
