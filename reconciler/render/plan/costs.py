"""Transfers of a plan, and what they cost on R2."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from reconciler.model.plan import Plan, Put, PutOrigin
from reconciler.model.policy import TransferLimits
from reconciler.model.values import counted, readable_size


def transfer_sentence(plan: Plan) -> str:
    """Return what travels and what it costs; empty when nothing is to be done."""
    if plan.empty:
        return ""
    cost = cost_of(plan)
    uploads = len(list(plan.puts_from(PutOrigin.DISK)))
    copies = list(plan.puts_from(PutOrigin.STAGED, PutOrigin.COPY))
    size = readable_size(sum(put.size_bytes for put in copies))
    copied = f"Copied within R2: {counted(len(copies), 'object')}, {size}. " if copies else ""
    money = f"${cost.dollars:,.2f}" if cost.dollars >= _CENT else "less than $0.01"
    return (
        f"Upload: {counted(uploads, 'object')}, {readable_size(plan.upload_bytes)}. {copied}"
        f"R2 operations: about {cost.class_a:,} of class A and {cost.class_b:,} of class B, {money}."
    )


_KEYS_A_PAGE = 1_000
_CLASS_A_DOLLARS_A_MILLION = 4.50  # put, list page, each call of a multipart upload
_CLASS_B_DOLLARS_A_MILLION = 0.36  # head, get
_AUDIT_HEAD_PUTS = 1  # after the commit, the head of the audit log
_HEADS_A_PLAYBACK_COPY = 3  # of the source, of the key, and of the copy
_CENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Billed operations of one apply.

    They are an estimate: retries are not included, and deletes are free.
    """

    class_a: int
    class_b: int

    @property
    def dollars(self) -> float:
        """Return their price; storage is billed apart."""
        return (
            self.class_a * _CLASS_A_DOLLARS_A_MILLION + self.class_b * _CLASS_B_DOLLARS_A_MILLION
        ) / 1_000_000


def cost_of(plan: Plan, part_bytes: int = TransferLimits().part_bytes) -> Cost:
    """Return the cost of applying the plan.

    It includes the listing, the puts, the playback copies and the audit entry. Multipart uploads are
    counted in parts of `part_bytes`; each is preceded by one head, and each copy is followed by one.
    """
    puts = [put for change in plan.changes for put in change.puts]
    copies = sum(len(change.copies) for change in plan.changes)
    pages = max(1, ceil(plan.listed / _KEYS_A_PAGE))
    calls = sum(_calls(put, part_bytes) for put in puts)
    return Cost(
        class_a=pages + calls + copies + _AUDIT_HEAD_PUTS,
        class_b=_heads(puts) + copies * _HEADS_A_PLAYBACK_COPY,
    )


def _heads(puts: Sequence[Put]) -> int:
    return sum(put.multipart + (put.origin is not PutOrigin.DISK) for put in puts)


def _calls(put: Put, part_bytes: int) -> int:
    """Return the billed calls of a put: one, or create, parts and complete."""
    return 2 + ceil(put.size_bytes / part_bytes) if put.multipart else 1
