"""An alias that a run has left: whoever comes next makes it, also when there is nothing else to do."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.apply import apply
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Unavailable, Unfinished
from reconciler.model.ports import Copy, ObjectStore
from reconciler.operations.apply import apply_now
from tests.listener.hearing import listening, unheard
from tests.listener.urls import Way
from tests.outside import assert_that_every_lecture_plays
from tests.stand import EVERYTHING, Stand


class NothingIsOverwritten:
    """A bucket that is out of reach whenever a copy is to replace an object."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def copy(self, copy: Copy, source: ObjectStore | None = None) -> StoredObject:
        if copy.replaces is not None:
            raise Unavailable("the bucket does not answer", hint="Run the command again.")
        return self._objects.copy(copy, source)


@pytest.fixture
def left(tmp_path: Path, database_url: str) -> Stand:
    """A library with a lecture that was recorded again, whose alias could not be made after the commit."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.apply()
    stand.record("ali/quran/opening.mp3", b"recorded again")
    workspace = stand.workspace(objects=NothingIsOverwritten(stand.objects))
    with pytest.raises(Unfinished):
        apply(workspace, EVERYTHING, [stand.plan()])
    return stand


def test_until_then_listeners_hear_what_they_heard_before(left: Stand) -> None:
    assert_that_every_lecture_plays(left, unfinished=True)
    with listening(left.url, left.objects) as listener:
        [told] = unheard(listener.heard(), listener.hashes(), [Way.STREAM])
    assert "01%20-%20The%20Opening.mp3" in told


def test_an_apply_that_has_nothing_else_to_do_makes_it(left: Stand) -> None:
    applied = apply_now(left.workspace(), EVERYTHING, show=lambda _: None, approve=lambda _: False)

    assert applied.plan.changes == ()
    assert_that_every_lecture_plays(left)
    assert left.sql("select key from elmify.alias") == []
    assert left.sql("select run from elmify.lease") == [{"run": None}]
