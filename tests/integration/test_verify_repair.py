"""What verify can repair it repairs by an ordinary plan, saved and applied; and it touches nothing else."""

from pathlib import Path

import pytest

from reconciler.applying.apply import request_of
from reconciler.model.errors import Stale
from reconciler.model.plan import Action
from reconciler.planning.verification.findings import Condition, ConditionSeverity
from reconciler.planning.verification.repair import repair_request
from tests.live.project import LiveProject
from tests.live.system import dump_users
from tests.stand import Stand
from tests.verifying import (
    OPENING,
    applied_stand,
    conditions,
    put,
    repair,
    repair_live,
    repair_plan,
    replace_object,
    the_only,
    verify,
    verify_live,
)

pytest_plugins = ["tests.live.fixtures"]


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    return applied_stand(tmp_path, database_url)


def test_a_missing_object_is_put_back_under_its_key_from_the_media(stand: Stand) -> None:
    stand.objects.delete(OPENING)
    [before] = stand.sql("select * from lectures where lecture_number = 1")

    repair(stand)

    assert stand.objects.read(OPENING) == b"ali/quran/opening"
    assert stand.sql("select * from lectures where lecture_number = 1") == [before]
    assert verify(stand).findings == ()


def test_a_missing_object_comes_back_from_a_staged_copy_where_the_media_are_not(stand: Stand) -> None:
    sha256 = stand.media["ali/quran/opening.mp3"].sha256
    put(stand, f".elmify/staged/{sha256}", b"ali/quran/opening")
    stand.objects.delete(OPENING)
    (stand.media_root / "ali/quran/opening.mp3").unlink()

    repair(stand)

    assert stand.objects.read(OPENING) == b"ali/quran/opening"


def test_a_missing_object_comes_back_from_retired_bytes_where_the_media_are_not(stand: Stand) -> None:
    stand.declare("ali/quran/again", title="Again", number=3, media={"audio": "ali/quran/opening.mp3"})
    stand.apply()
    stand.drop("ali/quran/again")
    stand.apply()
    stand.objects.delete(OPENING)
    (stand.media_root / "ali/quran/opening.mp3").unlink()

    repair(stand)

    [row] = stand.sql("select file_path from lectures where lecture_number = 1")
    assert stand.objects.read(row["file_path"]) == b"ali/quran/opening"
    assert verify(stand).wrong == 0


def test_bytes_that_are_nowhere_are_asked_for_and_the_rest_is_repaired(stand: Stand) -> None:
    stand.objects.delete(OPENING)
    (stand.media_root / "ali/quran/opening.mp3").unlink()
    stand.sql("update lectures set title = 'Other' where lecture_number = 2")

    repair(stand)

    left = verify(stand)
    assert conditions(left) == {Condition.ROW_WITHOUT_OBJECT}
    assert "ali/quran/opening.mp3 under the media root" in str(left.findings[0].remedies)


def test_an_object_with_other_bytes_is_replaced_under_a_new_key_and_listeners_keep_their_places(
    stand: Stand,
) -> None:
    replace_object(stand, OPENING, b"something else")
    [row] = stand.sql("select id from lectures where lecture_number = 1")
    stand.favourite(row["id"])

    repair(stand)

    [after] = stand.sql("select id, file_path from lectures where lecture_number = 1")
    assert after["id"] == row["id"]
    assert stand.objects.read(after["file_path"]) == b"ali/quran/opening"
    assert len(stand.sql("select * from favorites")) == 1
    assert verify(stand).wrong == 0


def test_wrong_rows_are_corrected(stand: Stand) -> None:
    stand.sql("update lectures set file_path = %s, audio_url = null where lecture_number = 2", OPENING)
    stand.sql("update lectures set file_size = 1, title = 'Other' where lecture_number = 1")
    stand.sql("update speakers set image_url = 'https://old.example/x.jpg'")

    repair(stand)

    assert verify(stand).findings == ()
    assert stand.plan().empty


