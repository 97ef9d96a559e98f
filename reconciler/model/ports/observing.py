"""Who is told what a run does."""

from contextlib import AbstractContextManager
from typing import Protocol


class Meter(Protocol):
    """Takes the progress of a transfer, from any thread."""

    def bytes_done(self, count: int) -> None:
        """Add bytes that went through; negative when an attempt starts over."""
        ...

    def file_done(self, name: str) -> None:
        """Count one more file as done."""
        ...


class Observer(Protocol):
    """Is told what a run does, as it does it."""

    def event(self, name: str, **facts: object) -> None:
        """Take note of a step, such as `lease-acquired`, `planned` or `committed`."""
        ...

    def meter(self, label: str, *, files: int, size_bytes: int) -> AbstractContextManager[Meter]:
        """Open a meter for the transfer of that many files and bytes."""
        ...
