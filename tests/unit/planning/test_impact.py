"""What a plan says shorter audio does to the places that listeners keep."""

import pytest

from reconciler.model.catalog import MediaFile
from reconciler.model.plan import Impact
from reconciler.planning.world import World
from tests.unit.planning.worlds import (
    catalog,
    change_at,
    declaring,
    edited,
    lecture,
    live,
    media,
    planned,
    row_of,
    with_rows,
)

PATH = "s/c/l.mp3"
ROW = 101
STOPPED_AT = {ROW: 50}


def recording(content: str, seconds: float) -> MediaFile:
    return media(PATH, content, duration_seconds=seconds)


def recorded_again(seconds: float) -> World:
    """A lecture of a minute that is live, and other audio declared for it."""
    before = live(catalog(lecture("s/c/l"), lock=[recording("first", 60)]))
    return declaring(before, lecture("s/c/l"), lock=[recording("second", seconds)])


def test_places_behind_the_end_of_shorter_audio_are_counted() -> None:
    plan = planned(recorded_again(40), places=STOPPED_AT)

    assert change_at(plan, "s/c/l").impact == Impact(beyond=1)
    assert (plan.impact.beyond, plan.impact.beyond_users) == (1, 1)


@pytest.mark.parametrize("seconds", [60, 90])
def test_audio_that_is_not_shorter_leaves_every_place_where_it_is(seconds: float) -> None:
    plan = planned(recorded_again(seconds), places=STOPPED_AT)

    assert change_at(plan, "s/c/l").impact is None
    assert plan.impact == Impact()


def test_a_wrong_duration_that_is_corrected_moves_no_place() -> None:
    before = live(catalog(lecture("s/c/l"), lock=[recording("first", 60)]))
    too_long = with_rows(before, edited(row_of(before, "s/c/l"), duration=600))

    assert planned(too_long, places={ROW: 500}).impact == Impact()
