"""Cache purge of a Cloudflare zone, by URL."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from reconciler.model.errors import Denied, ProviderError, Unavailable

API_URL = "https://api.cloudflare.com/client/v4"

_URLS_MAX = 30  # of one request, on every plan of Cloudflare's
_TIMEOUT_SECONDS = 10
_ANSWER_MAX_BYTES = 64 * 1024
_SAID_MAX_CHARS = 300
_DENYING = frozenset({401, 403})
_THROTTLED, _SERVER_FAULT = 429, 500


class Cloudflare:
    """A `Cdn`: one zone of Cloudflare's.

    `token` needs the permission *Cache Purge* for the zone; `token_from` is the variable it came from. No
    message contains it.
    """

    def __init__(self, *, zone: str, token: str | None, token_from: str, api_url: str = API_URL) -> None:
        self._url = f"{api_url}/zones/{zone}/purge_cache"
        self._token = (token or "").strip()
        self._token_from = token_from
        self._name = f"the CDN's zone {zone}"

    def __str__(self) -> str:
        return self._name

    def purge(self, urls: Sequence[str]) -> None:
        """Make the CDN ask the bucket again for these URLs, as `Cdn.purge` says."""
        for start in range(0, len(urls), _URLS_MAX):
            try:
                self._purge(urls[start : start + _URLS_MAX])
            except ProviderError as error:
                error.details = tuple(urls[start:])
                raise

    def _purge(self, urls: Sequence[str]) -> None:
        if not self._token:
            raise Denied(
                f"cannot purge {self}: {self._token_from} is not set",
                code="cdn-denied",
                hint=f"Set {self._token_from} to a token that may purge the cache of this zone.",
            )
        status, body = self._ask(json.dumps({"files": list(urls)}).encode())
        answer = _parsed(body)
        if answer.get("success") is not True:
            raise self._refused(status, answer)

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer, also of a refusal."""
        request = urllib.request.Request(self._url, data=body, method="POST")  # noqa: S310 - https, or a test's
        request.add_header("Content-Type", "application/json")
        request.add_header("User-Agent", "elmify")
        # Not sent along to wherever a redirect leads.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return answer.status, answer.read(_ANSWER_MAX_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(_ANSWER_MAX_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"cannot purge {self}: {self._plain(str(error) or type(error).__name__)}",
                code="cdn-unavailable",
                hint="Check the network. The CDN forgets what it keeps after a while, too.",
            ) from None
        except ValueError:  # no header can carry the token, and the message would show it
            raise Denied(
                f"cannot purge {self}: {self._token_from} holds no token",
                code="cdn-denied",
                hint=f"Set {self._token_from} to the token itself, in one line.",
            ) from None

    def _refused(self, status: int, answer: dict[str, Any]) -> ProviderError:
        errors = answer.get("errors")
        said = [str(each.get("message", "")) for each in errors or () if isinstance(each, dict)]
        reason = "; ".join(filter(None, said)) or f"it answered with status {status}, and not why"
        message = f"cannot purge {self}: {self._plain(reason)}"
        if status in _DENYING:
            hint = f"Check {self._token_from}: the token needs the permission Cache Purge for this zone."
            return Denied(message, code="cdn-denied", hint=hint)
        if status == _THROTTLED or status >= _SERVER_FAULT:
            return Unavailable(message, code="cdn-unavailable", hint="Wait a little, then purge again.")
        hint = "Check `cdn:` in elmify.yaml: the zone has to be that of the public domain."
        return ProviderError(message, code="cdn-refused", hint=hint)

    def _plain(self, text: str) -> str:
        """Return a short text that shows neither the token nor control characters."""
        shown = "".join(character if character.isprintable() else " " for character in text)
        return shown.replace(self._token, "***")[:_SAID_MAX_CHARS]


def _parsed(body: bytes) -> dict[str, Any]:
    """Return the answer's fields.

    None of them when something other than Cloudflare answered.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
