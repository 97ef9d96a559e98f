"""Download stream of an object, resumed when the connection breaks.

The bytes come as they arrive, however often the connection breaks on the way.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from time import sleep
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import ProviderError, Unavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

_BLOCK_BYTES = 1024**2
_PRECONDITION_FAILED = 412
_FIRST_PAUSE = timedelta(milliseconds=100)  # doubled each time that not a byte came


class Stream:
    """Download of one object, resumed at the byte where it broke.

    It is requested again up to `attempts` times in a row without a new byte. The first request is
    sent when this is created, so a missing object is known before the first block. Errors of boto3
    are not translated here.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str, attempts: int) -> None:
        self._client = client
        self._asked: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._attempts = attempts
        self._offset = 0
        self._answer = client.get_object(**self._asked)
        if not {"ETag", "ContentLength"} <= self._answer.keys():
            raise ProviderError(
                f"what answered for {key!r} is not an object store: it named no ETag or no length",
                code="not-a-store",
                hint="Check the endpoint, and any proxy between here and the store.",
            )
        self._size = self._answer["ContentLength"]
        self._asked["IfMatch"] = self._answer["ETag"]

    def close(self) -> None:
        """Give the connection back."""
        self._answer["Body"].close()

    def blocks(self) -> Iterator[bytes]:
        """Yield every byte, or raise."""
        from botocore.exceptions import BotoCoreError

        fruitless = 0
        while self._offset < self._size:
            before = self._offset
            try:
                yield from self._some()
            except BotoCoreError as error:
                fruitless = 0 if self._offset > before else fruitless + 1
                if fruitless >= self._attempts:
                    raise
                self._go_on(fruitless, error)

    def _some(self) -> Iterator[bytes]:
        """Yield blocks until the answer ends or breaks."""
        from botocore.exceptions import IncompleteReadError

        body = self._answer["Body"]
        while self._offset < self._size:
            block = body.read(min(_BLOCK_BYTES, self._size - self._offset))
            if not block:
                raise IncompleteReadError(actual_bytes=self._offset, expected_bytes=self._size)
            self._offset += len(block)
            yield block

    def _go_on(self, fruitless: int, because: Exception) -> None:
        self.close()
        if fruitless:
            sleep(_FIRST_PAUSE.total_seconds() * 2 ** (fruitless - 1))
        self._answer = self._rest(because)

    def _rest(self, because: Exception) -> "GetObjectOutputTypeDef":
        from botocore.exceptions import ClientError

        try:
            answer = self._client.get_object(**self._asked, Range=f"bytes={self._offset}-")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == _PRECONDITION_FAILED:
                raise self._replaced() from error
            raise
        if not answer.get("ContentRange", "").startswith(f"bytes {self._offset}-"):
            with closing(answer["Body"]):
                raise self._replaced() from because
        return answer

    def _replaced(self) -> Unavailable:
        return Unavailable(
            f"{self._asked['Key']!r} was cut off at byte {self._offset:,}, and cannot be continued there",
            code="cut-off",
            hint="The object was replaced meanwhile, or a proxy changes requests. Run the command again.",
        )
