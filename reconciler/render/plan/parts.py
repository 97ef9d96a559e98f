"""Parts shared by plan renderings: level of detail, cost, notes, totals."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from reconciler.model.drift import DriftFinding
from reconciler.model.plan import Action, Plan
from reconciler.model.values import first_few
from reconciler.planning.corrections import EXAMPLES_MAX, QUIET, Example, corrections
from reconciler.render.escape import value_text
from reconciler.render.plan.attributes import column_attribute
from reconciler.render.plan.costs import transfer_sentence
from reconciler.render.plan.notes import (
    kept_notes,
    record_notes,
    rekey_notes,
    released_notes,
    remembered_notes,
)
from reconciler.render.plan.sentences import (
    KNOWN_AFTER_APPLY,
    allowances_sentence,
    options_sentence,
    unmanaged_addresses,
    unmanaged_sentence,
    unverified_sentence,
)
from reconciler.render.playback import copies_sentence, playback_sentence

if TYPE_CHECKING:
    from jinja2 import Environment

#: Above this many changes their attributes are more than a person reads: about ten screens.
_READABLE_CHANGES = 300


class Detail(StrEnum):
    """Levels of detail, from the coarsest to the finest.

    Deletes and what is blocked are shown at every level.
    """

    SUMMARY = "summary"
    RESOURCES = "resources"
    ATTRIBUTES = "attributes"


def fitting_detail(plan: Plan) -> Detail:
    """Return the level for a person at a terminal who asked for none."""
    visible = sum(change.visible for change in plan.changes)
    return Detail.ATTRIBUTES if visible <= _READABLE_CHANGES else Detail.RESOURCES


_EXAMPLES = 5


#: Above so many changes of one action their columns are told together too.
_TOLD_ONE_BY_ONE = 3


def correction_parts(plan: Plan, action: Action, examples: int = EXAMPLES_MAX) -> list[dict[str, Any]]:
    """Return the columns that an action rewrites, each with examples.

    Those of imports and of what is forgotten are always told; those of a few other changes are told by each
    of them.
    """
    found = corrections(plan, action)
    if action not in QUIET and found.rows <= _TOLD_ONE_BY_ONE:
        return []
    return [
        {
            "column": group.column,
            "count": group.count,
            "examples": [_example(group.column, each) for each in group.examples[:examples]],
        }
        for group in found.columns
    ]


def _example(column: str, example: Example) -> dict[str, str]:
    attribute = column_attribute(column, example.before, example.after)
    after = KNOWN_AFTER_APPLY if example.waits else attribute.after
    return {
        "before": attribute.before or "null",
        "after": after or "null",
        "note": attribute.note,
        "address": example.address,
    }


def drift_part(drift: DriftFinding) -> dict[str, str]:
    """Return what other hands changed."""
    return {
        "address": drift.address,
        "attribute": drift.attribute,
        "recorded": value_text(drift.recorded),
        "actual": value_text(drift.actual),
    }


def notes(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    """Yield the notes of a plan, which are only for information.

    Each is a sentence with the first few of its addresses.
    """
    for sentence, addresses in (
        *kept_notes(plan),
        *rekey_notes(plan),
        *released_notes(plan),
        *remembered_notes(plan),
        *record_notes(plan),
    ):
        yield sentence, _examples(addresses)
    if sentence := unmanaged_sentence(plan):
        rows, objects = unmanaged_addresses(plan)
        yield sentence, [*_examples(rows), *_examples(objects)]


def _examples(addresses: Sequence[str]) -> list[str]:
    return first_few(addresses, _EXAMPLES)


def totals(plan: Plan) -> list[str]:
    """Return the sentences about the whole plan that are not empty."""
    sentences = (
        playback_sentence,
        copies_sentence,
        options_sentence,
        allowances_sentence,
        unverified_sentence,
        transfer_sentence,
    )
    return [said for sentence in sentences if (said := sentence(plan))]


def templates(finalize: Callable[[Any], Any], *, trim: bool = False) -> "Environment":
    """Return the environment of the templates.

    Every name in a template must be defined. `finalize` turns each value into what is written; what it
    does not mark as safe is escaped. With `trim` a line that holds nothing but a block leaves no empty
    line behind.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("reconciler.render"),
        undefined=StrictUndefined,
        finalize=finalize,
        autoescape=True,
        trim_blocks=trim,
        lstrip_blocks=trim,
    )
