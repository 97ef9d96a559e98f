"""S3 client for R2: its settings in code, and one bucket seen through it."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from providers.objects import copying, listing

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.awsrequest import AWSRequest
    from types_boto3_s3 import S3Client


#: The handler of botocore's that adds `Expect: 100-continue` and then waits a second for an answer that R2
#: does not give.
_EXPECT_EVENT = "before-call.s3"

_THROTTLED, _BUSY = 429, 503

_log = logging.getLogger("elmify.store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Connection settings of a bucket.

    `attempts` includes the first try; `idle` is the longest wait for an answer.
    """

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "auto"
    concurrency: int = 8
    attempts: int = 5
    connect: timedelta = timedelta(seconds=10)
    idle: timedelta = timedelta(seconds=60)


def connect(connection: Connection, on_request: Callable[[str], None] | None = None) -> "S3Client":
    """Return an S3 client that threads can share safely.

    `on_request` is called with the name of each request sent.
    """
    from botocore.config import Config
    from botocore.handlers import add_expect_header

    client: S3Client = _session().client(
        "s3",
        endpoint_url=connection.endpoint,
        aws_access_key_id=connection.access_key,
        aws_secret_access_key=connection.secret_key,
        region_name=connection.region,
        config=Config(
            signature_version="s3v4",
            # R2 answers the trailing checksums that boto3 adds by default with a misleading "Unauthorized".
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={
                "addressing_style": "path",
                # The Content-MD5 is signed, so the body is covered; hashing it once more for the signature
                # would read every file twice.
                "payload_signing_enabled": False,
            },
            retries={"mode": "standard", "total_max_attempts": connection.attempts},
            connect_timeout=connection.connect.total_seconds(),
            read_timeout=connection.idle.total_seconds(),
            max_pool_connections=connection.concurrency,
            tcp_keepalive=True,
            user_agent="elmify",  # a fixed one: botocore otherwise makes it anew for each request
        ),
    )
    client.meta.events.unregister(_EXPECT_EVENT, add_expect_header)
    listing.install(client)
    copying.install(client)
    client.meta.events.register("before-parse.s3.*", _try_again_when_throttled)
    client.meta.events.register("request-created.s3", _log_retry)
    if on_request is not None:
        _tell(client, on_request)
    return client


def _try_again_when_throttled(response_dict: dict[str, Any], **_: object) -> None:
    """Turn R2's status 429 into 503, so that botocore retries the request.

    R2 answers 429 to more than one write a second for each key; botocore retries a 503.
    """
    if response_dict["status_code"] == _THROTTLED:
        response_dict["status_code"] = _BUSY


def _session() -> "Session":
    """Return a boto3 session that reads no file of the AWS tools.

    What these files configure is meant for AWS.
    """
    import boto3
    import botocore.session

    session = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.session.Session(botocore_session=session)


def _log_retry(request: "AWSRequest", operation_name: str, **_: object) -> None:
    """Log a request that is sent again.

    Botocore puts the number of the attempt into the request's context.
    """
    attempt = request.context.get("retries", {}).get("attempt", 1)
    if attempt > 1:
        _log.info("request-retried", extra={"facts": {"operation": operation_name, "attempt": attempt}})


def _tell(client: "S3Client", on_request: Callable[[str], None]) -> None:
    def before_send(event_name: str, **_: object) -> None:
        on_request(event_name.rpartition(".")[2])

    client.meta.events.register("before-send.s3", before_send)
