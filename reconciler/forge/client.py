"""GitHub's REST API, as much of it as the workflows need."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from reconciler.model.errors import ElmifyError

_TIMEOUT_SECONDS = 60
_PAGE = 100  # the most items that GitHub gives at once
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')
#: 64 MiB compressed: a plan of a million changes.
_ARTIFACT_MAX_BYTES = 64 * 1024 * 1024


class ForgeRefused(ElmifyError):
    """The forge could not be asked, or said no. `status` is its HTTP status, None when it did not answer."""

    code = "forge-refused"

    def __init__(self, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Forge:
    """One repository on the forge. Every method raises `ForgeRefused`; no message holds the token."""

    def __init__(self, *, api_url: str, repository: str, token: str) -> None:
        self._api_url = api_url
        self._base = f"{api_url}/repos/{repository}"
        self._token = token

    def get(self, *path: str | int, **query: str | int) -> Any:
        """Return one answer, as JSON values."""
        _, body = self._ask("GET", self._url(path, query))
        return json.loads(body)

    def pages(self, *path: str | int, key: str | None = None, **query: str | int) -> Iterator[Any]:
        """Yield every item of a list, page by page; with `key`, of the list under that key."""
        url: str | None = self._url(path, {"per_page": _PAGE, **query})
        while url is not None:
            links, body = self._ask("GET", url)
            found = json.loads(body)
            yield from found if key is None else found[key]
            url = self._next(links)

    def send(self, method: str, *path: str | int, **fields: Any) -> Any:
        """Send a change with its fields as JSON, and return the answer; None when that is empty."""
        _, body = self._ask(method, self._url(path, {}), json.dumps(fields).encode() if fields else None)
        return json.loads(body) if body else None

    def artifact(self, number: int) -> bytes:
        """Return an artifact as the ZIP archive that the forge keeps."""
        _, body = self._ask("GET", self._url(("actions", "artifacts", number, "zip"), {}))
        return body

    def _url(self, path: tuple[str | int, ...], query: Mapping[str, str | int]) -> str:
        parts = "/".join(quote(str(part), safe="") for part in path)
        return f"{self._base}/{parts}{'?' + urlencode(query) if query else ''}"

    def _next(self, links: str) -> str | None:
        """Return the address of the next page; the token goes to the API's own host only."""
        found = _NEXT.search(links)
        if found is None:
            return None
        if urlsplit(found[1])[:2] != urlsplit(self._api_url)[:2]:
            raise ForgeRefused("the forge names another host for its next page")
        return found[1]

    def _ask(self, method: str, url: str, body: bytes | None = None) -> tuple[str, bytes]:
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - the API's own address
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("X-GitHub-Api-Version", "2022-11-28")
        request.add_header("User-Agent", "elmify")
        # Not sent along to where a redirect leads: artifacts are at another host's.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        place = f"{method} {urlsplit(url).path}"
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                content: bytes = answer.read(_ARTIFACT_MAX_BYTES + 1)
                links = str(answer.headers.get("Link", ""))
        except urllib.error.HTTPError as error:
            error.close()
            raise ForgeRefused(
                f"GitHub answered {error.code} to {place}", status=error.code, hint=_hint(error.code)
            ) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise ForgeRefused(f"GitHub did not answer {place}: {error}", hint="Run the job again.") from None
        if len(content) > _ARTIFACT_MAX_BYTES:
            raise ForgeRefused(f"the answer to {place} is larger than any plan")
        return links, content


def _hint(status: int) -> str:
    if status in {401, 403, 404}:
        return "Check the `permissions:` of the job, and that the step has its token."
    return "Run the job again."
