"""Playback copies that wait, are gone or lead nowhere: what status, drift, verify and metrics say of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.applying.apply import apply
from reconciler.model.actual import StoredObject
from reconciler.model.drift import DriftFinding, DriftKind
from reconciler.model.errors import Unavailable, Unfinished
from reconciler.model.ports import Copy, ObjectStore
from reconciler.model.remedies import Apply
from reconciler.model.status import Status, Why
from reconciler.operations.drift import read_drift
from reconciler.operations.metrics import read_figures
from reconciler.operations.status import read_status
from reconciler.planning.advice import advise
from reconciler.planning.verification.findings import Condition, ConditionSeverity
from reconciler.render.status import status_json, status_text
from tests.stand import EVERYTHING, Stand
from tests.verifying import OPENING, applied_stand, put, replace_object, the_only, verify

ADDRESS = "ali/quran/opening"
COPY, CAVE = "Ali/Quran/03 - The Cave.mp3", "Ali/Quran/03 - Cave.mp3"


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    return applied_stand(tmp_path, database_url)


@dataclass
class OverwritingNothing:
    """A bucket that makes copies, and answers nothing to one that would overwrite."""

    objects: ObjectStore

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objects, name)

    def copy(self, copy: Copy, source: ObjectStore | None = None) -> StoredObject:
        if copy.replaces is not None:
            raise Unavailable("the bucket does not answer")
        return self.objects.copy(copy, source)


def replaced_halfway(stand: Stand) -> None:
    """Replace a recording by an apply that cannot make the alias after its commit."""
    stand.record(f"{ADDRESS}.mp3", b"recorded again")
    with pytest.raises(Unfinished):
        apply(stand.workspace(objects=OverwritingNothing(stand.objects)), EVERYTHING, [stand.plan()])


def status_of(stand: Stand) -> Status:
    return read_status(stand.workspace())


# Pending aliases.


def test_status_tells_committed_copies_that_wait_and_the_command_that_finishes(stand: Stand) -> None:
    replaced_halfway(stand)

    status = status_of(stand)
    advice = advise(status)

    run = status.runs[0].id
    assert [(alias.key, alias.run) for alias in status.aliases] == [(OPENING, run)]
    assert (advice.why, advice.remedy, advice.run, advice.count) == (Why.ALIASES_PENDING, Apply(), run, 1)
    assert OPENING in status_text(status, advice)
    assert OPENING in status_json(status, advice)

    stand.apply()
    assert status_of(stand).aliases == ()
    assert advise(status_of(stand)).why is Why.ALL_DONE
    assert stand.objects.read(OPENING) == b"recorded again"


def test_metrics_count_copies_that_wait(stand: Stand) -> None:
    replaced_halfway(stand)
    assert read_figures(stand.workspace()).pending_aliases == 1

    stand.apply()
    assert read_figures(stand.workspace()).pending_aliases == 0


def test_verify_tells_a_copy_that_waits_as_no_fault(stand: Stand) -> None:
    replaced_halfway(stand)

    finding = the_only(verify(stand), Condition.COPY_PENDING)

    assert (finding.what, finding.key, finding.severity) == (ADDRESS, OPENING, ConditionSeverity.INFO)
    assert finding.remedies == (Apply(),)
    assert verify(stand).wrong == 0


def test_a_copy_that_waits_is_no_drift(stand: Stand) -> None:
    replaced_halfway(stand)

    assert drift(stand) == []


# Drift.


def drift(stand: Stand) -> list[DriftFinding]:
    return list(read_drift(stand.workspace()).findings)


def told(stand: Stand, what: DriftKind) -> list[tuple[str, str]]:
    return [(each.address, each.attribute) for each in drift(stand) if each.what is what]


def with_copy(stand: Stand) -> None:
    stand.declare("ali/quran/cave", title="Cave", number=3)
    stand.apply()
    stand.change("ali/quran/cave", title="The Cave")
    stand.apply()
    assert drift(stand) == []


@pytest.mark.parametrize("content", [None, b"other", b"ali/quran/xxxx"], ids=["gone", "size", "bytes"])
def test_a_playback_copy_that_others_removed_or_replaced_is_drift_until_it_is_repaired(
    stand: Stand, content: bytes | None
) -> None:
    with_copy(stand)
    if content is None:
        stand.objects.delete(COPY)
    else:
        replace_object(stand, COPY, content)

    assert told(stand, DriftKind.COPY_LOST) == [("ali/quran/cave", "playback copy")]
    assert read_figures(stand.workspace()).drift == len(drift(stand)) == 1

    stand.apply()
    assert stand.objects.read(COPY) == b"ali/quran/cave"
    assert drift(stand) == []


@pytest.mark.parametrize(
    ("change", "lectures"),
    [
        ("update lectures set title = 'Al-Fatiha' where title = 'The Opening'", {ADDRESS}),
        ("update lectures set lecture_number = 7 where title = 'The Opening'", {ADDRESS}),
        ("update collections set title = 'Koran'", {ADDRESS, "ali/quran/cow"}),
        ("update speakers set name = 'Aly'", {ADDRESS, "ali/quran/cow"}),
    ],
)
def test_a_rename_by_other_hands_that_breaks_a_way_is_told(
    stand: Stand, change: str, lectures: set[str]
) -> None:
    stand.sql(change)

    assert set(told(stand, DriftKind.WAY_BROKEN)) == {(address, "stream") for address in lectures}


def test_a_rename_that_breaks_an_undeclared_lecture_is_told_of_it_too(stand: Stand) -> None:
    put(stand, "Ali/Quran/03 - Talk.mp3")
    [row] = stand.sql(
        "insert into lectures (title, lecture_number, duration, file_name, file_path, file_size, file_format,"
        " speaker_id, collection_id)"
        " select 'Talk', 3, 1, 'x', 'Ali/Quran/03 - Talk.mp3', 5, 'mp3', s.id, c.id"
        " from speakers as s, collections as c returning id"
    )
    stand.sql("update speakers set name = 'Aly'")

    assert (f"unmanaged.lectures[{row['id']}]", "stream") in told(stand, DriftKind.WAY_BROKEN)


def test_an_edit_that_breaks_no_way_is_an_edit_alone(stand: Stand) -> None:
    stand.sql("update lectures set duration = 1, audio_url = null where title = 'The Opening'")

    assert {each.what for each in drift(stand)} == {DriftKind.ROW_EDITED}
