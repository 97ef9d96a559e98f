"""How much of a plan is shown."""

from enum import StrEnum

from reconciler.model.plan import Plan

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
