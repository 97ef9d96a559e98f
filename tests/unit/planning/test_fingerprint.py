"""What a reviewer's yes stands for."""

from dataclasses import replace

import pytest

from reconciler.model.kinds import Slot
from reconciler.model.plan import ObjectState, State
from reconciler.planning.fingerprint import change_id, fingerprint
from reconciler.planning.world import DELETE_UNMANAGED, REKEY
from tests.unit.planning.small_worlds import reordered
from tests.unit.planning.worlds import (
    NOW,
    POLICY,
    catalog,
    change_at,
    declaring,
    lecture,
    live,
    planned,
    speaker,
    speaker_row,
    with_rows,
    world,
)

BEFORE = State(values={"title": "a", "year": 1})
AFTER = State(
    values={"title": "b"},
    objects={Slot.LECTURE_AUDIO: ObjectState(key="k.mp3", size_bytes=3, sha256="aa")},
    pending={"speaker_id": "s"},
)
ID = change_id("prod", "s/c/l", "update", None, BEFORE, AFTER)


def test_a_change_id_is_64_hex_digits() -> None:
    assert len(ID) == 64
    assert set(ID) <= set("0123456789abcdef")


def test_the_order_of_columns_is_irrelevant() -> None:
    turned = State(values={"year": 1, "title": "a"})

    assert change_id("prod", "s/c/l", "update", None, turned, AFTER) == ID


def test_the_spelling_of_a_key_is_irrelevant() -> None:
    def of(key: str) -> str:
        state = State(values={}, objects={Slot.LECTURE_AUDIO: ObjectState(key=key, size_bytes=3)})
        return change_id("prod", "s", "update", None, None, state)

    assert of("é") == of("e\u0301")
    assert of("é") != of("è")


def _with_object(**values: object) -> State:
    found = AFTER.objects[Slot.LECTURE_AUDIO]
    return replace(AFTER, objects={Slot.LECTURE_AUDIO: replace(found, **values)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        change_id("staging", "s/c/l", "update", None, BEFORE, AFTER),
        change_id("prod", "s/c/m", "update", None, BEFORE, AFTER),
        change_id("prod", "s/c/l", "adopt", None, BEFORE, AFTER),
        change_id("prod", "s/c/l", "update", "s/c/k", BEFORE, AFTER),
        change_id("prod", "s/c/l", "update", None, None, AFTER),
        change_id("prod", "s/c/l", "update", None, BEFORE, None),
        change_id("prod", "s/c/l", "update", None, AFTER, BEFORE),
        change_id(
            "prod", "s/c/l", "update", None, replace(BEFORE, values={"title": "a", "year": True}), AFTER
        ),
        change_id("prod", "s/c/l", "update", None, BEFORE, replace(AFTER, pending={"speaker_id": "t"})),
        change_id("prod", "s/c/l", "update", None, BEFORE, _with_object(sha256="bb")),
        change_id("prod", "s/c/l", "update", None, BEFORE, _with_object(key="l.mp3")),
        change_id("prod", "s/c/l", "update", None, BEFORE, _with_object(size_bytes=4)),
    ],
)
def test_everything_that_was_reviewed_counts(other: str) -> None:
    assert other != ID


def test_whether_bytes_were_verified_does_not_count() -> None:
    assert change_id("prod", "s/c/l", "update", None, BEFORE, _with_object(verified=False)) == ID


def test_a_fingerprint_covers_ids_scope_and_allowances_in_any_order() -> None:
    whole = fingerprint(["a", "b"], ["s", "t"], {"deletes": 1, "user-rows": 2})

    assert fingerprint(["b", "a"], ["t", "s"], {"user-rows": 2, "deletes": 1}) == whole
    assert fingerprint(["a"], ["s", "t"], {"deletes": 1, "user-rows": 2}) != whole
    assert fingerprint(["a", "b"], ["s"], {"deletes": 1, "user-rows": 2}) != whole
    assert fingerprint(["a", "b"], ["s", "t"], {"deletes": 2, "user-rows": 2}) != whole


# Of whole plans.


def test_the_order_of_the_catalog_and_of_the_stores_is_irrelevant() -> None:
    known = live(catalog(lecture("s/c/l"), lecture("s/d/l"), lecture("t/c/l")))
    changed = declaring(known, lecture("t/c/l", number=1), lecture("s/c/l", number=2), lecture("u/c/l"))

    assert planned(reordered(changed)) == planned(changed)


def test_time_and_counts_of_user_rows_are_irrelevant() -> None:
    known = live(catalog(lecture("s/c/l"), speaker("t")))
    removed = declaring(known, speaker("t"))
    later = replace(removed, snapshot=replace(removed.snapshot, taken_at=NOW.replace(year=2027)))

    assert planned(later, favourites={101: 9}).fingerprint == planned(removed).fingerprint


def test_the_ids_that_new_rows_will_get_are_irrelevant() -> None:
    """Another row in the table moves the sequence on, and is nobody's business."""
    first = world(catalog(lecture("s/c/l")))

    assert planned(with_rows(first, speaker_row(77, "Other"))).fingerprint == planned(first).fingerprint


def test_the_environment_is_part_of_it() -> None:
    wild = world(catalog(speaker("s")))
    other = replace(wild, policy=replace(POLICY, environment="other"))

    assert change_at(planned(other), "s").change_id != change_at(planned(wild), "s").change_id


def test_options_are_part_of_it() -> None:
    wild = world(catalog(speaker("s")))

    assert planned(wild, options=[REKEY]).fingerprint != planned(wild).fingerprint
    assert planned(wild, options=[REKEY, DELETE_UNMANAGED]).options == (DELETE_UNMANAGED, REKEY)
