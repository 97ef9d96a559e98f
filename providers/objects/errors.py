"""Translation of boto3 errors into elmify's failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.objects.listing import CUT_OFF
from reconciler.model.errors import (
    Denied,
    IncompleteListing,
    ObjectExists,
    ObjectMissing,
    ProviderError,
    Unavailable,
    WrongBytes,
)

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_UNAUTHORIZED, _FORBIDDEN, _MISSING, _CONFLICT, _EXISTS, _THROTTLED = 401, 403, 404, 409, 412, 429
_SERVER_FAULT = 500
_NOT_MODIFIED_YET = frozenset({"ConditionalRequestConflict", "OperationAborted"})
_BAD_DIGEST = frozenset({"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"})
_UNKNOWN_KEY = frozenset({"InvalidAccessKeyId", "Unauthorized"})
_EXPIRED = "ExpiredRequest"  # R2's; S3 denies access, and says in words that the request has expired
_THROTTLES = frozenset({"SlowDown", "RequestTimeout", "RequestTimeoutException", "Throttling"})


@dataclass(frozen=True, slots=True)
class Doing:
    """Failed store operation: the action and its bucket.

    The action is, for example, `store 'a.mp3'`.
    """

    bucket: str
    what: str

    def __str__(self) -> str:
        return f"cannot {self.what} in {self.bucket}"


@contextmanager
def translated(bucket: str, what: str) -> Iterator[None]:
    """Translate boto3 errors in the block into `ProviderError`.

    What a body raised is raised unchanged.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    doing = Doing(bucket, what)
    try:
        yield
    except Abandoned as abandoned:
        raise abandoned.reason from abandoned.reason.__cause__
    except ClientError as error:
        raise _answered(error, doing) from error
    except BotoCoreError as error:
        raise _unanswered(error, doing) from error


def status_of(error: "ClientError") -> int:
    """Return the HTTP status of an error answer."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _answered(error: "ClientError", doing: Doing) -> ProviderError:
    code, status = error.response["Error"].get("Code", ""), status_of(error)
    said = f"{doing}: {error.response['Error'].get('Message') or code or status}"
    if code == _EXPIRED or (code == "AccessDenied" and "has expired" in said):
        return too_late(doing)
    if status in {_UNAUTHORIZED, _FORBIDDEN} or code in _UNKNOWN_KEY:
        return _denied(code, status, doing)
    if code == CUT_OFF:
        return IncompleteListing(said, hint="The connection is cut while it answers. Run the command again.")
    if code == "NoSuchBucket":
        return ProviderError(
            f"there is no {doing.bucket}",
            code="no-bucket",
            hint="Check the bucket's name and the account in the endpoint.",
        )
    if code in _BAD_DIGEST:
        return WrongBytes(f"{doing}: the bytes that arrived are not those that were named", hint=_CHANGED)
    if code == "NoSuchUpload":
        return Unavailable(
            f"{doing}: its upload was ended by somebody else",
            code="upload-ended",
            hint="Run the command again: it begins anew.",
        )
    if status == _MISSING:
        return ObjectMissing(said)
    if status == _EXISTS:
        return ObjectExists(f"{doing}: something is there already")
    if status == _THROTTLED or status >= _SERVER_FAULT or code in _THROTTLES | _NOT_MODIFIED_YET:
        return Unavailable(said, hint="Wait a little and run the command again.")
    return ProviderError(said, hint="Check that the endpoint is the address of the store's S3 interface.")


def too_late(doing: Doing) -> Unavailable:
    """Return the failure of a request that came after its time."""
    return Unavailable(f"{doing}: the time for it is over", code="too-late", hint="Run the command again.")


_CHANGED = "The file may have changed while it was being stored. Lock it again, then plan again."


def _denied(code: str, status: int, doing: Doing) -> Denied:
    if code in _UNKNOWN_KEY or status == _UNAUTHORIZED:
        return Denied(
            f"{doing}: the store does not know this access key",
            code="unknown-access-key",
            hint="Check R2_ACCESS_KEY_ID, and that the endpoint is that of the account the key was made in.",
        )
    if code == "SignatureDoesNotMatch":
        return Denied(
            f"{doing}: the secret does not belong to the access key",
            code="wrong-secret",
            hint="Check R2_SECRET_ACCESS_KEY: it was shown once, when the access key was made.",
        )
    if code == "RequestTimeTooSkewed":
        return Denied(
            f"{doing}: this machine's clock is wrong",
            code="clock-skewed",
            hint="Set the clock and run the command again.",
        )
    return Denied(
        f"{doing}: the access key lacks the right ({code})",
        hint="Give its token the right to read, and for apply also to write, objects of this bucket. "
        "A bucket lock refuses deletes and overwrites in the same way.",
    )


def _unanswered(error: "BotoCoreError", doing: Doing) -> ProviderError:
    from botocore.exceptions import ConnectionError as BotoConnectionError
    from botocore.exceptions import HTTPClientError, IncompleteReadError, SSLError

    said = f"{doing}: {error}"
    if isinstance(error, SSLError):
        return ProviderError(
            said, hint="Check that the endpoint is https and its certificate is trusted here."
        )
    if isinstance(error, (BotoConnectionError, HTTPClientError, IncompleteReadError)):
        return Unavailable(said, hint="Check the endpoint and the network, then run the command again.")
    return ProviderError(said, hint="Check that the endpoint is the address of the store's S3 interface.")


class Abandoned(BaseException):
    """Carries an exception of the caller's out through an HTTP client.

    Not an `Exception`, because botocore takes every `Exception` met while it sends for a network fault, and
    tries again.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason
