"""What a plan's transfer costs at R2's prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from reconciler.model.plan import Plan, Put, PutOrigin
from reconciler.model.policy import TransferLimits

_KEYS_A_PAGE = 1_000
_CLASS_A_DOLLARS_A_MILLION = 4.50  # put, list page, each call of a multipart upload
_CLASS_B_DOLLARS_A_MILLION = 0.36  # head, get
_AUDIT_HEAD_PUTS = 1  # after the commit, the head of the audit log


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Billed operations of one apply. An estimate: retries are not in it, and deletes are free."""

    class_a: int
    class_b: int

    @property
    def dollars(self) -> float:
        """Return their price; storage is billed apart."""
        return (
            self.class_a * _CLASS_A_DOLLARS_A_MILLION + self.class_b * _CLASS_B_DOLLARS_A_MILLION
        ) / 1_000_000


def cost_of(plan: Plan, part_bytes: int = TransferLimits().part_bytes) -> Cost:
    """Return what applying the plan costs: its listing, its puts and its audit entry.

    Multipart uploads are reckoned in parts of `part_bytes`; each is preceded by one head, and each copy is
    followed by one.
    """
    puts = [put for change in plan.changes for put in change.puts]
    pages = max(1, ceil(plan.listed / _KEYS_A_PAGE))
    calls = sum(_calls(put, part_bytes) for put in puts)
    return Cost(class_a=pages + calls + _AUDIT_HEAD_PUTS, class_b=_heads(puts))


def _heads(puts: Sequence[Put]) -> int:
    return sum(put.multipart + (put.origin is not PutOrigin.DISK) for put in puts)


def _calls(put: Put, part_bytes: int) -> int:
    """Return the billed calls of a put: one, or create, parts and complete."""
    return 2 + ceil(put.size_bytes / part_bytes) if put.multipart else 1