def test_a_deleted_row_is_declared_anew(stand: Stand) -> None:
    stand.sql("delete from lectures where lecture_number = 2")

    plan = repair(stand).plan

    assert [(c.address, c.action) for c in plan.changes] == [("ali/quran/cow", Action.CREATE)]
    assert verify(stand).findings == ()


def test_an_orphan_is_retired_and_not_deleted_and_no_row_is(stand: Stand) -> None:
    put(stand, "a [b] * 'c'.mp3")
    put(stand, "named.mp3")
    stand.sql(
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format) "
        "values ('Stray', 1, 'named.mp3', 'named.mp3', 5, 'mp3')"
    )

    plan = repair(stand).plan

    assert [change.address for change in plan.changes] == ["unmanaged.object[a [b] * 'c'.mp3]"]
    assert "a [b] * 'c'.mp3" in stand.object_keys()
    assert conditions(verify(stand)) == {Condition.UNDECLARED_ROW, Condition.RETIRED}
    assert len(stand.sql("select * from lectures")) == 3


def test_a_repair_of_a_speaker_leaves_what_is_under_him_alone(stand: Stand) -> None:
    stand.sql("update speakers set is_premium = true, image_url = null")
    stand.change("ali/quran/opening", title="Renamed in the catalog")
    stand.drop("ali/quran/cow")

    plan = repair(stand).plan

    assert [change.address for change in plan.changes] == ["ali"]
    assert len(stand.sql("select * from lectures")) == 2


def test_a_repair_that_is_not_due_any_more_is_refused(stand: Stand) -> None:
    stand.sql("update lectures set title = 'Other' where lecture_number = 1")
    plan = repair_plan(stand)
    stand.sql("update lectures set title = 'Yet another' where lecture_number = 1")

    with pytest.raises(Stale):
        stand.apply(request_of([plan]), [plan])


# The live system.


def test_a_live_system_that_was_never_applied_is_verified_and_repaired_without_losing_a_listener(
    untouched: LiveProject,
) -> None:
    users = dump_users(untouched.url)
    before = verify_live(untouched)

    plan = repair_live(untouched)

    after = verify_live(untouched)
    assert not before.adopted
    assert {c.action for c in plan.changes} == {Action.ADOPT, Action.DELETE}
    assert all(c.kind is None for c in plan.changes if c.action is Action.DELETE)
    assert repair_request(after.findings) is None
    assert after.counts[ConditionSeverity.WARNING] < before.counts[ConditionSeverity.WARNING]
    assert dump_users(untouched.url) == users


def test_the_mess_is_told_by_its_states(untouched: LiveProject) -> None:
    found = verify_live(untouched)

    codes = conditions(found)
    assert codes >= {
        Condition.ROW_WITHOUT_OBJECT,
        Condition.DUPLICATE_ROWS,
        Condition.ORPHAN,
        Condition.WRONG_FACTS,
        Condition.WRONG_URL,
        Condition.MISSING_IMAGE,
        Condition.OTHER_VALUES,
        Condition.ADOPTION_PENDING,
        Condition.UNHASHED,
    }
    broken = {f.row for f in found.findings if f.condition is Condition.ROW_WITHOUT_OBJECT}
    assert broken == set(untouched.rows.orphans)
    doubled = {f.row for f in found.findings if f.condition is Condition.DUPLICATE_ROWS}
    assert doubled <= set(untouched.rows.twins)
    orphans = {f.key for f in found.findings if f.condition is Condition.ORPHAN}
    assert orphans <= set(untouched.mess.strays)


def test_questions_stand_beside_what_can_be_repaired(untouched: LiveProject) -> None:
    address = next(iter(untouched.mess.twins))[0]
    del untouched.entry(address)["row"]

    found = verify_live(untouched)

    assert the_only(found, Condition.QUESTION).what == address
    repair_live(untouched)
    assert conditions(verify_live(untouched)) >= {Condition.QUESTION}
