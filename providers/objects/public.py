"""What the whole world can read of the bucket."""

import urllib.error
import urllib.request
from urllib.parse import quote

_TIMEOUT_SECONDS = 10
_OK = 200


def is_public(base_url: str, key: str) -> bool | None:
    """Whether anybody gets the object from the public URL; None when the domain does not answer."""
    request = urllib.request.Request(f"{base_url}/{quote(key)}", method="GET")  # noqa: S310 - https, by settings
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return bool(answer.status == _OK)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except (OSError, ValueError):
        return None
