"""What an earlier run left is taken over by looking at the stores: its notes may lie."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.apply import apply
from reconciler.model.actual import StoredObject
from reconciler.model.errors import ObjectExists, PutsFailed
from reconciler.model.history import RunKind
from reconciler.model.policy import TransferLimits
from reconciler.model.ports import ObjectStore, Upload
from reconciler.model.recorded import KeyRecord, KeyState
from tests.failures import failing
from tests.stand import EVERYTHING, Stand
from tests.uploads import upload

FILE = "ali/quran/opening.mp3"
KEY = "Ali/Quran/01 - The Opening.mp3"
BYTES = b"ali/quran/opening"
OTHER = b"x" * len(BYTES)


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    """A library that has begun, and a lecture that is not there yet."""
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.apply()
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    return stand


def note(stand: Stand, key: str = KEY) -> None:
    """Note, as an interrupted run did, that the lecture's bytes were to be put under a key."""
    line = stand.media[FILE]
    with stand.database.write() as work:
        run = work.records.begin_run(RunKind.APPLY, stand.workspace().actor)
        intended = KeyRecord(
            key=key,
            state=KeyState.INTENDED,
            size_bytes=line.size_bytes,
            sha256=line.sha256,
            address="ali/quran/opening",
            run=run,
        )
        work.records.save_keys([intended])


def put(stand: Stand, content: bytes, part_bytes: int | None = None) -> None:
    """Put bytes under the key, saying of them that they are the lecture's."""
    says = {"sha256": stand.media[FILE].sha256 or ""}
    stand.objects.put(upload(KEY, content, metadata=says, part_bytes=part_bytes))


def played(stand: Stand) -> bytes:
    """Return what a listener hears."""
    [row] = stand.sql("select file_path from lectures")
    return stand.objects.read(row["file_path"])


def test_what_was_stored_as_noted_is_used(stand: Stand) -> None:
    note(stand)
    put(stand, BYTES)

    outcome = stand.apply()

    assert outcome.uploaded_files == 0
    assert stand.object_keys() == [KEY]
    assert played(stand) == BYTES


def test_what_was_noted_and_never_stored_is_put(stand: Stand) -> None:
    note(stand)

    outcome = stand.apply()

    assert outcome.uploaded_files == 1
    assert played(stand) == BYTES


def test_other_bytes_under_a_noted_key_are_kept_and_never_taken_for_the_lectures(stand: Stand) -> None:
    note(stand)
    put(stand, OTHER)

    stand.apply()

    assert played(stand) == stand.objects.read(KEY) == BYTES
    assert OTHER in [stand.objects.read(key) for key in stand.object_keys()]
    assert stand.plan().changes == ()


def test_other_bytes_of_one_size_in_parts_under_a_noted_key_stop_one_apply_and_are_kept_by_the_next(
    stand: Stand,
) -> None:
    note(stand)
    put(stand, OTHER, 5)

    with failing(PutsFailed, "puts-failed", KEY):
        stand.apply()

    assert stand.sql("select * from lectures") == []
    assert stand.objects.read(KEY) == OTHER
    stand.apply()
    kept = [stand.objects.read(key) for key in stand.object_keys() if key != KEY]
    assert (stand.objects.read(KEY), OTHER in kept) == (BYTES, True)
    assert played(stand) == BYTES


def test_an_object_cut_short_under_a_noted_key_is_not_used(stand: Stand) -> None:
    note(stand)
    put(stand, BYTES[:-1])

    stand.apply()

    assert played(stand) == BYTES


class Rival:
    """The bucket, in which somebody else stores an object a moment before each put of the library's."""

    def __init__(self, objects: ObjectStore, content: bytes, part_bytes: int | None) -> None:
        self._objects, self._content, self._part_bytes = objects, content, part_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, wanted: Upload) -> StoredObject:
        if not wanted.key.startswith(".elmify/"):
            self._objects.put(
                upload(wanted.key, self._content, metadata=wanted.metadata, part_bytes=self._part_bytes)
            )
        return self._objects.put(wanted)


def apply_beside(stand: Stand, content: bytes, part_bytes: int | None) -> None:
    workspace = stand.workspace(objects=Rival(stand.objects, content, part_bytes))
    apply(workspace, EVERYTHING, [stand.plan()])


@pytest.mark.parametrize("part_bytes", [None, 5, 7], ids=["whole", "parts of 5", "parts of 7"])
def test_the_right_bytes_that_arrive_meanwhile_are_used_however_they_were_put(
    stand: Stand, part_bytes: int | None
) -> None:
    apply_beside(stand, BYTES, part_bytes)

    assert played(stand) == BYTES
    assert stand.plan().changes == ()


@pytest.mark.parametrize("part_bytes", [None, 5], ids=["whole", "in parts"])
def test_other_bytes_that_arrive_meanwhile_are_found_out_whatever_is_said_of_them(
    stand: Stand, part_bytes: int | None
) -> None:
    with pytest.raises(PutsFailed) as failed:
        apply_beside(stand, OTHER, part_bytes)

    assert failed.value.reasons == (ObjectExists.code,)
    assert stand.sql("select * from lectures") == []
    stand.objects.delete(KEY)
    stand.apply()
    assert played(stand) == BYTES


def test_a_large_file_whose_parts_changed_their_size_meanwhile_is_hashed_and_used(stand: Stand) -> None:
    stand.policy = replace(stand.policy, transfer=TransferLimits(single_put_bytes=8, part_bytes=5))

    apply_beside(stand, BYTES, 7)

    assert played(stand) == BYTES
