"""CDN port: the cache between the bucket and the apps."""

from collections.abc import Sequence
from typing import Protocol


class Cdn(Protocol):
    """CDN in front of the bucket."""

    def __str__(self) -> str:
        """Name it for a person, without any secret."""
        ...

    def purge(self, urls: Sequence[str]) -> None:
        """Make the CDN ask the bucket again for these URLs.

        A URL that it does not keep is no error, and purging twice does no harm. Raises `ProviderError`
        when some could not be purged: `details` are these URLs, in their order. Nothing is tried again.
        """
        ...
