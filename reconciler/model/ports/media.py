"""The media files on disk, as elmify needs them."""

from typing import BinaryIO, Protocol

from reconciler.model.catalog import MediaFile


class MediaFiles(Protocol):
    """The files under the media root."""

    def has(self, path: str) -> bool:
        """Return whether there is a regular file at that path.

        Its bytes do not matter.
        """
        ...

    def open(self, media: MediaFile) -> BinaryIO:
        """Open the file whose bytes the lockfile names, positioned at its start.

        The handle was hashed: its bytes had the recorded SHA-256. Raises `ObjectMissing` when there is no
        such file, `WrongBytes` when it changed since it was locked, or when the path leaves the media root.
        """
        ...
