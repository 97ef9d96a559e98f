"""Rows that other hands deleted come back as they were: one of them, or all after the team's wipe."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from reconciler.applying.apply import apply
from reconciler.applying.refresh import make_plan
from reconciler.model.errors import Stale
from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Action
from reconciler.operations.imports import import_live
from reconciler.operations.project import Project
from reconciler.operations.workspace import open_workspace
from reconciler.planning.verification.findings import Condition, ConditionSeverity
from reconciler.planning.world import Request
from reconciler.settings import load_settings
from tests.live.project import SETTINGS, LiveProject, ambiguous
from tests.live.seen import look
from tests.live.system import CONTENT, lecture_ids, library_objects, query
from tests.stand import Quiet
from tests.verifying import repair_live, verify_live

pytest_plugins = ["tests.live.fixtures"]

#: The backend owns these, and elmify knows nothing of them; times are those of the new row.
_BACKEND = ("play_count", "last_played_at", "waveform_data", "directory_id")
_TIMES = ("created_at", "updated_at", "uploaded_at")


def delete_one(live: LiveProject) -> None:
    lecture = lecture_ids(live.url)[live.addresses()[5]]
    query(live.url, "delete from lectures where id = %s", lecture)


def delete_one_of_every_sort(live: LiveProject) -> None:
    """Delete lectures that are hashed and not, with and without a duration, whose second row stays or not."""
    ids = lecture_ids(live.url)
    addresses = set(live.addresses()[:60]) - {address for address, _ in live.mess.twins}
    query(live.url, "delete from lectures where id = any(%s)", [ids[address] for address in addresses])


def delete_a_speaker(live: LiveProject) -> None:
    query(live.url, "delete from speakers where id = (select min(id) from speakers)")


def wipe(live: LiveProject) -> None:
    query(live.url, "truncate speakers, collections, lectures cascade")


def wipe_and_count_anew(live: LiveProject) -> None:
    query(live.url, "truncate speakers, collections, lectures restart identity cascade")


def wipe_by_deletes(live: LiveProject) -> None:
    for table in reversed(CONTENT):
        query(live.url, f"delete from {table}")


WIPES: Mapping[str, Callable[[LiveProject], None]] = {
    each.__name__: each
    for each in (
        delete_one,
        delete_one_of_every_sort,
        delete_a_speaker,
        wipe,
        wipe_and_count_anew,
        wipe_by_deletes,
    )
}


Content = Mapping[str, Mapping[int, Mapping[str, Any]]]


def content(live: LiveProject) -> Content:
    """Return the rows that are declared, without what a new row has of its own."""
    recorded = query(live.url, "select kind || 's' as table, row_id from elmify.resource")
    declared = {(row["table"], row["row_id"]) for row in recorded}
    return {
        table: {
            id_: {name: value for name, value in row.items() if name not in (*_BACKEND, *_TIMES)}
            for id_, row in rows.items()
            if (table, id_) in declared
        }
        for table, rows in look(live).content.items()
    }


@pytest.mark.parametrize("wiped", WIPES)
def test_rows_that_are_gone_come_back_with_their_ids_and_their_objects(live: LiveProject, wiped: str) -> None:
    rows, before, sorted_under = content(live), look(live), categories(live)
    WIPES[wiped](live)

    plan = live.plan()
    outcome = live.apply(plan)

    assert {change.action for change in plan.changes} <= {Action.CREATE, Action.FORGET}
    assert (outcome.uploaded_files, outcome.copied_files) == (0, 0)
    assert library_objects(look(live).bucket) == library_objects(before.bucket)
    assert differences(content(live), rows) == {}
    assert categories(live).items() >= sorted_under.items()
    assert live.plan().changes == ()


def differences(left: Content, right: Content) -> Mapping[tuple[str, int], object]:
    """Return the values that differ, by table and row."""
    return {
        (table, id_): {n: (v, row[n]) for n, v in left[table].get(id_, row).items() if v != row[n]}
        for table, rows in right.items()
        for id_, row in rows.items()
        if left[table].get(id_) != row
    }


def categories(live: LiveProject) -> Mapping[int, list[str]]:
    rows = query(
        live.url,
        "select lecture_id, array_agg(slug order by is_primary desc, slug) as slugs from lecture_categories "
        "join categories c on c.id = category_id join elmify.resource r on r.kind = 'lecture' "
        "and r.row_id = lecture_id group by lecture_id",
    )
    return {row["lecture_id"]: row["slugs"] for row in rows}


@pytest.mark.parametrize("wiped", ["wipe", "wipe_and_count_anew", "wipe_by_deletes"])
def test_verify_says_after_a_wipe_that_nothing_can_be_heard(live: LiveProject, wiped: str) -> None:
    WIPES[wiped](live)

    found = verify_live(live)

    lost = [each for each in found.findings if each.condition is Condition.ENTRY_WITHOUT_ROW]
    assert found.silent
    assert len(lost) == found.counts[ConditionSeverity.ERROR] == 8 + 12 + len(live.addresses())
    assert {each.repairs for each in lost} == {(each.what,) for each in lost}
    assert verify_live(live).sides.objects == len(library_objects(look(live).bucket))


def test_a_wipe_is_repaired_by_the_plan_that_verify_makes(live: LiveProject) -> None:
    rows = content(live)
    wipe(live)

    repair_live(live)

    assert differences(content(live), rows) == {}


@pytest.mark.parametrize("wiped", ["wipe", "wipe_and_count_anew"])
def test_user_rows_of_a_backup_fit_the_rows_that_came_back(live: LiveProject, wiped: str) -> None:
    declared = list(lecture_ids(live.url).values())
    backup = query(live.url, "select * from favorites where lecture_id = any(%s) order by id", declared)
    WIPES[wiped](live)
    live.apply()

    with psycopg.connect(live.url) as connection:
        connection.cursor().executemany(
            "insert into favorites (id, user_id, lecture_id, created_at) values (%s, %s, %s, %s)",
            [tuple(row.values()) for row in backup],
        )

    assert query(live.url, "select * from favorites order by id") == backup


def test_the_app_goes_on_with_ids_that_nobody_had(live: LiveProject) -> None:
    ids = set(lecture_ids(live.url).values())
    wipe_and_count_anew(live)
    live.apply()

    [row] = query(
        live.url,
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format) "
        "values ('New', 1, 'n.mp3', 'n.mp3', 1, 'mp3') returning id",
    )

    assert row["id"] > max(ids)


def test_an_id_that_the_app_gave_away_in_the_meantime_stays_where_it_is(live: LiveProject) -> None:
    """After ids were counted anew, a stranger has the id of a lecture: that lecture gets another one."""
    before = lecture_ids(live.url)
    wipe_and_count_anew(live)
    [stranger] = query(
        live.url,
        "insert into lectures (title, duration, file_name, file_path, file_size, file_format) "
        "values ('New', 1, 'n.mp3', 'n.mp3', 1, 'mp3') returning id",
    )
    for address in ambiguous(live):
        del live.entry(address)["row"]

    live.apply()

    after = lecture_ids(live.url)
    moved = {address for address, row in before.items() if after[address] != row}
    assert {before[address] for address in moved} <= {stranger["id"]}
    assert len(set(after.values()) | {stranger["id"]}) == len(after) + 1
    assert query(live.url, "select title from lectures where id = %s", stranger["id"]) == [{"title": "New"}]
    assert live.plan().changes == ()


def test_an_id_that_is_given_away_before_the_commit_makes_the_plan_stale(live: LiveProject) -> None:
    address = live.addresses()[5]
    lecture = lecture_ids(live.url)[address]
    query(live.url, "delete from lectures where id = %s", lecture)

    with pytest.raises(Stale):
        live.apply(observer=GivingAway(live.url, lecture))

    live.apply()
    assert lecture_ids(live.url)[address] != lecture


class GivingAway(Quiet):
    """Another row gets the id between the plan and the commit."""

    def __init__(self, url: str, lecture: int) -> None:
        super().__init__()
        self.url, self.lecture = url, lecture

    def event(self, name: str, **facts: object) -> None:
        super().event(name, **facts)
        if name == "planned":
            query(
                self.url,
                "insert into lectures (id, title, duration, file_name, file_path, file_size, file_format) "
                "values (%s, 'New', 1, 'n.mp3', 'n.mp3', 1, 'mp3')",
                self.lecture,
            )


# A library that was declared by an import alone.


def planned_and_applied(project: Project) -> Outcome:
    with open_workspace(project) as workspace:
        plan, _ = make_plan(workspace, Request())
        return apply(replace(workspace, observer=Quiet()), Request(), [plan])


@pytest.mark.parametrize("as_is", [False, True])
def test_an_imported_library_of_which_no_byte_was_read_comes_back_after_a_wipe(
    untouched: LiveProject, as_is: bool
) -> None:
    (untouched.root / "elmify.yaml").write_text(SETTINGS)
    project = Project(load_settings(untouched.root, {"DATABASE_URL": untouched.url}))
    with open_workspace(project) as workspace:
        import_live(project, workspace, as_is=as_is, learn_hashes=False)
    planned_and_applied(project)
    rows, bucket = content(untouched), library_objects(look(untouched).bucket)
    wipe_and_count_anew(untouched)

    outcome = planned_and_applied(project)

    assert differences(content(untouched), rows) == {}
    assert (outcome.uploaded_files, outcome.copied_files) == (0, 0)
    assert library_objects(look(untouched).bucket) == bucket
    assert planned_and_applied(project).plan.changes == ()
