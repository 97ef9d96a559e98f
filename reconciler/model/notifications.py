"""Notifications: their kinds, and the message that is sent."""

from dataclasses import dataclass
from enum import StrEnum


class NotificationKind(StrEnum):
    """The event that a notification reports; settings choose among them."""

    FAILED = "failed"  # an operation did not do what it should; or does it again
    PARTIAL = "partial"  # its commit stands, and something after it does not
    GUARDED = "guarded"  # a guard refused it
    DRIFT = "drift"  # the stores were changed by others; or are as they should be again
    TAKEOVER = "lease-taken-over"  # a run that had stopped answering lost its lease to another


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """The lease went from a run that had let it expire, `from_run`, to `run`."""

    run: int
    from_run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Notification: a title that fits a phone's screen, and a body.

    Plain text, without secrets.
    """

    kind: NotificationKind
    title: str
    body: str
