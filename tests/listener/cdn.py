"""A CDN in front of a bucket: real HTTP, objects by the path of a URL."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from reconciler.model.errors import ObjectMissing
from reconciler.model.ports import ObjectStore
from tests.servers import Answer, Request, scripted_server


@contextmanager
def cdn(store: ObjectStore) -> Iterator[str]:
    """Serve the objects of a bucket as a public bucket does, and yield the server's URL.

    The path is cut at `?` and `#`, percent-decoded once, and looked up by NFC.
    """

    def answer(request: Request) -> Answer:
        path = request.path.partition("#")[0].removeprefix("/")
        try:
            key = unquote(path, errors="strict")
        except UnicodeDecodeError:
            return Answer(400)
        return _object(store, key)

    with scripted_server(answer) as url:
        yield url


def object_bytes(store: ObjectStore, key: str) -> tuple[str, bytes] | None:
    """Return the spelling that the store has an object under, and its bytes; keys equal by NFC are one."""
    spellings = (unicodedata.normalize("NFC", key), key, unicodedata.normalize("NFD", key))
    for spelling in dict.fromkeys(spellings):
        try:
            with store.stream(spelling) as blocks:
                return spelling, b"".join(blocks)
        except ObjectMissing:
            continue
    return None


def _object(store: ObjectStore, key: str) -> Answer:
    found = object_bytes(store, key) if key else None
    facts = store.head(found[0]) if found else None
    if found is None or facts is None:
        return Answer(404)
    headers = {"Content-Type": facts.media_type, "ETag": facts.etag}
    if facts.cache_control is not None:
        headers["Cache-Control"] = facts.cache_control
    return Answer(200, found[1], headers)
