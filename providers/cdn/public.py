"""Requests to the public domain, as the apps make them."""

import http.client
import re
import urllib.error
import urllib.request
from email.message import Message
from urllib.parse import quote

from reconciler.model.explanation import PublicAnswer

_TIMEOUT_SECONDS = 10
_HTTP = re.compile("https?://", re.IGNORECASE)
_NO_HEAD = frozenset({403, 405, 501})

#: What a client leaves as it is in a URL that it was given: it takes a `%` for its own.
_LEFT = "!$%&'()*+,-./:;=?@_~"


def ask(url: str) -> PublicAnswer:
    """Ask a public URL, as an app does, and return what came back.

    Redirects are followed. No body is read: where a server refuses a HEAD request, a GET asks for one byte.
    Never raises; the status is None when nobody answers, and for a URL that is none of http or https.
    """
    if not _HTTP.match(url):
        return PublicAnswer(status=None)
    wanted = quote(url.partition("#")[0], safe=_LEFT)
    answer = _asked(urllib.request.Request(wanted, method="HEAD"))  # noqa: S310 - http or https
    if answer.status in _NO_HEAD:
        answer = _asked(urllib.request.Request(wanted, headers={"Range": "bytes=0-0"}))  # noqa: S310
    return answer


def _asked(request: urllib.request.Request) -> PublicAnswer:
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return _said(answer.status, answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return _said(error.code, error.headers)
    except (OSError, ValueError, http.client.HTTPException):
        return PublicAnswer(status=None)


def _said(status: int, headers: Message) -> PublicAnswer:
    whole = str(headers.get("Content-Range", "")).rpartition("/")[2]
    return PublicAnswer(
        status=status,
        size_bytes=_number(whole or headers.get("Content-Length")),
        age_seconds=_number(headers.get("Age")),
        cache=headers.get("CF-Cache-Status"),
        media_type=headers.get("Content-Type"),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < _DIGITS else None


_DIGITS = 19
