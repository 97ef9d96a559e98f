"""Observers and meters: what is told of an operation while it works."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from reconciler.model.diagnostics import Diagnostic


class Meter(Protocol):
    """Takes the progress of a transfer, from any thread."""

    def bytes_done(self, count: int) -> None:
        """Add bytes that went through; negative when an attempt starts over."""
        ...

    def file_done(self, name: str) -> None:
        """Count one more file as done."""
        ...


class Observer(Protocol):
    """Observer of an operation.

    It receives the steps, the progress and the warnings of the operation, as they come.
    """

    def event(self, name: str, **facts: object) -> None:
        """Take note of a step, such as `lease-acquired`, `planned` or `committed`."""
        ...

    def meter(self, label: str, *, files: int, size_bytes: int) -> AbstractContextManager[Meter]:
        """Open a meter for the transfer of that many files and bytes."""
        ...

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        """Receive the warnings about the input, in reading order.

        They did not stop the operation.
        """
        ...


class Silence:
    """Observer and meter that take everything and show nothing."""

    def event(self, name: str, **facts: object) -> None:
        """Do nothing."""

    def meter(self, label: str, *, files: int, size_bytes: int) -> AbstractContextManager[Meter]:  # noqa: ARG002 - the protocol's
        """Return a meter that shows nothing."""
        return nullcontext(self)

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        """Do nothing."""

    def bytes_done(self, count: int) -> None:
        """Do nothing."""

    def file_done(self, name: str) -> None:
        """Do nothing."""


SILENT: Observer = Silence()
