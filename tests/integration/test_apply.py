import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.applying.environment import put_small, rebind
from reconciler.applying.refresh import MARKER_KEY, read_marker
from reconciler.model.address import Address
from reconciler.model.errors import Guarded, IdentityMismatch, InvalidInput, PutsFailed, Stale
from reconciler.model.history import GENESIS
from reconciler.model.plan import Action
from reconciler.model.policy import AUDIT_PREFIX, FORMER_AUDIT_PREFIX, TransferLimits
from reconciler.model.recorded import IdentityState
from reconciler.model.remedies import Apply, Lock, MakePlan
from reconciler.operations.audit import BrokenChain, verify_chain
from reconciler.planning.world import DELETE_UNMANAGED, Request
from tests.failures import failing
from tests.stand import Stand


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Stand:
    stand = Stand(tmp_path, database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    return stand


def test_a_new_library_is_created_in_both_stores(stand: Stand) -> None:
    outcome = stand.apply()

    assert outcome.uploaded_files == 1
    assert stand.object_keys() == ["Ali/Quran/01 - The Opening.mp3"]
    [row] = stand.sql("select * from lectures")
    assert row["file_path"] == "Ali/Quran/01 - The Opening.mp3"
    assert row["audio_url"] == "https://cdn.example.com/Ali/Quran/01%20-%20The%20Opening.mp3"
    assert row["duration"] == 12


def test_after_an_apply_there_is_nothing_to_change(stand: Stand) -> None:
    stand.apply()

    plan = stand.plan()

    assert plan.empty
    assert plan.changes == ()
    assert plan.unchanged == 3
    assert not plan.unmanaged.objects
    assert not plan.drift


def test_a_shorter_recording_tells_who_stopped_behind_its_end(stand: Stand) -> None:
    stand.record("ali/quran/opening.mp3", b"an hour", duration_seconds=3600.0)
    stand.apply()
    [row] = stand.sql("select id from lectures")
    stand.favourite(row["id"])
    stand.sql(
        "insert into playback_positions (user_id, lecture_id, current_position) values (1, %s, 1801)",
        row["id"],
    )
    stand.record("ali/quran/opening.mp3", b"half of it", duration_seconds=1800.0)

    plan = stand.plan()

    assert (plan.impact.beyond, plan.impact.beyond_users, plan.impact.lost_rows) == (1, 1, 0)
    [change] = plan.changes
    assert change.impact is not None
    assert change.impact.beyond == 1


def test_a_new_title_keeps_row_key_and_favourite(stand: Stand) -> None:
    stand.apply()
    [row] = stand.sql("select id from lectures")
    favourite = stand.favourite(row["id"])
    stand.change("ali/quran/opening", title="Al-Fatiha", number=7)

    plan = stand.plan()
    stand.apply()

    assert [change.action for change in plan.changes] == [Action.UPDATE]
    [after] = stand.sql("select * from lectures")
    assert (after["id"], after["title"], after["lecture_number"]) == (row["id"], "Al-Fatiha", 7)
    assert after["file_path"] == "Ali/Quran/01 - The Opening.mp3"
    assert stand.sql("select id, lecture_id from favorites") == [{"id": favourite, "lecture_id": row["id"]}]
    assert stand.plan().changes == ()


def test_new_bytes_get_a_new_key_and_the_old_ones_are_kept(stand: Stand) -> None:
    stand.apply()
    old = stand.media["ali/quran/opening.mp3"].sha256 or ""
    line = stand.record("ali/quran/opening.mp3", b"recorded again")

    stand.apply()

    assert line.sha256 is not None
    new_key = f"Ali/Quran/01 - The Opening~{line.sha256[:8]}.mp3"
    kept = f"Ali/Quran/01 - The Opening~{old[:8]}.mp3"
    assert stand.object_keys() == sorted(["Ali/Quran/01 - The Opening.mp3", kept, new_key])
    assert stand.objects.read("Ali/Quran/01 - The Opening.mp3") == b"recorded again"
    assert stand.objects.read(kept) == b"ali/quran/opening"
    [row] = stand.sql("select file_path, file_hash, file_size from lectures")
    assert row == {"file_path": new_key, "file_hash": line.sha256, "file_size": len(b"recorded again")}
    assert stand.plan().changes == ()


def test_taking_new_bytes_back_uses_the_retired_object_again(stand: Stand) -> None:
    stand.apply()
    stand.record("ali/quran/opening.mp3", b"recorded again")
    stand.apply()
    stand.record("ali/quran/opening.mp3", b"ali/quran/opening")

    outcome = stand.apply()

    assert outcome.uploaded_files == 0
    [row] = stand.sql("select file_path, file_hash from lectures")
    assert row["file_path"] == f"Ali/Quran/01 - The Opening~{row['file_hash'][:8]}.mp3"
    assert stand.objects.read("Ali/Quran/01 - The Opening.mp3") == b"ali/quran/opening"
    assert stand.plan().changes == ()


def test_titles_that_swap_go_through_although_they_are_unique(stand: Stand) -> None:
    stand.declare("ali/tafsir", title="Tafsir")
    stand.apply()
    before = {row["id"]: row["title"] for row in stand.sql("select id, title from collections")}
    stand.change("ali/quran", title="Tafsir")
    stand.change("ali/tafsir", title="Quran")

    stand.apply()

    after = {row["id"]: row["title"] for row in stand.sql("select id, title from collections")}
    assert after == {id_: {"Quran": "Tafsir", "Tafsir": "Quran"}[title] for id_, title in before.items()}
    assert stand.plan().changes == ()


def test_a_lecture_moves_to_another_collection_with_its_favourites(stand: Stand) -> None:
    stand.apply()
    [row] = stand.sql("select id from lectures")
    stand.favourite(row["id"])
    stand.drop("ali/quran/opening")
    stand.declare("ali/tafsir", title="Tafsir")
    stand.declare(
        "ali/tafsir/opening",
        title="The Opening",
        number=1,
        media={"audio": "ali/quran/opening.mp3"},
        previously="ali/quran/opening",
    )

    plan = stand.plan()
    stand.apply()

    move = next(change for change in plan.changes if change.action is Action.MOVE)
    assert move.impact is not None
    assert move.impact.kept == 1
    [after] = stand.sql(
        "select l.id, l.file_path, c.title from lectures l join collections c on c.id = l.collection_id"
    )
    assert after == {"id": row["id"], "file_path": "Ali/Quran/01 - The Opening.mp3", "title": "Tafsir"}
    assert len(stand.sql("select * from favorites")) == 1
    assert stand.plan().changes == ()


def test_a_renamed_speaker_carries_children_along_without_touching_their_rows(stand: Stand) -> None:
    stand.apply()
    rows = stand.sql("select id, file_path from lectures")
    stand.drop("ali")
    stand.declare("ali-of-fes", name="Ali of Fes", previously="ali")
    stand.declare("ali-of-fes/quran", title="Quran")
    stand.declare(
        "ali-of-fes/quran/opening", title="The Opening", number=1, media={"audio": "ali/quran/opening.mp3"}
    )

    stand.apply()

    assert stand.sql("select id, file_path from lectures") == rows
    assert [row["name"] for row in stand.sql("select name from speakers")] == ["Ali of Fes"]
    assert stand.plan().changes == ()


def test_a_delete_that_would_take_favourites_along_is_refused(stand: Stand) -> None:
    stand.apply()
    [row] = stand.sql("select id from lectures")
    stand.favourite(row["id"], user=1)
    stand.favourite(row["id"], user=2)
    stand.drop("ali/quran/opening")

    plan = stand.plan()

    assert plan.impact.lost == {"public.favorites": 2}
    assert plan.impact.users == 2
    assert [blocked.guard for blocked in plan.blocked] == ["user-rows"]
    with pytest.raises(Guarded):
        stand.apply()
    assert len(stand.sql("select * from favorites")) == 2


def test_an_allowed_delete_keeps_what_it_took_and_the_object(stand: Stand) -> None:
    stand.apply()
    [row] = stand.sql("select id from lectures")
    stand.favourite(row["id"])
    stand.drop("ali/quran/opening")

    outcome = stand.apply(Request(allowances={"user-rows": 1}))

    assert stand.sql("select * from lectures") == []
    assert stand.object_keys() == ["Ali/Quran/01 - The Opening.mp3"]
    assert outcome.run is not None
    with stand.database.read() as session:
        steps = session.records.steps(outcome.run)
    [captured] = [step.captured for step in steps if step.captured is not None]
    assert {table: len(rows) for table, rows in captured.items()} == {
        "public.lectures": 1,
        "public.favorites": 1,
    }
    assert stand.plan().changes == ()


def test_a_collection_may_go_while_its_lectures_move_elsewhere(stand: Stand) -> None:
    stand.apply()
    [row] = stand.sql("select id from lectures")
    stand.favourite(row["id"])
    stand.drop("ali/quran")
    stand.declare("ali/tafsir", title="Tafsir")
    stand.declare(
        "ali/tafsir/opening",
        title="The Opening",
        media={"audio": "ali/quran/opening.mp3"},
        previously="ali/quran/opening",
    )

    plan = stand.plan()
    stand.apply()

    assert plan.blocked == ()
    assert [row["title"] for row in stand.sql("select title from collections")] == ["Tafsir"]
    assert [lecture["id"] for lecture in stand.sql("select id from lectures")] == [row["id"]]
    assert len(stand.sql("select * from favorites")) == 1
    assert stand.plan().changes == ()


def test_a_row_edited_between_plan_and_apply_makes_the_plan_stale(stand: Stand) -> None:
    stand.apply()
    stand.change("ali/quran/opening", title="Al-Fatiha")
    reviewed = stand.plan()
    stand.sql("update lectures set title = 'Somebody else was here'")

    with pytest.raises(Stale) as caught:
        stand.apply(reviewed=[reviewed])

    assert "ali/quran/opening" in caught.value.details[0]
    assert [row["title"] for row in stand.sql("select title from lectures")] == ["Somebody else was here"]


def test_a_reviewed_plan_that_was_done_already_is_no_reason_to_stop(stand: Stand) -> None:
    reviewed = stand.plan()
    stand.apply(reviewed=[reviewed])

    outcome = stand.apply(reviewed=[reviewed])

    assert outcome.plan.changes == ()


def test_two_reviewed_plans_are_carried_out_together(stand: Stand) -> None:
    stand.apply()
    stand.change("ali/quran/opening", title="Al-Fatiha")
    first = stand.plan()
    stand.change("ali/quran/opening", title="The Opening")
    stand.change("ali", bio="A teacher")
    second = stand.plan()
    stand.change("ali/quran/opening", title="Al-Fatiha")

    stand.apply(reviewed=[first, second])

    assert stand.plan().changes == ()


def test_a_change_nobody_reviewed_stops_everything(stand: Stand) -> None:
    reviewed = stand.plan()
    stand.declare("ali/quran/the-cow", title="The Cow", number=2)

    with pytest.raises(Stale):
        stand.apply(reviewed=[reviewed])

    assert stand.sql("select * from lectures") == []
    assert stand.object_keys() == []


def test_a_file_that_changed_since_it_was_locked_stops_the_commit(stand: Stand) -> None:
    (stand.media_root / "ali/quran/opening.mp3").write_bytes(b"ali/quran/OPENING")

    with pytest.raises(PutsFailed) as caught:
        stand.apply()

    assert "opening.mp3" in caught.value.details[0]
    assert caught.value.remedies == (Lock(), MakePlan(), Apply())
    assert stand.sql("select * from speakers") == []
    assert stand.object_keys() == []


def test_what_a_failed_apply_stored_is_used_by_the_next(stand: Stand) -> None:
    stand.declare("ali/quran/the-cow", title="The Cow", number=2)
    (stand.media_root / "ali/quran/the-cow.mp3").unlink()
    with pytest.raises(PutsFailed) as caught:
        stand.apply()
    assert caught.value.remedies == (Apply(),)
    assert stand.object_keys() == ["Ali/Quran/01 - The Opening.mp3"]
    stand.record("ali/quran/the-cow.mp3", b"ali/quran/the-cow")

    outcome = stand.apply()

    assert outcome.uploaded_files == 1
    assert stand.object_keys() == ["Ali/Quran/01 - The Opening.mp3", "Ali/Quran/02 - The Cow.mp3"]
    assert stand.plan().changes == ()


def test_a_wiped_and_reimported_table_is_adopted_again_without_guessing(stand: Stand) -> None:
    stand.declare("ali/quran/the-cow", title="The Cow", number=2)
    stand.apply()
    rows = stand.sql("select * from lectures order by id")
    stand.sql("delete from lectures")
    for row in reversed(rows):
        stand.sql(
            "insert into lectures (title, duration, file_name, file_path, file_size, file_format, "
            "speaker_id, collection_id) values (%s, 0, %s, %s, %s, 'mp3', %s, %s)",
            *(
                row[c]
                for c in ("title", "file_name", "file_path", "file_size", "speaker_id", "collection_id")
            ),
        )

    plan = stand.plan()
    stand.apply()

    assert {change.action for change in plan.changes} == {Action.ADOPT}
    assert {drift.attribute for drift in plan.drift} == {"row"}
    assert stand.plan().changes == ()


def test_the_audit_log_says_what_was_done_and_is_anchored_in_the_bucket(stand: Stand) -> None:
    stand.apply()

    head = verify_chain(stand.workspace())

    assert head.seq == 4  # three creates and the commit
    assert [stored.key for stored in stand.objects.list(".elmify/audit/")] == [
        f".elmify/audit/{head.seq:012d}-{head.hash}"
    ]


def test_after_lost_records_the_new_log_is_whole_and_the_old_heads_are_still_there(stand: Stand) -> None:
    stand.apply()
    [kept] = [stored.key.rpartition("/")[2] for stored in stand.objects.list(AUDIT_PREFIX)]
    was = read_marker(stand.objects)
    stand.sql("drop schema elmify cascade")

    rebind(stand.database, stand.objects, "test", stand.workspace().actor)
    stand.apply()

    head = verify_chain(stand.workspace())
    assert [stored.key for stored in stand.objects.list(AUDIT_PREFIX)] == [
        f"{AUDIT_PREFIX}{head.seq:012d}-{head.hash}"
    ]
    assert [stored.key for stored in stand.objects.list(FORMER_AUDIT_PREFIX)] == [
        f"{FORMER_AUDIT_PREFIX}{was}/{kept}"
    ]


def test_binding_a_pair_again_does_not_excuse_a_log_that_was_cut(stand: Stand) -> None:
    stand.apply()
    stand.sql("alter table elmify.audit disable trigger append_only")
    stand.sql("delete from elmify.audit")
    stand.sql("update elmify.audit_head set seq = 0, hash = %s", GENESIS)

    rebind(stand.database, stand.objects, "test", stand.workspace().actor)

    with failing(BrokenChain, "audit-broken", 4):
        verify_chain(stand.workspace())


def test_a_bucket_of_another_environment_stops_before_anything_is_read_as_absent(stand: Stand) -> None:
    stand.apply()
    stand.objects.delete(MARKER_KEY)

    with pytest.raises(IdentityMismatch):
        stand.plan()


def test_a_new_row_may_take_the_name_that_another_gives_up(stand: Stand) -> None:
    stand.apply()
    stand.change("ali", name="Ali the Elder")
    stand.declare("ali-the-younger", name="Ali")

    stand.apply()

    assert {row["name"] for row in stand.sql("select name from speakers")} == {"Ali the Elder", "Ali"}
    assert stand.plan().changes == ()


def test_a_row_may_take_the_name_of_one_that_is_deleted_with_it(stand: Stand) -> None:
    stand.declare("omar", name="Omar")
    stand.apply()
    stand.drop("omar")
    stand.change("ali", name="Omar")

    outcome = stand.apply()

    assert [row["name"] for row in stand.sql("select name from speakers")] == ["Omar"]
    assert outcome.run is not None
    with stand.database.read() as session:
        steps = session.records.steps(outcome.run)
    [captured] = [step.captured for step in steps if step.captured is not None]
    assert [row["name"] for row in captured["public.speakers"]] == ["Omar"]


def test_an_object_says_what_it_is_and_carries_its_hash(stand: Stand) -> None:
    stand.apply()

    facts = stand.objects.head("Ali/Quran/01 - The Opening.mp3")

    assert facts is not None
    assert facts.media_type == "audio/mpeg"
    assert facts.cache_control == "public, max-age=300"
    assert facts.metadata == {"sha256": stand.media["ali/quran/opening.mp3"].sha256}


def test_a_large_file_goes_up_in_equal_parts_under_the_plain_key(stand: Stand) -> None:
    limits = TransferLimits(single_put_bytes=1000, part_bytes=600)
    stand.policy = replace(stand.policy, transfer=limits)
    content = bytes(range(256)) * 5
    line = stand.record("ali/quran/opening.mp3", content, part_bytes=600, parts_etag=parts_etag(content, 600))

    stand.apply()

    [stored] = [o for o in stand.objects.list() if not o.key.startswith(".elmify/")]
    assert stored.key == "Ali/Quran/01 - The Opening.mp3"
    assert stored.etag == line.parts_etag
    assert stand.plan().changes == ()


def parts_etag(content: bytes, part_bytes: int) -> str:
    parts = [content[start : start + part_bytes] for start in range(0, len(content), part_bytes)]
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def test_a_first_run_that_was_killed_before_the_marker_is_resumed(stand: Stand) -> None:
    with stand.database.write() as work:
        pending = work.records.install("test", "an-identity")

    stand.apply()

    assert pending.state is IdentityState.PENDING
    with stand.database.read() as session:
        identity = session.records.load_identity()
    assert identity is not None
    assert (identity.id, identity.state) == ("an-identity", IdentityState.CONFIRMED)


def test_a_plan_of_another_environment_is_not_applied_here(stand: Stand) -> None:
    reviewed = replace(stand.plan(), environment="staging")

    with pytest.raises(Stale):
        stand.apply(reviewed=[reviewed])

    assert stand.object_keys() == []


def test_what_a_plan_was_limited_to_is_all_that_is_applied(stand: Stand) -> None:
    stand.declare("omar", name="Omar")

    stand.apply(Request(scope=("omar",)))

    assert [row["name"] for row in stand.sql("select name from speakers")] == ["Omar"]
    assert stand.object_keys() == []


def test_unmanaged_content_goes_only_when_it_is_asked_for(stand: Stand) -> None:
    stand.apply()
    stand.sql("insert into speakers (name) values ('Somebody else')")
    put_small(stand.objects, "stray.mp3", b"stray", "audio/mpeg")
    counted = stand.plan()

    stand.apply(Request(options=frozenset({DELETE_UNMANAGED})))

    assert list(counted.unmanaged.objects) == ["stray.mp3"]
    assert [row["name"] for row in stand.sql("select name from speakers")] == ["Ali"]
    assert "stray.mp3" in stand.object_keys()  # retired, in place, until gc
    assert not stand.plan().unmanaged.objects


def test_an_entry_that_was_protected_cannot_just_be_removed(stand: Stand) -> None:
    stand.declare("ali/quran/opening", title="The Opening", number=1, protect=True)
    stand.apply()
    stand.drop("ali/quran/opening")

    with pytest.raises(Guarded):
        stand.apply()

    assert len(stand.sql("select * from lectures")) == 1


def test_after_protect_false_was_applied_the_entry_can_go(stand: Stand) -> None:
    stand.declare("ali/quran/opening", title="The Opening", number=1, protect=True)
    stand.apply()
    stand.declare("ali/quran/opening", title="The Opening", number=1, protect=False)
    stand.apply()
    stand.drop("ali/quran/opening")

    stand.apply()

    assert stand.sql("select * from lectures") == []


def test_what_is_forgotten_stays_in_both_stores(stand: Stand) -> None:
    stand.apply()
    stand.drop("ali/quran/opening")
    stand.forget = frozenset({Address("ali/quran/opening")})

    stand.apply()

    assert len(stand.sql("select * from lectures")) == 1
    assert stand.object_keys() == ["Ali/Quran/01 - The Opening.mp3"]
    plan = stand.plan()
    assert plan.changes == ()
    assert list(plan.unmanaged.objects) == ["Ali/Quran/01 - The Opening.mp3"]


def test_an_older_database_without_categories_works_without_them(
    tmp_path: Path, older_database_url: str
) -> None:
    stand = Stand(tmp_path, older_database_url)
    stand.declare("ali", name="Ali")
    stand.declare("ali/quran", title="Quran")

    stand.apply()

    assert stand.plan().changes == ()
    stand.change("ali/quran", categories=("quran",))
    with pytest.raises(InvalidInput) as caught:
        stand.plan()
    assert [question.code for question in caught.value.diagnostics] == ["EL514"]
