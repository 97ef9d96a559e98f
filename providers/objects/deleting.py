"""Deletes that the store refuses once their time is over."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from providers.objects.bucket import BucketClient
from providers.objects.errors import Doing, too_late, translated
from reconciler.model.errors import ObjectMissing

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest

LINK_MAX = timedelta(days=7)  # R2's, and S3's

_LINK = "Link"  # a parameter of ours, which boto3 does not know
_DELETE_OBJECT = "s3.DeleteObject"


class Deletes:
    """Deletes in one bucket.

    A delete with an end is sent as a presigned link, which names its end and is signed with it. It goes
    through the client like every other request: its retries, its proxies, its certificates, its errors.
    """

    def __init__(self, place: BucketClient) -> None:
        self._place = place
        self._ahead = timedelta(0)  # of this machine's clock, by the last answer that told the time
        events = place.client.meta.events
        events.register(f"before-parameter-build.{_DELETE_OBJECT}", _take_link)
        events.register(f"choose-signer.{_DELETE_OBJECT}", _leave_unsigned)
        events.register(f"before-sign.{_DELETE_OBJECT}", _use_link)
        events.register("before-parse.s3.*", self._compare_clocks)

    def delete(self, key: str, within: timedelta | None) -> None:
        """Remove an object, as `ObjectStore.delete` says."""
        what = f"delete {key!r}"
        where: dict[str, Any] = {"Bucket": self._place.bucket, "Key": key}
        try:
            with translated(self._place.name, what):
                if within is not None:
                    where[_LINK] = self._link(dict(where), within, what)
                self._place.client.delete_object(**where)
        except ObjectMissing:
            return

    def _link(self, where: dict[str, Any], within: timedelta, what: str) -> str:
        """Return a link that deletes an object, for a limited time.

        The store's clock says when its time is over. The link is dated by this machine's clock,
        so what that is ahead is taken off.
        """
        seconds = int((min(within, LINK_MAX) - self._ahead).total_seconds())
        if within <= timedelta(0) or seconds < 1:
            raise too_late(Doing(self._place.name, what))
        seconds = min(seconds, int(LINK_MAX.total_seconds()))
        return self._place.client.generate_presigned_url("delete_object", Params=where, ExpiresIn=seconds)

    def _compare_clocks(self, response_dict: dict[str, Any], **_: object) -> None:
        """Note how far this machine's clock is ahead of the store's, rounded up."""
        date = response_dict["headers"].get("date")
        with suppress(TypeError, ValueError):  # no date, or none that can be read
            self._ahead = datetime.now(UTC) - parsedate_to_datetime(date).astimezone(UTC)


def _take_link(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    if _LINK in params:
        context[_LINK] = params.pop(_LINK)


def _leave_unsigned(context: dict[str, Any], **_: object) -> Any:
    """Return that a link is not signed once more.

    None leaves the choice to the client.
    """
    from botocore import UNSIGNED

    return UNSIGNED if _LINK in context else None


def _use_link(request: "AWSRequest", **_: object) -> None:
    if _LINK in request.context:
        request.url = request.context[_LINK]
