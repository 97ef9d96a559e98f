"""What people may want to hear of without having asked."""

from dataclasses import dataclass
from enum import StrEnum


class Occasion(StrEnum):
    """Why somebody is told something."""

    FAILED = "failed"  # a command that should have done something did not; or does again
    PARTIAL = "partial"  # its commit stands, and something after it does not
    GUARDED = "guarded"  # a guard said no
    DRIFT = "drift"  # other hands changed the stores; or they are as they should be again
    TAKEOVER = "lease-taken-over"  # a run that had stopped answering lost its lease to another


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What somebody is told: a line for a phone's screen, and the rest. Plain text, without secrets."""

    occasion: Occasion
    title: str
    body: str
