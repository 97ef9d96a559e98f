import unicodedata
from dataclasses import replace

import pytest

from reconciler.model.kinds import Slot
from reconciler.model.plan import ObjectState, State
from reconciler.planning.fingerprint import change_id, fingerprint

BEFORE = State(values={"title": "a", "year": 1})
AFTER = State(
    values={"title": "b", "year": 1},
    objects={Slot.LECTURE_AUDIO: ObjectState(key="é.mp3", size_bytes=3, sha256="0" * 64)},
    pending={"collection_id": "s/c"},
)
BASE = change_id("prod", "s/c/l", "update", "s/c/old", BEFORE, AFTER)


def _with_object(**other: object) -> State:
    found = replace(AFTER.objects[Slot.LECTURE_AUDIO], **other)  # type: ignore[arg-type]
    return replace(AFTER, objects={Slot.LECTURE_AUDIO: found})


@pytest.mark.parametrize(
    "other",
    [
        change_id("staging", "s/c/l", "update", "s/c/old", BEFORE, AFTER),
        change_id("prod", "s/c/m", "update", "s/c/old", BEFORE, AFTER),
        change_id("prod", "s/c/l", "move", "s/c/old", BEFORE, AFTER),
        change_id("prod", "s/c/l", "update", None, BEFORE, AFTER),
        change_id("prod", "s/c/l", "update", "s/c/old", None, AFTER),
        change_id("prod", "s/c/l", "update", "s/c/old", AFTER, BEFORE),
        change_id("prod", "s/c/l", "update", "s/c/old", BEFORE, replace(AFTER, pending={})),
        change_id("prod", "s/c/l", "update", "s/c/old", BEFORE, _with_object(key="other.mp3")),
        change_id("prod", "s/c/l", "update", "s/c/old", BEFORE, _with_object(sha256="1" * 64)),
        change_id("prod", "s/c/l", "update", "s/c/old", BEFORE, _with_object(size_bytes=4)),
        change_id(
            "prod", "s/c/l", "update", "s/c/old", BEFORE, replace(AFTER, values={"title": "b", "year": True})
        ),
    ],
)
def test_a_change_that_differs_in_anything_reviewed_has_another_id(other: str) -> None:
    assert other != BASE


def test_the_spelling_of_a_key_and_the_order_of_columns_leave_the_id_alone() -> None:
    respelled = _with_object(key=unicodedata.normalize("NFD", "é.mp3"))
    turned = replace(respelled, values={"year": 1, "title": "b"})

    assert change_id("prod", "s/c/l", "update", "s/c/old", BEFORE, turned) == BASE


def test_whether_the_stored_bytes_were_hashed_is_no_part_of_what_was_reviewed() -> None:
    unverified = _with_object(verified=False)

    assert change_id("prod", "s/c/l", "update", "s/c/old", BEFORE, unverified) == BASE


def test_the_fingerprint_does_not_depend_on_any_order() -> None:
    one = fingerprint(["a", "b"], ["x", "y"], {"deletes": 1, "user-rows": 2}, ["rekey", "delete-unmanaged"])

    assert one == fingerprint(
        ["b", "a"], ["y", "x"], {"user-rows": 2, "deletes": 1}, ["delete-unmanaged", "rekey"]
    )


@pytest.mark.parametrize(
    "other",
    [
        fingerprint(["a"], ["x"], {"deletes": 1}),
        fingerprint(["a", "b"], [], {"deletes": 1}),
        fingerprint(["a", "b"], ["x"], {"deletes": 1}, ["rekey"]),
        fingerprint(["a", "b"], ["x"], {"deletes": 2}),
        fingerprint(["a", "b", "x"], [], {"deletes": 1}),
    ],
)
def test_other_changes_scope_or_allowances_give_another_fingerprint(other: str) -> None:
    assert other != fingerprint(["a", "b"], ["x"], {"deletes": 1})
