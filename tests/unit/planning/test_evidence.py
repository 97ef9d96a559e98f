"""Which recorded rows are still believed to be the rows that were recorded."""

from reconciler.model.kinds import Kind
from reconciler.model.plan import Action
from tests.unit.planning.worlds import catalog, lecture, live, planned, renumbered

SWAPPED = {
    Kind.COLLECTION: {11: 12, 12: 11},
    Kind.LECTURE: {101: 103, 103: 101, 102: 104, 104: 102},
}


def test_the_recorded_title_under_the_recorded_parent_id_is_not_believed_when_that_id_is_another_parents_now():
    """Ids dealt anew in both tables can meet so: row 101 was `A` in 11, and is the `A` of what 11 is now."""
    known = live(catalog(*(lecture(f"s/{book}/{name}") for book in "cd" for name in "ab")))

    plan = planned(renumbered(known, SWAPPED))

    found = {change.address: (change.action, change.row) for change in plan.changes}
    assert found == {
        "s/c": (Action.ADOPT, 12),
        "s/d": (Action.ADOPT, 11),
        "s/c/a": (Action.ADOPT, 103),
        "s/c/b": (Action.ADOPT, 104),
        "s/d/a": (Action.ADOPT, 101),
        "s/d/b": (Action.ADOPT, 102),
    }
