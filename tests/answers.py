"""What a scripted object store answers, and a bucket that talks to one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from xml.sax.saxutils import escape

from providers.objects.r2 import R2Bucket
from tests.buckets import bucket_at
from tests.servers import Answer, Request, scripted_server
from tests.uploads import md5_of

DATA = b"bytes"
ETAG = {"ETag": f'"{md5_of(DATA)}"'}
FACTS = {**ETAG, "Content-Length": str(len(DATA)), "Content-Type": "audio/mpeg"}

Script = Callable[[Request], Answer | None]


def page(*keys: str, token: str | None = None, truncated: bool | None = None) -> Answer:
    """Return a page of a listing; it goes on when there is a token, unless it says otherwise."""
    contents = "".join(
        f"<Contents><Size>1</Size><ETag>&quot;e&quot;</ETag><Key>{escape(key)}</Key></Contents>"
        for key in keys
    )
    goes_on = truncated if truncated is not None else token is not None
    next_page = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return Answer(
        body=(
            f"<?xml version='1.0'?><ListBucketResult>{contents}"
            f"<IsTruncated>{str(goes_on).lower()}</IsTruncated>{next_page}</ListBucketResult>"
        ).encode()
    )


def error(status: int, code: str) -> Answer:
    """Return an error as S3 words it."""
    return Answer(status, f"<Error><Code>{code}</Code><Message>said {code}</Message></Error>".encode())


def in_turn(*answers: Answer | None) -> Script:
    """Return a script that gives one answer after the other, the last one for ever."""
    left = list(answers)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def served(script: Script, *, attempts: int = 2) -> Iterator[tuple[R2Bucket, list[str]]]:
    requests: list[str] = []
    with scripted_server(script) as url:
        store = bucket_at(url, "elmify", attempts=attempts, on_request=requests.append)
        try:
            yield store, requests
        finally:
            store.close()
