"""Parts shared by a plan's renderings: level of detail, cost, notes, totals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from reconciler.model.diagnostics import Diagnostic
from reconciler.model.plan import Drift, Plan, Put, PutOrigin
from reconciler.model.policy import TransferLimits
from reconciler.render.escape import value_text
from reconciler.render.plan.sentences import (
    allowances_sentence,
    options_sentence,
    record_notes,
    released_notes,
    transfer_sentence,
    unmanaged_addresses,
    unmanaged_sentence,
    unverified_sentence,
)

#: Above this many changes their attributes are more than a person reads: about ten screens.
_READABLE_CHANGES = 300


class Detail(StrEnum):
    """From the coarsest to the finest. Deletes and what is blocked are shown at every level."""

    SUMMARY = "summary"
    RESOURCES = "resources"
    ATTRIBUTES = "attributes"


def fitting_detail(plan: Plan) -> Detail:
    """Return the level for a person at a terminal who asked for none."""
    visible = sum(change.visible for change in plan.changes)
    return Detail.ATTRIBUTES if visible <= _READABLE_CHANGES else Detail.RESOURCES


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


_EXAMPLES = 5


def drift_part(drift: Drift) -> dict[str, str]:
    """Return what other hands changed."""
    return {
        "address": drift.address,
        "attribute": drift.attribute,
        "recorded": value_text(drift.recorded),
        "actual": value_text(drift.actual),
    }


def warning_part(warning: Diagnostic) -> dict[str, str | list[str]]:
    """Return a warning, its detail and hint line by line."""
    return {
        "place": str(warning.position),
        "code": warning.code,
        "summary": warning.summary,
        "explanation": [line for line in f"{warning.detail}\n{warning.hint}".split("\n") if line],
    }


def notes(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    """Yield what is only to be known, each a sentence with the first few of its addresses."""
    for sentence, addresses in (*released_notes(plan), *record_notes(plan)):
        yield sentence, _examples(addresses)
    if sentence := unmanaged_sentence(plan):
        rows, objects = unmanaged_addresses(plan)
        yield sentence, [*_examples(rows), *_examples(objects)]


def _examples(addresses: Sequence[str]) -> list[str]:
    extra = len(addresses) - _EXAMPLES
    return [*addresses[:_EXAMPLES], *([f"and {extra:,} more"] if extra > 0 else [])]


def totals(plan: Plan) -> list[str]:
    """Return the sentences about the whole plan that are not empty."""
    sentences = (options_sentence, allowances_sentence, unverified_sentence, transfer_sentence)
    return [said for sentence in sentences if (said := sentence(plan))]
