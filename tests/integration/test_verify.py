"""Each named state, produced by what really happens to a library."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from providers.objects.directory import DirectoryBucket
from reconciler.applying.lease import hold
from reconciler.model.actual import StoredObject
from reconciler.model.errors import Denied, IdentityMismatch
from reconciler.model.history import Actor, RunKind
from reconciler.model.plan import Plan
from reconciler.model.policy import Ignored
from reconciler.model.ports import ObjectFacts, UnfinishedUpload, Upload
from reconciler.model.recorded import KeyRecord, KeyState
from reconciler.model.remedies import Merge
from reconciler.operations.verify import verify_deep
from reconciler.planning.verification.byte_checks import Sample
from reconciler.planning.verification.findings import Condition, ConditionSeverity
from reconciler.planning.verification.verify import OBJECTS
from reconciler.records.schema import grants
from tests.buckets import bucket_at
from tests.content import database_at
from tests.failures import named_in
from tests.postgres import role
from tests.servers import make_bucket, moto_server
from tests.stand import Stand
from tests.verifying import (
    OPENING,
    applied_stand,
    begin_upload,
    conditions,
    put,
    replace_object,
    the_only,
    verify,
)

COW = "Ali/Quran/02 - The Cow.mp3"


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    return applied_stand(tmp_path, database_url)


def test_after_an_apply_all_is_well(stand: Stand) -> None:
    found = verify(stand)

    assert found.findings == ()
    assert (found.truth[True, True, True], sum(found.truth.values())) == (3, 3)


def test_an_object_that_was_deleted_leaves_a_row_that_plays_nothing(stand: Stand) -> None:
    stand.objects.delete(OPENING)

    finding = the_only(verify(stand), Condition.ROW_WITHOUT_OBJECT)

    assert finding.what == "ali/quran/opening"
    assert finding.repairs == ("ali/quran/opening",)


def test_an_object_that_was_replaced_holds_other_bytes(stand: Stand) -> None:
    replace_object(stand, OPENING, b"something else")

    assert the_only(verify(stand), Condition.OTHER_BYTES).key == OPENING


def test_a_row_that_names_another_lectures_object_is_found(stand: Stand) -> None:
    stand.sql("update lectures set file_path = %s where title = 'The Cow'", OPENING)

    assert the_only(verify(stand), Condition.WRONG_LECTURE).what == "ali/quran/cow"


def test_a_second_import_leaves_duplicate_rows(stand: Stand) -> None:
    stand.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format) "
        "select title, duration, file_name, file_path, file_size, file_format from lectures"
    )

    found = [f for f in verify(stand).findings if f.condition is Condition.DUPLICATE_ROWS]

    assert len(found) == 2
    assert all(isinstance(f.remedies[-1], Merge) for f in found)


def test_what_a_script_uploaded_is_an_object_without_row(stand: Stand) -> None:
    put(stand, "Ali/loose talk.mp3")

    assert the_only(verify(stand), Condition.ORPHAN).key == "Ali/loose talk.mp3"


def test_a_row_of_an_import_is_a_row_without_entry(stand: Stand) -> None:
    put(stand, "Ali/loose talk.mp3")
    stand.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format) "
        "values ('Loose talk', 1, 'loose talk.mp3', 'Ali/loose talk.mp3', 5, 'mp3')"
    )

    assert the_only(verify(stand), Condition.UNDECLARED_ROW).detail == "Loose talk"


def test_a_row_that_was_deleted_leaves_an_entry_without_row(stand: Stand) -> None:
    stand.sql("delete from lectures where title = 'The Cow'")

    assert the_only(verify(stand), Condition.ENTRY_WITHOUT_ROW).repairs == ("ali/quran/cow",)


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        (
            "update lectures set file_size = 1, file_hash = null where lecture_number = 1",
            Condition.WRONG_FACTS,
        ),
        (
            "update lectures set audio_url = 'https://old.example/x' where lecture_number = 1",
            Condition.WRONG_URL,
        ),
        ("update lectures set title = 'Other' where lecture_number = 1", Condition.OTHER_VALUES),
        ("update speakers set image_url = null", Condition.MISSING_IMAGE),
    ],
)
def test_a_column_that_somebody_edited_is_found(stand: Stand, change: str, condition: Condition) -> None:
    stand.sql(change)

    assert conditions(verify(stand)) - {Condition.WAY_BROKEN} == {condition}


def test_an_image_that_was_deleted_is_missing(stand: Stand) -> None:
    stand.objects.delete("Ali/speaker.jpg")

    assert the_only(verify(stand), Condition.MISSING_IMAGE).what == "ali"


def test_what_was_retired_and_what_was_left_over_is_told_with_its_size(stand: Stand) -> None:
    stand.drop("ali/quran/cow")
    stand.apply()
    put(stand, "Ali/left over.mp3", b"123")
    left = KeyRecord(key="Ali/left over.mp3", state=KeyState.INTENDED, size_bytes=3, run=1)
    with stand.database.write() as work:
        work.records.save_keys([left])

    found = verify(stand)

    assert found.wrong == 0
    assert the_only(found, Condition.RETIRED).size_bytes == len(b"ali/quran/cow")
    assert the_only(found, Condition.LEFTOVER).size_bytes == 3


def test_a_copy_that_waits_for_its_merge_is_staged(stand: Stand) -> None:
    put(stand, f".elmify/staged/{'ab' * 32}", b"12345")

    assert the_only(verify(stand), Condition.STAGED).size_bytes == 5


def test_what_a_run_under_way_has_put_is_no_leftover(stand: Stand) -> None:
    put(stand, "Ali/new.mp3", b"123")
    with hold(stand.database, RunKind.APPLY, Actor(name="ci"), None, timedelta(0), stand.observer) as lease:
        mine = KeyRecord(key="Ali/new.mp3", state=KeyState.INTENDED, size_bytes=3, run=lease.run)
        with stand.database.write() as work:
            work.records.save_keys([mine])

        assert conditions(verify(stand)) == {Condition.UNDER_WAY}


def test_an_altered_audit_log_is_an_error(stand: Stand) -> None:
    stand.sql("alter table elmify.audit disable trigger all")
    stand.sql("update elmify.audit set payload = replace(payload, 'tester', 'nobody') where seq = 1")

    finding = the_only(verify(stand), Condition.BROKEN_AUDIT)

    assert finding.severity is ConditionSeverity.ERROR
    assert named_in(finding.detail, 1)


def test_an_audit_log_cut_short_is_found_by_the_heads_in_the_bucket(stand: Stand) -> None:
    stand.sql("alter table elmify.audit disable trigger all")
    [last] = stand.sql(
        "delete from elmify.audit where seq = (select max(seq) from elmify.audit) returning seq"
    )

    assert named_in(the_only(verify(stand), Condition.BROKEN_AUDIT).detail, last["seq"] - 1, last["seq"])


def test_a_pair_of_stores_that_do_not_belong_together_is_refused(stand: Stand, tmp_path: Path) -> None:
    with pytest.raises(IdentityMismatch):
        verify(stand, objects=DirectoryBucket(tmp_path / "another"))


def test_what_is_ignored_with_a_reason_is_counted_and_nothing_else(stand: Stand) -> None:
    put(stand, "notes/a.txt")
    ignored = Ignored(what="unmanaged.object[notes/*]", reason="the editors' own")
    stand.policy = replace(stand.policy, ignore=(ignored,))
    stand.sql("update lectures set title = 'Other' where lecture_number = 1")

    found, plan = verify(stand), stand.plan()

    assert conditions(found) == {Condition.OTHER_VALUES, Condition.WAY_BROKEN}
    assert len(found.ignored) == 1
    assert (plan.ignored, plan.unmanaged.objects) == (1, {})


def test_drift_that_is_ignored_is_counted_and_still_corrected(stand: Stand) -> None:
    stand.sql("update lectures set title = 'Other' where lecture_number = 1")
    stand.policy = replace(stand.policy, ignore=(Ignored(what="ali/quran/opening", reason="known"),))

    plan: Plan = stand.plan()

    assert (plan.ignored, plan.drift) == (1, ())
    assert [change.address for change in plan.changes] == ["ali/quran/opening"]


# Bytes.


def test_hashing_finds_what_size_and_etag_do_not_show(stand: Stand) -> None:
    stand.media["ali/quran/opening.mp3"] = replace(stand.media["ali/quran/opening.mp3"], sha256="ab" * 32)

    shallow, deep = verify(stand), verify_deep(stand.workspace())

    assert Condition.OTHER_BYTES not in conditions(shallow)
    finding = the_only(deep, Condition.OTHER_BYTES)
    assert (finding.what, finding.repairs) == ("ali/quran/opening", ())
    assert (finding.key, "ab" * 8 in finding.detail) == (OPENING, True)
    assert hashlib.sha256(b"ali/quran/opening").hexdigest()[:16] in finding.detail


def test_a_deep_look_reads_every_object_and_says_how_much(stand: Stand) -> None:
    found = verify_deep(stand.workspace())

    assert found.findings == ()
    assert found.depth is not None
    assert (found.depth.objects, found.depth.part) == (3, None)
    assert found.depth.size_bytes == sum(line.size_bytes for line in stand.media.values())
    assert {f"stored {key}" for key in stand.object_keys()} <= set(stand.observer.events)


def test_a_wrong_content_type_is_seen_when_objects_are_asked(stand: Stand) -> None:
    replace_object(stand, OPENING, b"ali/quran/opening", "application/octet-stream")

    assert conditions(verify(stand)) == set()
    finding = the_only(verify_deep(stand.workspace()), Condition.WRONG_TYPE)
    assert named_in(finding.detail, OPENING, "application/octet-stream", "audio/mpeg")


def test_a_sample_hashes_the_part_that_is_due_today(stand: Stand) -> None:
    part = Sample(taken=1, of=3)

    found = verify_deep(stand.workspace(), part)

    assert found.depth is not None
    assert found.depth.part == "1/3"
    today = [key for key in stand.object_keys() if part.covers(key, found.made_at.toordinal())]
    assert found.depth.objects == len(today)


class Vanishing(DirectoryBucket):
    """A bucket in which two objects go: one before it is asked for, one before it is read."""

    def head(self, key: str) -> ObjectFacts | None:
        if key == COW:
            self.delete(key)
        facts = super().head(key)
        if key == OPENING:
            self.delete(key)
        return facts


def test_what_goes_while_it_is_read_is_told_as_gone(stand: Stand) -> None:
    found = verify_deep(stand.workspace(objects=Vanishing(stand.folder / "bucket")))

    gone = [f for f in found.findings if f.condition is Condition.ROW_WITHOUT_OBJECT]
    assert [f.what for f in gone] == ["ali/quran/cow", "ali/quran/opening"]
    assert [(f.key, named_in(f.detail, f.row, f.key)) for f in gone] == [(COW, True), (OPENING, True)]


# Rights.


class ReadOnly(DirectoryBucket):
    """A bucket for a key that may list and read objects, and nothing else."""

    def put(self, upload: Upload) -> StoredObject:
        raise Denied("this key may not write")

    def delete(self, key: str, *, within: timedelta | None = None) -> None:
        raise Denied("this key may not write")

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        raise Denied("this key may not list uploads")


def test_a_role_that_may_only_select_and_a_read_only_key_are_enough(stand: Stand) -> None:
    objects = ReadOnly(stand.folder / "bucket")
    with role(stand.url) as url:
        name = url.split("//", 1)[1].split(":", 1)[0]
        stand.sql(grants("read_only_grants.sql", name, stand.sql("select current_database() as n")[0]["n"]))
        with closing(database_at(url)) as database:
            found = verify_deep(stand.workspace(objects=objects, database=database))

    assert found.wrong == 0
    unknown = the_only(found, Condition.UNFINISHED)
    assert (unknown.what, unknown.key, unknown.count) == (OBJECTS, None, 0)


# A store that folds no keys.


def test_an_s3_server_shows_twins_and_unfinished_uploads(tmp_path: Path, database_url: str) -> None:
    stand = Stand(tmp_path, database_url)
    with moto_server() as server:
        bucket = make_bucket(server)
        with closing(bucket_at(server, bucket)) as objects:
            stand.objects = objects
            put(stand, "Caf\u00e9.mp3")
            put(stand, "Cafe\u0301.mp3")
            begin_upload(f"{server}/{bucket}/big.mp3")

            found = verify(stand)

    assert "'Caf\\xe9.mp3'" in the_only(found, Condition.TWINS).detail
    assert the_only(found, Condition.UNFINISHED).key == "big.mp3"
